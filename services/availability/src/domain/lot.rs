//! One lot: its floors, its spots, its counters. Every change moves the counters by the difference
//! and gets the next revision, so that a watcher can ask for what changed since the revision it has
//! seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::common::v1::{SpotStatus, SpotType};
use parkmesh_contracts::ids::{BookingId, FloorId, SpotId};
use parkmesh_contracts::window::Window;

mod doubt;
mod info;

pub use self::info::{EARLY_ARRIVAL, FloorInfo, LotInfo, LotPlace};

use crate::domain::counts::FloorCounts;
use crate::domain::promise::{Look, Promises};
use crate::domain::search::calendar::Calendar;
use crate::domain::search::roster::{OrderKey, Roster, Traits};
use crate::domain::search::span::Span;
use crate::domain::spot::{Ground, LiveWindow, SpotInfo, SpotPicture, Stamp};

/// Days that have passed are kept so long: a window that is searched may have begun, and a clock may be
/// behind another.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Everything known of one lot.
#[derive(Clone, Debug)]
pub struct LotPicture {
    /// What the inventory says of it.
    pub info: LotInfo,
    /// Its levels.
    pub floors: BTreeMap<FloorId, FloorInfo>,
    spots: HashMap<SpotId, SpotPicture>,
    counts: BTreeMap<FloorId, FloorCounts>,
    /// Counts up with every change that a reader could notice.
    revision: u64,
    /// Each spot once, at the revision of its last change.
    changed: BTreeMap<u64, SpotId>,
    /// Each spot once, at the instant when time alone will change it.
    due: BTreeSet<(Timestamp, SpotId)>,
    promises: Promises,
    roster: Roster,
    calendar: Calendar,
}

impl LotPicture {
    /// A lot without floors and spots.
    #[must_use]
    pub fn new(info: LotInfo) -> Self {
        Self {
            info,
            floors: BTreeMap::new(),
            spots: HashMap::new(),
            counts: BTreeMap::new(),
            revision: 0,
            changed: BTreeMap::new(),
            due: BTreeSet::new(),
            promises: Promises::default(),
            roster: Roster::default(),
            calendar: Calendar::default(),
        }
    }

    /// Counts up with every change that a reader could notice.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// A spot, if it is known.
    #[must_use]
    pub fn spot(&self, spot_id: SpotId) -> Option<&SpotPicture> {
        self.spots.get(&spot_id)
    }

    /// All spots, in no order.
    pub fn spots(&self) -> impl Iterator<Item = &SpotPicture> {
        self.spots.values()
    }

