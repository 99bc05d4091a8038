//! The connection to NATS and what everything else here asks of it.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{self, RawMessageErrorKind};
use async_nats::{ConnectOptions, Event, ServerAddr, Subscriber};
use bytes::Bytes;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::config::Reader;
use parkmesh_platform::ids::Ids;
use tokio::sync::watch;

use crate::access::{self, Part};
use crate::{Delivered, publish, streams};

/// How long the first connection may take; later ones are retried for ever.
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// A silent server is noticed within two of these.
const PING_PERIOD: Duration = Duration::from_secs(10);
/// Longest wait for an answer of JetStream, which syncs to disk before it gives one.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Longest wait between two attempts to reconnect.
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// Where NATS is and what our names on it begin with.
#[derive(Clone, Debug)]
pub struct BusConfig {
    /// One or more addresses between commas: `nats://127.0.0.1:4222`, `tls://…`. Who we are may stand in the first:
    /// `nats://booking:password@nats:4222`.
    pub url: String,
    /// Empty in production. Begins the names of streams and durables; in subjects a dot follows it.
    pub prefix: String,
    /// Copies that each stream keeps in a cluster: 1 or 3.
    pub replicas: usize,
    /// Path of a NATS credentials file, if the server asks for one.
    pub credentials: Option<String>,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            prefix: String::new(),
            replicas: 1,
            credentials: None,
        }
    }
}

impl BusConfig {
    /// `PARKMESH_NATS_URL`, `_NATS_PREFIX`, `_NATS_REPLICAS`, `_NATS_CREDENTIALS`.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let config = Self {
            url: reader.get("NATS_URL", default.url),
            prefix: reader.get("NATS_PREFIX", default.prefix),
            replicas: reader.get("NATS_REPLICAS", default.replicas),
            credentials: reader.find("NATS_CREDENTIALS"),
        };
        if !(1..=5).contains(&config.replicas) {
            reader.mistake("PARKMESH_NATS_REPLICAS must be between 1 and 5");
        }
        if !config.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            reader.mistake("PARKMESH_NATS_PREFIX may hold letters, digits and _ only");
        }
        config
    }
}

/// The bus could not do it. All of these may pass when tried again, except [`BusError::Config`].
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// A setting that cannot work.
    #[error("{0}")]
    Config(String),
    /// No server answers.
    #[error("NATS is out of reach: {0}")]
    Connect(String),
    /// The stream does not exist (any more).
    #[error("the stream {0} does not exist")]
    StreamMissing(String),
    /// JetStream refused, or did not answer in time: then the outcome is unknown.
    #[error("JetStream: {0}")]
    JetStream(String),
    /// The database behind the outbox.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

/// What a stream says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// When it was created, in nanoseconds since 1970: the name of its incarnation.
    pub created_ns: i64,
    /// Sequence of the oldest message kept.
    pub first_sequence: u64,
    /// Sequence of the newest message, 0 when there never was one.
    pub last_sequence: u64,
}

/// A connection to NATS. Cheap to clone; reconnects for ever.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    jetstream: jetstream::Context,
    config: BusConfig,
    clock: Clock,
    ids: Ids,
    connections: watch::Receiver<u64>,
}

