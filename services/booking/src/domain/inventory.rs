//! What there is to book: lots, tariffs, floors, spots, and the rules of changing them.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{BookingId, FloorId, LotId, SpotId, TariffId, UserId};
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::window::Window;

use crate::domain::tariff::{Fare, FareError, Rules};

use super::closure::Closure;
use super::pooling::Pooling;
use super::rules::LotRules;
use super::waitlist::Waiting;

mod change;
mod spots;

pub use change::{Change, change};
pub use spots::{NewSpot, Spot, as_good_as, first_duplicate};

/// Floors that a lot has at most: an `inventory_changed` fact carries all of them.
pub const FLOORS_MAX: usize = 200;
/// Most minor units that an hour may cost; prices of years of it still fit 64 bits by far.
pub const HOURLY_RATE_MINOR_MAX: i64 = 100_000_000_000;

/// What an operator chose for a lot; 0 means the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyChoice {
    /// Seconds that a hold keeps a spot.
    pub hold_ttl_seconds: i32,
    /// Seconds before the start from which an arrival counts.
    pub early_arrival_seconds: i32,
    /// Seconds after the start after which no car is a no-show.
    pub no_show_seconds: i32,
    /// Seconds past the end after which an open session is ended.
    pub overstay_grace_seconds: i32,
    /// Seconds in which a car that was seen to leave may be back.
    pub departure_grace_seconds: i32,
    /// A car may leave and come back for all of its window.
    pub in_and_out_allowed: bool,
    /// Live holds of one driver in the lot.
    pub max_holds_per_user: i32,
}

/// The times and limits that hold for a lot: the choice with defaults in place of zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a hold keeps a spot.
    pub hold_ttl: SignedDuration,
    /// How long before the start an arrival counts.
    pub early_arrival: SignedDuration,
    /// How long after the start no car is a no-show.
    pub no_show: SignedDuration,
    /// How long past the end an open session is ended.
    pub overstay_grace: SignedDuration,
    /// How long a car that was seen to leave may be back.
    pub departure_grace: SignedDuration,
    /// A car may leave and come back for all of its window.
    pub in_and_out_allowed: bool,
    /// Live holds of one driver in the lot.
    pub max_holds_per_user: i32,
}

impl PolicyChoice {
    /// The defaults, which the proto names field by field.
    pub const DEFAULT: Self = Self {
        hold_ttl_seconds: 900,
        early_arrival_seconds: 900,
        no_show_seconds: 1_800,
        overstay_grace_seconds: 900,
        departure_grace_seconds: 0,
        in_and_out_allowed: false,
        max_holds_per_user: 3,
    };

    /// The choice with the defaults in place of zeros, still in seconds.
    pub fn resolved(self) -> Self {
        let or = |chosen: i32, default: i32| if chosen == 0 { default } else { chosen };
        let default = Self::DEFAULT;
        Self {
            hold_ttl_seconds: or(self.hold_ttl_seconds, default.hold_ttl_seconds),
            early_arrival_seconds: or(self.early_arrival_seconds, default.early_arrival_seconds),
            no_show_seconds: or(self.no_show_seconds, default.no_show_seconds),
            overstay_grace_seconds: or(self.overstay_grace_seconds, default.overstay_grace_seconds),
            max_holds_per_user: or(self.max_holds_per_user, default.max_holds_per_user),
            ..self
        }
    }

    /// What holds.
    pub fn resolve(self) -> Policy {
        let seconds = |seconds: i32| SignedDuration::from_secs(i64::from(seconds));
        let policy = self.resolved();
        Policy {
            hold_ttl: seconds(policy.hold_ttl_seconds),
            early_arrival: seconds(policy.early_arrival_seconds),
            no_show: seconds(policy.no_show_seconds),
            overstay_grace: seconds(policy.overstay_grace_seconds),
            departure_grace: seconds(policy.departure_grace_seconds),
            in_and_out_allowed: policy.in_and_out_allowed,
            max_holds_per_user: policy.max_holds_per_user,
        }
    }
}

/// A version of what parking costs in a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// Its id.
    pub tariff_id: TariffId,
    /// The lot.
    pub lot_id: LotId,
    /// 1 for the first of the lot.
    pub version: i64,
    /// Of every price of it.
    pub currency: Currency,
    /// What a stay costs.
    pub rules: Arc<Rules>,
    /// When it began to hold.
    pub create_time: Timestamp,
}

impl Tariff {
    /// An hour at the plain rate.
    pub fn hourly_rate(&self) -> Money {
        Money::new(self.rules.hourly_minor(), self.currency)
    }

    /// It, for spots of one type in a lot of this zone.
    ///
    /// # Errors
    /// [`FareError::Zone`].
    pub fn fare(&self, spot_type: SpotType, time_zone: &str) -> Result<Fare, FareError> {
        Fare::try_new(Arc::clone(&self.rules), spot_type, self.currency, time_zone)
    }
}

