//! Requests made by chance: the same seed and number make the same request.

use super::answer_of;
use super::case::{Case, Framing, Wire};
use super::change;
use super::outcome::framed;
use crate::chance::Chance;

/// A call of one message and one answer, that may be sent twice.
pub const LIST: &str = "/parkmesh.notification.v1.NotificationService/ListNotifications";
/// One that writes.
const MARK: &str = "/parkmesh.notification.v1.NotificationService/MarkRead";
/// A stream of answers.
pub const WATCH: &str = "/parkmesh.notification.v1.NotificationService/WatchNotifications";
/// Streams both ways.
pub const READINGS: &str = "/parkmesh.sensor.v1.SensorService/StreamReadings";

/// Who calls.
pub struct Tokens {
    /// A driver: notifications.
    pub driver: String,
    /// A device: readings.
    pub device: String,
}

/// The request of this number.
pub fn case(seed: u64, number: u64, tokens: &Tokens) -> Case {
    let mut chance = Chance(seed.wrapping_mul(0x1000_0000_01b3) ^ number.wrapping_mul(0x9e37_79b9));
    let chance = &mut chance;
    let mut case = plain(number, tokens, chance);
    case.answer = answer_of(chance);
    for _ in 0..chance.one_of(&[0, 1, 1, 1, 2, 2, 3]) {
        change::ALL[chance.index(change::ALL.len())](&mut case, chance);
    }
    encode(&mut case, chance);
    change::settle(&mut case, chance);
    case
}

/// A sound call.
fn plain(number: u64, tokens: &Tokens, chance: &mut Chance) -> Case {
    let content_type = chance.one_of(&[
        "application/grpc-web+proto",
        "application/grpc-web",
        "application/grpc-web-text",
        "application/grpc-web-text+proto",
        "application/grpc",
    ]);
    let wire = match content_type {
        "application/grpc" => Wire::Two,
        _ => chance.one_of(&[Wire::One, Wire::Two]),
    };
    let path = chance.one_of(&[LIST, LIST, LIST, MARK, WATCH, WATCH, READINGS]);
    let token = if path == READINGS { &tokens.device } else { &tokens.driver };
    let headers = [("content-type", content_type), ("authorization", &format!("Bearer {token}"))];
    Case {
        number,
        wire,
        method: "POST",
        path: path.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: vec![framed(0, &message(chance))],
        framing: chance.one_of(&[Framing::Length, Framing::Chunked]),
        aborts: false,
        answer: "ok",
        tries: 0,
    }
}

/// A message's bytes; nobody on the way reads them.
pub fn message(chance: &mut Chance) -> Vec<u8> {
    let length = chance.one_of(&[0, 1, 2, 3, 5, 8, 20, 200, 3_000]);
    (0..length).map(|_| u8::try_from(chance.below(256)).unwrap_or_default()).collect()
}

/// Writes the body as the content type says, each piece padded for itself.
fn encode(case: &mut Case, chance: &mut Chance) {
    use base64::Engine;
    let text = case.header("content-type").is_some_and(|text| text.contains("web-text"));
    if !text {
        return;
    }
    if chance.once_in(3) {
        change::split(case, chance);
    }
    let engine = base64::engine::general_purpose::STANDARD;
    for piece in &mut case.body {
        *piece = engine.encode(&piece).into_bytes();
    }
}
