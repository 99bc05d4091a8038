//! One spot: what the three sources say of it, and what that makes of it now.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::common::v1::{SpotStatus, SpotType};
use parkmesh_contracts::ids::{BookingId, FloorId, SpotId};
use parkmesh_contracts::window::Window;

use super::search::rules::kept;
use super::search::span::Span;

/// What the inventory says of a spot.
#[derive(Clone, Debug, PartialEq)]
pub struct SpotInfo {
    /// The spot.
    pub spot_id: SpotId,
    /// Its floor.
    pub floor_id: FloorId,
    /// What is painted on it.
    pub spot_number: String,
    /// What it is made for.
    pub spot_type: SpotType,
    /// The operator closed it.
    pub out_of_service: bool,
    /// The spot's own version, which HoldSpot checks.
    pub version: i64,
    /// Place on the floor's plan, in plan units.
    pub plan: (f64, f64),
}

/// What the ground says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ground {
    /// No sensor watches the spot: the books alone decide.
    #[default]
    Unwatched,
    /// Nothing stands there.
    Vacant,
    /// A car stands there.
    Occupied,
    /// A sensor watches it and is silent.
    Unknown,
}

/// How far a live booking has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Kept until the instant; from then on it blocks nobody, even if nobody says so.
    Held {
        /// When the hold ends.
        until: Timestamp,
    },
    /// Promised; no car yet.
    Reserved,
    /// The car has come.
    Active,
}

/// The window that a live booking keeps on a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveWindow {
    /// The booking.
    pub booking_id: BookingId,
    /// The booking's version.
    pub version: i64,
    /// The time kept.
    pub window: Window,
    /// Seconds after it in which the spot takes no other booking, though a car may stand there.
    pub turnaround_seconds: i32,
    /// How far it has come.
    pub phase: Phase,
}

impl LiveWindow {
    /// Whether it keeps its time from other bookings still; a hold that has lapsed does not.
    pub(super) fn keeps_at(&self, now: Timestamp) -> bool {
        match self.phase {
            Phase::Held { until } => now < until,
            Phase::Reserved | Phase::Active => true,
        }
    }

    /// What it keeps from other bookings: the window, and the turnaround after it.
    pub(super) fn span(&self) -> Span {
        let turnaround = SignedDuration::from_secs(self.turnaround_seconds.into());
        Span::of(&kept(&self.window, turnaround))
    }

    /// The span in which the window keeps others away, `None` for an end that only a fact can
    /// bring.
    pub(super) fn reach(&self, early_arrival: SignedDuration) -> (Timestamp, Option<Timestamp>) {
        let from = self.window.start() - early_arrival;
        match self.phase {
            Phase::Held { until } => (from, Some(until.min(self.window.end()))),
            Phase::Reserved => (from, Some(self.window.end())),
            // The car is there until it is said to have left, whatever the window says.
            Phase::Active => (Timestamp::MIN, None),
        }
    }
}

/// A time in which the operator closes a lot, a floor or a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    /// Only this floor.
    pub floor_id: Option<FloorId>,
    /// Only this spot.
    pub spot_id: Option<SpotId>,
    /// When.
    pub window: Window,
}

impl Closure {
    fn closes(&self, info: &SpotInfo) -> bool {
        self.floor_id.is_none_or(|floor_id| floor_id == info.floor_id)
            && self.spot_id.is_none_or(|spot_id| spot_id == info.spot_id)
    }
}

/// Everything known of one spot.
#[derive(Clone, Debug)]
pub struct SpotPicture {
    /// What the inventory says.
    pub info: SpotInfo,
    /// What the ground says.
    pub ground: Ground,
    /// Version of `ground`; 0 before the first word.
    pub ground_version: i64,
    /// Live windows, in no order; a spot has few at a time.
    pub windows: Vec<LiveWindow>,
    /// What the spot is, as of the last look.
    pub status: SpotStatus,
    /// Revision of the lot at which `status` or `info` last changed.
    pub changed_revision: u64,
    /// Positions in BOOKING and SENSOR of the last facts that touched the spot.
    pub stamp: Stamp,
    /// When `status` will change by time alone.
    pub due: Option<Timestamp>,
}

/// How far a spot's picture has come in the two streams that feed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// In BOOKING.
    pub booking: u64,
    /// In SENSOR.
    pub sensor: u64,
}

impl SpotPicture {
    /// A spot of which only the inventory has spoken. Its status is unspecified until the first
    /// look.
    #[must_use]
    pub fn new(info: SpotInfo) -> Self {
        Self {
            info,
            ground: Ground::Unwatched,
            ground_version: 0,
            windows: Vec::new(),
            status: SpotStatus::Unspecified,
            changed_revision: 0,
            stamp: Stamp::default(),
            due: None,
        }
    }

    /// What the spot is at `now`, and when that will change with no further fact.
    #[must_use]
    pub fn look(
        &self,
        now: Timestamp,
        early_arrival: SignedDuration,
        closures: &[Closure],
    ) -> (SpotStatus, Option<Timestamp>) {
        let mut due: Option<Timestamp> = None;
        let mut soonest = |instant: Timestamp| {
            if instant > now {
                due = Some(due.map_or(instant, |known| known.min(instant)));
            }
        };
        let mut closed = false;
        for closure in closures.iter().filter(|closure| closure.closes(&self.info)) {
            closed |= closure.window.contains(now);
            soonest(closure.window.start());
            soonest(closure.window.end());
        }
        let mut kept = false;
        let mut active = false;
        for live in &self.windows {
            let (from, until) = live.reach(early_arrival);
            let open = from <= now && until.is_none_or(|until| now < until);
            kept |= open;
            active |= live.phase == Phase::Active;
            [Some(from), until].into_iter().flatten().for_each(&mut soonest);
        }
        if closed {
            return (SpotStatus::OutOfService, due);
        }
        (self.status_given(kept, active), due)
    }

