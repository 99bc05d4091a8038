//! Messages into commands, notifications into messages. Parse once, here.

use std::str::FromStr;

use jiff::tz::TimeZone;
use parkmesh_contracts::ids::NotificationId;
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::time;
use parkmesh_contracts::validate::Violation;
use parkmesh_platform::fault::invalid;

use crate::WebhookConfig;
use crate::domain::preferences::{QuietHours, Webhook};
use crate::domain::{Channel, Kind, Language, Notification, Preferences};
use crate::error::Error;
use crate::store::delivery::{Attempt, Listed};
use crate::webhook;

/// The ids of messages.
///
/// # Errors
/// [`Error::Invalid`] that names the first that is none.
pub fn ids(texts: &[String]) -> Result<Vec<NotificationId>, Error> {
    let id = |(place, text): (usize, &String)| id(&format!("notification_ids[{place}]"), text);
    texts.iter().enumerate().map(id).collect()
}

/// An id.
///
/// # Errors
/// [`Error::Invalid`] that names the field.
pub fn id<T: FromStr>(field: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::Invalid(vec![invalid(field, "must be a UUID")]))
}

/// The word for a state of deliveries; `None` for all.
pub const fn state(state: proto::DeliveryState) -> Option<&'static str> {
    match state {
        proto::DeliveryState::Unspecified => None,
        proto::DeliveryState::Waiting => Some("waiting"),
        proto::DeliveryState::Delivered => Some("delivered"),
        proto::DeliveryState::Failed => Some("failed"),
    }
}

/// What preferences become. A webhook whose address changes has no secret yet.
///
/// # Errors
/// [`Error::Invalid`] that names the fields.
pub fn preferences(
    request: &proto::UpdatePreferencesRequest,
    stands: &Preferences,
    webhooks: WebhookConfig,
) -> Result<Preferences, Error> {
    let asked = request.preferences.clone().unwrap_or_default();
    let paths = request.update_mask.as_ref().map(|mask| mask.paths.as_slice()).unwrap_or_default();
    let mut wanted = stands.clone();
    let mut found = Vec::new();
    if paths.is_empty() {
        found.push(invalid("update_mask", "must name at least one field"));
    }
    // A mask that names a field twice means it once; one that is longer than that is nonsense.
    for path in paths.iter().take(16) {
        let changed = match path.as_str() {
            "language" => {
                wanted.language = language(asked.language());
                Ok(())
            }
            "email" => email(&asked.email).map(|email| wanted.email = email),
            "webhook_url" => webhook(&asked.webhook_url, stands, webhooks)
                .map(|webhook| wanted.webhook = webhook),
            "kind_channels" => kinds(&asked.kind_channels).map(|kinds| wanted.kinds = kinds),
            "quiet_hours" => {
                quiet(asked.quiet_hours.as_ref()).map(|quiet| wanted.quiet_hours = quiet)
            }
            _ => Err(invalid("update_mask", "names a field that cannot change")),
        };
        found.extend(changed.err());
    }
    if found.is_empty() { Ok(wanted) } else { Err(Error::Invalid(found)) }
}

const fn language(language: proto::Language) -> Language {
    match language {
        proto::Language::Unspecified | proto::Language::English => Language::English,
        proto::Language::German => Language::German,
    }
}

fn email(text: &str) -> Result<Option<String>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let address = text.parse::<lettre::Address>();
    address
        .map(|address| Some(address.to_string()))
        .map_err(|_| invalid("preferences.email", "must be a mail address"))
}

fn webhook(
    url: &str,
    stands: &Preferences,
    config: WebhookConfig,
) -> Result<Option<Webhook>, Violation> {
    if url.is_empty() {
        return Ok(None);
    }
    webhook::check(url, config)
        .map_err(|unusable| invalid("preferences.webhook_url", unusable.to_string()))?;
    let same = stands.webhook.as_ref().filter(|webhook| webhook.url == url);
    let new = || Webhook { url: url.to_owned(), secret: String::new() };
    Ok(Some(same.cloned().unwrap_or_else(new)))
}

fn kinds(asked: &[proto::KindChannels]) -> Result<Vec<(Kind, Vec<Channel>)>, Violation> {
    let mut kinds: Vec<(Kind, Vec<Channel>)> = Vec::with_capacity(asked.len());
    for (place, line) in asked.iter().enumerate() {
        let field = format!("preferences.kind_channels[{place}].kind");
        let kind = Kind::of_number(line.kind).ok_or_else(|| invalid(&field, "is no kind"))?;
        if kinds.iter().any(|(known, _)| *known == kind) {
            return Err(invalid(&field, "is named twice"));
        }
        let channels = line.channels().filter_map(|channel| match channel {
            proto::Channel::Email => Some(Channel::Email),
            proto::Channel::Webhook => Some(Channel::Webhook),
            proto::Channel::Unspecified => None,
        });
        kinds.push((kind, channels.collect()));
    }
    Ok(kinds)
}

