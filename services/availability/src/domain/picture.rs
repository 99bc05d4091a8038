//! All lots, and the changes that facts and snapshots bring to them.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{BookingId, LotId, SpotId};

use crate::domain::lot::{FloorInfo, LotInfo, LotPicture};
use crate::domain::places::{Places, Point};
use crate::domain::spot::{Ground, LiveWindow, SpotInfo, Stamp};

/// Ended bookings that are remembered, so that an older fact delivered again does not bring a
/// window back.
const MAX_ENDED_BOOKINGS: usize = 200_000;
/// Words of the ground on spots that the inventory has not told of yet.
const MAX_EARLY_WORDS: usize = 100_000;

/// One thing that a fact or a snapshot says.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A lot, and floors of it.
    Lot(LotInfo, Vec<FloorInfo>),
    /// A spot, whatever stands on it.
    Spot(LotId, SpotInfo),
    /// What stands on a spot.
    Ground { lot_id: LotId, spot_id: SpotId, ground: Ground, version: i64 },
    /// A booking keeps a spot.
    Window { lot_id: LotId, spot_id: SpotId, live: LiveWindow },
    /// A booking keeps a place of this type, and its spot is still to be given.
    Promise { lot_id: LotId, spot_type: SpotType, live: LiveWindow },
    /// A booking keeps nothing any more.
    Ended { lot_id: LotId, booking_id: BookingId, version: i64 },
}

impl Change {
    /// The lot that the change belongs to.
    #[must_use]
    pub fn lot_id(&self) -> LotId {
        match self {
            Self::Lot(info, _) => info.lot_id,
            Self::Spot(lot_id, _)
            | Self::Ground { lot_id, .. }
            | Self::Window { lot_id, .. }
            | Self::Promise { lot_id, .. }
            | Self::Ended { lot_id, .. } => *lot_id,
        }
    }
}

/// What a booking keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Spot(SpotId),
    /// A place of this type.
    Pool(SpotType),
}

/// Where a booking's window lies, or that it has ended.
#[derive(Clone, Copy, Debug)]
struct Known {
    on: Option<On>,
    version: i64,
    /// Position in BOOKING of the word.
    sequence: u64,
}

/// All lots.
#[derive(Debug, Default)]
pub struct Picture {
    lots: HashMap<LotId, LotPicture>,
    bookings: HashMap<BookingId, Known>,
    ended: VecDeque<BookingId>,
    /// The ground may speak before the inventory is heard: the two are streams of their own.
    early_words: HashMap<SpotId, (Ground, i64, Stamp)>,
    places: Places,
}

impl Picture {
    /// A lot, if it is known.
    #[must_use]
    pub fn lot(&self, lot_id: LotId) -> Option<&LotPicture> {
        self.lots.get(&lot_id)
    }

    /// All lots, in no order.
    pub fn lots(&self) -> impl Iterator<Item = &LotPicture> {
        self.lots.values()
    }

    /// Lots at most so many metres from a point, with their distance, in no order.
    pub fn near(&self, point: Point, radius_m: f64) -> impl Iterator<Item = (&LotPicture, f64)> {
        let near = self.places.near(point, radius_m).into_iter();
        near.filter_map(|(lot_id, meters)| Some((self.lots.get(&lot_id)?, meters)))
    }

    /// Applies a change if it is newer than what is known. True if anything was taken.
    pub fn apply(&mut self, change: Change, stamp: Stamp, now: Timestamp) -> bool {
        match change {
            Change::Lot(info, floors) => self.apply_lot(info, floors, now),
            Change::Spot(lot_id, info) => {
                let spot_id = info.spot_id;
                let Some(lot) = self.lots.get_mut(&lot_id) else { return false };
                let taken = lot.put_spot(info, stamp, now);
                if let Some((ground, version, stamp)) = self.early_words.remove(&spot_id) {
                    lot.put_ground(spot_id, ground, version, stamp, now);
                }
                taken
            }
            Change::Ground { lot_id, spot_id, ground, version } => {
                match self.lots.get_mut(&lot_id) {
                    Some(lot) if lot.spot(spot_id).is_some() => {
                        lot.put_ground(spot_id, ground, version, stamp, now)
                    }
                    _ => self.keep_early_word(spot_id, ground, version, stamp),
                }
            }
            Change::Window { lot_id, spot_id, live } => {
                self.apply_window(lot_id, On::Spot(spot_id), live, stamp, now)
            }
            Change::Promise { lot_id, spot_type, live } => {
                self.apply_window(lot_id, On::Pool(spot_type), live, stamp, now)
            }
            Change::Ended { lot_id, booking_id, version } => {
                self.apply_end(lot_id, booking_id, version, stamp, now)
            }
        }
    }