    /// Counters by floor and type.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<FloorId, FloorCounts> {
        &self.counts
    }

    /// Spots that changed after a revision, oldest change first.
    pub fn changed_since(&self, revision: u64) -> impl Iterator<Item = &SpotPicture> {
        self.changed.range(revision + 1..).filter_map(|(_, spot_id)| self.spots.get(spot_id))
    }

    /// The spots, as a search knows them.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// When spots are kept.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Bytes that searching takes beside the picture, about.
    #[must_use]
    pub fn search_bytes(&self) -> usize {
        self.roster.bytes() + self.calendar.bytes() + self.promises.search_bytes()
    }

    /// The next instant at which time alone changes a spot.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let spots = self.due.first().map(|(at, _)| *at);
        spots.into_iter().chain(self.promises.next_due()).min()
    }

    /// Takes a newer word on the lot itself.
    pub fn put_info(&mut self, info: LotInfo, now: Timestamp) -> bool {
        if info.version <= self.info.version {
            return false;
        }
        let counts_anew =
            info.early_arrival != self.info.early_arrival || info.closures != self.info.closures;
        self.info = info;
        self.revision += 1;
        if counts_anew {
            let all: Vec<SpotId> = self.spots.keys().copied().collect();
            for spot_id in all {
                self.refresh(spot_id, now);
            }
            let look = self.look_at(now);
            self.promises.look_again(look);
        }
        true
    }

    /// Takes a word on a floor, which has no version of its own. True if it said anything new.
    pub fn put_floor(&mut self, floor: FloorInfo) -> bool {
        if self.floors.get(&floor.floor_id) == Some(&floor) {
            return false;
        }
        self.counts.entry(floor.floor_id).or_default();
        self.roster.renumber(floor.floor_id, floor.floor_number);
        self.floors.insert(floor.floor_id, floor);
        self.revision += 1;
        true
    }

    /// Puts a spot in with a status that neither facts nor time will change: for answers out of
    /// what somebody else has seen.
    pub fn put_frozen(&mut self, info: SpotInfo, status: SpotStatus) {
        let mut spot = SpotPicture::new(info);
        spot.status = status;
        count(&mut self.counts, &spot, true);
        self.spots.insert(spot.info.spot_id, spot);
    }

    /// Takes a newer word on a spot itself; the first word makes it.
    pub fn put_spot(&mut self, info: SpotInfo, stamp: Stamp, now: Timestamp) -> bool {
        let spot_id = info.spot_id;
        match self.spots.get_mut(&spot_id) {
            Some(known) if info.version <= known.info.version => return false,
            Some(known) => {
                count(&mut self.counts, known, false);
                known.info = info;
                advance(&mut known.stamp, stamp);
                count(&mut self.counts, known, true);
            }
            None => {
                let mut spot = SpotPicture::new(info);
                advance(&mut spot.stamp, stamp);
                count(&mut self.counts, &spot, true);
                self.spots.insert(spot_id, spot);
            }
        }
        self.enroll(spot_id);
        self.mark_changed(spot_id);
        self.refresh(spot_id, now);
        true
    }

    /// Puts a spot, or what is new of it, where searches find it.
    fn enroll(&mut self, spot_id: SpotId) {
        let Some(spot) = self.spots.get(&spot_id) else { return };
        let info = &spot.info;
        let floor_number =
            self.floors.get(&info.floor_id).map_or(i32::MAX, |floor| floor.floor_number);
        let key = OrderKey { floor_number, spot_number: info.spot_number.clone(), spot_id };
        let (floor_id, spot_type) = (info.floor_id, info.spot_type);
        self.roster.put(key, Traits { floor_id, spot_type, in_service: !info.out_of_service });
        self.calendar.reserve(self.roster.len());
    }

    /// Takes a newer word of the ground.
    pub fn put_ground(
        &mut self,
        spot_id: SpotId,
        ground: Ground,
        version: i64,
        stamp: Stamp,
        now: Timestamp,
    ) -> bool {
        let Some(spot) = self.spots.get_mut(&spot_id) else { return false };
        if version < spot.ground_version {
            return false;
        }
        // A word that is known may have come without its place.
        advance(&mut spot.stamp, stamp);
        if version == spot.ground_version {
            return false;
        }
        spot.ground = ground;
        spot.ground_version = version;
        self.refresh(spot_id, now);
        true
    }

    /// Puts a live window on a spot, in place of an older word on the same booking.
    pub fn put_window(
        &mut self,
        spot_id: SpotId,
        live: LiveWindow,
        stamp: Stamp,
        now: Timestamp,
    ) -> bool {
        let Some(spot) = self.spots.get_mut(&spot_id) else { return false };
        let mut before = None;
        match spot.windows.iter_mut().find(|known| known.booking_id == live.booking_id) {
            Some(known) if live.version <= known.version => return false,
            Some(known) => before = Some(std::mem::replace(known, live).span()),
            None => spot.windows.push(live),
        }
        advance(&mut spot.stamp, stamp);
        self.note_kept(spot_id, before.into_iter().chain([live.span()]), now);
        self.refresh(spot_id, now);
        true
    }

    /// Takes a booking's window off a spot.
    pub fn end_window(
        &mut self,
        spot_id: SpotId,
        booking_id: BookingId,
        stamp: Stamp,
        now: Timestamp,
    ) -> bool {
        let Some(spot) = self.spots.get_mut(&spot_id) else { return false };
        let at = spot.windows.iter().position(|live| live.booking_id == booking_id);
        let Some(at) = at else { return false };
        let ended = spot.windows.swap_remove(at).span();
        advance(&mut spot.stamp, stamp);
        self.note_kept(spot_id, [ended], now);
        self.refresh(spot_id, now);
        true
    }

    /// Something about who keeps a spot has changed around these times.
    fn note_kept(
        &mut self,
        spot_id: SpotId,
        changed: impl IntoIterator<Item = Span>,
        now: Timestamp,
    ) {
        let (Some(spot), Some(slot)) = (self.spots.get(&spot_id), self.roster.slot(spot_id)) else {
            return;
        };
        self.calendar.forget_before((now - REMEMBERED).as_microsecond());
        let kept = spot.windows.iter().filter(|live| live.keeps_at(now)).map(LiveWindow::span);
        let kept: Vec<Span> = kept.collect();
        for span in changed {
            self.calendar.look_again(slot, span, &kept);
        }
    }

    /// Takes in a booking whose spot is still to be given, in place of an older word on it.
    pub fn put_promise(&mut self, spot_type: SpotType, live: LiveWindow, now: Timestamp) {
        let look = self.look_at(now);
        self.revision += u64::from(self.promises.put(spot_type, live, look));
    }

    /// Takes such a booking out. True if that changed a number.
    pub fn end_promise(&mut self, booking_id: BookingId) -> bool {
        let changed = self.promises.end(booking_id);
        self.revision += u64::from(changed);
        changed
    }

    /// Whether such a booking is known just so.
    #[must_use]
    pub fn has_promise(&self, spot_type: SpotType, live: &LiveWindow) -> bool {
        self.promises.has(spot_type, live)
    }

    /// How many places of a type are promised now to bookings whose spot is still to be given.
    #[must_use]
    pub fn promised(&self, spot_type: SpotType) -> u32 {
        self.promises.open(spot_type)
    }

    /// The most places of a type that are promised so at any one instant of a window.
    #[must_use]
    pub fn promised_in(&self, spot_type: SpotType, window: Window) -> u32 {
        self.promises.most(spot_type, window)
    }

    fn look_at(&self, now: Timestamp) -> Look {
        Look { now, early_arrival: self.info.early_arrival }
    }

    /// Lets time pass: looks again at every spot whose instant has come. Returns how many changed.
    pub fn tick(&mut self, now: Timestamp) -> usize {
        self.calendar.forget_before((now - REMEMBERED).as_microsecond());
        let look = self.look_at(now);
        let mut changed = usize::from(self.promises.tick(look));
        // A watcher notices only what has a revision.
        self.revision += changed as u64;
        while let Some((at, spot_id)) = self.due.first().copied() {
            if at > now {
                break;
            }
            changed += usize::from(self.refresh(spot_id, now));
        }
        changed
    }

    /// Looks at every spot again, whatever is due: for a clock that was moved back. Returns how
    /// many changed.
    pub fn look_again(&mut self, now: Timestamp) -> usize {
        let look = self.look_at(now);
        let promises = usize::from(self.promises.look_again(look));
        self.revision += promises as u64;
        let all: Vec<SpotId> = self.spots.keys().copied().collect();
        self.calendar.begin_anew((now - REMEMBERED).as_microsecond());
        for spot_id in &all {
            let spans = |spot: &SpotPicture| spot.windows.iter().map(LiveWindow::span).collect();
            let spans: Vec<Span> = self.spots.get(spot_id).map(spans).unwrap_or_default();
            self.note_kept(*spot_id, spans, now);
        }
        promises + all.into_iter().filter(|spot_id| self.refresh(*spot_id, now)).count()
    }

    /// Notes that every spot is as of these positions at least: a snapshot of them agreed, or was
    /// taken over.
    pub fn confirm(&mut self, stamp: Stamp) {
        for spot in self.spots.values_mut() {
            advance(&mut spot.stamp, stamp);
        }
    }

    /// Forgets how far every spot has come in a stream that was created anew.
    pub fn forget_positions(&mut self, keep: impl Fn(Stamp) -> Stamp) {
        for spot in self.spots.values_mut() {
            spot.stamp = keep(spot.stamp);
        }
    }

    /// Looks at a spot again: status, counters, revision and the next due instant follow. True if
    /// the status changed.
    fn refresh(&mut self, spot_id: SpotId, now: Timestamp) -> bool {
        let Some(spot) = self.spots.get_mut(&spot_id) else { return false };
        let was_due = spot.due.take();
        if let Some(at) = was_due {
            self.due.remove(&(at, spot_id));
        }
        if was_due.is_some_and(|at| at <= now) {
            self.let_lapse(spot_id, now);
        }
        let Some(spot) = self.spots.get_mut(&spot_id) else { return false };
        self.roster.doubt(spot_id, spot.is_doubtful());
        let (status, due) = spot.look(now, self.info.early_arrival, &self.info.closures);
        spot.due = due;
        if let Some(at) = due {
            self.due.insert((at, spot_id));
        }
        if status == spot.status {
            return false;
        }
        count(&mut self.counts, spot, false);
        spot.status = status;
        count(&mut self.counts, spot, true);
        self.mark_changed(spot_id);
        true
    }

    /// A lapsed hold keeps nothing any more, even if nobody says so.
    fn let_lapse(&mut self, spot_id: SpotId, now: Timestamp) {
        let Some(spot) = self.spots.get(&spot_id) else { return };
        let lapsed = spot.windows.iter().filter(|live| !live.keeps_at(now)).map(LiveWindow::span);
        let lapsed: Vec<Span> = lapsed.collect();
        if !lapsed.is_empty() {
            self.note_kept(spot_id, lapsed, now);
        }
    }

    fn mark_changed(&mut self, spot_id: SpotId) {
        let Some(spot) = self.spots.get_mut(&spot_id) else { return };
        self.changed.remove(&spot.changed_revision);
        self.revision += 1;
        spot.changed_revision = self.revision;
        self.changed.insert(self.revision, spot_id);
    }
}

