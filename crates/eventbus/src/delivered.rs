//! A fact as a consumer gets it, and what may go wrong with it.

use std::error::Error;

use async_nats::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::FactId;
use parkmesh_platform::telemetry::trace_context;
use tracing::Span;

use crate::headers;

/// A fact that has arrived.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Names the fact; the key of the inbox.
    pub fact_id: FactId,
    /// `parkmesh.booking.v1.held`.
    pub fact_type: String,
    /// Text of the lot, empty when it belongs to none.
    pub lot_id: String,
    /// When it happened.
    pub time: Timestamp,
    /// The message, encoded.
    pub body: Bytes,
    /// Its place in the stream.
    pub stream_sequence: u64,
    /// Which attempt this is, from 1.
    pub delivery: u64,
    /// Continues the trace of what caused the fact. The handler runs in it.
    pub span: Span,
}

impl Delivered {
    /// The message.
    ///
    /// # Errors
    /// [`Failure::Poison`] when the body is no such message.
    pub fn decode<F: Fact>(&self) -> Result<F, Failure> {
        F::decode(self.body.clone())
            .map_err(|error| Failure::Poison(format!("not a {}: {error}", F::TYPE)))
    }

    /// Reads a message of a stream; the error is why it is no fact.
    pub(crate) fn read(
        headers: Option<&HeaderMap>,
        body: Bytes,
        stream_sequence: u64,
        delivery: u64,
        consumer: &str,
    ) -> Result<Self, String> {
        let fact = headers::read(headers)?;
        let span = tracing::info_span!(
            "fact",
            otel.name = %format_args!("{consumer} {}", fact.fact_type),
            otel.kind = "consumer",
            consumer,
            fact_type = %fact.fact_type,
            fact_id = %fact.fact_id,
            stream_sequence,
        );
        if let Some(parent) = &fact.trace_parent {
            trace_context::set_parent(&span, parent);
        }
        Ok(Self {
            fact_id: fact.fact_id,
            fact_type: fact.fact_type,
            lot_id: fact.lot_id,
            time: fact.time,
            body,
            stream_sequence,
            delivery,
            span,
        })
    }
}

/// Why a fact was not handled.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Not now: something that we need is out of reach. Tried again for ever, in order.
    #[error("try again: {0}")]
    Retry(#[source] Box<dyn Error + Send + Sync>),
    /// Never: the fact itself cannot be understood. Becomes a dead letter with this reason.
    #[error("dead letter: {0}")]
    Poison(String),
}

impl Failure {
    /// For errors of infrastructure.
    pub fn retry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry(error.into())
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Retry(error.into())
    }
}