    /// Whether the lot, and the spot, that a change needs are known. Without them it is not kept,
    /// except for the ground.
    #[must_use]
    pub fn has_place(&self, change: &Change) -> bool {
        match change {
            Change::Lot(..) | Change::Ground { .. } | Change::Ended { .. } => true,
            Change::Spot(lot_id, _) | Change::Promise { lot_id, .. } => {
                self.lots.contains_key(lot_id)
            }
            Change::Window { lot_id, spot_id, .. } => {
                self.lots.get(lot_id).is_some_and(|lot| lot.spot(*spot_id).is_some())
            }
        }
    }

    /// Applies a row of a snapshot: as [`Picture::apply`], but at the same version the owner's word
    /// wins over ours.
    pub fn repair(&mut self, change: Change, stamp: Stamp, now: Timestamp) -> bool {
        if let Some(lot) = self.lots.get_mut(&change.lot_id()) {
            match &change {
                Change::Lot(info, _) => lot.doubt_info(info, now),
                Change::Spot(_, info) => lot.doubt_spot(info),
                Change::Ground { spot_id, ground, version, .. } => {
                    lot.doubt_ground(*spot_id, *ground, *version);
                }
                Change::Window { spot_id, live, .. } => {
                    if let Some(known) = self.bookings.get_mut(&live.booking_id)
                        && known.version == live.version
                        && lot.doubt_window(*spot_id, live)
                    {
                        known.version -= 1;
                    }
                }
                Change::Promise { spot_type, live, .. } => {
                    if let Some(known) = self.bookings.get_mut(&live.booking_id)
                        && known.version == live.version
                        && !lot.has_promise(*spot_type, live)
                    {
                        known.version -= 1;
                    }
                }
                Change::Ended { .. } => {}
            }
        }
        self.apply(change, stamp, now)
    }

    /// Notes that everything is as of these positions at least.
    pub fn confirm(&mut self, stamp: Stamp) {
        for lot in self.lots.values_mut() {
            lot.confirm(stamp);
        }
    }

    /// BOOKING was created anew or lost its end: positions in it mean something else from now on.
    pub fn forget_booking_positions(&mut self) {
        for known in self.bookings.values_mut() {
            known.sequence = 0;
        }
        for lot in self.lots.values_mut() {
            lot.forget_positions(|stamp| Stamp { booking: 0, ..stamp });
        }
    }

    /// The same for SENSOR.
    pub fn forget_sensor_positions(&mut self) {
        for lot in self.lots.values_mut() {
            lot.forget_positions(|stamp| Stamp { sensor: 0, ..stamp });
        }
    }

    /// Looks at every spot again: for a clock that was moved back. Returns the lots in which a spot
    /// changed.
    pub fn look_again(&mut self, now: Timestamp) -> Vec<LotId> {
        self.lots
            .iter_mut()
            .filter_map(|(lot_id, lot)| (lot.look_again(now) > 0).then_some(*lot_id))
            .collect()
    }

    /// Lets time pass in every lot. Returns the lots in which a spot changed.
    pub fn tick(&mut self, now: Timestamp) -> Vec<LotId> {
        self.lots
            .iter_mut()
            .filter_map(|(lot_id, lot)| (lot.tick(now) > 0).then_some(*lot_id))
            .collect()
    }