fn quiet(asked: Option<&proto::QuietHours>) -> Result<Option<QuietHours>, Violation> {
    let Some(asked) = asked else { return Ok(None) };
    if asked.start_minute == asked.end_minute {
        return Err(invalid("preferences.quiet_hours.end_minute", "must differ from start_minute"));
    }
    let zone = TimeZone::get(&asked.time_zone).ok().filter(|zone| zone.iana_name().is_some());
    let zone = zone
        .ok_or_else(|| invalid("preferences.quiet_hours.time_zone", "must be an IANA time zone"))?;
    let minute = |minute: i32| i16::try_from(minute).unwrap_or_default();
    let (start_minute, end_minute) = (minute(asked.start_minute), minute(asked.end_minute));
    Ok(Some(QuietHours { start_minute, end_minute, zone }))
}

const fn channel_of(channel: Channel) -> proto::Channel {
    match channel {
        Channel::Email => proto::Channel::Email,
        Channel::Webhook => proto::Channel::Webhook,
    }
}

impl From<Preferences> for proto::Preferences {
    fn from(preferences: Preferences) -> Self {
        let (webhook_url, webhook_secret) = match preferences.webhook {
            Some(webhook) => (webhook.url, webhook.secret),
            None => Default::default(),
        };
        let language = match preferences.language {
            Language::English => proto::Language::English,
            Language::German => proto::Language::German,
        };
        let kind = |(kind, channels): (Kind, Vec<Channel>)| proto::KindChannels {
            kind: kind.row().number,
            channels: channels.into_iter().map(|channel| channel_of(channel).into()).collect(),
        };
        let quiet = |quiet: QuietHours| proto::QuietHours {
            start_minute: quiet.start_minute.into(),
            end_minute: quiet.end_minute.into(),
            time_zone: quiet.zone.iana_name().unwrap_or_default().to_owned(),
        };
        Self {
            language: language.into(),
            email: preferences.email.unwrap_or_default(),
            webhook_url,
            webhook_secret,
            kind_channels: preferences.kinds.into_iter().map(kind).collect(),
            quiet_hours: preferences.quiet_hours.map(quiet),
            version: preferences.version,
        }
    }
}

impl From<Notification> for proto::Notification {
    fn from(notification: Notification) -> Self {
        let text = |id: Option<String>| id.unwrap_or_default();
        Self {
            notification_id: notification.notification_id.to_string(),
            kind: notification.message.kind.row().number,
            title: notification.message.title,
            body: notification.message.body,
            booking_id: text(notification.booking_id.map(|id| id.to_string())),
            create_time: Some(time::to_proto(notification.create_time)),
            read_time: notification.read_time.map(time::to_proto),
            sequence: notification.sequence,
            lot_id: text(notification.lot_id.map(|id| id.to_string())),
            link: notification.message.link,
        }
    }
}

/// A delivery, as it is told.
pub fn delivery(listed: Listed) -> proto::Delivery {
    let state = match listed.state.as_str() {
        "waiting" => proto::DeliveryState::Waiting,
        "delivered" => proto::DeliveryState::Delivered,
        _ => proto::DeliveryState::Failed,
    };
    let waiting = state == proto::DeliveryState::Waiting;
    let attempt = |attempt: Attempt| proto::DeliveryAttempt {
        attempt_time: Some(time::to_proto(attempt.attempt_time)),
        duration_ms: attempt.duration_ms,
        status: attempt.status,
        error: attempt.error,
    };
    proto::Delivery {
        delivery_id: listed.delivery_id.to_string(),
        notification_id: listed.notification_id.to_string(),
        kind: listed.kind.row().number,
        channel: channel_of(listed.channel).into(),
        state: state.into(),
        attempts: listed.attempts.into_iter().map(attempt).collect(),
        create_time: Some(time::to_proto(listed.create_time)),
        next_attempt_time: waiting.then(|| time::to_proto(listed.next_attempt_time)),
        booking_id: listed.booking_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_contract_is_a_kind_of_ours() {
        for number in 1..100 {
            let told = proto::NotificationKind::try_from(number).is_ok();
            assert_eq!(Kind::of_number(number).is_some(), told, "{number}");
        }
    }
}
