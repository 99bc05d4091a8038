//! What a search finds, held against a look at every spot and booking.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::hours::{OpeningHours, OpeningSpan};
use parkmesh_contracts::ids::{BookingId, FloorId, LotId, SpotId};
use parkmesh_contracts::window::Window;
use proptest::prelude::*;
use uuid::Uuid;

use super::rules::{Refusal, WindowRules, kept};
use super::*;
use crate::domain::lot::{FloorInfo, LotInfo};
use crate::domain::spot::{Closure, Ground, LiveWindow, Phase, SpotInfo, Stamp};

const EARLY: SignedDuration = SignedDuration::from_mins(15);
const TYPES: [SpotType; 3] = [SpotType::Regular, SpotType::Ev, SpotType::Accessible];
const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * 60 * MINUTE_US;

fn start() -> Timestamp {
    date(2026, 3, 27).at(8, 0, 0, 0).to_zoned(TimeZone::UTC).expect("an instant").timestamp()
}

fn at(us: i64) -> Timestamp {
    start() + SignedDuration::from_micros(us)
}

fn window(from_us: i64, to_us: i64) -> Window {
    Window::try_new(at(from_us), at(to_us)).expect("a window")
}

fn floor_id(n: u128) -> FloorId {
    FloorId::from(Uuid::from_u128(900 + n))
}

fn spot_id(n: u128) -> SpotId {
    SpotId::from(Uuid::from_u128(n))
}

fn booking_id(n: u128) -> BookingId {
    BookingId::from(Uuid::from_u128(50_000 + n))
}

fn info(n: u128, version: i64, out_of_service: bool) -> SpotInfo {
    SpotInfo {
        spot_id: spot_id(n),
        floor_id: floor_id(n % 2),
        spot_number: format!("{:03}", (n * 37) % 1_000),
        spot_type: TYPES[usize::try_from(n / 2 % 3).expect("small")],
        out_of_service,
        version,
        plan: (0.0, 0.0),
    }
}

fn lot_info(version: i64, closures: Vec<Closure>, turnaround_minutes: i64) -> LotInfo {
    let turnaround = SignedDuration::from_mins(turnaround_minutes);
    LotInfo {
        rules: WindowRules { turnaround, ..WindowRules::default() },
        closures,
        version,
        ..LotInfo::named(LotId::from(Uuid::from_u128(1)), "Mall".into())
    }
}

fn lot_with(spots: u128) -> LotPicture {
    let mut lot = LotPicture::new(lot_info(1, Vec::new(), 0));
    for n in 0..spots {
        lot.put_spot(info(n, 1, false), Stamp::default(), at(0));
        // Floors may be told of late.
        if n == spots / 2 {
            for (n, floor_number) in [(0, 1), (1, 0)] {
                lot.put_floor(FloorInfo { floor_id: floor_id(n), floor_number });
            }
        }
    }
    lot
}

/// What happens in the lot; times in microseconds from the start.
#[derive(Clone, Debug)]
enum Step {
    Book { booking: u128, spot: u128, from: i64, long: i64, phase: u8, turnaround_minutes: i32 },
    Promise { booking: u128, of_type: usize, from: i64, long: i64, phase: u8 },
    End { booking: u128 },
    Spot { spot: u128, out_of_service: bool },
    Ground { spot: u128, ground: u8 },
    Close { floor: Option<u128>, spot: Option<u128>, from: i64, long: i64 },
    Turnaround { minutes: i64 },
    Pass { minutes: i64 },
    Back,
}

/// Starts and lengths: on quarters of an hour mostly, and anywhere.
fn instant(days: i64) -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => (0..days * 96).prop_map(|quarter| quarter * 15 * MINUTE_US),
        1 => (0..days * 1_440).prop_map(|minute| minute * MINUTE_US),
        1 => 0..days * DAY_US,
    ]
}

fn length() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => (1..40_i64).prop_map(|quarters| quarters * 15 * MINUTE_US),
        2 => 1..8 * MINUTE_US,
        1 => 1..6 * DAY_US,
    ]
}

