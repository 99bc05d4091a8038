//! Settings of the sandbox.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_platform::config::Reader;

use crate::domain::Times;

/// Settings of the sandbox.
#[derive(Clone, Debug)]
pub struct Config {
    /// How late a late answer comes; longer than any caller waits.
    pub late_answer: Duration,
    /// How long things take.
    pub times: Times,
    /// How often it is looked for open outcomes that are due.
    pub settle_period: Duration,
    /// Where webhooks go at first; an admin call changes it.
    pub webhooks: Option<Endpoint>,
    /// How long a stop waits for calls in flight.
    pub drain: Duration,
}

/// Where webhooks go.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Where they are posted.
    pub url: String,
    /// What they are signed with.
    pub secret: String,
    /// Also of what the merchant's own call did at once; otherwise only of what came later.
    #[serde(default)]
    pub all: bool,
}

impl fmt::Debug for Endpoint {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            late_answer: Duration::from_secs(60),
            times: Times {
                hold: SignedDuration::from_hours(7 * 24),
                short_hold: SignedDuration::from_secs(60),
                settle: SignedDuration::from_secs(5),
            },
            settle_period: Duration::from_secs(1),
            webhooks: None,
            drain: Duration::from_secs(5),
        }
    }
}

impl Config {
    /// Reads `PARKMESH_SANDBOX_LATE_ANSWER_SECONDS`, `_SANDBOX_SETTLE_SECONDS`, `_SANDBOX_WEBHOOK_URL`,
    /// `_SANDBOX_WEBHOOK_ALL` and `_PROVIDER_WEBHOOK_SECRET`.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let late = reader.get("SANDBOX_LATE_ANSWER_SECONDS", default.late_answer.as_secs());
        let settle: u32 = reader.get("SANDBOX_SETTLE_SECONDS", 5);
        let url: Option<String> = reader.find("SANDBOX_WEBHOOK_URL");
        let webhooks = url.map(|url| Endpoint {
            url,
            secret: reader.require("PROVIDER_WEBHOOK_SECRET"),
            all: reader.get("SANDBOX_WEBHOOK_ALL", false),
        });
        let times = Times { settle: SignedDuration::from_secs(settle.into()), ..default.times };
        Self { late_answer: Duration::from_secs(late), times, webhooks, ..default }
    }
}
