//! What happened, into a title and a sentence or two.

use jiff::Timestamp;
use parkmesh_contracts::money::Money;
use parkmesh_contracts::window::Window;

use super::moment::{moment, span};
use super::template::{TEXTS, Text, fill};
use super::words::{costs, costs_more, differ, extend, kept, money, needed, unanswered, why};
use super::{Kind, Language};

/// Where a booking is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Name of the lot; empty when no fact has told it yet.
    pub lot_name: String,
    /// What is painted on the spot; empty for a ticket, and while the spot is still to be given.
    pub spot_number: String,
    /// The number on the ticket; 0 for a spot.
    pub ticket_number: i32,
    /// IANA zone of the lot.
    pub time_zone: String,
}

/// What happened to somebody's booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The spot is promised.
    Reserved {
        /// For this window.
        window: Window,
        /// What the QR shows.
        code: String,
    },
    /// The spot of a reservation is given; before, only capacity was promised.
    SpotGiven {
        /// For this window.
        window: Window,
        /// What the QR shows.
        code: String,
    },
    /// A place that the driver waited for is kept.
    Offered {
        /// For this window.
        window: Window,
        /// Until then.
        until: Timestamp,
    },
    /// The car came.
    Arrived {
        /// When.
        at: Timestamp,
        /// The window that is kept.
        window: Window,
    },
    /// The car left.
    Completed {
        /// When.
        left: Timestamp,
        /// What the stay costs; `None`: nothing.
        amount: Option<Money>,
    },
    /// Given back.
    Cancelled {
        /// The window that was kept.
        window: Window,
        /// What policy keeps.
        fee: Option<Money>,
        /// Why, where it was not its driver's wish.
        why: Option<Need>,
    },
    /// It goes on somewhere else or for longer, or has gone on for too long.
    Changed(Change),
    /// The hold ran out.
    Expired,
    /// No car came.
    NoShow {
        /// The window that was kept.
        window: Window,
        /// What policy keeps.
        fee: Option<Money>,
    },
    /// Money was taken.
    Charged {
        /// How much.
        amount: Money,
        /// Number of the receipt.
        receipt_number: String,
    },
    /// The card was refused.
    Declined {
        /// The provider's word.
        code: String,
        /// Until when what is promised waits for another card; `None`: nothing waits.
        until: Option<Timestamp>,
    },
    /// Money is given back.
    Refunded {
        /// How much.
        amount: Money,
    },
    /// Something will happen soon.
    Due(Due),
    /// Something that an operator should look at.
    Alert(Alert),
}

/// What has a booking cancelled that its driver has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Its spot was blocked, and no other was free.
    SpotBlocked,
    /// No card could be charged.
    Unpaid,
}

/// What will happen soon, unless something is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// The hold ends.
    HoldExpiring {
        /// Then.
        until: Timestamp,
    },
    /// The booking begins.
    StartingSoon {
        /// With this window.
        window: Window,
        /// What the QR shows.
        code: String,
    },
    /// The booking ends.
    EndingSoon {
        /// Then.
        end: Timestamp,
    },
}

/// What an operator should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    /// A sensor has not been heard.
    SensorSilent {
        /// When it was last heard.
        last_seen: Timestamp,
    },
    /// Ground and bookings differ.
    Discrepancy {
        /// In what.
        kind: Disagreement,
        /// Since when.
        since: Timestamp,
    },
    /// A payment comes to no end.
    PaymentStuck {
        /// Its id.
        payment_id: String,
        /// What its provider does not answer, where we know the word.
        asked: Option<Asked>,
        /// How much is in doubt.
        amount: Option<Money>,
        /// Since when.
        since: Timestamp,
    },
}

/// What a provider does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether money is set aside.
    Authorize,
    /// Whether it is taken.
    Capture,
    /// Whether what was set aside is given back.
    Void,
    /// Whether what was taken is given back.
    Refund,
}

/// In what ground and bookings differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// A car stands there, and nobody's session is under way.
    CarWithoutSession,
    /// A session is under way, and no car stands there.
    SessionWithoutCar,
    /// The sensor has fallen silent.
    GroundUnknown,
}