    /// The next instant at which time alone changes a spot anywhere.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.lots.values().filter_map(LotPicture::next_due).min()
    }

    /// Takes off every window that the picture learnt of at or before `sequence` and that is not
    /// among `live`: a snapshot of that position would have told of it. Returns how many there
    /// were.
    pub fn drop_unlisted(
        &mut self,
        live: &HashSet<BookingId>,
        sequence: u64,
        now: Timestamp,
    ) -> usize {
        let unlisted: Vec<(BookingId, On)> = self
            .bookings
            .iter()
            .filter(|(booking_id, known)| known.sequence <= sequence && !live.contains(booking_id))
            .filter_map(|(booking_id, known)| known.on.map(|on| (*booking_id, on)))
            .collect();
        for (booking_id, on) in &unlisted {
            for lot in self.lots.values_mut() {
                end(lot, *on, *booking_id, Stamp::default(), now);
            }
            self.bookings.remove(booking_id);
        }
        unlisted.len()
    }

    fn apply_lot(&mut self, info: LotInfo, floors: Vec<FloorInfo>, now: Timestamp) -> bool {
        let (lot_id, point) = (info.lot_id, info.place.point);
        let (lot, taken) = match self.lots.get_mut(&lot_id) {
            Some(lot) => {
                let taken = lot.put_info(info, now);
                (lot, taken)
            }
            None => (self.lots.entry(lot_id).or_insert_with(|| LotPicture::new(info)), true),
        };
        if taken {
            self.places.put(lot_id, point);
        }
        let floors = floors.into_iter().filter(|floor| lot.put_floor(floor.clone())).count();
        taken || floors > 0
    }

    fn apply_window(
        &mut self,
        lot_id: LotId,
        on: On,
        live: LiveWindow,
        stamp: Stamp,
        now: Timestamp,
    ) -> bool {
        let known = self.bookings.get(&live.booking_id).copied();
        if known.is_some_and(|known| live.version <= known.version) {
            return false;
        }
        let Some(lot) = self.lots.get_mut(&lot_id) else { return false };
        let (booking_id, version) = (live.booking_id, live.version);
        if let Some(Known { on: Some(old), .. }) = known
            && old != on
        {
            end(lot, old, booking_id, stamp, now);
        }
        let taken = match on {
            On::Spot(spot_id) => lot.put_window(spot_id, live, stamp, now),
            On::Pool(spot_type) => {
                lot.put_promise(spot_type, live, now);
                true
            }
        };
        if taken {
            let sequence = stamp.booking;
            self.bookings.insert(booking_id, Known { on: Some(on), version, sequence });
        }
        taken
    }

    fn apply_end(
        &mut self,
        lot_id: LotId,
        booking_id: BookingId,
        version: i64,
        stamp: Stamp,
        now: Timestamp,
    ) -> bool {
        let known = self.bookings.get(&booking_id).copied();
        if known.is_some_and(|known| version <= known.version) {
            return false;
        }
        if let (Some(Known { on: Some(on), .. }), Some(lot)) = (known, self.lots.get_mut(&lot_id)) {
            end(lot, on, booking_id, stamp, now);
        }
        self.bookings.insert(booking_id, Known { on: None, version, sequence: stamp.booking });
        self.ended.push_back(booking_id);
        if self.ended.len() > MAX_ENDED_BOOKINGS
            && let Some(oldest) = self.ended.pop_front()
        {
            self.bookings.remove(&oldest);
        }
        true
    }

    fn keep_early_word(
        &mut self,
        spot_id: SpotId,
        ground: Ground,
        version: i64,
        stamp: Stamp,
    ) -> bool {
        if self.early_words.len() >= MAX_EARLY_WORDS {
            return false;
        }
        let word = self.early_words.entry(spot_id).or_insert((ground, version, stamp));
        if version > word.1 {
            *word = (ground, version, stamp);
        }
        true
    }
}

