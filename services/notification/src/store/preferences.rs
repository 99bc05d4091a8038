//! How people are told. Addresses are opened here, and nowhere else.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::UserId;
use parkmesh_platform::seal::Sealer;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgExecutor, PgPool, Row};
use std::collections::BTreeMap;

use super::broken;
use crate::domain::Kind;
use crate::domain::preferences::{Channel, Language, Preferences, QuietHours, Webhook};

const EMAIL: &str = "notification.email";
const WEBHOOK: &str = "notification.webhook";
const SECRET: &str = "notification.webhook_secret";

type Kinds = BTreeMap<String, Vec<String>>;

/// How somebody is told; all defaults where nothing was ever said.
pub async fn find(
    executor: impl PgExecutor<'_>,
    sealer: &Sealer,
    user_id: &UserId,
) -> Result<Preferences, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM preferences WHERE user_id = $1")
        .bind(user_id.as_str())
        .fetch_optional(executor)
        .await?;
    row.map_or_else(|| Ok(Preferences::default()), |row| read(&row, sealer))
}

/// Writes how somebody is told.
pub async fn put(
    executor: impl PgExecutor<'_>,
    sealer: &Sealer,
    user_id: &UserId,
    preferences: &Preferences,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let email = preferences.email.as_deref();
    let webhook = preferences.webhook.as_ref();
    let quiet = preferences.quiet_hours.as_ref();
    let kinds: Kinds = preferences
        .kinds
        .iter()
        .map(|(kind, channels)| {
            let words = channels.iter().map(|channel| channel.word().to_owned());
            (kind.word().to_owned(), words.collect())
        })
        .collect();
    sqlx::query(
        "INSERT INTO preferences (user_id, language, email_sealed, email_mark, webhook_sealed,
             secret_sealed, quiet_start_minute, quiet_end_minute, quiet_zone, kinds, version,
             update_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (user_id) DO UPDATE SET language = excluded.language,
             email_sealed = excluded.email_sealed, email_mark = excluded.email_mark,
             webhook_sealed = excluded.webhook_sealed, secret_sealed = excluded.secret_sealed,
             quiet_start_minute = excluded.quiet_start_minute,
             quiet_end_minute = excluded.quiet_end_minute, quiet_zone = excluded.quiet_zone,
             kinds = excluded.kinds, version = excluded.version,
             update_time = excluded.update_time",
    )
    .bind(user_id.as_str())
    .bind(word(preferences.language))
    .bind(email.map(|email| sealer.seal(EMAIL, email.as_bytes())))
    .bind(email.map(|email| sealer.mark(EMAIL, email.to_lowercase().as_bytes()).to_vec()))
    .bind(webhook.map(|webhook| sealer.seal(WEBHOOK, webhook.url.as_bytes())))
    .bind(webhook.map(|webhook| sealer.seal(SECRET, webhook.secret.as_bytes())))
    .bind(quiet.map(|quiet| quiet.start_minute))
    .bind(quiet.map(|quiet| quiet.end_minute))
    .bind(quiet.and_then(|quiet| quiet.zone.iana_name()))
    .bind(Json(kinds))
    .bind(preferences.version)
    .bind(now.to_sqlx())
    .execute(executor)
    .await
    .map(drop)
}

/// Forgets preferences that are older than this of people who have no messages, a bounded number at a time;
/// tells how many.
pub async fn forget(pool: &PgPool, before: Timestamp, limit: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query(
        "DELETE FROM preferences WHERE user_id IN (
             SELECT user_id FROM preferences AS old WHERE update_time < $1
             AND NOT EXISTS (SELECT FROM notification WHERE user_id = old.user_id) LIMIT $2)",
    )
    .bind(before.to_sqlx())
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(gone.rows_affected())
}

/// Reads a row that has the columns of `preferences`.
fn read(row: &PgRow, sealer: &Sealer) -> Result<Preferences, sqlx::Error> {
    let open = |name: &str, kind: &str| -> Result<Option<String>, sqlx::Error> {
        let sealed: Option<Vec<u8>> = row.try_get(name)?;
        let Some(sealed) = sealed else { return Ok(None) };
        let value = sealer.open(kind, &sealed).map_err(broken)?;
        String::from_utf8(value).map(Some).map_err(|_| broken("an address that is no text"))
    };
    let webhook = open("webhook_sealed", WEBHOOK)?.zip(open("secret_sealed", SECRET)?);
    let language: String = row.try_get("language")?;
    let Json(kinds): Json<Kinds> = row.try_get("kinds")?;
    let chosen = |(kind, channels): (String, Vec<String>)| {
        let channels = channels.iter().filter_map(|word| Channel::of_word(word)).collect();
        Kind::of_word(&kind).map(|kind| (kind, channels))
    };
    Ok(Preferences {
        language: if language == word(Language::German) {
            Language::German
        } else {
            Language::English
        },
        email: open("email_sealed", EMAIL)?,
        webhook: webhook.map(|(url, secret)| Webhook { url, secret }),
        kinds: kinds.into_iter().filter_map(chosen).collect(),
        quiet_hours: quiet(row)?,
        version: row.try_get("version")?,
    })
}

fn quiet(row: &PgRow) -> Result<Option<QuietHours>, sqlx::Error> {
    let zone: Option<String> = row.try_get("quiet_zone")?;
    let Some(zone) = zone else { return Ok(None) };
    Ok(Some(QuietHours {
        start_minute: row.try_get("quiet_start_minute")?,
        end_minute: row.try_get("quiet_end_minute")?,
        zone: TimeZone::get(&zone).map_err(broken)?,
    }))
}

const fn word(language: Language) -> &'static str {
    match language {
        Language::English => "english",
        Language::German => "german",
    }
}