impl Bus {
    /// Connects. Waits half a minute for a server that is just starting.
    ///
    /// # Errors
    /// When no server answers in that time, or the credentials are not readable.
    pub async fn connect(config: &BusConfig, clock: &Clock, ids: &Ids) -> Result<Self, BusError> {
        let (sender, connections) = watch::channel(0);
        let addresses = addresses(&config.url)?;
        let options = options(config, &addresses).await?.event_callback(move |event| {
            match event {
                Event::Connected => sender.send_modify(|count| *count += 1),
                Event::Disconnected => tracing::warn!("the connection to NATS is lost"),
                // What we may not do would else show as answers that never come.
                Event::ServerError(error) => tracing::warn!(%error, "NATS refuses"),
                other => tracing::debug!(event = %other, "NATS"),
            }
            std::future::ready(())
        });
        let client = options
            .connect(addresses)
            .await
            .map_err(|error| BusError::Connect(error.to_string()))?;
        let mut arrived = connections.clone();
        match tokio::time::timeout(CONNECT_MAX, arrived.wait_for(|count| *count > 0)).await {
            Ok(Ok(_)) => {}
            _ => return Err(BusError::Connect(format!("no answer in {CONNECT_MAX:?}"))),
        }
        let mut jetstream = jetstream::new(client);
        jetstream.set_timeout(ANSWER_MAX);
        let inner = Inner {
            jetstream,
            config: config.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            connections,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Creates all streams that are missing and updates those that are configured differently: for tools and
    /// tests, which may.
    ///
    /// # Errors
    /// When JetStream refuses or does not answer.
    pub async fn ensure_streams(&self) -> Result<(), BusError> {
        self.ensure(streams::ALL).await
    }

    /// The same for the streams that a service makes. Those of others come when the others do.
    ///
    /// # Errors
    /// When JetStream refuses or does not answer.
    pub async fn ensure_streams_of(&self, part: &Part) -> Result<(), BusError> {
        self.ensure(access::streams(part)).await
    }

    async fn ensure(&self, names: impl IntoIterator<Item = &'static str>) -> Result<(), BusError> {
        for name in names {
            streams::ensure(self, name).await?;
        }
        Ok(())
    }

    /// Deletes our streams with all that is in them: for tests, which have a prefix of their own.
    ///
    /// # Errors
    /// When there is no prefix, or JetStream refuses.
    pub async fn delete_streams(&self) -> Result<(), BusError> {
        if self.inner.config.prefix.is_empty() {
            return Err(BusError::Config("streams without a prefix are never deleted".to_owned()));
        }
        for name in streams::ALL {
            self.jetstream().delete_stream(self.name(name)).await.map_err(jetstream_error)?;
        }
        Ok(())
    }

    /// Sequence of the stream's newest message, 0 when there is none. Read it before the transaction
    /// of a snapshot begins: what comes after it is then in the stream, the snapshot, or both.
    ///
    /// # Errors
    /// When the stream does not exist or JetStream does not answer.
    pub async fn last_sequence(&self, stream: &str) -> Result<u64, BusError> {
        self.stream_state(stream).await.map(|state| state.last_sequence)
    }

    /// What the stream says of itself.
    ///
    /// # Errors
    /// When the stream does not exist or JetStream does not answer.
    pub async fn stream_state(&self, stream: &str) -> Result<StreamState, BusError> {
        let info = self.stream(stream).await?.cached_info().clone();
        Ok(StreamState {
            created_ns: i64::try_from(info.created.unix_timestamp_nanos()).unwrap_or_default(),
            first_sequence: info.state.first_sequence,
            last_sequence: info.state.last_sequence,
        })
    }

    /// Keeps raw readings, those of a lot in one message, in the bounded stream [`streams::READINGS`]. Not
    /// facts: nobody relies on them, old ones are dropped.
    ///
    /// # Errors
    /// When JetStream does not acknowledge them.
    pub async fn keep_readings(&self, lots: Vec<(LotId, Bytes)>) -> Result<(), BusError> {
        publish::readings(self, lots).await
    }

    /// The fact that a stream keeps at this place; none when it was deleted or is a redriven letter.
    ///
    /// # Errors
    /// When JetStream does not answer, or the message is no fact.
    pub async fn fact_at(
        &self,
        stream: &str,
        sequence: u64,
    ) -> Result<Option<Delivered>, BusError> {
        let message = match self.stream(stream).await?.get_raw_message(sequence).await {
            Ok(message) => message,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(None),
            Err(error) => return Err(jetstream_error(error)),
        };
        if message.subject.contains(".redrive.") {
            return Ok(None);
        }
        Delivered::read(Some(&message.headers), message.payload, sequence, 1, "look")
            .map(Some)
            .map_err(jetstream_error)
    }

    /// Number of connections made so far; changes with every reconnection from now on.
    pub fn connections(&self) -> watch::Receiver<u64> {
        let mut connections = self.inner.connections.clone();
        connections.mark_unchanged();
        connections
    }

    /// The name of a stream or durable on the server.
    pub fn name(&self, name: &str) -> String {
        format!("{}{name}", self.inner.config.prefix)
    }

    /// The subject on the server.
    pub fn subject(&self, subject: &str) -> String {
        if self.inner.config.prefix.is_empty() {
            subject.to_owned()
        } else {
            format!("{}.{subject}", self.inner.config.prefix)
        }
    }

    /// JetStream itself, for the few things that testkit asks of it.
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.inner.jetstream
    }

    /// Tells the process that publishes for this service that something was committed. Nobody has to hear it.
    pub(crate) async fn wake(&self, source: &str) -> Result<(), BusError> {
        let subject = self.subject(&access::wake_subject(source));
        self.jetstream().client().publish(subject, Bytes::new()).await.map_err(jetstream_error)
    }

    /// Hears that. Lasts as long as the bus does, through new connections.
    pub(crate) async fn wakes(&self, source: &str) -> Result<Subscriber, BusError> {
        let subject = self.subject(&access::wake_subject(source));
        self.jetstream().client().subscribe(subject).await.map_err(jetstream_error)
    }

    /// A handle of the stream, with fresh information.
    pub(crate) async fn stream(&self, stream: &str) -> Result<stream::Stream, BusError> {
        self.jetstream().get_stream(self.name(stream)).await.map_err(|error| {
            use async_nats::jetstream::context::GetStreamErrorKind;
            match error.kind() {
                GetStreamErrorKind::JetStream(refusal)
                    if refusal.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND =>
                {
                    BusError::StreamMissing(stream.to_owned())
                }
                _ => jetstream_error(error),
            }
        })
    }

    pub(crate) fn config(&self) -> &BusConfig {
        &self.inner.config
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.inner.ids
    }
}

/// Any error of the client, as ours.
pub(crate) fn jetstream_error(error: impl std::fmt::Display) -> BusError {
    BusError::JetStream(error.to_string())
}

fn addresses(url: &str) -> Result<Vec<ServerAddr>, BusError> {
    let parsed = url.split(',').map(|one| one.trim().parse());
    parsed.collect::<Result<_, _>>().map_err(|_| {
        BusError::Config("PARKMESH_NATS_URL holds no address such as nats://host:4222".to_owned())
    })
}

async fn options(config: &BusConfig, addresses: &[ServerAddr]) -> Result<ConnectOptions, BusError> {
    let named = addresses.first().and_then(|one| Some((one.username()?, one.password()?)));
    let options = match named {
        None => ConnectOptions::new(),
        Some((user, password)) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
                .custom_inbox_prefix(access::inbox_prefix(user))
        }
    };
    let options = options
        .name("parkmesh")
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            let step_ms = 50 * u64::try_from(attempts.min(40)).unwrap_or(40);
            Duration::from_millis(step_ms).min(RECONNECT_MAX)
        })
        .ping_interval(PING_PERIOD)
        .request_timeout(Some(ANSWER_MAX));
    match &config.credentials {
        None => Ok(options),
        Some(path) => options
            .credentials_file(path)
            .await
            .map_err(|error| BusError::Config(format!("credentials {path}: {error}"))),
    }
}
