//! Dead letters: facts that a consumer could not understand, kept with the reason until somebody
//! has mended the consumer and sends them again.

use async_nats::HeaderMap;
use async_nats::jetstream::stream::RawMessageErrorKind;
use bytes::Bytes;
use jiff::Timestamp;
use parkmesh_contracts::ids::FactId;

use crate::bus::{Bus, BusError, jetstream_error};
use crate::headers::{self, MESSAGE_ID};
use crate::publish::{self, Message};
use crate::streams::DEAD_LETTERS;

/// Most letters in one answer of [`list`].
pub const LIST_MAX: usize = 1_000;
/// Longest reason kept, in characters: a header is no place for a novel.
const REASON_MAX: usize = 1_000;

const CONSUMER: &str = "parkmesh-consumer";
const REASON: &str = "parkmesh-reason";
const SUBJECT: &str = "parkmesh-subject";
const SEQUENCE: &str = "parkmesh-stream-sequence";
const FAILED_AT: &str = "parkmesh-failed-at";

/// A letter that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its place among the dead letters: what [`redrive`] wants.
    pub sequence: u64,
    /// Who could not understand it.
    pub consumer: String,
    /// Why.
    pub reason: String,
    /// Where it was published, without a prefix.
    pub subject: String,
    /// Its place in the stream it came from.
    pub stream_sequence: u64,
    /// The fact, unless its headers are what is wrong.
    pub fact_id: Option<FactId>,
    /// The fact's type, unless its headers are what is wrong.
    pub fact_type: Option<String>,
    /// When the consumer gave up.
    pub failed_at: Option<Timestamp>,
    /// The message as it was.
    pub body: Bytes,
}

/// A message that a consumer gives up.
pub(crate) struct Undeliverable<'a> {
    pub consumer: &'a str,
    pub reason: &'a str,
    /// Without prefix.
    pub subject: &'a str,
    pub stream_sequence: u64,
    pub headers: Option<&'a HeaderMap>,
    pub body: Bytes,
}

/// Keeps a message among the dead letters. Acknowledged by JetStream when this returns.
pub(crate) async fn keep(bus: &Bus, letter: Undeliverable<'_>) -> Result<(), BusError> {
    let mut headers = letter.headers.map(facts_own).unwrap_or_default();
    // The same fact fails once per consumer; giving it up twice after a crash is one letter.
    let id = format!("{}:{}:{}", letter.consumer, letter.subject, letter.stream_sequence);
    headers.insert(MESSAGE_ID, id);
    headers.insert(CONSUMER, letter.consumer);
    headers.insert(REASON, one_line(letter.reason));
    headers.insert(SUBJECT, letter.subject);
    headers.insert(SEQUENCE, letter.stream_sequence.to_string());
    headers.insert(FAILED_AT, bus.clock().now().to_string());
    let subject = bus.subject(&format!("parkmesh.dead_letters.{}", letter.consumer));
    publish::one(bus, Message { subject, headers, body: letter.body }).await.map(drop)
}

/// Dead letters from this place on, oldest first, at most `limit` (and [`LIST_MAX`]).
///
/// # Errors
/// When JetStream does not answer.
pub async fn list(
    bus: &Bus,
    from_sequence: u64,
    limit: usize,
) -> Result<Vec<DeadLetter>, BusError> {
    let stream = bus.stream(DEAD_LETTERS).await?;
    let mut letters = Vec::new();
    let mut from = from_sequence.max(1);
    while letters.len() < limit.min(LIST_MAX) {
        let request = stream.raw_message_builder().sequence(from).next_by_subject(">");
        let message = match request.send().await {
            Ok(message) => message,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => break,
            Err(error) => return Err(jetstream_error(error)),
        };
        from = message.sequence + 1;
        letters.push(read(message.sequence, &message.headers, message.payload));
    }
    Ok(letters)
}

/// Sends a letter again to the consumer that could not understand it, and to no other, and takes
/// it out of the dead letters. It arrives behind what is in the stream by now. A body that was
/// repaired takes the place of the one that it had; the fact keeps its id, so that whoever has acted
/// on it already does nothing.
///
/// # Errors
/// When there is no such letter or JetStream does not acknowledge; then it stays a dead letter.
pub async fn redrive(bus: &Bus, sequence: u64, repaired: Option<Bytes>) -> Result<(), BusError> {
    let stream = bus.stream(DEAD_LETTERS).await?;
    let message = stream.get_raw_message(sequence).await.map_err(jetstream_error)?;
    let letter = read(sequence, &message.headers, message.payload.clone());
    let mut headers = facts_own(&message.headers);
    headers.insert(MESSAGE_ID, format!("redrive:{sequence}:{}", message.time.unix_timestamp()));
    let subject = bus.subject(&redrive_subject(headers::domain(&letter.subject), &letter.consumer));
    let body = repaired.unwrap_or(letter.body);
    publish::one(bus, Message { subject, headers, body }).await?;
    stream.delete_message(sequence).await.map_err(jetstream_error)?;
    Ok(())
}

/// The headers that belong to the fact. Those of JetStream belong to one publishing: a batch's would
/// make the server wait for the rest of the batch. Those of a letter belong to the letter.
fn facts_own(headers: &HeaderMap) -> HeaderMap {
    let mut own = HeaderMap::new();
    for (name, values) in headers.iter() {
        let text = AsRef::<str>::as_ref(name).to_ascii_lowercase();
        if text.starts_with("nats-") || text.starts_with("parkmesh-") {
            continue;
        }
        for value in values {
            own.append(name.clone(), value.clone());
        }
    }
    own
}

/// Where a consumer gets its redriven letters: in the stream of the fact, apart from the facts.
pub(crate) fn redrive_subject(domain: &str, consumer: &str) -> String {
    format!("parkmesh.{domain}.redrive.{consumer}")
}

fn read(sequence: u64, headers: &HeaderMap, body: Bytes) -> DeadLetter {
    let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
    let fact = headers::read(Some(headers)).ok();
    DeadLetter {
        sequence,
        consumer: text(CONSUMER).unwrap_or_default(),
        reason: text(REASON).unwrap_or_default(),
        subject: text(SUBJECT).unwrap_or_default(),
        stream_sequence: text(SEQUENCE).and_then(|text| text.parse().ok()).unwrap_or_default(),
        fact_id: fact.as_ref().map(|fact| fact.fact_id),
        fact_type: fact.map(|fact| fact.fact_type),
        failed_at: text(FAILED_AT).and_then(|text| text.parse().ok()),
        body,
    }
}

/// Header values are one line.
fn one_line(reason: &str) -> String {
    reason.chars().take(REASON_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
