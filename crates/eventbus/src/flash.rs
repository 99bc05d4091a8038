//! Flashes: what was committed a moment ago, told at once to whoever listens just then, ahead of its fact.
//!
//! A fact is true from its commit on. Its stream keeps it for those who did not listen, and syncs its disk for
//! that; who shows the present need not wait so long. Nobody may rely on a flash: nothing keeps it, it may be lost,
//! and an older one may come after a newer. The fact comes in any case, and versions tell which word is the last.

use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use prost::Message as _;

use crate::access;
use crate::bus::{Bus, BusError, jetstream_error};
use crate::headers::domain;
use crate::outbox::Row;

/// Facts in one flash: some hundred kilobytes of those of the ground, where the server takes a megabyte.
const FACTS_MAX: usize = 500;

/// What is told of one fact.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Flashed {
    /// `parkmesh.sensor.v1.spot_occupied`.
    #[prost(string, tag = "1")]
    pub fact_type: String,
    /// The message, encoded.
    #[prost(bytes = "bytes", tag = "2")]
    pub body: Bytes,
}

/// As it is on the wire.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Flash {
    #[prost(message, repeated, tag = "1")]
    facts: Vec<Flashed>,
}

/// Tells of rows that are committed. Waits for nothing: where there is no room on the way, nothing is told.
pub(crate) fn tell(bus: &Bus, rows: &[Row]) {
    let domains = rows.chunk_by(|one, other| domain(one.fact_type) == domain(other.fact_type));
    for rows in domains.flat_map(|rows| rows.chunks(FACTS_MAX)) {
        let Some(first) = rows.first() else { continue };
        let subject = bus.subject(&access::flash_subject(domain(first.fact_type)));
        let facts = rows
            .iter()
            .map(|row| Flashed { fact_type: row.fact_type.to_owned(), body: row.body.clone() });
        let body = Flash { facts: facts.collect() }.encode_to_vec();
        let sent = bus.jetstream().client().publish(subject, body.into()).now_or_never();
        if !matches!(sent, Some(Ok(()))) {
            tracing::debug!(facts = rows.len(), "not told ahead of the facts");
        }
    }
}

/// Hears the flashes of one domain.
#[derive(Debug)]
pub struct Flashes {
    subscriber: Subscriber,
}

impl Flashes {
    /// Begins to listen: `sensor`. Lasts as long as the bus does, through new connections.
    ///
    /// # Errors
    /// When the connection cannot take it.
    pub async fn hear(bus: &Bus, domain: &str) -> Result<Self, BusError> {
        let subject = bus.subject(&access::flash_subject(domain));
        let subscriber = bus.jetstream().client().subscribe(subject).await;
        Ok(Self { subscriber: subscriber.map_err(jetstream_error)? })
    }

    /// The next flash, in the order of its rows; none when the bus has ended. What cannot be read is left out.
    pub async fn next(&mut self) -> Option<Vec<Flashed>> {
        loop {
            match Flash::decode(self.subscriber.next().await?.payload) {
                Ok(flash) => return Some(flash.facts),
                Err(error) => tracing::debug!(%error, "a flash cannot be read"),
            }
        }
    }
}
