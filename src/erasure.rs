//! A person who is to be erased, as booking's fact tells everybody who holds personal data.

use crate::booking::v1::UserErased;
use crate::ids::{ErasureId, IdError, UserId};

/// Whom nothing may tell of any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Which erasure it is.
    pub erasure_id: ErasureId,
    /// The person.
    pub user_id: UserId,
    /// What stands in their place.
    pub pseudonym: UserId,
}

impl TryFrom<UserErased> for Erasure {
    type Error = IdError;

    fn try_from(fact: UserErased) -> Result<Self, IdError> {
        Ok(Self {
            erasure_id: fact.erasure_id.parse()?,
            user_id: fact.user_id.parse()?,
            pseudonym: fact.pseudonym.parse()?,
        })
    }
}

impl From<&Erasure> for UserErased {
    fn from(erasure: &Erasure) -> Self {
        Self {
            lot_id: String::new(),
            version: 1,
            erasure_id: erasure.erasure_id.to_string(),
            user_id: erasure.user_id.to_string(),
            pseudonym: erasure.pseudonym.to_string(),
        }
    }
}
