//! Settings of notification.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_platform::config::Reader;
use parkmesh_platform::seal::Sealer;
use parkmesh_platform::serve::ServeConfig;

use crate::mail::Mailer;

/// Settings of notification.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// A watch without news says that it lives this often.
    pub heartbeat: Duration,
    /// How long a watch lives.
    pub watch_life: Duration,
    /// How often a process looks for news that another process wrote, for all its watches at once.
    pub look_period: Duration,
    /// How long messages are kept.
    pub keep: SignedDuration,
    /// Seals addresses.
    pub sealer: Sealer,
    /// Where the app is, for links; `None`: messages have none.
    pub app_url: Option<String>,
    /// Where mail is handed in; `None`: no mail is sent.
    pub mail: Option<Mailer>,
    /// How webhooks are sent.
    pub webhooks: WebhookConfig,
    /// How often due deliveries and reminders are looked for.
    pub deliver_period: Duration,
}

/// How webhooks are sent.
#[derive(Clone, Copy, Debug)]
pub struct WebhookConfig {
    /// Plain HTTP and addresses of private networks are allowed: development and tests only.
    pub private_allowed: bool,
    /// How long one call may take.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            heartbeat: Duration::from_secs(15),
            watch_life: Duration::from_secs(15 * 60),
            look_period: Duration::from_secs(1),
            keep: SignedDuration::from_hours(90 * 24),
            sealer: Sealer::default(),
            app_url: None,
            mail: None,
            webhooks: WebhookConfig { private_allowed: false, timeout: Duration::from_secs(10) },
            deliver_period: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// Reads `PARKMESH_NOTIFICATION_KEEP_DAYS`, `PARKMESH_APP_URL`, `PARKMESH_SMTP_URL`, `PARKMESH_SMTP_FROM`,
    /// `PARKMESH_WEBHOOKS_PRIVATE`, and what [`ServeConfig`] and [`Sealer`] read.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let keep_days: u32 = reader.get("NOTIFICATION_KEEP_DAYS", 90);
        if !(1..=3_650).contains(&keep_days) {
            reader.mistake("PARKMESH_NOTIFICATION_KEEP_DAYS must be between 1 and 3650");
        }
        let private_allowed = reader.get("WEBHOOKS_PRIVATE", false);
        if private_allowed {
            tracing::warn!("webhooks may go to private networks: development only");
        }
        let app_url: Option<String> = reader.find("APP_URL");
        Self {
            serve: ServeConfig::read(reader),
            keep: SignedDuration::from_hours(i64::from(keep_days) * 24),
            sealer: Sealer::read(reader),
            app_url: app_url.map(|url| url.trim_end_matches('/').to_owned()),
            mail: mail(reader),
            webhooks: WebhookConfig { private_allowed, ..default.webhooks },
            ..default
        }
    }
}

fn mail(reader: &mut Reader) -> Option<Mailer> {
    let (url, from): (Option<String>, Option<String>) =
        (reader.find("SMTP_URL"), reader.find("SMTP_FROM"));
    let mailer = match (url, from) {
        (Some(url), Some(from)) => Mailer::new(&url, &from),
        (None, None) => return None,
        _ => Err("set both PARKMESH_SMTP_URL and PARKMESH_SMTP_FROM, or neither"),
    };
    mailer.map_err(|mistake| reader.mistake(mistake)).ok()
}
