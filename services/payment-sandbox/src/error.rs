//! What the sandbox refuses or fails with, as JSON: `{"error": {"code", "decline_code"?,
//! "message"}}`.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::Stuck;

/// Why a call was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request makes no sense; the word for it and a sentence.
    #[error("{1}")]
    Invalid(&'static str, String),
    /// A card's number instead of a token.
    #[error("a card number must never be sent; send the token of a payment method")]
    CardNumber,
    /// The key was used with another body.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// No such authorisation.
    #[error("there is no such authorization")]
    NotFound,
    /// No such card.
    #[error("there is no such payment method")]
    NoCard,
    /// Fails on purpose.
    #[error("the provider failed, on purpose")]
    Hiccup,
    /// Answers too late on purpose.
    #[error("the provider took too long, on purpose")]
    Late,
    /// The sandbox is stopping.
    #[error("the sandbox is stopping")]
    Stopping,
    /// The database failed.
    #[error("the store failed")]
    Store(#[source] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(..) | Self::CardNumber => StatusCode::BAD_REQUEST,
            Self::KeyReused => StatusCode::CONFLICT,
            Self::NotFound | Self::NoCard => StatusCode::NOT_FOUND,
            Self::Hiccup => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::Store(_) | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(code, _) => code,
            Self::CardNumber => "CARD_NUMBER_REFUSED",
            Self::KeyReused => "idempotency_key_reused",
            Self::NotFound => "authorization_not_found",
            Self::NoCard => "payment_method_not_found",
            Self::Hiccup => "provider_error",
            Self::Late => "provider_timeout",
            Self::Stopping => "provider_stopping",
            Self::Store(_) => "store_unavailable",
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Self::Store(error) = &self {
            tracing::warn!(%error, "the sandbox's store failed");
        }
        let body = error_body(self.code(), None, &self.to_string());
        (self.status(), Json(body)).into_response()
    }
}

/// The body of a refusal.
pub fn error_body(code: &str, decline_code: Option<&str>, message: &str) -> Value {
    json!({ "error": { "code": code, "decline_code": decline_code, "message": message } })
}

impl Stuck {
    /// The code of the refusal, and a sentence.
    pub const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::StateWrong => ("state_wrong", "the authorization's state does not allow it"),
            Self::AmountWrong => ("amount_wrong", "the amount must be from 1 to what there is"),
            Self::IncreaseNotSupported => {
                ("increase_not_supported", "more cannot be set aside on this card")
            }
        }
    }
}
