//! A card on file.

use jiff::Timestamp;
use parkmesh_contracts::ids::{PaymentMethodId, RequestId, UserId};

/// What may be shown of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFace {
    /// `visa` and so on.
    pub brand: String,
    /// The last four digits.
    pub last_four: String,
    /// 1 to 12.
    pub expiry_month: i16,
    /// Four digits.
    pub expiry_year: i16,
}

/// A card on file, or one that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its id.
    pub method_id: PaymentMethodId,
    /// Whose.
    pub user_id: UserId,
    /// The request that put it there.
    pub request_id: RequestId,
    /// Hash of that request.
    pub body_hash: Vec<u8>,
    /// The provider's token.
    pub token: Option<String>,
    /// What may be shown.
    pub face: CardFace,
    /// When it was put on file.
    pub create_time: Timestamp,
}
