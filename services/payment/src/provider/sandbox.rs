//! The sandbox over HTTP: JSON, an `Idempotency-Key` with every write.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_platform::telemetry::trace_context;
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Charge, Found, Provider, ProviderError, Standing};

/// The stand-in provider.
#[derive(Clone, Debug)]
pub struct SandboxProvider {
    client: reqwest::Client,
    base_url: String,
}

#[derive(Deserialize)]
struct Authorization {
    authorization_id: String,
    status: String,
    captured_minor: i64,
    currency: String,
    decline_code: Option<String>,
}

#[derive(Deserialize)]
struct Authorizations {
    authorizations: Vec<Authorization>,
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
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn connect(base_url: &str, call_timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(call_timeout).build()?;
        Ok(Self { client, base_url: base_url.trim_end_matches('/').to_owned() })
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
}

impl Provider for SandboxProvider {
    fn authorize<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<String, ProviderError>> {
        let body = json!({
            "amount_minor": charge.amount.minor,
            "currency": charge.amount.currency.as_str(),
            "payment_method": charge.payment_method,
            "reference": charge.reference,
        });
        let request = self.post("/v1/authorizations", charge.key, &body);
        async move { Ok(send::<Authorization>(request).await?.authorization_id) }.boxed()
    }

    fn capture<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        amount: Money,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        let body = json!({ "amount_minor": amount.minor });
        let request = self.post(&format!("/v1/authorizations/{provider_id}/capture"), key, &body);
        async move { send::<Authorization>(request).await.map(drop) }.boxed()
    }

    fn void<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        let request = self.post(&format!("/v1/authorizations/{provider_id}/void"), key, &json!({}));
        async move { send::<Authorization>(request).await.map(drop) }.boxed()
    }

    fn find<'a>(
        &'a self,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ProviderError>> {
        let url = format!("{}/v1/authorizations", self.base_url);
        let request = self.client.get(url).query(&[("reference", reference)]);
        async move {
            let known = send::<Authorizations>(request).await?.authorizations;
            let live = known.iter().rev().find(|found| found.status != "declined");
            live.or_else(|| known.last()).map(found).transpose()
        }
        .boxed()
    }
}

fn found(authorization: &Authorization) -> Result<Found, ProviderError> {
    let unknown = |what: String| ProviderError::Unknown(what.into());
    let standing = match authorization.status.as_str() {
        "authorized" => Standing::Authorized,
        "captured" => {
            let currency = Currency::parse(&authorization.currency)
                .map_err(|error| unknown(error.to_string()))?;
            Standing::Captured(Money::new(authorization.captured_minor, currency))
        }
        "voided" => Standing::Voided,
        "declined" => Standing::Declined(authorization.decline_code.clone().unwrap_or_default()),
        other => return Err(unknown(format!("no status that we know: {other}"))),
    };
    Ok(Found { provider_id: authorization.authorization_id.clone(), standing })
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