/// What became of a booking that goes on, or did not end in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It ends later.
    Extended {
        /// When it ends now.
        end: Timestamp,
    },
    /// It has another spot or window.
    Moved {
        /// The window now.
        window: Window,
    },
    /// Its own spot is blocked, and it has another one.
    Relocated {
        /// What is painted on the one that is blocked.
        from: String,
        /// The window, as before.
        window: Window,
    },
    /// The car that had stayed past the window has left.
    Overstayed {
        /// When.
        left: Timestamp,
        /// What that costs; `None`: nothing.
        amount: Option<Money>,
    },
    /// A car stands on a spot that nobody has booked.
    ClaimAsked {
        /// What is painted there.
        spot_number: String,
    },
}

/// What a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about.
    pub kind: Kind,
    /// One line.
    pub title: String,
    /// A sentence or two.
    pub body: String,
    /// Where one acts on it; empty where there is nothing to do. The body does not repeat it: the app makes a link of
    /// it, mail a line of its own.
    pub link: String,
}

/// How somebody is addressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// In these words.
    pub language: Language,
    /// Where the app shows the booking, without a slash at its end; `None` where no app is known.
    pub booking_url: Option<String>,
}

/// The message that tells what happened there.
pub fn compose(voice: &Voice, place: &Place, happening: &Happening) -> Message {
    let language = voice.language;
    let (kind, text, mut values) = said(language, place, happening);
    let page = kind.row().page;
    let link = voice.booking_url.as_ref().filter(|_| !page.is_empty());
    let link = link.map(|url| format!("{url}/{page}")).unwrap_or_default();
    values.push(("lot", place.lot_name.clone()));
    values.push(("what", place.what(language)));
    values.push(("at", place.phrase(language)));
    values.push(("extend", extend(language).to_owned()));
    let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (_, english, german) = &TEXTS[text as usize];
    let (title, body) = match language {
        Language::English => english,
        Language::German => german,
    };
    Message { kind, title: fill(title, &values), body: fill(body, &values), link }
}