/// Takes a booking off what it keeps.
fn end(lot: &mut LotPicture, on: On, booking_id: BookingId, stamp: Stamp, now: Timestamp) {
    match on {
        On::Spot(spot_id) => lot.end_window(spot_id, booking_id, stamp, now),
        On::Pool(_) => lot.end_promise(booking_id),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spot::Phase;
    use jiff::SignedDuration;
    use parkmesh_contracts::common::v1::{SpotStatus, SpotType};
    use parkmesh_contracts::ids::FloorId;
    use parkmesh_contracts::window::Window;
    use uuid::Uuid;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(60 * 24 + minute)
    }

    fn lot_id() -> LotId {
        LotId::from(Uuid::from_u128(1))
    }

    fn spot_id(n: u128) -> SpotId {
        SpotId::from(Uuid::from_u128(n))
    }

    fn spot(n: u128) -> Change {
        Change::Spot(
            lot_id(),
            SpotInfo {
                spot_id: spot_id(n),
                floor_id: FloorId::from(Uuid::from_u128(2)),
                spot_number: n.to_string(),
                spot_type: SpotType::Regular,
                out_of_service: false,
                version: 1,
                plan: (0.0, 0.0),
            },
        )
    }

    fn window(spot: u128, version: i64) -> Change {
        Change::Window {
            lot_id: lot_id(),
            spot_id: spot_id(spot),
            live: LiveWindow {
                booking_id: BookingId::from(Uuid::from_u128(7)),
                version,
                window: Window::try_new(at(0), at(60)).expect("a window"),
                turnaround_seconds: 0,
                phase: Phase::Reserved,
            },
        }
    }

    fn picture() -> Picture {
        let mut picture = Picture::default();
        let info = LotInfo { version: 1, ..LotInfo::named(lot_id(), "Mall".into()) };
        picture.apply(Change::Lot(info, vec![]), Stamp::default(), at(0));
        picture.apply(spot(1), Stamp::default(), at(0));
        picture.apply(spot(2), Stamp::default(), at(0));
        picture
    }

    fn status(picture: &Picture, n: u128) -> SpotStatus {
        picture.lot(lot_id()).and_then(|lot| lot.spot(spot_id(n))).expect("a spot").status
    }

    #[test]
    fn a_booking_that_moves_frees_the_spot_that_it_leaves() {
        let mut picture = picture();
        assert!(picture.apply(window(1, 2), Stamp::default(), at(1)));
        assert!(picture.apply(window(2, 3), Stamp::default(), at(1)));
        assert_eq!(status(&picture, 1), SpotStatus::Available);
        assert_eq!(status(&picture, 2), SpotStatus::Reserved);
    }

    fn promise(version: i64) -> Change {
        let Change::Window { live, .. } = window(1, version) else { unreachable!("a window") };
        Change::Promise { lot_id: lot_id(), spot_type: SpotType::Regular, live }
    }

    fn promised(picture: &Picture) -> u32 {
        picture.lot(lot_id()).expect("a lot").promised(SpotType::Regular)
    }

    #[test]
    fn a_promise_takes_no_spot_until_one_is_given_and_ends_with_its_booking() {
        let mut picture = picture();
        assert!(picture.apply(promise(2), Stamp { booking: 10, sensor: 0 }, at(1)));
        assert_eq!((promised(&picture), status(&picture, 1)), (1, SpotStatus::Available));
        assert!(!picture.apply(promise(2), Stamp::default(), at(1)), "known");
        assert!(!picture.repair(promise(2), Stamp::default(), at(1)), "it agrees");
        assert!(picture.apply(window(1, 3), Stamp { booking: 11, sensor: 0 }, at(1)));
        assert_eq!((promised(&picture), status(&picture, 1)), (0, SpotStatus::Reserved));
        assert!(picture.repair(promise(3), Stamp { booking: 11, sensor: 0 }, at(1)));
        assert_eq!((promised(&picture), status(&picture, 1)), (1, SpotStatus::Available));
        assert_eq!(picture.drop_unlisted(&HashSet::new(), 10, at(2)), 0);
        assert_eq!(picture.drop_unlisted(&HashSet::new(), 11, at(2)), 1);
        assert_eq!(promised(&picture), 0);
        picture.apply(promise(5), Stamp::default(), at(2));
        let booking_id = BookingId::from(Uuid::from_u128(7));
        picture.apply(
            Change::Ended { lot_id: lot_id(), booking_id, version: 6 },
            Stamp::default(),
            at(2),
        );
        assert_eq!(promised(&picture), 0);
    }

    #[test]
    fn an_old_fact_delivered_again_after_the_end_brings_no_window_back() {
        let mut picture = picture();
        picture.apply(window(1, 2), Stamp::default(), at(1));
        let booking_id = BookingId::from(Uuid::from_u128(7));
        let ended = Change::Ended { lot_id: lot_id(), booking_id, version: 3 };
        assert!(picture.apply(ended, Stamp::default(), at(2)));
        assert!(!picture.apply(window(1, 2), Stamp::default(), at(3)));
        assert_eq!(status(&picture, 1), SpotStatus::Available);
    }

    #[test]
    fn a_window_that_a_later_snapshot_does_not_list_is_taken_off_and_a_newer_one_stays() {
        let mut picture = picture();
        picture.apply(window(1, 2), Stamp { booking: 10, sensor: 0 }, at(1));
        assert_eq!(picture.drop_unlisted(&HashSet::new(), 9, at(2)), 0);
        assert_eq!(status(&picture, 1), SpotStatus::Reserved);
        assert_eq!(picture.drop_unlisted(&HashSet::new(), 10, at(2)), 1);
        assert_eq!(status(&picture, 1), SpotStatus::Available);
    }

    #[test]
    fn a_snapshot_at_the_same_version_puts_right_what_is_otherwise_and_nothing_else() {
        let mut picture = picture();
        picture.apply(window(1, 2), Stamp::default(), at(1));
        assert!(!picture.repair(window(1, 2), Stamp::default(), at(1)), "it agrees");
        assert!(!picture.repair(window(2, 1), Stamp::default(), at(1)), "it is older");
        assert!(
            picture.repair(window(2, 2), Stamp::default(), at(1)),
            "the same version, another spot"
        );
        assert_eq!(status(&picture, 1), SpotStatus::Available);
        assert_eq!(status(&picture, 2), SpotStatus::Reserved);
        assert!(!picture.repair(spot(1), Stamp::default(), at(1)), "the spot agrees");
        let Change::Spot(lot_id, mut info) = spot(1) else { return };
        info.out_of_service = true;
        assert!(picture.repair(Change::Spot(lot_id, info), Stamp::default(), at(1)));
        assert_eq!(status(&picture, 1), SpotStatus::OutOfService);
    }

    #[test]
    fn windows_of_a_stream_created_anew_are_dropped_by_its_first_snapshot() {
        let mut picture = picture();
        picture.apply(window(1, 2), Stamp { booking: 900, sensor: 0 }, at(1));
        picture.forget_booking_positions();
        assert_eq!(picture.drop_unlisted(&HashSet::new(), 3, at(2)), 1);
        assert_eq!(status(&picture, 1), SpotStatus::Available);
    }

    #[test]
    fn a_clock_moved_back_brings_a_lapsed_window_back() {
        let mut picture = picture();
        picture.apply(window(1, 2), Stamp::default(), at(1));
        picture.tick(at(61));
        assert_eq!(status(&picture, 1), SpotStatus::Available);
        assert_eq!(picture.look_again(at(5)), [lot_id()]);
        assert_eq!(status(&picture, 1), SpotStatus::Reserved);
    }

    #[test]
    fn the_ground_may_speak_of_a_spot_before_the_inventory_does() {
        let mut picture = picture();
        let word = Change::Ground {
            lot_id: lot_id(),
            spot_id: spot_id(3),
            ground: Ground::Occupied,
            version: 4,
        };
        picture.apply(word, Stamp::default(), at(0));
        picture.apply(spot(3), Stamp::default(), at(0));
        assert_eq!(status(&picture, 3), SpotStatus::Occupied);
    }
}
