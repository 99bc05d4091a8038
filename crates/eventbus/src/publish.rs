//! Publishing to JetStream: a few facts side by side, many as one atomic batch where the server can, and one by
//! one where it cannot.

use std::collections::HashSet;

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::publish::PublishAck;
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use parkmesh_contracts::ids::{FactId, LotId};
use serde::Deserialize;

use crate::bus::{Bus, BusError, jetstream_error};
use crate::headers::{MESSAGE_ID, aggregate};

/// Most messages in one atomic batch; the server allows 1,000.
pub(crate) const BATCH_MAX: usize = 500;
/// Up to so many go side by side. The server makes files for each atomic batch and syncs them, which takes it as long as
/// some sixteen messages on their own.
const SIDE_BY_SIDE_MAX: usize = 16;

const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// A message with all that goes with it; the subject has the prefix already.
#[derive(Debug)]
pub(crate) struct Message {
    pub subject: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Where the stream keeps a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub sequence: u64,
    /// It had been there before.
    pub duplicate: bool,
}

/// JetStream's answer: an acknowledgement, a refusal, or nothing but "go on" inside a batch.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    error: Option<Refusal>,
    #[serde(default, rename = "seq")]
    sequence: u64,
    #[serde(default)]
    duplicate: bool,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// Publishes messages of one stream in this order and says where each is kept: one for each of the
/// `things`, as `message` makes it, maybe more than once. Only when all are acknowledged is it a
/// success; after an error any of them may have been kept.
pub(crate) async fn all<T>(
    bus: &Bus,
    things: &[T],
    message: impl Fn(&T) -> Message,
) -> Result<Vec<Kept>, BusError> {
    debug_assert!(things.len() <= BATCH_MAX);
    if things.len() <= SIDE_BY_SIDE_MAX {
        let messages: Vec<Message> = things.iter().map(&message).collect();
        if are_of_different_aggregates(&messages) {
            return side_by_side(bus, messages).await;
        }
    }
    if things.len() > 1 {
        match batch(bus, things.iter().map(&message)).await? {
            Batch::Kept(kept) => return Ok(kept),
            Batch::Refused(reason) => {
                // 10201: one of them is there already, from before a crash. Others: this server or
                // stream knows no batches. Either way each on its own gets its own answer.
                tracing::debug!(%reason, "the batch is published one by one");
            }
        }
    }
    let mut kept = Vec::with_capacity(things.len());
    for thing in things {
        // Each waits for the one before: were it lost, a later fact of the same aggregate would
        // overtake it.
        kept.push(one(bus, message(thing)).await?);
    }
    Ok(kept)
}

/// Publishes one message and waits for its acknowledgement.
pub(crate) async fn one(bus: &Bus, message: Message) -> Result<Kept, BusError> {
    kept(send(bus, message).await?).await
}

/// Whether any of them may be lost without another overtaking it: only the facts of one aggregate have an order.
fn are_of_different_aggregates(messages: &[Message]) -> bool {
    let mut seen = HashSet::new();
    messages
        .iter()
        .all(|message| aggregate(Some(&message.headers)).is_none_or(|one| seen.insert(one)))
}

/// Sends all, and only then waits for the acknowledgements.
async fn side_by_side(bus: &Bus, messages: Vec<Message>) -> Result<Vec<Kept>, BusError> {
    let mut sent = Vec::with_capacity(messages.len());
    for message in messages {
        sent.push(send(bus, message).await?);
    }
    let mut all = Vec::with_capacity(sent.len());
    for ack in sent {
        all.push(kept(ack).await?);
    }
    Ok(all)
}

async fn send(bus: &Bus, message: Message) -> Result<PublishAckFuture, BusError> {
    let Message { subject, headers, body } = message;
    bus.jetstream().publish_with_headers(subject, headers, body).await.map_err(jetstream_error)
}

async fn kept(ack: PublishAckFuture) -> Result<Kept, BusError> {
    let ack: PublishAck = ack.await.map_err(jetstream_error)?;
    Ok(Kept { sequence: ack.sequence, duplicate: ack.duplicate })
}

/// Publishes raw readings, a message for each lot.
pub(crate) async fn readings(bus: &Bus, lots: Vec<(LotId, Bytes)>) -> Result<(), BusError> {
    let with_id = |(lot, body)| (bus.ids().next(), lot, body);
    let lots: Vec<(FactId, LotId, Bytes)> = lots.into_iter().map(with_id).collect();
    let message = |(id, lot, body): &(FactId, LotId, Bytes)| {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, id.to_string());
        let subject = bus.subject(&format!("parkmesh.readings.v1.reading.{lot}"));
        Message { subject, headers, body: body.clone() }
    };
    for part in lots.chunks(BATCH_MAX) {
        all(bus, part, message).await?;
    }
    Ok(())
}

enum Batch {
    Kept(Vec<Kept>),
    Refused(String),
}

/// One atomic batch (ADR-50): the first message asks whether batches are allowed, the last commits
/// and is acknowledged for all.
async fn batch(
    bus: &Bus,
    messages: impl ExactSizeIterator<Item = Message>,
) -> Result<Batch, BusError> {
    let id = bus.ids().next::<uuid::Uuid>().simple().to_string();
    let client = bus.jetstream().client();
    let last = messages.len();
    for (place, message) in (1..).zip(messages) {
        let Message { subject, mut headers, body } = message;
        headers.insert(BATCH_ID, id.as_str());
        headers.insert(BATCH_SEQUENCE, place.to_string());
        if place == last {
            headers.insert(BATCH_COMMIT, "1");
        }
        let subject = Subject::from(subject);
        if place != 1 && place != last {
            client.publish_with_headers(subject, headers, body).await.map_err(jetstream_error)?;
            continue;
        }
        let reply =
            client.request_with_headers(subject, headers, body).await.map_err(jetstream_error)?;
        if let Some(status) = reply.status {
            return Err(BusError::JetStream(format!("publishing was answered with {status}")));
        }
        if place == 1 && reply.payload.is_empty() {
            continue;
        }
        let answer: Answer = serde_json::from_slice(&reply.payload).map_err(jetstream_error)?;
        if let Some(refusal) = answer.error {
            return Ok(Batch::Refused(format!("{} ({})", refusal.description, refusal.err_code)));
        }
        if place == last {
            return Ok(Batch::Kept(places(answer.sequence, last)));
        }
        // A server that knows no batches has kept the first message as any other. The others will
        // find it a duplicate of itself.
        return Ok(Batch::Refused(format!("no batches here (duplicate: {})", answer.duplicate)));
    }
    Ok(Batch::Kept(Vec::new()))
}

/// A batch is kept without gaps, and its acknowledgement names the last place.
fn places(last: u64, count: usize) -> Vec<Kept> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    (last.saturating_sub(count) + 1..=last)
        .map(|sequence| Kept { sequence, duplicate: false })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(aggregate_id: &str) -> Message {
        let mut headers = HeaderMap::new();
        headers.insert("ce-subject", aggregate_id);
        Message { subject: String::new(), headers, body: Bytes::new() }
    }

    #[test]
    fn facts_of_one_aggregate_do_not_go_side_by_side() {
        assert!(are_of_different_aggregates(&[about("a"), about("b")]));
        assert!(!are_of_different_aggregates(&[about("a"), about("b"), about("a")]));
    }

    #[test]
    fn the_places_of_a_batch_end_at_the_acknowledged_one() {
        let sequences: Vec<u64> = places(7, 3).iter().map(|kept| kept.sequence).collect();
        assert_eq!(sequences, [5, 6, 7]);
    }
}