fn step(spots: u128) -> impl Strategy<Value = Step> {
    let (days, bookings) = (8, 40_u128);
    let book = (0..bookings, 0..spots, instant(days), length(), 0..3_u8, 0..20_i32).prop_map(
        |(booking, spot, from, long, phase, turnaround_minutes)| Step::Book {
            booking,
            spot,
            from,
            long,
            phase,
            turnaround_minutes,
        },
    );
    let promise = (0..bookings, 0..3_usize, instant(days), length(), 0..2_u8).prop_map(
        |(booking, of_type, from, long, phase)| Step::Promise {
            booking: 1_000 + booking,
            of_type,
            from,
            long,
            phase,
        },
    );
    let close = (prop::option::of(0..2_u128), prop::option::of(0..spots), instant(days), length())
        .prop_map(|(floor, spot, from, long)| Step::Close { floor, spot, from, long });
    prop_oneof![
        12 => book,
        4 => promise,
        3 => (0..2 * bookings).prop_map(|n| Step::End { booking: n % 40 + n / 40 * 1_000 }),
        1 => (0..spots, any::<bool>()).prop_map(|(spot, out_of_service)| Step::Spot { spot, out_of_service }),
        2 => (0..spots, 0..3_u8).prop_map(|(spot, ground)| Step::Ground { spot, ground }),
        1 => close,
        1 => (0..30_i64).prop_map(|minutes| Step::Turnaround { minutes }),
        2 => (0..2_000_i64).prop_map(|minutes| Step::Pass { minutes }),
        1 => Just(Step::Back),
    ]
}

/// The lot, and what a reader of everything needs to know besides.
struct Scene {
    lot: LotPicture,
    now: i64,
    version: i64,
    promises: BTreeMap<u128, (SpotType, LiveWindow)>,
    on: BTreeMap<u128, u128>,
}

impl Scene {
    fn new(spots: u128) -> Self {
        let (promises, on) = (BTreeMap::new(), BTreeMap::new());
        Self { lot: lot_with(spots), now: 0, version: 1, promises, on }
    }

    fn live(&self, booking: u128, from: i64, long: i64, phase: u8) -> LiveWindow {
        let phases =
            [Phase::Reserved, Phase::Held { until: at(self.now + 10 * MINUTE_US) }, Phase::Active];
        LiveWindow {
            booking_id: booking_id(booking),
            version: self.version,
            window: window(self.now + from, self.now + from + long),
            turnaround_seconds: 0,
            phase: phases[usize::from(phase)],
        }
    }

    fn take(&mut self, step: &Step) {
        let (now, stamp) = (at(self.now), Stamp::default());
        self.version += 1;
        match *step {
            Step::Book { booking, spot, from, long, phase, turnaround_minutes } => {
                let live = self.live(booking, from, long, phase);
                let live = LiveWindow { turnaround_seconds: turnaround_minutes * 60, ..live };
                if let Some(other) = self.on.insert(booking, spot).filter(|other| *other != spot) {
                    self.lot.end_window(spot_id(other), live.booking_id, stamp, now);
                }
                self.lot.put_window(spot_id(spot), live, stamp, now);
            }
            Step::Promise { booking, of_type, from, long, phase } => {
                let live = self.live(booking, from, long, phase);
                self.promises.insert(booking, (TYPES[of_type], live));
                self.lot.put_promise(TYPES[of_type], live, now);
            }
            Step::End { booking } => {
                if let Some(spot) = self.on.remove(&booking) {
                    self.lot.end_window(spot_id(spot), booking_id(booking), stamp, now);
                }
                if self.promises.remove(&booking).is_some() {
                    self.lot.end_promise(booking_id(booking));
                }
            }
            Step::Spot { spot, out_of_service } => {
                self.lot.put_spot(info(spot, self.version, out_of_service), stamp, now);
            }
            Step::Ground { spot, ground } => {
                let ground =
                    [Ground::Vacant, Ground::Occupied, Ground::Unknown][usize::from(ground)];
                self.lot.put_ground(spot_id(spot), ground, self.version, stamp, now);
            }
            Step::Close { floor, spot, from, long } => {
                let window = window(self.now + from, self.now + from + long);
                let floor_id = floor.filter(|_| spot.is_none()).map(floor_id);
                let mut closures = self.lot.info.closures.clone();
                closures.push(Closure { floor_id, spot_id: spot.map(spot_id), window });
                let turnaround = self.lot.info.rules.turnaround.as_mins();
                self.lot.put_info(lot_info(self.version, closures, turnaround), now);
            }
            Step::Turnaround { minutes } => {
                let closures = self.lot.info.closures.clone();
                self.lot.put_info(lot_info(self.version, closures, minutes), now);
            }
            Step::Pass { minutes } => self.now += minutes * MINUTE_US,
            Step::Back => {
                self.now = (self.now - 20 * MINUTE_US).max(0);
                self.lot.look_again(at(self.now));
            }
        }
        self.lot.tick(at(self.now));
    }

