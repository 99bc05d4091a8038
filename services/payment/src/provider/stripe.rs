//! Stripe: PaymentIntents that are captured by hand. Only `pm_…` tokens, which the driver's app made; one that is kept on file is
//! `cus_…/pm_…`, since Stripe lets it be used again only with its customer.
//!
//! Stripe keeps an idempotency key for at least 24 hours; older unknown outcomes are looked up by our reference, in the intent's metadata.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use jiff::Timestamp;
use parkmesh_contracts::money::Money;
use uuid::Uuid;

use super::{
    Authorized, Card, Charge, Found, Movements, Notice, NoticeError, Provider, ProviderError,
    Refund, Standing, Taken, signature,
};
use call::{Client, optional};
use wire::{Intent, Listed};

mod call;
mod event;
mod ledger;
mod minor;
mod wire;

/// The header that signs a webhook.
const SIGNATURE: &str = "stripe-signature";
/// Of a page of a list; Stripe's own limit.
const PAGE: &str = "100";
/// Pages of the refunds of one intent that are read at most.
const REFUND_PAGES_MAX: usize = 10;
/// So that an answer tells of the charge, too.
const WITH_CHARGE: (&str, &str) = ("expand[]", "latest_charge");
/// The same in a list.
const WITH_CHARGES: (&str, &str) = ("expand[]", "data.latest_charge");

/// So that a line of the ledger tells of the intent, and with it our reference.
const WITH_INTENTS: &str = "data.source.payment_intent";

/// Where Stripe is, and who we are there.
#[derive(Clone)]
pub struct StripeSettings {
    /// `https://api.stripe.com`, or a stand-in.
    pub base_url: String,
    /// `sk_…` or `rk_…`.
    pub secret_key: String,
    /// `whsec_…`; without it no webhook is believed.
    pub webhook_secret: Option<String>,
    /// Each call is given up, unknown, after this.
    pub call_timeout: Duration,
}

/// Stripe.
#[derive(Clone)]
pub struct StripeProvider {
    client: Client,
    webhook_secret: Option<String>,
}

impl std::fmt::Debug for StripeProvider {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StripeProvider").finish_non_exhaustive()
    }
}

impl StripeProvider {
    /// Talks to Stripe.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn connect(settings: StripeSettings) -> Result<Self, reqwest::Error> {
        let StripeSettings { base_url, secret_key, webhook_secret, call_timeout } = settings;
        let client = Client::new(&base_url, secret_key, call_timeout)?;
        Ok(Self { client, webhook_secret })
    }

    async fn intent(&self, id: &str) -> Result<Option<Intent>, ProviderError> {
        let path = format!("/v1/payment_intents/{}", call::id(id)?);
        optional(self.client.get(&path, &[WITH_CHARGE]).await)
    }

    /// All refunds that were asked for of an intent; not what a partial capture left on the card.
    async fn refunds(&self, intent: &str) -> Result<Vec<wire::Refund>, ProviderError> {
        let (mut known, mut after) = (Vec::new(), None);
        for _ in 0..REFUND_PAGES_MAX {
            let mut query = vec![("payment_intent", intent), ("limit", PAGE)];
            query.extend(after.as_deref().map(|after| ("starting_after", after)));
            let page: Listed<wire::Refund> = self.client.get("/v1/refunds", &query).await?;
            after = page.data.last().map(|last| last.id.clone());
            known.extend(page.data);
            if !page.has_more {
                break;
            }
        }
        known.retain(|refund| refund.payment_intent.as_deref() == Some(intent));
        Ok(known)
    }

    async fn found(&self, intent: &Intent) -> Result<Found, ProviderError> {
        let standing = intent.standing()?;
        let refunded = match &standing {
            Standing::Captured(_) => {
                let refunds = self.refunds(&intent.id).await?;
                let given = refunds.iter().filter(|refund| !refund.is_failed());
                given.map(|refund| refund.amount).sum()
            }
            _ => 0,
        };
        Ok(Found {
            provider_id: intent.id.clone(),
            reference: intent.reference(),
            standing,
            authorized: minor::money(intent.amount, &intent.currency)?,
            refunded: minor::money(refunded, &intent.currency)?,
            expire_time: intent.expire_time(),
        })
    }
}