type Values = Vec<(&'static str, String)>;

/// The kind, the text and what stands in it.
fn said(language: Language, place: &Place, happening: &Happening) -> (Kind, Text, Values) {
    let zone = place.time_zone.as_str();
    let at = |time: Timestamp| moment(time, zone, language);
    let during = |window: &Window| ("span", span(window, zone, language));
    match happening {
        Happening::Reserved { window, code } if place.is_open() => {
            (Kind::Reserved, Text::ReservedOpen, vec![during(window), ("code", code.clone())])
        }
        Happening::Reserved { window, code } | Happening::SpotGiven { window, code } => {
            (Kind::Reserved, Text::Reserved, vec![during(window), ("code", code.clone())])
        }
        Happening::Offered { window, until } => {
            let values = vec![during(window), ("moment", at(*until))];
            (Kind::WaitlistOffered, Text::Offered, values)
        }
        Happening::Arrived { at: arrived, window } => {
            let values = vec![("moment", at(*arrived)), ("end", at(window.end()))];
            (Kind::Arrived, Text::Arrived, values)
        }
        Happening::Completed { left, amount } => {
            let values = vec![("moment", at(*left)), ("costs", costs(language, *amount))];
            (Kind::Completed, Text::Completed, values)
        }
        Happening::Cancelled { window, fee, why } => {
            let why = why.map_or("", |why| needed(language, why));
            let fee = ("fee", kept(language, *fee));
            (Kind::Cancelled, Text::Cancelled, vec![during(window), ("why", why.to_owned()), fee])
        }
        Happening::Changed(change) => changed(language, place, change),
        Happening::Expired => (Kind::Expired, Text::Expired, Vec::new()),
        Happening::NoShow { window, fee } => {
            (Kind::NoShow, Text::NoShow, vec![during(window), ("fee", kept(language, *fee))])
        }
        Happening::Charged { amount, receipt_number } => {
            let values =
                vec![("amount", money(language, *amount)), ("number", receipt_number.clone())];
            (Kind::Receipt, Text::Charged, values)
        }
        Happening::Declined { code, until } => {
            let why = ("why", why(language, code).to_owned());
            match until {
                None => (Kind::PaymentDeclined, Text::Declined, vec![why]),
                Some(until) => {
                    (Kind::PaymentDeclined, Text::CardAsked, vec![why, ("moment", at(*until))])
                }
            }
        }
        Happening::Refunded { amount } => {
            (Kind::Refunded, Text::Refunded, vec![("amount", money(language, *amount))])
        }
        Happening::Due(due) => match due {
            Due::HoldExpiring { until } => {
                (Kind::HoldExpiring, Text::HoldExpiring, vec![("moment", at(*until))])
            }
            Due::StartingSoon { window, code } => {
                let values = vec![during(window), ("code", code.clone())];
                (Kind::StartingSoon, Text::StartingSoon, values)
            }
            Due::EndingSoon { end } => {
                (Kind::EndingSoon, Text::EndingSoon, vec![("end", at(*end))])
            }
        },
        Happening::Alert(alert) => alerted(language, place, alert),
    }
}

/// Of a booking that goes on somewhere else or for longer, or has gone on for too long.
fn changed(language: Language, place: &Place, change: &Change) -> (Kind, Text, Values) {
    let zone = place.time_zone.as_str();
    let at = |time: Timestamp| moment(time, zone, language);
    match change {
        Change::Moved { window } => {
            (Kind::Moved, Text::Moved, vec![("span", span(window, zone, language))])
        }
        Change::Relocated { from, window } => {
            let values = vec![("from", from.clone()), ("span", span(window, zone, language))];
            (Kind::Relocated, Text::Relocated, values)
        }
        Change::Overstayed { left, amount } => {
            let costs = ("costs", costs_more(language, *amount));
            (Kind::Overstayed, Text::Overstayed, vec![("moment", at(*left)), costs])
        }
        Change::ClaimAsked { spot_number } => {
            (Kind::ClaimAsked, Text::ClaimAsked, vec![("from", spot_number.clone())])
        }
        Change::Extended { end } => (Kind::Extended, Text::Extended, vec![("end", at(*end))]),
    }
}

/// For operators.
fn alerted(language: Language, place: &Place, alert: &Alert) -> (Kind, Text, Values) {
    let at = |time: Timestamp| moment(time, &place.time_zone, language);
    match alert {
        Alert::SensorSilent { last_seen } => {
            (Kind::SensorSilent, Text::SensorSilent, vec![("moment", at(*last_seen))])
        }
        Alert::Discrepancy { kind, since } => {
            let why = differ(language, *kind).to_owned();
            (Kind::Discrepancy, Text::Discrepancy, vec![("why", why), ("moment", at(*since))])
        }
        Alert::PaymentStuck { payment_id, asked, amount, since } => {
            let amount = amount.map(|amount| format!(" ({})", money(language, amount)));
            let values = vec![
                ("number", payment_id.clone()),
                ("amount", amount.unwrap_or_default()),
                ("why", unanswered(language, *asked).to_owned()),
                ("moment", at(*since)),
            ];
            (Kind::PaymentStuck, Text::PaymentStuck, values)
        }
    }
}

impl Place {
    /// Whether the spot is still to be given.
    const fn is_open(&self) -> bool {
        self.ticket_number == 0 && self.spot_number.is_empty()
    }

    /// `Spot A-12`, `Ticket 7`, or `Your spot` where it is still to be given.
    fn what(&self, language: Language) -> String {
        let (spot, open) = match language {
            Language::English => ("Spot", "Your spot"),
            Language::German => ("Platz", "Ihr Platz"),
        };
        match self.ticket_number {
            0 if self.is_open() => open.to_owned(),
            0 => format!("{spot} {}", self.spot_number),
            number => format!("Ticket {number}"),
        }
    }

    /// ` at Harbour`, or nothing where the name is not known.
    fn phrase(&self, language: Language) -> String {
        match language {
            _ if self.lot_name.is_empty() => String::new(),
            Language::English => format!(" at {}", self.lot_name),
            Language::German => format!(" bei {}", self.lot_name),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use parkmesh_contracts::money::Currency;

    use super::*;

    fn told(happening: &Happening) -> (Kind, String, String) {
        let place = Place {
            ticket_number: 0,
            lot_name: "Harbour".to_owned(),
            spot_number: "A-12".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        };
        let message = compose(&Voice::default(), &place, happening);
        (message.kind, message.title, message.body)
    }

    fn told_in_german(happening: &Happening) -> Message {
        let place = Place {
            lot_name: "Hafen".to_owned(),
            spot_number: "A-12".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            ticket_number: 0,
        };
        let booking_url = Some("https://park.example/bookings/7".to_owned());
        compose(&Voice { language: Language::German, booking_url }, &place, happening)
    }

    fn window() -> Window {
        let at = |text: &str| text.parse().unwrap();
        Window::try_new(at("2026-11-20T13:00:00Z"), at("2026-11-20T15:00:00Z")).unwrap()
    }

    #[test]
    fn a_german_reads_german_words_dates_and_amounts() {
        let left = "2026-11-20T13:05:00Z".parse().unwrap();
        let completed = told_in_german(&Happening::Completed { left, amount: Some(eur(850)) });
        assert_eq!(completed.title, "Ihr Aufenthalt ist beendet: Hafen");
        assert_eq!(
            completed.body,
            "Platz A-12: abgefahren am Fr 20. Nov, 14:05. Er kostet 8,50 EUR."
        );
        let reserved = Happening::Reserved { window: window(), code: "K7P2".to_owned() };
        let reserved = told_in_german(&reserved);
        assert_eq!(reserved.body, "Hafen, Fr 20. Nov, 14:00 bis 16:00. Ihr Code ist K7P2.");
        assert_eq!(reserved.link, "", "there is nothing to do about it");
    }

    #[test]
    fn the_end_that_comes_has_a_link_to_extend() {
        let end = "2026-11-20T15:00:00Z".parse().unwrap();
        let happening = Happening::Due(Due::EndingSoon { end });
        let with_link = told_in_german(&happening);
        assert_eq!(with_link.link, "https://park.example/bookings/7/extend");
        assert!(!with_link.body.contains("http"), "{}: the app shows it as a link", with_link.body);
        let (kind, title, body) = told(&happening);
        assert_eq!((kind, title.as_str()), (Kind::EndingSoon, "Your booking ends soon"));
        assert_eq!(
            body,
            "Spot A-12 at Harbour is yours until Fri 20 Nov, 16:00. You can extend it if the spot \
             is free after."
        );
    }

    #[test]
    fn every_happening_says_something_whole_in_both_languages() {
        let at: Timestamp = "2026-11-20T13:05:00Z".parse().unwrap();
        let (some, code) = (Some(eur(200)), String::new);
        let all = [
            Happening::Reserved { window: window(), code: "K7P2".to_owned() },
            Happening::Offered { window: window(), until: at },
            Happening::Arrived { at, window: window() },
            Happening::Completed { left: at, amount: None },
            Happening::Cancelled { window: window(), fee: some, why: Some(Need::SpotBlocked) },
            Happening::Changed(Change::Extended { end: at }),
            Happening::Changed(Change::Moved { window: window() }),
            Happening::Changed(Change::Relocated { from: "B-1".to_owned(), window: window() }),
            Happening::Changed(Change::Overstayed { left: at, amount: some }),
            Happening::Changed(Change::ClaimAsked { spot_number: "42".to_owned() }),
            Happening::Expired,
            Happening::NoShow { window: window(), fee: None },
            Happening::Charged { amount: eur(850), receipt_number: "7".to_owned() },
            Happening::Declined { code: code(), until: None },
            Happening::Declined { code: code(), until: Some(window().end()) },
            Happening::Cancelled { window: window(), fee: None, why: Some(Need::Unpaid) },
            Happening::Refunded { amount: eur(850) },
            Happening::Due(Due::HoldExpiring { until: at }),
            Happening::Due(Due::StartingSoon { window: window(), code: "K7P2".to_owned() }),
            Happening::Due(Due::EndingSoon { end: at }),
            Happening::Alert(Alert::SensorSilent { last_seen: at }),
            Happening::Alert(Alert::Discrepancy {
                kind: Disagreement::SessionWithoutCar,
                since: at,
            }),
            Happening::Alert(Alert::PaymentStuck {
                payment_id: "7".to_owned(),
                asked: Some(Asked::Capture),
                amount: some,
                since: at,
            }),
            Happening::Alert(Alert::PaymentStuck {
                payment_id: "7".to_owned(),
                asked: None,
                amount: None,
                since: at,
            }),
        ];
        for happening in all {
            let german = told_in_german(&happening);
            let (_, title, body) = told(&happening);
            for text in [&german.title, &german.body, &title, &body] {
                let broken =
                    text.contains(['{', '}']) || text.contains("  ") || text.contains(" .");
                assert!(!text.is_empty() && !broken, "{happening:?}: {text}");
            }
            assert_ne!((german.title, german.body), (title, body));
        }
    }

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::parse("EUR").unwrap())
    }

    #[test]
    fn an_end_tells_the_local_time_and_the_amount() {
        let left = "2026-11-20T13:05:00Z".parse().unwrap();
        let (kind, title, body) = told(&Happening::Completed { left, amount: Some(eur(850)) });
        assert_eq!((kind, title.as_str()), (Kind::Completed, "Your stay at Harbour is over"));
        assert_eq!(body, "Spot A-12: you left on Fri 20 Nov, 14:05. It costs 8.50 EUR.");
    }

    #[test]
    fn a_reservation_tells_window_and_code() {
        let at = |text: &str| text.parse().unwrap();
        let window = Window::try_new(at("2026-11-20T13:00:00Z"), at("2026-11-20T15:00:00Z"));
        let (_, title, body) =
            told(&Happening::Reserved { window: window.unwrap(), code: "K7P2".to_owned() });
        assert_eq!(title, "Spot A-12 is yours");
        assert_eq!(body, "Harbour, Fri 20 Nov, 14:00 to 16:00. Your code is K7P2.");
    }

    #[test]
    fn a_reservation_whose_spot_is_to_be_given_names_none_and_a_later_message_does() {
        let window = || {
            let at = |text: &str| text.parse().unwrap();
            Window::try_new(at("2026-11-20T13:00:00Z"), at("2026-11-20T15:00:00Z")).unwrap()
        };
        let open = Place { lot_name: "Harbour".to_owned(), ..Place::default() };
        let reserved = Happening::Reserved { window: window(), code: "K7P2".to_owned() };
        let message = compose(&Voice::default(), &open, &reserved);
        assert_eq!(message.title, "A spot is reserved for you");
        assert!(message.body.contains("told which one"), "{}", message.body);
        let expired = compose(&Voice::default(), &open, &Happening::Expired);
        assert!(expired.body.starts_with("Your spot at Harbour is no longer"), "{}", expired.body);
        let given = told(&Happening::SpotGiven { window: window(), code: "K7P2".to_owned() });
        assert_eq!((given.0, given.1.as_str()), (Kind::Reserved, "Spot A-12 is yours"));
    }

    #[test]
    fn an_offer_tells_window_and_end() {
        let at = |text: &str| text.parse().unwrap();
        let window =
            Window::try_new(at("2026-11-20T13:00:00Z"), at("2026-11-20T15:00:00Z")).unwrap();
        let until = at("2026-11-20T08:10:00Z");
        let (kind, title, body) = told(&Happening::Offered { window, until });
        assert_eq!(
            (kind, title.as_str()),
            (Kind::WaitlistOffered, "A place is free for you at Harbour")
        );
        let when = "Spot A-12, Fri 20 Nov, 14:00 to 16:00.";
        assert_eq!(
            body,
            format!("{when} It is kept for you until Fri 20 Nov, 09:10: confirm it before.")
        );
    }

    #[test]
    fn a_receipt_reads_well_also_where_the_place_is_not_known() {
        let charged =
            Happening::Charged { amount: eur(850), receipt_number: "00000007".to_owned() };
        assert_eq!(told(&charged).2, "8.50 EUR was charged for parking at Harbour.");
        let nowhere = compose(&Voice::default(), &Place::default(), &charged);
        assert_eq!(nowhere.body, "8.50 EUR was charged for parking.");
        assert_eq!(nowhere.title, "Receipt 00000007");
    }

    #[test]
    fn a_refusal_gives_only_reasons_that_people_understand() {
        let (_, _, body) =
            told(&Happening::Declined { code: "insufficient_funds".to_owned(), until: None });
        assert!(body.contains("not enough money"), "{body}");
        let (_, _, body) =
            told(&Happening::Declined { code: "do_not_honor_05".to_owned(), until: None });
        assert!(!body.contains("05"), "{body}");
    }
}
