//! Settings of payment.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::ServeConfig;

/// Settings of payment.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// Where the provider is: `http://127.0.0.1:7010`.
    pub provider_url: String,
    /// What the provider signs its webhooks with. `None`: no webhook is taken.
    pub webhook_secret: Option<String>,
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
    /// How often the provider's own ledger is read and compared with ours.
    pub reconcile_period: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            provider_url: "http://127.0.0.1:7010".to_owned(),
            webhook_secret: None,
            provider_timeout: Duration::from_secs(5),
            rescue_wait_max_seconds: 30,
            rescue_period: Duration::from_secs(1),
            reconcile_period: Duration::from_secs(300),
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

    /// Reads `PARKMESH_PROVIDER_URL`, `_PROVIDER_TIMEOUT_MS`, `_PROVIDER_WEBHOOK_SECRET` and what
    /// [`ServeConfig`] reads.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let timeout_ms: u64 = reader.get("PROVIDER_TIMEOUT_MS", 5_000);
        if !(10..=5_000).contains(&timeout_ms) {
            reader.mistake("PARKMESH_PROVIDER_TIMEOUT_MS must be between 10 and 5000");
        }
        Self {
            serve: ServeConfig::read(reader),
            provider_url: reader.get("PROVIDER_URL", default.provider_url),
            webhook_secret: reader.find("PROVIDER_WEBHOOK_SECRET"),
            provider_timeout: Duration::from_millis(timeout_ms),
            ..default
        }
    }
}
