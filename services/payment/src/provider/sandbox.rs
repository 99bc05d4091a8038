//! The sandbox over HTTP: JSON, an `Idempotency-Key` with every write.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use jiff::Timestamp;
use parkmesh_contracts::money::Money;
use parkmesh_platform::telemetry::trace_context;
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Authorized, Card, Charge, Found, Movements, Notice, NoticeError, Provider, ProviderError,
    Refund, Taken, signature,
};
use wire::{Authorization, Authorizations};

mod wire;

/// The header that signs a webhook.
pub const SIGNATURE: &str = "parkmesh-sandbox-signature";

/// The stand-in provider.
#[derive(Clone)]
pub struct SandboxProvider {
    client: reqwest::Client,
    base_url: String,
    webhook_secret: Option<String>,
}

impl std::fmt::Debug for SandboxProvider {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxProvider").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalBody,
}

#[derive(Deserialize)]
struct RefusalBody {
    code: String,
    decline_code: Option<String>,
}

impl SandboxProvider {
    /// Talks to the sandbox at this address; each call is given up, unknown, after the timeout.
    /// Without a secret no webhook is believed.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn connect(
        base_url: &str,
        call_timeout: Duration,
        webhook_secret: Option<String>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(call_timeout).build()?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self { client, base_url, webhook_secret })
    }

    fn post(&self, path: &str, key: Uuid, body: &Value) -> RequestBuilder {
        let request = self
            .client
            .post(format!("{}{path}", self.base_url))
            .header("idempotency-key", key.to_string())
            .json(body);
        match trace_context::current() {
            Some(trace_parent) => request.header("traceparent", trace_parent),
            None => request,
        }
    }

    /// The page on which the driver accepts or refuses.
    fn action_url(&self, asked: &Authorized, return_url: Option<&str>) -> Option<String> {
        let secret = asked.client_secret.as_deref()?;
        let path = format!("{}/v1/authorizations/{}/action", self.base_url, asked.provider_id);
        let mut query = vec![("client_secret", secret)];
        query.extend(return_url.map(|url| ("return_url", url)));
        reqwest::Url::parse_with_params(&path, query).ok().map(String::from)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base_url))
    }
}

