//! Searching a window of days to come, inside the service: 100,000 spots, 90 days, millions of bookings in the picture.

use std::time::Instant;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use parkmesh_availability::app::App;
use parkmesh_availability::app::feed::Snapshot;
use parkmesh_availability::app::freshness::Feed;
use parkmesh_availability::app::search::Search;
use parkmesh_availability::domain::lot::{FloorInfo, LotInfo};
use parkmesh_availability::domain::picture::Change;
use parkmesh_availability::domain::search::Wanted;
use parkmesh_availability::domain::spot::{LiveWindow, Phase, SpotInfo};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{LotId, SpotId};
use parkmesh_contracts::window::Window;
use parkmesh_platform::clock::Clock;
use uuid::Uuid;

use crate::Failure;
use crate::proof::Figure;

const P99_MS_MAX: f64 = 1.0;
const INDEX_MB_MAX: f64 = 200.0;
/// Days that are booked and searched.
const DAYS: u64 = 90;
const DAY_MINUTES: u64 = 24 * 60;
/// Levels of a lot.
const FLOORS: usize = 10;
/// Facts applied at once, as the feeder does.
const FACTS_AT_ONCE: usize = 256;
/// Spots to a page: what the service gives where a caller does not say.
const PAGE: usize = 100;
const TYPES: [SpotType; 4] =
    [SpotType::Regular, SpotType::Regular, SpotType::Ev, SpotType::Accessible];

/// How much is searched.
#[derive(Debug, Clone, Args)]
pub struct Size {
    /// Spots in all.
    #[arg(long, default_value_t = 100_000)]
    spots: usize,
    /// Lots that they are spread over.
    #[arg(long, default_value_t = 1)]
    lots: usize,
    /// Live bookings in all.
    #[arg(long, default_value_t = 5_000_000)]
    bookings: usize,
    /// Searches that are measured.
    #[arg(long, default_value_t = 50_000)]
    searches: usize,
}

/// Builds the picture, searches, and tells.
pub fn prove(size: &Size) -> Result<bool, Failure> {
    let mut town = Town::new(size)?;
    let begin = Instant::now();
    town.book(size)?;
    println!("{} bookings taken in {:.1} s", size.bookings, begin.elapsed().as_secs_f64());
    let mut took = town.search(size)?;
    took.sort_unstable();
    let at = |part: usize| {
        let index = (took.len().saturating_sub(1)) * part / 1_000;
        took.get(index).map_or(f64::NAN, |took| *took as f64 / 1e6)
    };
    println!("p50 {:.3} ms, p90 {:.3} ms, p99.9 {:.3} ms", at(500), at(900), at(999));
    let megabytes = town.app.search_bytes() as f64 / 1e6;
    let p99 = Figure {
        name: "search-p99",
        figure: at(990),
        unit: "ms of a search with counts and 100 free spots, inside the service, one thread",
        yardstick: "none",
        ask: format!("< {P99_MS_MAX}"),
        holds: at(990) < P99_MS_MAX,
    };
    let index = Figure {
        name: "search-index",
        figure: megabytes,
        unit: "MB that searching takes beside the picture",
        yardstick: "none",
        ask: format!("< {INDEX_MB_MAX}"),
        holds: megabytes < INDEX_MB_MAX,
    };
    let (fast, small) = (p99.tell()?, index.tell()?);
    Ok(fast && small)
}

struct Town {
    app: App,
    now: Timestamp,
    lots: Vec<LotId>,
    spots: Vec<(LotId, SpotId)>,
    chance: Chance,
    told: u64,
}