    /// What every spot and booking say.
    fn is_free(&self, spot: &SpotPicture, asked: Window) -> bool {
        let now = at(self.now);
        let wanted = self.lot.info.rules.kept(&asked);
        let keeps = |live: &LiveWindow| {
            let turnaround = SignedDuration::from_secs(live.turnaround_seconds.into());
            let lapsed = matches!(live.phase, Phase::Held { until } if until <= now);
            !lapsed && kept(&live.window, turnaround).overlaps(&wanted)
        };
        let closed = |closure: &Closure| {
            closure.window.overlaps(&asked)
                && closure.floor_id.is_none_or(|it| it == spot.info.floor_id)
                && closure.spot_id.is_none_or(|it| it == spot.info.spot_id)
        };
        let active = spot.windows.iter().any(|live| live.phase == Phase::Active);
        let doubtful =
            spot.ground == Ground::Unknown || (spot.ground == Ground::Occupied && !active);
        let kept_away = doubtful && asked.start() <= now + EARLY;
        let taken = spot.windows.iter().any(keeps) || self.lot.info.closures.iter().any(closed);
        !spot.info.out_of_service && !taken && !kept_away
    }

    fn promised(&self, spot_type: SpotType, asked: Window) -> usize {
        let wanted = self.lot.info.rules.kept(&asked);
        let of_type =
            self.promises.values().filter(|(it, _)| *it == spot_type).map(|(_, live)| live);
        let live: Vec<Window> = of_type
            .filter(|live| !matches!(live.phase, Phase::Held { until } if until <= at(self.now)))
            .map(|live| live.window)
            .collect();
        let begins = live.iter().map(Window::start).chain([wanted.start()]);
        let begins: BTreeSet<Timestamp> = begins.filter(|it| wanted.contains(*it)).collect();
        let meet = |instant: &Timestamp| live.iter().filter(|it| it.contains(*instant)).count();
        begins.iter().map(meet).max().unwrap_or(0)
    }

