//! One call of Stripe, and what its answer means.

use std::time::Duration;

use parkmesh_platform::telemetry::trace_context;
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::provider::ProviderError;

/// The version of Stripe's API that this was written for: answers keep its shape.
const API_VERSION: &str = "2024-06-20";
/// Longest code that is passed on.
const CODE_MAX: usize = 64;
/// What a refusal is called that has no better name.
const DECLINED: &str = "card_declined";

/// Talks to Stripe.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    secret_key: String,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureBody,
}

#[derive(Deserialize)]
struct FailureBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
}

impl Client {
    /// A client with its credentials.
    pub fn new(
        base_url: &str,
        secret_key: String,
        timeout: Duration,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(timeout).build()?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), secret_key })
    }

    /// Reads.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ProviderError> {
        let request = self.http.get(format!("{}{path}", self.base_url)).query(query);
        self.send(request).await
    }

    /// Asks for an effect, which the key names for ever.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Uuid,
        form: &[(&str, &str)],
    ) -> Result<T, ProviderError> {
        let request = self
            .http
            .post(format!("{}{path}", self.base_url))
            .header("idempotency-key", key.to_string())
            .form(form);
        let request = match trace_context::current() {
            Some(trace_parent) => request.header("traceparent", trace_parent),
            None => request,
        };
        self.send(request).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ProviderError> {
        let unknown = |error: reqwest::Error| ProviderError::Unknown(error.without_url().into());
        let request = request.bearer_auth(&self.secret_key).header("stripe-version", API_VERSION);
        let response = request.send().await.map_err(unknown)?;
        let status = response.status();
        if status.is_success() {
            return response.json().await.map_err(unknown);
        }
        let body = response.json::<Failure>().await.ok().map(|failure| failure.error);
        Err(meaning(status, body))
    }
}

/// Only what Stripe certainly said after thinking is certain. A key that is in use (409), a limit of rate or locks (429) and a wrong
/// secret of ours say nothing of the effect.
fn meaning(status: StatusCode, body: Option<FailureBody>) -> ProviderError {
    let Some(body) = body else { return ProviderError::Unknown(format!("HTTP {status}").into()) };
    let code = body.code.as_deref();
    match status {
        StatusCode::PAYMENT_REQUIRED => {
            ProviderError::Declined(decline(body.decline_code.as_deref().or(code)))
        }
        StatusCode::NOT_FOUND => {
            ProviderError::Refused(code.unwrap_or("resource_missing").to_owned())
        }
        StatusCode::BAD_REQUEST => {
            let why = code.or(body.kind.as_deref()).unwrap_or("invalid_request_error");
            ProviderError::Refused(why.to_owned())
        }
        status => ProviderError::Unknown(format!("HTTP {status}").into()),
    }
}

/// Stripe's word for a refusal in ours, which are the same for most.
pub fn decline(code: Option<&str>) -> String {
    let word = |code: &&str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        (1..=CODE_MAX).contains(&code.len()) && code.bytes().all(fits)
    };
    let ours = match code.filter(word) {
        None | Some("generic_decline" | "call_issuer" | "do_not_honor") => DECLINED,
        Some(
            "authentication_required"
            | "payment_intent_authentication_failure"
            | "payment_intent_authentication_required",
        ) => "authentication_failed",
        Some("withdrawal_count_limit_exceeded" | "card_decline_rate_limit_exceeded") => {
            "card_velocity_exceeded"
        }
        Some(same) => same,
    };
    ours.to_owned()
}

/// Nothing there is an answer to a question.
pub fn optional<T>(answer: Result<T, ProviderError>) -> Result<Option<T>, ProviderError> {
    match answer {
        Err(ProviderError::Refused(code)) if code == "resource_missing" => Ok(None),
        other => other.map(Some),
    }
}

/// Ids are words: nothing else becomes part of a path or a query.
pub fn id(text: &str) -> Result<&str, ProviderError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match !text.is_empty() && text.bytes().all(fits) {
        true => Ok(text),
        false => Err(ProviderError::Refused("resource_missing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let body = serde_json::from_str::<Failure>(body).ok().map(|failure| failure.error);
        match meaning(status, body) {
            ProviderError::Declined(code) => format!("declined {code}"),
            ProviderError::Refused(code) => format!("refused {code}"),
            ProviderError::Unsupported => "unsupported".to_owned(),
            ProviderError::Unknown(_) => "unknown".to_owned(),
        }
    }

    #[test]
    fn only_what_stripe_certainly_said_is_certain() {
        let card = r#"{"error": {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}}"#;
        let intent = r#"{"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}}"#;
        let key = r#"{"error": {"type": "idempotency_error"}}"#;
        let plain = r#"{"error": {"type": "invalid_request_error"}}"#;
        for (status, body, means) in [
            (402, card, "declined lost_card"),
            (400, intent, "refused payment_intent_unexpected_state"),
            (400, key, "refused idempotency_error"),
            (404, plain, "refused resource_missing"),
            (409, key, "unknown"),
            (429, plain, "unknown"),
            (401, plain, "unknown"),
            (500, plain, "unknown"),
            (402, "<html>", "unknown"),
        ] {
            assert_eq!(meant(status, body), means, "{status} {body}");
        }
    }

    #[test]
    fn declines_have_our_words() {
        for (code, ours) in [
            (Some("insufficient_funds"), "insufficient_funds"),
            (Some("generic_decline"), "card_declined"),
            (Some("authentication_required"), "authentication_failed"),
            (Some("Your card 4242 was declined"), "card_declined"),
            (None, "card_declined"),
        ] {
            assert_eq!(decline(code), ours);
        }
    }

    #[test]
    fn nothing_but_a_word_becomes_part_of_a_path() {
        assert!(id("pi_3MtwBwLkdIwHu7ix28a3tqPa").is_ok());
        for text in ["", "a/b", "pi_1?x", "../customers", "' OR '"] {
            assert!(id(text).is_err(), "{text}");
        }
    }
}
