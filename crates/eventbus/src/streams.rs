//! The streams: which there are, what they keep, and how they come to be.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use crate::bus::{Bus, BusError, jetstream_error};

/// What consumers could not understand, with the reason.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";
/// Raw readings of the sensors: bounded, for looking back only.
pub const READINGS: &str = "READINGS";

/// Every stream of Parkmesh.
pub(crate) const ALL: [&str; 6] =
    ["BOOKING", "PAYMENT", "SENSOR", "NOTIFICATION", DEAD_LETTERS, READINGS];

const HOUR: Duration = Duration::from_secs(3_600);
/// How long facts stay: a new consumer sees at least this much of the past. Shorter than the inbox
/// remembers, so that a consumer that starts from the beginning does nothing twice.
const FACTS_AGE_MAX: Duration = HOUR.saturating_mul(24 * 7);
/// How long a dead letter waits for somebody to look at it.
const DEAD_LETTERS_AGE_MAX: Duration = HOUR.saturating_mul(24 * 90);
const DEAD_LETTERS_MAX: i64 = 1_000_000;
const READINGS_AGE_MAX: Duration = HOUR.saturating_mul(24);
const READINGS_MAX: i64 = 1_000_000;
/// Within this time JetStream itself drops a fact that it has already seen. Saves work after a
/// relay's crash; correctness is the inbox.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(5 * 60);

/// The domain whose messages a stream keeps.
pub(crate) fn domain(stream: &str) -> String {
    stream.to_ascii_lowercase()
}

/// What a stream should look like.
fn wanted(bus: &Bus, name: &str) -> Config {
    let domain = domain(name);
    let facts = Config {
        name: bus.name(name),
        subjects: vec![bus.subject(&format!("parkmesh.{domain}.>"))],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: bus.config().replicas,
        max_age: FACTS_AGE_MAX,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        duplicate_window: DUPLICATE_WINDOW,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    };
    match name {
        DEAD_LETTERS => {
            Config { max_age: DEAD_LETTERS_AGE_MAX, max_messages: DEAD_LETTERS_MAX, ..facts }
        }
        READINGS => Config { max_age: READINGS_AGE_MAX, max_messages: READINGS_MAX, ..facts },
        _ => facts,
    }
}

/// Whether the server's stream differs in what we set. The server fills in fields of its own, so
/// the whole is not compared.
fn differs(is: &Config, wanted: &Config) -> bool {
    is.subjects != wanted.subjects
        || is.max_age != wanted.max_age
        || is.max_messages != wanted.max_messages
        || is.num_replicas != wanted.num_replicas
        || is.duplicate_window != wanted.duplicate_window
        || is.allow_atomic_publish != wanted.allow_atomic_publish
        || is.allow_direct != wanted.allow_direct
}

/// Creates the stream if it is missing, updates it if it differs.
pub(crate) async fn ensure(bus: &Bus, name: &str) -> Result<(), BusError> {
    let wanted = wanted(bus, name);
    match bus.jetstream().get_stream(&wanted.name).await {
        Ok(stream) => {
            let is = &stream.cached_info().config;
            if differs(is, &wanted) {
                // What we do not set stays as the operator has it, limits on bytes for example.
                let update = Config { max_bytes: is.max_bytes, ..wanted };
                bus.jetstream().update_stream(update).await.map_err(jetstream_error)?;
            }
            Ok(())
        }
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(refusal)
                if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                create(bus, wanted).await
            }
            _ => Err(jetstream_error(error)),
        },
    }
}

async fn create(bus: &Bus, wanted: Config) -> Result<(), BusError> {
    let name = wanted.name.clone();
    match bus.jetstream().create_stream(wanted).await {
        Ok(_) => Ok(()),
        // Another process was faster.
        Err(error) => match bus.jetstream().get_stream(&name).await {
            Ok(_) => Ok(()),
            Err(_) => Err(jetstream_error(error)),
        },
    }
}
