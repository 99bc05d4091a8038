//! What happened, into a title and a sentence or two.

use jiff::Timestamp;
use parkmesh_contracts::money::Money;
use parkmesh_contracts::window::Window;

use super::moment::{moment, span};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The booking is reserved.
    Reserved,
    /// The car has arrived.
    Arrived,
    /// The stay is over.
    Completed,
    /// The money is taken.
    Receipt,
    /// The booking was given back.
    Cancelled,
    /// The hold ran out.
    Expired,
    /// No car came.
    NoShow,
    /// The card was refused.
    PaymentDeclined,
    /// A place that the driver waited for is kept.
    WaitlistOffered,
    /// The booking ends later.
    Extended,
    /// The booking is somewhere else, or at another time.
    Moved,
    /// The booking had to get another spot.
    Relocated,
    /// The car stayed past its window.
    Overstayed,
    /// Whose car is it?
    ClaimAsked,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Reserved,
        Self::Arrived,
        Self::Completed,
        Self::Receipt,
        Self::Cancelled,
        Self::Expired,
        Self::NoShow,
        Self::PaymentDeclined,
        Self::WaitlistOffered,
        Self::Extended,
        Self::Moved,
        Self::Relocated,
        Self::Overstayed,
        Self::ClaimAsked,
    ];

    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Arrived => "arrived",
            Self::Completed => "completed",
            Self::Receipt => "receipt",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::NoShow => "no_show",
            Self::PaymentDeclined => "payment_declined",
            Self::WaitlistOffered => "waitlist_offered",
            Self::Extended => "extended",
            Self::Moved => "moved",
            Self::Relocated => "relocated",
            Self::Overstayed => "overstayed",
            Self::ClaimAsked => "claim_asked",
        }
    }
}

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
        /// Its spot was blocked, and no other was free.
        blocked: bool,
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
    },
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
}

/// The message that tells what happened there.
pub fn compose(place: &Place, happening: &Happening) -> Message {
    let Place { lot_name, time_zone, .. } = place;
    let what = place.what();
    let at_place = place.phrase();
    let (kind, title, body) = match happening {
        Happening::Reserved { window, code } if place.is_open() => (
            Kind::Reserved,
            "A spot is reserved for you".to_owned(),
            format!(
                "{lot_name}, {}. You will be told which one it is. Your code is {code}.",
                span(window, time_zone)
            ),
        ),
        Happening::Reserved { window, code } | Happening::SpotGiven { window, code } => (
            Kind::Reserved,
            format!("{what} is yours"),
            format!("{lot_name}, {}. Your code is {code}.", span(window, time_zone)),
        ),
        Happening::Offered { window, until } => (
            Kind::WaitlistOffered,
            format!("A place is free for you{at_place}"),
            format!(
                "{what}, {}. It is kept for you until {}: confirm it before.",
                span(window, time_zone),
                moment(*until, time_zone)
            ),
        ),
        Happening::Arrived { at, window } => (
            Kind::Arrived,
            format!("Welcome to {lot_name}"),
            format!(
                "{what}: you arrived on {}. Your booking ends on {}.",
                moment(*at, time_zone),
                moment(window.end(), time_zone)
            ),
        ),
        Happening::Completed { left, amount } => {
            let left = moment(*left, time_zone);
            let costs = amount.map_or_else(
                || "It costs nothing.".to_owned(),
                |amount| format!("It costs {amount}."),
            );
            let title = format!("Your stay at {lot_name} is over");
            (Kind::Completed, title, format!("{what}: you left on {left}. {costs}"))
        }
        Happening::Cancelled { window, fee, blocked } => {
            let why = if *blocked { "The spot is blocked and no other is free. " } else { "" };
            (
                Kind::Cancelled,
                "Your booking is cancelled".to_owned(),
                format!("{what}{at_place}, {}. {why}{}", span(window, time_zone), kept(*fee)),
            )
        }
        Happening::Changed(change) => changed(place, change),
        Happening::Expired => (
            Kind::Expired,
            "Your hold has ended".to_owned(),
            format!("{what}{at_place} is no longer kept for you. Nothing is charged."),
        ),
        Happening::NoShow { window, fee } => (
            Kind::NoShow,
            "You did not arrive".to_owned(),
            format!(
                "{what}{at_place} was kept for you, {}. {}",
                span(window, time_zone),
                kept(*fee)
            ),
        ),
        Happening::Charged { amount, receipt_number } => (
            Kind::Receipt,
            format!("Receipt {receipt_number}"),
            format!("{amount} was charged for parking{at_place}."),
        ),
        Happening::Declined { code } => (
            Kind::PaymentDeclined,
            "Your payment was declined".to_owned(),
            format!(
                "The payment for parking{at_place} was declined{}. Try another payment method.",
                why(code)
            ),
        ),
    };
    Message { kind, title, body }
}

