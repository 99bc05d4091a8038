//! Settings of payment.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::ids::BookingId;
use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::ServeConfig;

/// Where Stripe is.
const STRIPE_URL: &str = "https://api.stripe.com";

/// Settings of payment.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// Who moves the money.
    pub provider: ProviderChoice,
    /// Where the sandbox is: `http://127.0.0.1:7010`.
    pub provider_url: String,
    /// What the provider signs its webhooks with. `None`: no webhook is taken.
    pub webhook_secret: Option<Secret>,
    /// How long one call of the provider may take before its outcome counts as unknown. Three calls
    /// and a look-up must fit into the deadline of `AuthorizePayment` (25 s).
    pub provider_timeout: Duration,
    /// Longest wait between two attempts of the clockwork at one intent, in seconds; the first is a
    /// [`Self::lease`], and each is twice the one before. However long a
    /// fault lasts, money is captured or released within a minute of its end: this wait and one
    /// attempt (three calls and a look-up) must fit into it.
    pub rescue_wait_max_seconds: i32,
    /// How often the clockwork looks for intents that are due.
    pub rescue_period: Duration,
    /// How long a driver has to do what the card's bank asks for.
    pub action_max: SignedDuration,
    /// Where the app is, to which the provider's page leads back: `https://park.example`.
    pub app_url: Option<String>,
    /// How often the provider's own ledger is read and compared with ours.
    pub reconcile_period: Duration,
    /// How long a payment is asked for in vain before its operator is told.
    pub stuck_after: SignedDuration,
    /// How often that is looked at.
    pub stuck_period: Duration,
}

/// Who moves the money.
#[derive(Clone, Debug)]
pub enum ProviderChoice {
    /// The stand-in.
    Sandbox,
    /// Stripe.
    Stripe {
        /// `https://api.stripe.com`, or a stand-in.
        base_url: String,
        /// `sk_…` or `rk_…`.
        secret_key: Secret,
    },
}

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            provider: ProviderChoice::Sandbox,
            provider_url: "http://127.0.0.1:7010".to_owned(),
            webhook_secret: None,
            provider_timeout: Duration::from_secs(5),
            rescue_wait_max_seconds: 30,
            rescue_period: Duration::from_secs(1),
            reconcile_period: Duration::from_secs(300),
            action_max: SignedDuration::from_mins(10),
            stuck_after: SignedDuration::from_mins(10),
            stuck_period: Duration::from_secs(10),
            app_url: None,
        }
    }
}

/// What a call needs for one attempt beside the provider's time: a wait before it, and the notes.
const LEASE_SLACK: SignedDuration = SignedDuration::from_secs(1);

impl Config {
    /// How long an intent whose next attempt a call makes is left to that call. A call that lives says
    /// so anew before each attempt; one that died is out of the way after this.
    pub fn lease(&self) -> SignedDuration {
        SignedDuration::try_from(self.provider_timeout).unwrap_or(SignedDuration::MAX) + LEASE_SLACK
    }

    /// Where the provider's page leads back to.
    pub fn return_url(&self, booking_id: BookingId) -> Option<String> {
        self.app_url
            .as_ref()
            .map(|app| format!("{}/bookings/{booking_id}", app.trim_end_matches('/')))
    }

    /// Reads `PARKMESH_PAYMENT_PROVIDER` (`sandbox` or `stripe`), `_PROVIDER_URL`,
    /// `_PROVIDER_TIMEOUT_MS`, `_PROVIDER_WEBHOOK_SECRET`, for Stripe `_STRIPE_SECRET_KEY` and
    /// `_STRIPE_URL`, `_APP_URL`, `_PAYMENT_STUCK_SECONDS`, and what [`ServeConfig`] reads.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let timeout_ms: u64 = reader.get("PROVIDER_TIMEOUT_MS", 5_000);
        if !(10..=5_000).contains(&timeout_ms) {
            reader.mistake("PARKMESH_PROVIDER_TIMEOUT_MS must be between 10 and 5000");
        }
        let stuck_seconds: i64 = reader.get("PAYMENT_STUCK_SECONDS", default.stuck_after.as_secs());
        if !(1..=86_400).contains(&stuck_seconds) {
            reader.mistake("PARKMESH_PAYMENT_STUCK_SECONDS must be between 1 and 86400");
        }
        Self {
            stuck_after: SignedDuration::from_secs(stuck_seconds),
            serve: ServeConfig::read(reader),
            provider: provider(reader),
            provider_url: reader.get("PROVIDER_URL", default.provider_url),
            webhook_secret: reader.find("PROVIDER_WEBHOOK_SECRET").map(Secret),
            app_url: reader.find("APP_URL"),
            provider_timeout: Duration::from_millis(timeout_ms),
            ..default
        }
    }
}

fn provider(reader: &mut Reader) -> ProviderChoice {
    match reader.get("PAYMENT_PROVIDER", "sandbox".to_owned()).as_str() {
        "sandbox" => ProviderChoice::Sandbox,
        "stripe" => {
            let base_url: String = reader.get("STRIPE_URL", STRIPE_URL.to_owned());
            let secret_key = Secret(reader.require("STRIPE_SECRET_KEY"));
            // A key must not travel in the clear; on this machine it does not travel.
            let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
            if !base_url.starts_with("https://")
                && !local.iter().any(|local| base_url.starts_with(local))
            {
                reader.mistake("PARKMESH_STRIPE_URL must begin with https://");
            }
            ProviderChoice::Stripe { base_url, secret_key }
        }
        _ => {
            reader.mistake("PARKMESH_PAYMENT_PROVIDER must be sandbox or stripe");
            ProviderChoice::Sandbox
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let mut reader = Reader::of(values.iter().copied());
        let config = Config::read(&mut reader);
        reader.finish().map(|()| config).map_err(|error| error.mistakes)
    }

    #[test]
    fn stripe_needs_its_key_and_never_sends_it_in_the_clear() {
        let stripe = ("PARKMESH_PAYMENT_PROVIDER", "stripe");
        let key = ("PARKMESH_STRIPE_SECRET_KEY", "sk_test_word");
        let chosen = read(&[stripe, key]).expect("all there is to set");
        let told = format!("{chosen:?}");
        assert!(
            told.contains("https://api.stripe.com") && !told.contains("sk_test_word"),
            "{told}"
        );
        assert_eq!(read(&[stripe]).expect_err("no key").len(), 1);
        let plain = ("PARKMESH_STRIPE_URL", "http://stripe.example");
        assert_eq!(read(&[stripe, key, plain]).expect_err("in the clear").len(), 1);
        assert!(read(&[stripe, key, ("PARKMESH_STRIPE_URL", "http://127.0.0.1:1")]).is_ok());
        let other = ("PARKMESH_PAYMENT_PROVIDER", "cash");
        assert_eq!(read(&[other]).expect_err("no such provider").len(), 1);
    }
}
