//! Typed ids: a lot is never taken for a spot. Inside they are UUIDs (version 7, so that they sort by age); in protos and JSON
//! they are text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a UUID in its hyphenated form.
    #[error("{kind} must be a UUID like 01890a5d-ac96-774b-bcce-b302099a8057")]
    NotUuid {
        /// The type that was asked for, `LotId`.
        kind: &'static str,
    },
    /// Not acceptable as the subject of a token.
    #[error("UserId must be 1 to {} visible ASCII characters", UserId::MAX_LEN)]
    NotUserId,
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads the hyphenated form of 36 characters, in either case; no other form of a UUID is accepted.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self).ok_or(IdError::NotUuid { kind: stringify!($name) })
            }

            /// The UUID inside, for the database.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )+};
}

uuid_ids! {
    /// A parking facility.
    LotId;
    /// A promo code, or a merchant who validates parking.
    DiscountId;
    /// A level of a lot.
    FloorId;
    /// A place for one car.
    SpotId;
    /// A right to a spot in a window.
    BookingId;
    /// Money for a booking.
    PaymentId;
    /// Money of a payment that is given back.
    RefundId;
    /// A card on file.
    PaymentMethodId;
    /// A device on the ground.
    SensorId;
    /// A plate that was read at a gate.
    PlateReadId;
    /// Ground and books that say different things of a spot, for a time.
    DiscrepancyId;
    /// A message to a person.
    NotificationId;
    /// A message on its way by mail or webhook.
    DeliveryId;
    /// A version of the price rules.
    TariffId;
    /// Places sold by number for one window.
    AllotmentId;
    /// One write as its caller means it: the same id is the same write.
    RequestId;
    /// One published fact; consumers admit it once.
    FactId;
    /// A time in which a lot, floor or spot takes no bookings.
    ClosureId;
    /// One thing that an operator did.
    AuditEntryId;
    /// A place in the line for a pool that is sold out.
    WaitlistEntryId;
    /// A person being erased.
    ErasureId;
}

/// The hyphenated form and no other: braces, URNs and bare hex would give one id several spellings.
pub(crate) fn parse_uuid(text: &str) -> Option<Uuid> {
    const HYPHENATED_LEN: usize = uuid::fmt::Hyphenated::LENGTH;
    if text.len() != HYPHENATED_LEN { None } else { Uuid::try_parse(text).ok() }
}

/// How the name begins that stands in place of an erased person's; a random UUID follows.
const ERASED_PREFIX: &str = "erased:";

/// A person, kiosk or operator: the subject of a token, which the identity provider chose. Not a UUID of ours.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    /// Longest accepted, in characters, which are bytes here.
    pub const MAX_LEN: usize = 128;

    /// Accepts 1 to 128 visible ASCII characters: no space, no control character.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        Self::check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// What stands in place of a person who was erased. No token may name it.
    pub fn erased(pseudonym: Uuid) -> Self {
        Self(format!("{ERASED_PREFIX}{pseudonym}"))
    }

    /// Whether it stands in place of a person who was erased.
    pub fn is_erased(&self) -> bool {
        self.0.starts_with(ERASED_PREFIX)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<(), IdError> {
        let accepted = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if accepted { Ok(()) } else { Err(IdError::NotUserId) }
    }
}

impl TryFrom<String> for UserId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::check(&text)?;
        Ok(Self(text))
    }
}

impl FromStr for UserId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({})", self.0)
    }
}