impl Provider for StripeProvider {
    fn authorize<'a>(
        &'a self,
        charge: &'a Charge,
    ) -> BoxFuture<'a, Result<Authorized, ProviderError>> {
        async move {
            let (amount, currency) = minor::told(charge.amount)?;
            let (customer, method) = owner(&charge.payment_method);
            let mut form = vec![
                ("amount", amount.as_str()),
                ("currency", &currency),
                ("payment_method", method),
                ("payment_method_types[]", "card"),
                ("capture_method", "manual"),
                ("confirm", "true"),
                ("metadata[reference]", &charge.reference),
                ("payment_method_options[card][request_incremental_authorization]", "if_available"),
                WITH_CHARGE,
            ];
            form.extend(customer.map(|customer| ("customer", customer)));
            // With it the bank's page comes as an address, not as a matter of Stripe's own library.
            form.extend(charge.return_url.as_deref().map(|url| ("return_url", url)));
            let intent: Intent = self.client.post("/v1/payment_intents", charge.key, &form).await?;
            intent.authorized()
        }
        .boxed()
    }

    fn increase<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        total: Money,
    ) -> BoxFuture<'a, Result<Authorized, ProviderError>> {
        async move {
            let (amount, _) = minor::told(total)?;
            let known = self.intent(provider_id).await?;
            let known =
                known.ok_or_else(|| ProviderError::Refused("resource_missing".to_owned()))?;
            if known.amount.to_string() == amount {
                return known.authorized();
            }
            if !known.can_increase() {
                return Err(ProviderError::Unsupported);
            }
            let path = format!("/v1/payment_intents/{provider_id}/increment_authorization");
            let form = [("amount", amount.as_str()), WITH_CHARGE];
            self.client.post::<Intent>(&path, key, &form).await?.authorized()
        }
        .boxed()
    }

    fn capture<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        amount: Money,
    ) -> BoxFuture<'a, Result<Taken, ProviderError>> {
        async move {
            let (amount, _) = minor::told(amount)?;
            let path = format!("/v1/payment_intents/{}/capture", call::id(provider_id)?);
            let form = [("amount_to_capture", amount.as_str())];
            let intent: Intent = self.client.post(&path, key, &form).await?;
            Ok(if intent.status == "succeeded" { Taken::Done } else { Taken::Pending })
        }
        .boxed()
    }

    fn void<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        async move {
            let path = format!("/v1/payment_intents/{}/cancel", call::id(provider_id)?);
            self.client.post::<Intent>(&path, key, &[]).await.map(drop)
        }
        .boxed()
    }

    fn refund<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        amount: Money,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Refund, ProviderError>> {
        async move {
            let (amount, _) = minor::told(amount)?;
            let form = [
                ("payment_intent", provider_id),
                ("amount", amount.as_str()),
                ("metadata[reference]", reference),
            ];
            self.client.post::<wire::Refund>("/v1/refunds", key, &form).await?.refund()
        }
        .boxed()
    }

    fn find<'a>(
        &'a self,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ProviderError>> {
        async move {
            let query = format!("metadata['reference']:'{}'", call::id(reference)?);
            let query = [("query", query.as_str()), ("limit", PAGE), WITH_CHARGES];
            let known: Listed<Intent> =
                self.client.get("/v1/payment_intents/search", &query).await?;
            let mut known = known.data;
            known.sort_by_key(|intent| intent.created);
            let live = known.iter().rev().find(|intent| !intent.is_declined());
            match live.or_else(|| known.last()) {
                Some(intent) => self.found(intent).await.map(Some),
                None => Ok(None),
            }
        }
        .boxed()
    }

    fn look<'a>(
        &'a self,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ProviderError>> {
        async move {
            match self.intent(provider_id).await? {
                Some(intent) => self.found(&intent).await.map(Some),
                None => Ok(None),
            }
        }
        .boxed()
    }

    fn find_refund<'a>(
        &'a self,
        provider_id: &'a str,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Refund>, ProviderError>> {
        async move {
            let known = self.refunds(call::id(provider_id)?).await?;
            let ours = known.iter().find(|refund| refund.reference() == reference);
            ours.map(wire::Refund::refund).transpose()
        }
        .boxed()
    }

    fn inspect<'a>(
        &'a self,
        payment_method: &'a str,
    ) -> BoxFuture<'a, Result<Option<Card>, ProviderError>> {
        async move {
            let Ok(method) = call::id(owner(payment_method).1) else { return Ok(None) };
            let path = format!("/v1/payment_methods/{method}");
            let known: Option<wire::Method> = optional(self.client.get(&path, &[]).await)?;
            Ok(known.and_then(|method| method.card).map(Into::into))
        }
        .boxed()
    }

    fn movements<'a>(
        &'a self,
        since: Timestamp,
        next: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Movements, ProviderError>> {
        async move {
            let since = since.as_second().to_string();
            let mut query =
                vec![("created[gte]", since.as_str()), ("limit", PAGE), ("expand[]", WITH_INTENTS)];
            query.extend(next.map(|after| ("starting_after", after)));
            let page: Listed<ledger::Line> =
                self.client.get("/v1/balance_transactions", &query).await?;
            ledger::movements(page)
        }
        .boxed()
    }

    fn notice(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Notice>, NoticeError> {
        let secret = self.webhook_secret.as_deref();
        signature::of_webhook((headers, SIGNATURE), body, secret, now)?;
        event::notice(body)
    }
}

/// Whose payment method it is, if it is kept on file, and which.
fn owner(payment_method: &str) -> (Option<&str>, &str) {
    match payment_method.split_once('/') {
        Some((customer, method)) => (Some(customer), method),
        None => (None, payment_method),
    }
}
