//! Disputed charges.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::PaymentId;
use sqlx::PgConnection;

use super::broken;
use crate::domain::{Chargeback, Dispute};

/// Where a dispute stands, by what was noted last. Lock the payment before.
pub async fn find(
    connection: &mut PgConnection,
    chargeback_id: &str,
) -> Result<Option<Dispute>, sqlx::Error> {
    let word: Option<String> =
        sqlx::query_scalar("SELECT dispute FROM chargeback WHERE chargeback_id = $1")
            .bind(chargeback_id)
            .fetch_optional(connection)
            .await?;
    word.as_deref().map(dispute).transpose()
}

/// Writes a dispute as it stands now.
pub async fn save(
    connection: &mut PgConnection,
    payment_id: PaymentId,
    told: &Chargeback,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO chargeback (chargeback_id, payment_id, amount_minor, currency, reason, dispute,
             create_time, update_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
         ON CONFLICT (chargeback_id) DO UPDATE SET dispute = excluded.dispute,
             update_time = excluded.update_time",
    )
    .bind(&told.chargeback_id)
    .bind(payment_id.as_uuid())
    .bind(told.amount.minor)
    .bind(told.amount.currency.as_str())
    .bind(&told.reason)
    .bind(told.dispute.word())
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

impl Dispute {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// The dispute of this word.
pub(super) fn dispute(word: &str) -> Result<Dispute, sqlx::Error> {
    [Dispute::Opened, Dispute::Won, Dispute::Lost]
        .into_iter()
        .find(|dispute| dispute.word() == word)
        .ok_or_else(|| broken(format!("no dispute {word}")))
}