/// A car park.
#[derive(Debug, Clone, PartialEq)]
pub struct Lot {
    /// Its id.
    pub lot_id: LotId,
    /// Who runs it.
    pub operator_id: UserId,
    /// Name that drivers see.
    pub name: String,
    /// Street address.
    pub address: String,
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// IANA name.
    pub time_zone: String,
    /// Of every price of the lot.
    pub currency: Currency,
    /// What the operator chose; [`PolicyChoice::resolve`] says what holds.
    pub policy: PolicyChoice,
    /// What windows it takes; [`LotRules::resolved`] says what holds.
    pub rules: LotRules,
    /// How it hands out the spots of its pools; [`Pooling::resolved`] says what holds.
    pub pooling: Pooling,
    /// What it lets those do who wait; [`Waiting::resolved`] says what holds.
    pub waiting: Waiting,
    /// Somebody waited, or had an offer, when it was read.
    pub has_waiting: bool,
    /// Closures that had not ended when it was read.
    pub closures: Vec<Closure>,
    /// The tariff that holds now.
    pub tariff: Tariff,
    /// Counts up with every change of the lot or its floors.
    pub version: i64,
}

/// A lot to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLot {
    /// Name that drivers see.
    pub name: String,
    /// Street address.
    pub address: String,
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// IANA name, see [`time_zone`].
    pub time_zone: String,
    /// Price of one started hour, not negative.
    pub hourly_rate: Money,
    /// Times and limits.
    pub policy: PolicyChoice,
    /// What windows it takes.
    pub rules: LotRules,
    /// How it hands out the spots of its pools.
    pub pooling: Pooling,
    /// What it lets those do who wait.
    pub waiting: Waiting,
}

impl Lot {
    /// What a booking of a spot keeps of it: its window, and the turnaround after it.
    pub fn kept(&self, window: &Window) -> Window {
        let turnaround = SignedDuration::from_secs(self.rules.turnaround_seconds.into());
        let end = window.end().checked_add(turnaround).unwrap_or(Timestamp::MAX);
        Window::try_new(window.start(), end).unwrap_or(*window)
    }
}

impl NewLot {
    /// The lot, with its first tariff.
    pub fn found(
        self,
        lot_id: LotId,
        tariff_id: TariffId,
        operator_id: UserId,
        now: Timestamp,
    ) -> Lot {
        let currency = self.hourly_rate.currency;
        let rules = Arc::new(Rules::flat(self.hourly_rate.minor));
        Lot {
            lot_id,
            operator_id,
            name: self.name,
            address: self.address,
            latitude: self.latitude,
            longitude: self.longitude,
            time_zone: self.time_zone,
            currency,
            policy: self.policy,
            tariff: Tariff { tariff_id, lot_id, version: 1, currency, rules, create_time: now },
            rules: self.rules,
            pooling: self.pooling,
            waiting: self.waiting,
            has_waiting: false,
            closures: Vec::new(),
            version: 1,
        }
    }
}

/// A level of a lot.
#[derive(Debug, Clone, PartialEq)]
pub struct Floor {
    /// Its id.
    pub floor_id: FloorId,
    /// The lot.
    pub lot_id: LotId,
    /// 0 is the street's level.
    pub floor_number: i32,
    /// Name that drivers see.
    pub name: String,
    /// In plan units.
    pub plan_width: f64,
    /// In plan units.
    pub plan_height: f64,
    /// Counts up with every change of the floor itself.
    pub version: i64,
}

/// A window that a live booking keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveWindow {
    /// The booking.
    pub booking_id: BookingId,
    /// The lot.
    pub lot_id: LotId,
    /// The spot; None while it is still to be given.
    pub spot_id: Option<SpotId>,
    /// The type of spot; unspecified where it is not known.
    pub spot_type: SpotType,
    /// First instant kept.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
    /// Seconds after that which are kept too.
    pub turnaround_seconds: i32,
    /// Held, reserved or active.
    pub state: BookingState,
    /// Version of the booking.
    pub version: i64,
    /// Held only.
    pub hold_expire_time: Option<Timestamp>,
}

/// The zone's IANA name as its database spells it, or None when there is no such zone.
/// `europe/berlin` becomes `Europe/Berlin`, so that equal zones are equal texts.
pub fn time_zone(name: &str) -> Option<String> {
    let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())?;
    // A machine's database also holds `localtime`, `posixrules` and copies under `right/`, which mean
    // other times elsewhere. Names of IANA begin with a capital.
    let official = |name: &&str| name.starts_with(|first: char| first.is_ascii_uppercase());
    zone.iana_name().filter(official).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_of_a_policy_are_its_defaults() {
        let policy = PolicyChoice { hold_ttl_seconds: 60, ..Default::default() }.resolve();
        let default = PolicyChoice::DEFAULT.resolve();
        assert_eq!(policy.hold_ttl, SignedDuration::from_mins(1));
        assert_eq!(policy, Policy { hold_ttl: policy.hold_ttl, ..default });
        assert_eq!(default.no_show, SignedDuration::from_mins(30));
        assert_eq!(default.max_holds_per_user, 3);
    }

    #[test]
    fn a_time_zone_gets_its_official_spelling() {
        assert_eq!(time_zone("europe/berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(time_zone("UTC").as_deref(), Some("UTC"));
        for unknown in [
            "Europe/Atlantis",
            "Etc/Unknown",
            "+02:00",
            "../etc/passwd",
            "localtime",
            "posixrules",
            "right/Europe/Berlin",
            "posix/Europe/Berlin",
        ] {
            assert_eq!(time_zone(unknown), None, "{unknown}");
        }
    }
}