impl Provider for SandboxProvider {
    fn authorize<'a>(
        &'a self,
        charge: &'a Charge,
    ) -> BoxFuture<'a, Result<Authorized, ProviderError>> {
        let body = json!({
            "amount_minor": charge.amount.minor,
            "currency": charge.amount.currency.as_str(),
            "payment_method": charge.payment_method,
            "reference": charge.reference,
        });
        let request = self.post("/v1/authorizations", charge.key, &body);
        async move {
            let authorized = send::<Authorization>(request).await?.authorized();
            let action_url = self.action_url(&authorized, charge.return_url.as_deref());
            Ok(Authorized { action_url, ..authorized })
        }
        .boxed()
    }

    fn increase<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        total: Money,
    ) -> BoxFuture<'a, Result<Authorized, ProviderError>> {
        let body = json!({ "amount_minor": total.minor });
        let request = self.post(&format!("/v1/authorizations/{provider_id}/increase"), key, &body);
        async move {
            match send::<Authorization>(request).await {
                Err(ProviderError::Refused(code)) if code == "increase_not_supported" => {
                    Err(ProviderError::Unsupported)
                }
                other => Ok(other?.authorized()),
            }
        }
        .boxed()
    }

    fn capture<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        amount: Money,
    ) -> BoxFuture<'a, Result<Taken, ProviderError>> {
        let body = json!({ "amount_minor": amount.minor });
        let request = self.post(&format!("/v1/authorizations/{provider_id}/capture"), key, &body);
        async move { Ok(send::<Authorization>(request).await?.taken()) }.boxed()
    }

    fn void<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        let request = self.post(&format!("/v1/authorizations/{provider_id}/void"), key, &json!({}));
        async move { send::<Authorization>(request).await.map(drop) }.boxed()
    }

    fn refund<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        amount: Money,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Refund, ProviderError>> {
        let body = json!({ "amount_minor": amount.minor, "reference": reference });
        let request = self.post(&format!("/v1/authorizations/{provider_id}/refunds"), key, &body);
        async move { send::<wire::Refund>(request).await?.refund() }.boxed()
    }

    fn find<'a>(
        &'a self,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ProviderError>> {
        let request = self.get("/v1/authorizations").query(&[("reference", reference)]);
        async move {
            let known = send::<Authorizations>(request).await?.authorizations;
            let live = known.iter().rev().find(|found| !found.is_declined());
            live.or_else(|| known.last()).map(Authorization::found).transpose()
        }
        .boxed()
    }

    fn look<'a>(
        &'a self,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ProviderError>> {
        let request = self.get(&format!("/v1/authorizations/{provider_id}"));
        async move {
            let known: Option<Authorization> = optional(send(request).await)?;
            known.as_ref().map(Authorization::found).transpose()
        }
        .boxed()
    }

    fn find_refund<'a>(
        &'a self,
        provider_id: &'a str,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Refund>, ProviderError>> {
        let path = format!("/v1/authorizations/{provider_id}/refunds");
        let request = self.get(&path).query(&[("reference", reference)]);
        async move {
            let known: Option<wire::Refunds> = optional(send(request).await)?;
            let newest = known.and_then(|mut known| known.refunds.pop());
            newest.as_ref().map(wire::Refund::refund).transpose()
        }
        .boxed()
    }

    fn inspect<'a>(
        &'a self,
        payment_method: &'a str,
    ) -> BoxFuture<'a, Result<Option<Card>, ProviderError>> {
        // A token is a word: what is none is not a token, and no part of a path.
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_word = !payment_method.is_empty() && payment_method.bytes().all(word);
        let request = self.get(&format!("/v1/payment_methods/{payment_method}"));
        async move {
            if !is_word {
                return Ok(None);
            }
            Ok(optional(send::<wire::Card>(request).await)?.map(Into::into))
        }
        .boxed()
    }

    fn movements<'a>(
        &'a self,
        since: Timestamp,
        next: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Movements, ProviderError>> {
        let (since, after) = (since.to_string(), next.unwrap_or("0"));
        let request =
            self.get("/v1/movements").query(&[("since", since.as_str()), ("after", after)]);
        async move { send::<wire::Movements>(request).await?.movements() }.boxed()
    }

    fn notice(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Notice>, NoticeError> {
        let secret = self.webhook_secret.as_deref();
        signature::of_webhook((headers, SIGNATURE), body, secret, now)?;
        let event: wire::Event =
            serde_json::from_slice(body).map_err(|_| NoticeError::Unreadable)?;
        event.notice().map(Some).map_err(|_| NoticeError::Unreadable)
    }
}

/// Nothing there is an answer to a question.
fn optional<T>(answer: Result<T, ProviderError>) -> Result<Option<T>, ProviderError> {
    match answer {
        Err(ProviderError::Refused(code)) if code.ends_with("_not_found") => Ok(None),
        other => other.map(Some),
    }
}

/// Sends, and says what the answer means. Only an answer that the sandbox certainly gave after
/// thinking is certain.
async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ProviderError> {
    let unknown = |error: reqwest::Error| ProviderError::Unknown(error.without_url().into());
    let response = request.send().await.map_err(unknown)?;
    let status = response.status();
    if status.is_success() {
        return response.json().await.map_err(unknown);
    }
    let told = response.json::<Refusal>().await.map(|refusal| refusal.error);
    match (status, told) {
        (StatusCode::PAYMENT_REQUIRED, Ok(error)) => {
            Err(ProviderError::Declined(error.decline_code.unwrap_or(error.code)))
        }
        (StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::CONFLICT, Ok(error)) => {
            Err(ProviderError::Refused(error.code))
        }
        (status, _) => Err(ProviderError::Unknown(format!("HTTP {status}").into())),
    }
}