    fn compare(&self, asked: Window) -> Result<(), TestCaseError> {
        let found = self.lot.search(asked, at(self.now));
        if found.refusal.is_some() {
            prop_assert!(asked.end() <= at(self.now) || asked.start() < at(self.now));
            return Ok(());
        }
        let mut free: BTreeMap<SpotType, BTreeSet<(i32, String)>> = BTreeMap::new();
        let mut floors: BTreeMap<(FloorId, SpotType), usize> = BTreeMap::new();
        for spot in self.lot.spots().filter(|spot| self.is_free(spot, asked)) {
            let number = self.lot.floors.get(&spot.info.floor_id).expect("a floor").floor_number;
            let of_type = free.entry(spot.info.spot_type).or_default();
            of_type.insert((number, spot.info.spot_number.clone()));
            *floors.entry((spot.info.floor_id, spot.info.spot_type)).or_default() += 1;
        }
        for spot_type in TYPES {
            let spots = free.get(&spot_type).map_or(0, BTreeSet::len);
            let left = spots.saturating_sub(self.promised(spot_type, asked));
            let told = found.counts.types.get(&spot_type).map_or(0, |it| it.free as usize);
            prop_assert_eq!(told, left, "{:?}", spot_type);
            for n in 0..2 {
                let on_floor = floors.get(&(floor_id(n), spot_type)).copied().unwrap_or(0);
                let told = found.counts.floors.get(&floor_id(n)).and_then(|it| it.get(&spot_type));
                prop_assert_eq!(told.map_or(0, |it| it.free as usize), on_floor.min(left));
            }
            // In pages, in order.
            let wanted = Wanted { spot_type: Some(spot_type), floor_id: None };
            let (mut told, mut after): (Vec<(i32, String)>, Option<OrderKey>) = (Vec::new(), None);
            loop {
                let page = self.lot.free_spots(&found, wanted, after.as_ref(), 7);
                let Some((last, _)) = page.last() else { break };
                after = Some((*last).clone());
                told.extend(
                    page.iter().map(|(key, _)| (key.floor_number, key.spot_number.clone())),
                );
            }
            let all: Vec<(i32, String)> =
                free.get(&spot_type).into_iter().flatten().cloned().collect();
            prop_assert_eq!(told, if left > 0 { all } else { Vec::new() });
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_search_agrees_with_a_look_at_every_spot_and_booking(
        (spots, steps) in (1_u128..150).prop_flat_map(|spots| {
            // Most of what happens meets on few spots.
            let busy = spots.min(9);
            (Just(spots), prop::collection::vec(step(busy), 1..80))
        }),
        asked in prop::collection::vec((instant(9), length()), 12),
    ) {
        let mut scene = Scene::new(spots);
        for (at, step) in steps.iter().enumerate() {
            scene.take(step);
            let (from, long) = asked[at % asked.len()];
            scene.compare(window(scene.now + from, scene.now + from + long))?;
        }
        for (from, long) in asked {
            scene.compare(window(scene.now + from, scene.now + from + long))?;
        }
    }
}

#[test]
fn spots_that_come_later_find_room_beside_what_is_kept() {
    let mut lot = lot_with(3);
    let live = LiveWindow {
        booking_id: booking_id(1),
        version: 1,
        window: window(DAY_US, DAY_US + 7 * MINUTE_US),
        turnaround_seconds: 0,
        phase: Phase::Reserved,
    };
    lot.put_window(spot_id(1), live, Stamp::default(), at(0));
    for n in 3..1_000 {
        lot.put_spot(info(n, 1, false), Stamp::default(), at(0));
    }
    let late = LiveWindow { booking_id: booking_id(2), ..live };
    lot.put_window(spot_id(999), late, Stamp::default(), at(0));
    let free = |from, to| {
        let found = lot.search(window(from, to), at(0));
        found.counts.types.values().map(|count| count.free).sum::<u32>()
    };
    assert_eq!(free(DAY_US, DAY_US + MINUTE_US), 998);
    assert_eq!(free(DAY_US + 7 * MINUTE_US, DAY_US + 8 * MINUTE_US), 1_000);
}

#[test]
fn a_window_that_the_lot_does_not_take_is_refused_with_its_cause() {
    let hours =
        OpeningHours((0..7).map(|day| OpeningSpan { day, open: 360, close: 1_320 }).collect());
    let rules = WindowRules {
        hours,
        zone: TimeZone::get("Europe/Berlin").expect("a zone"),
        shortest: SignedDuration::from_mins(30),
        longest: SignedDuration::from_hours(8),
        ahead: SignedDuration::from_hours(90 * 24),
        turnaround: SignedDuration::ZERO,
    };
    // 09:00 in Berlin.
    let refusal = |from_hours: i64, to_hours: i64| {
        rules.refusal(&window(from_hours * 60 * MINUTE_US, to_hours * 60 * MINUTE_US), at(0))
    };
    assert_eq!(refusal(0, 8), None);
    assert_eq!(refusal(-2, 0), Some(Refusal::Past));
    assert_eq!(refusal(-1, 4), Some(Refusal::Past));
    assert_eq!(refusal(0, 9), Some(Refusal::TooLong));
    assert_eq!(refusal(10, 14), Some(Refusal::NotOpen));
    assert_eq!(refusal(91 * 24, 91 * 24 + 1), Some(Refusal::TooFar));
    assert_eq!(rules.refusal(&window(0, 29 * MINUTE_US), at(0)), Some(Refusal::TooShort));
    assert_eq!(rules.refusal(&window(-4 * MINUTE_US, 60 * MINUTE_US), at(0)), None);
    // Two days later the clocks are an hour ahead: 06:00 is then 04:00 of UTC.
    assert_eq!(refusal(44, 46), None);
    assert_eq!(refusal(43, 46), Some(Refusal::NotOpen));
}
