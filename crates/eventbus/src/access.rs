//! What a service may do on the bus: the subjects behind everything else in this crate, for a server that refuses
//! the rest. Written beside the code that uses them, because only that knows which they are.

use std::collections::BTreeSet;

use crate::consumer::Consumer;
use crate::streams::{DEAD_LETTERS, domain};

/// What a service does on the bus.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The streams that it publishes to, which it also makes: `BOOKING`.
    pub writes: &'static [&'static str],
    /// Its durable consumers.
    pub consumers: &'static [Consumer],
    /// The streams that it follows or looks into, without a durable.
    pub follows: &'static [&'static str],
}

/// What one user of the server may do, in subjects of NATS. What is allowed and denied is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Subjects that it may publish to.
    pub publish: BTreeSet<String>,
    /// Of those, the ones that it may not.
    pub publish_denied: BTreeSet<String>,
    /// Subjects that it may hear.
    pub subscribe: BTreeSet<String>,
}

/// Begins the subjects on which a user hears answers and deliveries: one of its own, or everybody could listen.
pub fn inbox_prefix(user: &str) -> String {
    format!("_INBOX.{user}")
}

/// On which the processes of a service tell the one that publishes for all of them that there is something. No
/// stream keeps it.
pub(crate) fn wake_subject(source: &str) -> String {
    format!("parkmesh.wake.{source}")
}

/// On which facts of a domain are told ahead of their stream. No stream keeps it.
pub(crate) fn flash_subject(domain: &str) -> String {
    format!("parkmesh.flash.{domain}")
}

/// The streams that a service makes when they are missing.
pub(crate) fn streams(part: &Part) -> impl Iterator<Item = &'static str> {
    let letters = (!part.consumers.is_empty()).then_some(DEAD_LETTERS);
    part.writes.iter().copied().chain(letters)
}

/// What a service may do, under this name of a user. `all` are the consumers of every service: nobody takes another's
/// facts away. Names and subjects have no prefix: a server with users belongs to one system.
pub fn permissions(user: &str, part: &Part, all: &[Consumer]) -> Permissions {
    let mut may = Permissions::default();
    may.subscribe.insert(format!("{}.>", inbox_prefix(user)));
    for stream in streams(part) {
        may.publish.extend(["CREATE", "UPDATE", "INFO"].map(|what| api("STREAM", what, stream)));
    }
    for stream in part.writes {
        may.publish.insert(format!("parkmesh.{}.v1.>", domain(stream)));
        may.publish.insert(flash_subject(&domain(stream)));
    }
    if !part.writes.is_empty() {
        may.publish.insert(wake_subject(user));
        may.subscribe.insert(wake_subject(user));
    }
    for consumer in part.consumers {
        let Consumer { name, stream, .. } = consumer;
        may.publish.insert(api("STREAM", "INFO", stream));
        may.publish.extend(control(consumer));
        may.publish.insert(api("CONSUMER", "INFO", &format!("{stream}.{name}")));
        may.publish.insert(format!("$JS.ACK.{stream}.{name}.>"));
        may.publish.insert(format!("parkmesh.dead_letters.{name}"));
    }
    for stream in part.follows {
        may.subscribe.insert(flash_subject(&domain(stream)));
        may.publish.extend(["INFO", "MSG.GET"].map(|what| api("STREAM", what, stream)));
        // A follower has no name of its own: what it asks for is not to be told from another's by the subject.
        may.publish.insert(api("CONSUMER", "CREATE", stream));
        may.publish.extend(
            ["INFO", "DELETE", "MSG.NEXT"]
                .map(|what| api("CONSUMER", what, &format!("{stream}.*"))),
        );
        let others = all.iter().filter(|one| one.stream == *stream);
        let others = others.filter(|one| part.consumers.iter().all(|own| own.name != one.name));
        may.publish_denied.extend(others.flat_map(control));
    }
    may
}

/// What makes a durable, takes facts from it, or ends it.
fn control(consumer: &Consumer) -> impl Iterator<Item = String> + use<> {
    let place = format!("{}.{}", consumer.stream, consumer.name);
    let with_filter = api("CONSUMER", "CREATE", &format!("{place}.>"));
    let plain = ["CREATE", "DELETE", "MSG.NEXT"].map(|what| api("CONSUMER", what, &place));
    plain.into_iter().chain([with_filter])
}

fn api(of: &str, what: &str, place: &str) -> String {
    format!("$JS.API.{of}.{what}.{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Consumer = Consumer { name: "b-a", stream: "A", fact_types: &[] };
    const OTHER: Consumer = Consumer { name: "c-a", stream: "A", fact_types: &[] };

    #[test]
    fn who_follows_a_stream_may_not_take_from_the_durables_of_others() {
        let part = Part { writes: &[], consumers: &[OWN], follows: &["A"] };
        let may = permissions("b", &part, &[OWN, OTHER]);
        assert!(may.publish.contains("$JS.API.CONSUMER.MSG.NEXT.A.*"));
        assert!(
            may.subscribe.contains("parkmesh.flash.a") && !may.publish.contains("parkmesh.flash.a")
        );
        assert!(may.publish_denied.contains("$JS.API.CONSUMER.MSG.NEXT.A.c-a"));
        assert!(may.publish_denied.contains("$JS.API.CONSUMER.DELETE.A.c-a"));
        assert!(!may.publish_denied.iter().any(|subject| subject.ends_with("A.b-a")));
    }

    #[test]
    fn a_service_writes_its_own_facts_and_hears_its_own_answers_alone() {
        let part = Part { writes: &["A"], consumers: &[], follows: &[] };
        let may = permissions("b", &part, &[OTHER]);
        let facts: Vec<_> =
            may.publish.iter().filter(|s| !s.starts_with("$JS.API.STREAM.")).collect();
        assert_eq!(facts, ["parkmesh.a.v1.>", "parkmesh.flash.a", "parkmesh.wake.b"]);
        let heard = ["_INBOX.b.>", "parkmesh.wake.b"].map(str::to_owned);
        assert_eq!(may.subscribe, BTreeSet::from(heard));
    }
}
