//! What the waitlist refuses.

use parkmesh_contracts::booking::v1::WaitlistState;
use parkmesh_platform::fault::{Details, Precondition};

use crate::domain::inventory::Spot;

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum WaitlistRefusal {
    /// No such entry, or somebody else's.
    #[error("there is no such waitlist entry")]
    EntryNotFound,
    /// The entry's state does not allow it.
    #[error("the waitlist entry is {}", word(*.0))]
    StateWrong(WaitlistState),
    /// These are free.
    #[error("a spot is free for the whole window; hold it now")]
    NotNeeded(Vec<Spot>),
    /// The driver waits in the lot as often as the lot allows.
    #[error("at most {0} waitlist entries at a time; leave one first")]
    TooMany(i32),
    /// So many wait that nobody more will be served.
    #[error("{0} wait already")]
    Full(i64),
}

fn word(state: WaitlistState) -> String {
    let name = state.as_str_name();
    name.strip_prefix("WAITLIST_STATE_").unwrap_or(name).to_lowercase()
}

impl WaitlistRefusal {
    /// The reason, listed in docs/errors.md.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::EntryNotFound => "WAITLIST_ENTRY_NOT_FOUND",
            Self::StateWrong(_) => "WAITLIST_STATE_WRONG",
            Self::NotNeeded(_) => "WAITLIST_NOT_NEEDED",
            Self::TooMany(_) => "TOO_MANY_WAITS",
            Self::Full(_) => "WAITLIST_FULL",
        }
    }

    /// What programs are told.
    pub fn details(&self) -> Details {
        let mut details = Details::default();
        match self {
            Self::StateWrong(state) => {
                details.metadata = vec![("state", state.as_str_name().to_owned())];
                details.preconditions = vec![Precondition {
                    kind: "WAITLIST_STATE",
                    subject: "entry".to_owned(),
                    description: self.to_string(),
                }];
            }
            Self::NotNeeded(free) => details.extra = super::alternatives(free),
            _ => {}
        }
        details
    }
}