/// The messages of a booking that goes on somewhere else or for longer, or has gone on for too long.
fn changed(place: &Place, change: &Change) -> (Kind, String, String) {
    let (what, at_place, time_zone) = (place.what(), place.phrase(), &place.time_zone);
    match change {
        Change::Moved { window } => (
            Kind::Moved,
            "Your booking is moved".to_owned(),
            format!("{what}{at_place} is yours, {}.", span(window, time_zone)),
        ),
        Change::Relocated { from, window } => (
            Kind::Relocated,
            "You have another spot".to_owned(),
            format!(
                "Spot {from} is blocked. {what}{at_place} is yours instead, {}, at no extra cost.",
                span(window, time_zone)
            ),
        ),
        Change::Overstayed { left, amount } => {
            let left = moment(*left, time_zone);
            let costs = amount.map_or_else(
                || "That costs nothing.".to_owned(),
                |amount| format!("That costs {amount} more."),
            );
            let title = "You stayed longer than booked".to_owned();
            (Kind::Overstayed, title, format!("{what}{at_place}: until {left}. {costs}"))
        }
        Change::ClaimAsked { spot_number } => (
            Kind::ClaimAsked,
            format!("Are you in spot {spot_number}?"),
            format!(
                "A car stands there{at_place}, and your booking is for {what}. Tell us if it is \
                 yours, and your booking moves there."
            ),
        ),
        Change::Extended { end } => (
            Kind::Extended,
            "Your booking is extended".to_owned(),
            format!("{what}{at_place} is yours until {}.", moment(*end, time_zone)),
        ),
    }
}

impl Place {
    /// Whether the spot is still to be given.
    const fn is_open(&self) -> bool {
        self.ticket_number == 0 && self.spot_number.is_empty()
    }

    /// `Spot A-12`, `Ticket 7`, or `Your spot` where it is still to be given.
    fn what(&self) -> String {
        match self.ticket_number {
            0 if self.is_open() => "Your spot".to_owned(),
            0 => format!("Spot {}", self.spot_number),
            number => format!("Ticket {number}"),
        }
    }

    /// ` at Harbour`, or nothing where the name is not known.
    fn phrase(&self) -> String {
        if self.lot_name.is_empty() { String::new() } else { format!(" at {}", self.lot_name) }
    }
}

fn kept(fee: Option<Money>) -> String {
    match fee {
        Some(fee) => format!("A fee of {fee} is charged."),
        None => "Nothing is charged.".to_owned(),
    }
}

/// Codes of providers that people should understand; the others stay with us.
fn why(code: &str) -> &'static str {
    match code {
        "insufficient_funds" => ": there is not enough money on the card",
        "expired_card" => ": the card has expired",
        _ => "",
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
        let message = compose(&place, happening);
        (message.kind, message.title, message.body)
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
        let message = compose(&open, &reserved);
        assert_eq!(message.title, "A spot is reserved for you");
        assert!(message.body.contains("told which one"), "{}", message.body);
        let expired = compose(&open, &Happening::Expired);
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
        let nowhere = compose(&Place::default(), &charged);
        assert_eq!(nowhere.body, "8.50 EUR was charged for parking.");
        assert_eq!(nowhere.title, "Receipt 00000007");
    }

    #[test]
    fn a_refusal_gives_only_reasons_that_people_understand() {
        let (_, _, body) = told(&Happening::Declined { code: "insufficient_funds".to_owned() });
        assert!(body.contains("not enough money"), "{body}");
        let (_, _, body) = told(&Happening::Declined { code: "do_not_honor_05".to_owned() });
        assert!(!body.contains("05"), "{body}");
    }
}