/// Adds a spot to its counters, or takes it out.
fn count(counts: &mut BTreeMap<FloorId, FloorCounts>, spot: &SpotPicture, add: bool) {
    let cell =
        counts.entry(spot.info.floor_id).or_default().entry(spot.info.spot_type).or_default();
    let free = u32::from(spot.status == SpotStatus::Available);
    if add {
        cell.total += 1;
        cell.free += free;
    } else {
        cell.total -= 1;
        cell.free -= free;
    }
}

fn advance(known: &mut Stamp, seen: Stamp) {
    known.booking = known.booking.max(seen.booking);
    known.sensor = known.sensor.max(seen.sensor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spot::Phase;
    use parkmesh_contracts::ids::LotId;
    use parkmesh_contracts::window::Window;
    use proptest::prelude::*;
    use uuid::Uuid;

    const SPOTS: u128 = 6;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(60 * 24 + minute)
    }

    fn spot_id(n: u128) -> SpotId {
        SpotId::from(Uuid::from_u128(n))
    }

    fn lot() -> LotPicture {
        let mall = LotInfo::named(LotId::from(Uuid::from_u128(9)), "Mall".into());
        let mut lot = LotPicture::new(LotInfo { version: 1, ..mall });
        for n in 0..SPOTS {
            lot.put_spot(info(n, 1, false), Stamp::default(), at(0));
        }
        lot
    }

    fn info(n: u128, version: i64, out_of_service: bool) -> SpotInfo {
        SpotInfo {
            spot_id: spot_id(n),
            floor_id: FloorId::from(Uuid::from_u128(100 + n % 2)),
            spot_number: n.to_string(),
            spot_type: if n.is_multiple_of(3) { SpotType::Ev } else { SpotType::Regular },
            out_of_service,
            version,
            plan: (0.0, 0.0),
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Spot(u128, i64, bool),
        Ground(u128, u8, i64),
        Window(u128, u128, i64, i64, u8),
        End(u128, u128),
        Tick(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..SPOTS, 1..5i64, any::<bool>()).prop_map(|(n, v, o)| Step::Spot(n, v, o)),
            (0..SPOTS, 0..3u8, 1..9i64).prop_map(|(n, g, v)| Step::Ground(n, g, v)),
            (0..SPOTS, 0..4u128, 1..6i64, 0..300i64, 0..3u8)
                .prop_map(|(n, b, v, start, p)| Step::Window(n, b, v, start, p)),
            (0..SPOTS, 0..4u128).prop_map(|(n, b)| Step::End(n, b)),
            (0..60i64).prop_map(Step::Tick),
        ]
    }

    fn apply(lot: &mut LotPicture, step: &Step, now: &mut i64) {
        let stamp = Stamp::default();
        match *step {
            Step::Spot(n, version, out) => {
                lot.put_spot(info(n, version, out), stamp, at(*now));
            }
            Step::Ground(n, g, version) => {
                let ground = [Ground::Vacant, Ground::Occupied, Ground::Unknown][usize::from(g)];
                lot.put_ground(spot_id(n), ground, version, stamp, at(*now));
            }
            Step::Window(n, b, version, start, p) => {
                let phase = [Phase::Held { until: at(start + 5) }, Phase::Reserved, Phase::Active]
                    [usize::from(p)];
                let window = Window::try_new(at(start), at(start + 30)).expect("a window");
                let live = LiveWindow {
                    booking_id: BookingId::from(Uuid::from_u128(b)),
                    version,
                    window,
                    turnaround_seconds: 0,
                    phase,
                };
                lot.put_window(spot_id(n), live, stamp, at(*now));
            }
            Step::End(n, b) => {
                let booking_id = BookingId::from(Uuid::from_u128(b));
                lot.end_window(spot_id(n), booking_id, stamp, at(*now));
            }
            Step::Tick(minutes) => {
                *now += minutes;
                lot.tick(at(*now));
            }
        }
    }

    proptest! {
        #[test]
        fn counters_always_equal_a_recount_and_no_due_change_is_missed(
            steps in proptest::collection::vec(step(), 1..80)
        ) {
            let mut lot = lot();
            let mut now = 0;
            for step in &steps {
                let seen = lot.revision();
                apply(&mut lot, step, &mut now);
                lot.tick(at(now));
                let mut recount: BTreeMap<FloorId, FloorCounts> = BTreeMap::new();
                for spot in lot.spots() {
                    prop_assert_eq!(spot.status, spot.look(at(now), EARLY_ARRIVAL, &[]).0);
                    count(&mut recount, spot, true);
                    prop_assert!(spot.changed_revision <= seen
                        || lot.changed_since(seen).any(|c| c.info.spot_id == spot.info.spot_id));
                }
                prop_assert_eq!(lot.counts(), &recount);
            }
        }

        #[test]
        fn the_same_words_in_any_order_and_repeated_make_the_same_ground(
            words in proptest::collection::vec((0..SPOTS, 0..3u8, 1..50i64), 1..40),
            seed in any::<u64>(),
        ) {
            // One word to a version, as the sensor service gives them.
            let mut unique: BTreeMap<(u128, i64), u8> = BTreeMap::new();
            for (n, g, v) in words { unique.entry((n, v)).or_insert(g); }
            let ordered: Vec<Step> = unique.iter().map(|((n, v), g)| Step::Ground(*n, *g, *v)).collect();
            let mut mixed = [ordered.clone(), ordered.clone()].concat();
            let len = mixed.len() as u64;
            for i in 0..mixed.len() {
                let j = (seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i as u64 * 7919)) % len;
                mixed.swap(i, usize::try_from(j).expect("small"));
            }
            let (mut a, mut b, mut now) = (lot(), lot(), 0);
            for s in &ordered { apply(&mut a, s, &mut now); }
            for s in &mixed { apply(&mut b, s, &mut now); }
            for spot in a.spots() {
                let other = b.spot(spot.info.spot_id).expect("the same spots");
                prop_assert_eq!((spot.status, spot.ground_version), (other.status, other.ground_version));
            }
        }
    }

    #[test]
    fn a_word_on_the_ground_gets_its_place_with_the_fact_that_tells_it_again() {
        let mut lot = lot();
        let sensor = |lot: &LotPicture| lot.spot(spot_id(1)).expect("a spot").stamp.sensor;
        let at_place = |sensor| Stamp { booking: 0, sensor };
        assert!(lot.put_ground(spot_id(1), Ground::Occupied, 2, Stamp::default(), at(0)));
        assert!(!lot.put_ground(spot_id(1), Ground::Vacant, 1, at_place(6), at(0)), "older");
        assert_eq!(sensor(&lot), 0);
        assert!(!lot.put_ground(spot_id(1), Ground::Occupied, 2, at_place(7), at(0)), "known");
        assert_eq!(sensor(&lot), 7);
    }

    #[test]
    fn a_watcher_is_told_each_changed_spot_once_at_its_last_change() {
        let mut lot = lot();
        let seen = lot.revision();
        let stamp = Stamp::default();
        lot.put_ground(spot_id(1), Ground::Occupied, 1, stamp, at(0));
        lot.put_ground(spot_id(2), Ground::Occupied, 1, stamp, at(0));
        lot.put_ground(spot_id(1), Ground::Vacant, 2, stamp, at(0));
        let changed: Vec<SpotId> = lot.changed_since(seen).map(|s| s.info.spot_id).collect();
        assert_eq!(changed, [spot_id(2), spot_id(1)]);
    }
}