    /// Whether something stands there that no booking explains, or nobody knows whether something does.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        match self.ground {
            Ground::Unknown => true,
            Ground::Occupied => self.windows.iter().all(|live| live.phase != Phase::Active),
            Ground::Unwatched | Ground::Vacant => false,
        }
    }

    /// The table "free now" of the domain: out of service wins, then the ground, then the books.
    fn status_given(&self, kept: bool, active: bool) -> SpotStatus {
        if self.info.out_of_service {
            return SpotStatus::OutOfService;
        }
        match self.ground {
            Ground::Occupied => SpotStatus::Occupied,
            Ground::Unknown => SpotStatus::Unknown,
            Ground::Unwatched if active => SpotStatus::Occupied,
            Ground::Unwatched | Ground::Vacant if kept => SpotStatus::Reserved,
            Ground::Unwatched | Ground::Vacant => SpotStatus::Available,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const EARLY: SignedDuration = SignedDuration::from_mins(15);

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(60 * 24 + minute)
    }

    fn spot() -> SpotPicture {
        SpotPicture::new(SpotInfo {
            spot_id: SpotId::from(Uuid::from_u128(1)),
            floor_id: FloorId::from(Uuid::from_u128(2)),
            spot_number: "1".into(),
            spot_type: SpotType::Regular,
            out_of_service: false,
            version: 1,
            plan: (0.0, 0.0),
        })
    }

    fn live(phase: Phase) -> LiveWindow {
        LiveWindow {
            booking_id: BookingId::from(Uuid::from_u128(3)),
            version: 1,
            window: Window::try_new(at(60), at(120)).expect("a window"),
            turnaround_seconds: 0,
            phase,
        }
    }

    #[test]
    fn a_reserved_window_keeps_the_spot_from_the_early_arrival_time_to_its_end() {
        let mut spot = spot();
        spot.windows.push(live(Phase::Reserved));
        for (minute, status, due) in [
            (0, SpotStatus::Available, Some(45)),
            (44, SpotStatus::Available, Some(45)),
            (45, SpotStatus::Reserved, Some(120)),
            (119, SpotStatus::Reserved, Some(120)),
            (120, SpotStatus::Available, None),
        ] {
            assert_eq!(spot.look(at(minute), EARLY, &[]), (status, due.map(at)), "minute {minute}");
        }
    }

    #[test]
    fn a_lapsed_hold_blocks_nobody_even_if_nobody_says_so() {
        let mut spot = spot();
        spot.windows.push(live(Phase::Held { until: at(50) }));
        assert_eq!(spot.look(at(46), EARLY, &[]), (SpotStatus::Reserved, Some(at(50))));
        assert_eq!(spot.look(at(50), EARLY, &[]).0, SpotStatus::Available);
    }

    #[test]
    fn an_active_session_occupies_a_spot_that_no_sensor_watches_until_it_is_ended() {
        let mut spot = spot();
        spot.windows.push(live(Phase::Active));
        assert_eq!(spot.look(at(500), EARLY, &[]).0, SpotStatus::Occupied);
        spot.ground = Ground::Vacant;
        assert_eq!(spot.look(at(500), EARLY, &[]).0, SpotStatus::Reserved);
    }

    #[test]
    fn out_of_service_wins_over_the_ground_and_the_ground_over_the_books() {
        let mut spot = spot();
        spot.windows.push(live(Phase::Reserved));
        spot.ground = Ground::Occupied;
        assert_eq!(spot.look(at(70), EARLY, &[]).0, SpotStatus::Occupied);
        spot.ground = Ground::Unknown;
        assert_eq!(spot.look(at(70), EARLY, &[]).0, SpotStatus::Unknown);
        spot.info.out_of_service = true;
        assert_eq!(spot.look(at(70), EARLY, &[]).0, SpotStatus::OutOfService);
    }

    #[test]
    fn a_closure_of_its_floor_or_spot_takes_a_spot_out_of_service_for_its_time() {
        let closure = |floor: Option<u128>, spot: Option<u128>| Closure {
            floor_id: floor.map(|n| FloorId::from(Uuid::from_u128(n))),
            spot_id: spot.map(|n| SpotId::from(Uuid::from_u128(n))),
            window: Window::try_new(at(30), at(60)).expect("a window"),
        };
        for (closure, closed) in [
            (closure(None, None), true),
            (closure(Some(2), None), true),
            (closure(None, Some(1)), true),
            (closure(Some(9), None), false),
            (closure(None, Some(9)), false),
        ] {
            let look = |minute| spot().look(at(minute), EARLY, &[closure]);
            let (status, due) = match closed {
                true => (SpotStatus::OutOfService, Some(30)),
                false => (SpotStatus::Available, None),
            };
            assert_eq!(look(29), (SpotStatus::Available, due.map(at)), "{closure:?}");
            assert_eq!(look(30), (status, due.map(|_| at(60))), "{closure:?}");
            assert_eq!(look(60), (SpotStatus::Available, None), "{closure:?}");
        }
    }
}
