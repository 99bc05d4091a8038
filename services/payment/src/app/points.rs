//! The points at which a process may be told to die, see [`parkmesh_platform::failpoint`].

use crate::domain::Intent;

/// Where in an intent's life.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// It is committed; the provider knows nothing of it.
    IntentCommitted,
    /// The provider is about to be asked.
    BeforeProvider,
    /// The provider has answered; nothing of that is written down.
    AfterProvider,
    /// The outcome is written, not committed.
    BeforeCommit,
    /// The outcome is committed; nobody has been told.
    Committed,
}

/// Every point of this service. A proof dies at each of them.
pub const FAILPOINTS: [&str; 24] = [
    "payment.authorize.intent_committed",
    "payment.authorize.before_provider",
    "payment.authorize.after_provider",
    "payment.authorize.before_commit",
    "payment.authorize.committed",
    "payment.hear.before_commit",
    "payment.capture.intent_committed",
    "payment.capture.before_provider",
    "payment.capture.after_provider",
    "payment.capture.before_commit",
    "payment.capture.committed",
    "payment.void.intent_committed",
    "payment.void.before_provider",
    "payment.void.after_provider",
    "payment.void.before_commit",
    "payment.void.committed",
    "payment.refund.intent_committed",
    "payment.refund.before_provider",
    "payment.refund.after_provider",
    "payment.refund.before_commit",
    "payment.refund.committed",
    ACTION_ENDED,
    RETRY_COMMITTED,
    RENEW_COMMITTED,
];

/// What a driver was to do is given up; the provider is not told yet.
pub const ACTION_ENDED: &str = "payment.action.ended";

/// Another card is to be asked for what is open; the provider knows nothing of it.
pub const RETRY_COMMITTED: &str = "payment.retry.committed";

/// What is set aside is to be set aside anew; the provider knows nothing of it.
pub const RENEW_COMMITTED: &str = "payment.renew.committed";

/// The name of a point.
pub fn point(intent: Intent, at: At) -> &'static str {
    let names = match intent {
        Intent::Authorize => &FAILPOINTS[..5],
        Intent::Capture(_) => &FAILPOINTS[6..11],
        Intent::Void => &FAILPOINTS[11..16],
        Intent::Refund(..) => &FAILPOINTS[16..21],
    };
    names[at as usize]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use parkmesh_contracts::money::{Currency, Money};

    use super::*;

    #[test]
    fn every_point_is_named_after_its_intent_and_its_place() {
        let nothing = Money::zero(Currency::parse("EUR").unwrap());
        let refund = Intent::Refund(uuid::Uuid::nil().into(), nothing);
        let mut named: Vec<_> = [Intent::Authorize, Intent::Capture(nothing), Intent::Void, refund]
            .into_iter()
            .flat_map(|intent| {
                let word = intent.word();
                let name = |at, place| {
                    let name = point(intent, at);
                    assert_eq!(name, format!("payment.{word}.{place}"));
                    name
                };
                [
                    name(At::IntentCommitted, "intent_committed"),
                    name(At::BeforeProvider, "before_provider"),
                    name(At::AfterProvider, "after_provider"),
                    name(At::BeforeCommit, "before_commit"),
                    name(At::Committed, "committed"),
                ]
            })
            .collect();
        named.extend([
            "payment.hear.before_commit",
            ACTION_ENDED,
            RETRY_COMMITTED,
            RENEW_COMMITTED,
        ]);
        let mut all = FAILPOINTS.to_vec();
        named.sort_unstable();
        all.sort_unstable();
        assert_eq!(named, all);
    }
}