impl Town {
    /// Lots, floors and spots, as snapshots bring them.
    fn new(size: &Size) -> Result<Self, Failure> {
        let clock = Clock::system();
        let now = clock.now();
        let app = App::new(clock, 1);
        let mut next_id = 0_u128;
        let mut id = || {
            next_id += 1;
            Uuid::from_u128(next_id)
        };
        let (mut lots, mut spots, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        for _lot in 0..size.lots.max(1) {
            let lot_id = LotId::from(id());
            let floors: Vec<FloorInfo> = (0..)
                .take(FLOORS)
                .map(|floor_number| FloorInfo { floor_id: id().into(), floor_number })
                .collect();
            changes.push(Change::Lot(LotInfo::named(lot_id, "Lot".to_owned()), floors.clone()));
            for n in 0..size.spots / size.lots.max(1) {
                let info = SpotInfo {
                    spot_id: id().into(),
                    floor_id: floors[n % FLOORS].floor_id,
                    spot_number: format!("{}-{:05}", n % FLOORS, n / FLOORS),
                    spot_type: TYPES[n / FLOORS % TYPES.len()],
                    out_of_service: false,
                    version: 1,
                    plan: (0.0, 0.0),
                };
                spots.push((lot_id, info.spot_id));
                changes.push(Change::Spot(lot_id, info));
            }
            lots.push(lot_id);
        }
        for (feed, changes) in [(Feed::Booking, changes), (Feed::Sensor, Vec::new())] {
            let begun = (now, tokio::time::Instant::now());
            app.take_snapshot(Snapshot { feed, sequence: 1, changes, live: None, begun });
        }
        Ok(Self { app, now, lots, spots, chance: Chance(7), told: 1 })
    }

    /// Bookings of each spot one after the other through all the days, on quarters of an hour two times of three, as facts tell them.
    fn book(&mut self, size: &Size) -> Result<(), Failure> {
        let of_each = (size.bookings / self.spots.len().max(1)).max(1) as u64;
        let cycle = DAYS * DAY_MINUTES / of_each;
        let mut facts = Vec::with_capacity(FACTS_AT_ONCE);
        let mut booking = 1_u128 << 64;
        for number in 0..of_each {
            for at in 0..self.spots.len() {
                let (lot_id, spot_id) = self.spots[at];
                let long = 30 + self.chance.below(cycle.saturating_sub(60).clamp(1, 600));
                let from = number * cycle + self.chance.below((cycle - long.min(cycle - 1)).max(1));
                let (from, long) = match self.chance.below(3) {
                    0 => (from, long),
                    _ => (from / 15 * 15, long.div_ceil(15) * 15),
                };
                booking += 1;
                let live = LiveWindow {
                    booking_id: Uuid::from_u128(booking).into(),
                    version: 2,
                    window: self.window(from, long)?,
                    turnaround_seconds: 0,
                    phase: Phase::Reserved,
                };
                self.told += 1;
                facts.push((self.told, Some(Change::Window { lot_id, spot_id, live })));
                if facts.len() == FACTS_AT_ONCE {
                    self.app.take_facts(Feed::Booking, facts.drain(..));
                }
            }
        }
        self.app.take_facts(Feed::Booking, facts);
        Ok(())
    }

    fn window(&self, from_minutes: u64, long_minutes: u64) -> Result<Window, Failure> {
        let minutes = |minutes: u64| i64::try_from(minutes).map(SignedDuration::from_mins);
        let midnight = self.now.as_second().div_euclid(86_400) * 86_400;
        let start = Timestamp::from_second(midnight)? + minutes(DAY_MINUTES + from_minutes)?;
        Ok(Window::try_new(start, start + minutes(long_minutes.max(1))?)?)
    }

    /// Windows of half an hour to a day, one in ten up to 30 days, from any minute; nanoseconds that each took.
    fn search(&mut self, size: &Size) -> Result<Vec<u64>, Failure> {
        let mut took = Vec::with_capacity(size.searches);
        let mut found = 0;
        for _search in 0..size.searches {
            let most = if self.chance.below(10) == 0 { 29 * DAY_MINUTES } else { DAY_MINUTES };
            let long = 30 + self.chance.below(most);
            let from = self.chance.below((DAYS * DAY_MINUTES).saturating_sub(long));
            let window = self.window(from, long)?;
            let lot = self.chance.below(self.lots.len() as u64);
            let spot_type = TYPES.get(usize::try_from(self.chance.below(6))?).copied();
            let search = Search {
                lot_id: self.lots[usize::try_from(lot)?],
                window,
                wanted: Wanted { spot_type, floor_id: None },
                after: None,
                size: PAGE,
            };
            let begin = Instant::now();
            let answer = self.app.search(&search).map_err(|error| error.to_string())?;
            took.push(u64::try_from(begin.elapsed().as_nanos())?);
            found += usize::from(answer.0.free > 0);
        }
        println!("{found} of {} searches found something free", size.searches);
        Ok(took)
    }
}

/// Chance that is the same in every run.
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
