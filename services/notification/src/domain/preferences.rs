//! How somebody is told: language, ways, and when to be quiet.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::Kind;

/// In which words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// A way beside the list in the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Mail.
    Email,
    /// A call of somebody's server.
    Webhook,
}

impl Channel {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Email, Self::Webhook];

    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }

    /// The way of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.word() == word)
    }
}

/// A time of day, every day; over midnight where it ends before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// Minutes after midnight.
    pub start_minute: i16,
    /// Minutes after midnight, another one.
    pub end_minute: i16,
    /// Where this clock hangs.
    pub zone: TimeZone,
}

/// How somebody is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// In which words.
    pub language: Language,
    /// Where mail goes.
    pub email: Option<String>,
    /// Where webhooks go, and what they are signed with.
    pub webhook: Option<Webhook>,
    /// Kinds that come by other ways than usual.
    pub kinds: Vec<(Kind, Vec<Channel>)>,
    /// When to be quiet.
    pub quiet_hours: Option<QuietHours>,
    /// Counts changes; 0: nothing was ever said.
    pub version: i64,
}

/// Where webhooks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where.
    pub url: String,
    /// What they are signed with.
    pub secret: String,
}

impl Preferences {
    /// The ways by which a message of this kind comes, of those that have an address.
    pub fn channels(&self, kind: Kind) -> Vec<Channel> {
        let chosen = self.kinds.iter().find(|(of, _)| *of == kind).map(|(_, channels)| channels);
        let wanted = |channel: Channel| match (chosen, channel) {
            (Some(channels), _) => channels.contains(&channel),
            (None, Channel::Email) => kind.row().mailed,
            (None, Channel::Webhook) => true,
        };
        let addressed = |channel: Channel| match channel {
            Channel::Email => self.email.is_some(),
            Channel::Webhook => self.webhook.is_some(),
        };
        Channel::ALL.into_iter().filter(|way| wanted(*way) && addressed(*way)).collect()
    }

    /// When a message of this kind may be sent: now, or when the quiet hours end.
    pub fn send_time(&self, kind: Kind, now: Timestamp) -> Timestamp {
        let quiet = self.quiet_hours.as_ref().filter(|_| !kind.row().hasty);
        quiet.and_then(|quiet| quiet.end_after(now)).unwrap_or(now)
    }
}

impl QuietHours {
    /// When the quiet hours end that this instant lies in; `None` outside of them.
    pub fn end_after(&self, now: Timestamp) -> Option<Timestamp> {
        let local = now.to_zoned(self.zone.clone());
        let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
        let (start, end) = (self.start_minute, self.end_minute);
        let inside = match start < end {
            true => (start..end).contains(&minute),
            false => minute >= start || minute < end,
        };
        if !inside {
            return None;
        }
        let (hour, rest) = (i8::try_from(end / 60).ok()?, i8::try_from(end % 60).ok()?);
        let time = Time::new(hour, rest, 0, 0).ok()?;
        let day = if minute < end { local.date() } else { local.date().tomorrow().ok()? };
        // In a night in which this time does not exist it is the one after the gap.
        let ends = day.to_datetime(time).to_zoned(self.zone.clone()).ok()?.timestamp();
        Some(ends.max(now))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn quiet(start_minute: i16, end_minute: i16) -> QuietHours {
        QuietHours { start_minute, end_minute, zone: TimeZone::get("Europe/Berlin").unwrap() }
    }

    #[test]
    fn quiet_hours_end_on_the_day_on_which_they_end() {
        let night = quiet(22 * 60, 7 * 60);
        let ends = |now: &str| night.end_after(at(now)).map(|end| end.to_string());
        assert_eq!(ends("2026-11-20T20:59:59Z"), None);
        assert_eq!(ends("2026-11-20T21:00:00Z").as_deref(), Some("2026-11-21T06:00:00Z"));
        assert_eq!(ends("2026-11-21T05:59:59Z").as_deref(), Some("2026-11-21T06:00:00Z"));
        assert_eq!(ends("2026-11-21T06:00:00Z"), None);
        let noon = quiet(12 * 60, 13 * 60 + 30);
        assert_eq!(noon.end_after(at("2026-11-20T11:10:00Z")), Some(at("2026-11-20T12:30:00Z")));
        assert_eq!(noon.end_after(at("2026-11-20T12:30:00Z")), None);
    }

    #[test]
    fn quiet_hours_follow_the_clock_on_the_wall_when_it_changes() {
        // They end at 02:30, which is not on the clock that night.
        let night = quiet(22 * 60, 150);
        assert_eq!(night.end_after(at("2026-03-28T23:00:00Z")), Some(at("2026-03-29T01:30:00Z")));
    }

    #[test]
    fn what_cannot_wait_does_not() {
        let quiet_hours = Some(quiet(22 * 60, 7 * 60));
        let preferences = Preferences { quiet_hours, ..Preferences::default() };
        let night = at("2026-11-20T23:00:00Z");
        assert_eq!(preferences.send_time(Kind::EndingSoon, night), night);
        assert_eq!(preferences.send_time(Kind::Receipt, night), at("2026-11-21T06:00:00Z"));
    }

    #[test]
    fn a_kind_comes_by_every_way_that_has_an_address_unless_it_is_said_otherwise() {
        let nothing = Preferences::default();
        assert!(nothing.channels(Kind::Reserved).is_empty());
        let webhook = Webhook { url: "https://a.example/".to_owned(), secret: String::new() };
        let both = Preferences {
            email: Some("anna@example.com".to_owned()),
            webhook: Some(webhook),
            kinds: vec![(Kind::Receipt, vec![Channel::Email]), (Kind::Arrived, Vec::new())],
            ..Preferences::default()
        };
        assert_eq!(both.channels(Kind::Reserved), Channel::ALL);
        assert_eq!(both.channels(Kind::Receipt), [Channel::Email]);
        assert!(both.channels(Kind::Arrived).is_empty());
        assert_eq!(both.channels(Kind::SensorSilent), [Channel::Webhook], "they are many");
    }
}
