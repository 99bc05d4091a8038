//! What is free: snapshots, facts and time.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use parkmesh_availability::DOMAIN;
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::booking::v1::{
    BookingState, Closure, Floor, InventoryChanged, Lot, Spot, SpotStateChanged,
};
use parkmesh_contracts::common::v1::{SpotStatus, SpotType, Window};
use parkmesh_contracts::ids::{FloorId, LotId, SpotId};
use parkmesh_contracts::sensor::v1::{OccupancyState, SpotOccupancy};
use parkmesh_contracts::time;
use parkmesh_platform::fault::reason_of;
use parkmesh_testkit::eventually;
use tonic_types::StatusExt;

use crate::facts;
use crate::house::{House, SPOTS};

#[tokio::test]
async fn a_snapshot_and_then_facts_give_the_counts() {
    let house = House::new().await;
    let reserved = house.booking(0, 5);
    {
        let mut known = house.doubles.known();
        let row = reserved.live(BookingState::Reserved, 2);
        known.windows.insert(row.booking_id.clone(), row);
        let spot_id = house.spots[1].to_string();
        let occupied = SpotOccupancy {
            spot_id: spot_id.clone(),
            lot_id: house.lot_id.to_string(),
            state: i32::from(OccupancyState::Occupied),
            version: 4,
            ..Default::default()
        };
        known.occupancy.insert(spot_id, occupied);
    }
    let replica = house.stand().await;
    let counts = replica.availability(house.lot_id).await.expect("counts");
    assert_eq!((counts.free, counts.total), (10, 12));
    let types: Vec<_> = counts.types.iter().map(|t| (t.spot_type(), t.free, t.total)).collect();
    assert_eq!(types, [(SpotType::Regular, 7, 8), (SpotType::Ev, 3, 4)]);
    let floors: Vec<_> = counts.floors.iter().map(|f| (f.floor_number, f.free, f.total)).collect();
    assert_eq!(floors, [(0, 5, 6), (1, 5, 6)]);

    house.tell([facts::occupied(house.lot_id, house.spots[2], 1)]).await;
    house.tell([reserved.cancelled(3)]).await;
    house.tell([facts::silent(house.lot_id, house.spots[3], 1)]).await;
    let out = house.spot(4, 2, true);
    let lot_id = house.lot_id.to_string();
    house.tell([SpotStateChanged { lot_id, version: 2, spot: Some(out) }]).await;
    house.tell([house.booking(5, 0).activated(3)]).await;
    replica.has_caught_up(&house).await;
    let statuses: BTreeMap<String, SpotStatus> =
        replica.statuses(house.lot_id).await.into_iter().collect();
    let expected = [
        ("00", SpotStatus::Available),
        ("01", SpotStatus::Occupied),
        ("02", SpotStatus::Occupied),
        ("03", SpotStatus::Unknown),
        ("04", SpotStatus::OutOfService),
        ("05", SpotStatus::Occupied),
        ("06", SpotStatus::Available),
    ];
    for (number, status) in expected {
        assert_eq!(statuses[number], status, "spot {number}");
    }
    assert_eq!(replica.availability(house.lot_id).await.expect("counts").free, 7);
    house.stop([replica]).await;
}

#[tokio::test]
async fn old_and_repeated_facts_change_nothing() {
    let house = House::new().await;
    let replica = house.stand().await;
    let booking = house.booking(0, 0);
    let (lot_id, spot) = (house.lot_id, house.spots[1]);
    house.tell([booking.reserved(2)]).await;
    house.tell([facts::occupied(lot_id, spot, 5)]).await;
    replica.has_free(lot_id, 10).await;
    house.tell([facts::vacated(lot_id, spot, 4), facts::vacated(lot_id, spot, 5)]).await;
    house.tell([booking.cancelled(1), booking.cancelled(2)]).await;
    house.tell([booking.reserved(2)]).await;
    replica.has_caught_up(&house).await;
    assert_eq!(replica.availability(lot_id).await.expect("counts").free, 10);
    // The end, and then the beginning once more.
    house.tell([booking.cancelled(3)]).await;
    house.tell([booking.reserved(2)]).await;
    house.tell([facts::vacated(lot_id, spot, 6), facts::vacated(lot_id, spot, 6)]).await;
    replica.has_caught_up(&house).await;
    assert_eq!(replica.availability(lot_id).await.expect("counts").free, 12);
    house.stop([replica]).await;
}

#[tokio::test]
async fn counters_equal_a_recount_after_many_facts_in_disorder() {
    let house = House::new().await;
    let replica = house.stand().await;
    let mut expected = [SpotStatus::Available; SPOTS];
    let mut newest = [0_i64; SPOTS];
    let mut chance = Chance(u64::from_be_bytes(house.ids.bytes()));
    let seed = chance.0;
    let (mut taken, mut left, mut quiet) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..400 {
        let (n, version) =
            (chance.below(SPOTS), i64::try_from(chance.below(40)).expect("small") + 1);
        let (lot_id, spot_id) = (house.lot_id, house.spots[n]);
        // What a version says is the same each time it is told.
        let status = match version % 3 {
            0 => {
                taken.push(facts::occupied(lot_id, spot_id, version));
                SpotStatus::Occupied
            }
            1 => {
                left.push(facts::vacated(lot_id, spot_id, version));
                SpotStatus::Available
            }
            _ => {
                quiet.push(facts::silent(lot_id, spot_id, version));
                SpotStatus::Unknown
            }
        };
        if version > newest[n] {
            (newest[n], expected[n]) = (version, status);
        }
    }
    house.tell(taken).await;
    house.tell(quiet).await;
    house.tell(left).await;
    replica.has_caught_up(&house).await;

    let statuses = replica.statuses(house.lot_id).await;
    for (n, status) in expected.iter().enumerate() {
        let name = format!("{n:02}");
        assert!(statuses.contains(&(name, *status)), "spot {n}, seed {seed}: {statuses:?}");
    }
    let counts = replica.availability(house.lot_id).await.expect("counts");
    let free = statuses.iter().filter(|(_, status)| *status == SpotStatus::Available).count();
    assert_eq!(usize::try_from(counts.free), Ok(free), "seed {seed}");
    let by_floor: i32 = counts.floors.iter().map(|floor| floor.free).sum();
    let by_type: i32 = counts.types.iter().map(|count| count.free).sum();
    assert_eq!((by_floor, by_type), (counts.free, counts.free), "seed {seed}");
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_hold_lapses_and_a_window_comes_near_by_the_clock_alone() {
    let house = House::new().await;
    let replica = house.stand().await;
    let held = house.booking(0, 5);
    let until = house.clock.now() + SignedDuration::from_mins(10);
    house.tell([held.held(1, until)]).await;
    house.tell([house.booking(1, 60).reserved(2)]).await;
    replica.has_free(house.lot_id, 11).await;
    replica.has_caught_up(&house).await;
    assert_eq!(replica.status(house.lot_id, 0).await, SpotStatus::Reserved);
    assert_eq!(replica.status(house.lot_id, 1).await, SpotStatus::Available);

    house.clock.advance(SignedDuration::from_mins(11));
    replica.has_free(house.lot_id, 12).await;
    house.clock.advance(SignedDuration::from_mins(35));
    replica.has_free(house.lot_id, 11).await;
    assert_eq!(replica.status(house.lot_id, 1).await, SpotStatus::Reserved);
    house.clock.set_offset_ms(0);
    eventually("the hold again", || async {
        let status = replica.status(house.lot_id, 0).await;
        (status == SpotStatus::Reserved).then_some(())
    })
    .await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn what_is_closed_is_not_free_while_it_is_closed() {
    let house = House::new().await;
    let replica = house.stand().await;
    replica.has_free(house.lot_id, 12).await;
    let now = house.clock.now();
    let at = |minutes| Some(time::to_proto(now + SignedDuration::from_mins(minutes)));
    let closure = |spot: usize, start, end| Closure {
        spot_id: house.spots[spot].to_string(),
        window: Some(Window { start_time: at(start), end_time: at(end) }),
        ..Closure::default()
    };
    let tell = async |version, closures| {
        let named = house.lot_id.to_string();
        let known = house.doubles.known().lots[0].clone();
        let lot = Some(Lot { version, closures, ..known });
        house.tell([InventoryChanged { lot_id: named, version, lot, ..Default::default() }]).await;
    };
    tell(2, vec![closure(0, -5, 30), closure(1, 60, 90)]).await;
    replica.has_free(house.lot_id, 11).await;
    assert_eq!(replica.status(house.lot_id, 0).await, SpotStatus::OutOfService);
    house.clock.advance(SignedDuration::from_mins(31));
    replica.has_free(house.lot_id, 12).await;
    house.clock.advance(SignedDuration::from_mins(30));
    replica.has_free(house.lot_id, 11).await;
    assert_eq!(replica.status(house.lot_id, 1).await, SpotStatus::OutOfService);
    // Taken away before it ends.
    tell(3, Vec::new()).await;
    replica.has_free(house.lot_id, 12).await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_lot_made_later_is_shown_by_facts_alone() {
    let house = House::new().await;
    let replica = house.stand().await;
    let (lot_id, floor_id): (LotId, FloorId) = (house.ids.next(), house.ids.next());
    let lot = Lot { lot_id: lot_id.to_string(), version: 1, ..Lot::default() };
    let floor = Floor {
        floor_id: floor_id.to_string(),
        lot_id: lot_id.to_string(),
        floor_number: -1,
        ..Floor::default()
    };
    let spot = Spot {
        lot_id: lot_id.to_string(),
        floor_id: floor_id.to_string(),
        spot_id: house.ids.next::<SpotId>().to_string(),
        ..house.spot(0, 1, false)
    };
    let named = lot_id.to_string();
    let (lot, floors) = (Some(lot), vec![floor]);
    house.tell([InventoryChanged { lot_id: named.clone(), version: 1, lot, floors }]).await;
    house.tell([SpotStateChanged { lot_id: named, version: 1, spot: Some(spot) }]).await;
    let counts = eventually("the lot and its spot", || async {
        replica.availability(lot_id).await.ok().filter(|counts| counts.total == 1)
    })
    .await;
    assert_eq!((counts.free, counts.floors[0].floor_number), (1, -1));
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_fact_of_a_spot_that_nobody_told_of_asks_for_a_snapshot() {
    let mut house = House::new().await;
    let replica = house.stand().await;
    // As if the fact of the spot itself had been lost.
    house.spots.push(house.ids.next());
    let booking = house.booking(SPOTS, 0);
    let row = booking.live(BookingState::Reserved, 2);
    house.doubles.known().spots.push(house.spot(SPOTS, 1, false));
    house.doubles.known().windows.insert(row.booking_id.clone(), row);
    house.tell([booking.reserved(2)]).await;
    eventually("the spot", || async {
        let statuses = replica.statuses(house.lot_id).await;
        statuses.contains(&("12".to_owned(), SpotStatus::Reserved)).then_some(())
    })
    .await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn facts_that_only_a_newer_version_knows_do_not_make_the_picture_stale() {
    let house = House::new().await;
    let replica = house.stand().await;
    house.tell([facts::occupied(house.lot_id, house.spots[1], 1)]).await;
    house.tell_unknown().await;
    replica.has_caught_up(&house).await;
    assert_eq!(replica.availability(house.lot_id).await.expect("counts").free, 11);
    house.stop([replica]).await;
}

#[tokio::test]
async fn pages_are_ordered_and_their_tokens_bound_to_the_list() {
    let house = House::new().await;
    let replica = house.stand().await;
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = replica.spots(house.lot_id, &token, 5).await;
        assert!(page.spots.len() <= 5);
        seen.extend(page.spots.into_iter().map(|spot| spot.spot_number));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let even_then_odd = (0..SPOTS).step_by(2).chain((1..SPOTS).step_by(2));
    assert_eq!(seen, even_then_odd.map(|n| format!("{n:02}")).collect::<Vec<_>>());

    let page_token = replica.spots(house.lot_id, "", 5).await.next_page_token;
    let other = proto::ListSpotStatesRequest {
        lot_id: house.lot_id.to_string(),
        floor_id: house.floors[0].to_string(),
        page_token,
        ..Default::default()
    };
    let refused = replica.client.clone().list_spot_states(other).await.expect_err("another list");
    assert_eq!(reason_of(&refused).as_deref(), Some("PAGE_TOKEN_INVALID"));
    house.stop([replica]).await;
}

#[tokio::test]
async fn an_unknown_lot_is_not_found_and_nonsense_names_its_field() {
    let house = House::new().await;
    let replica = house.stand().await;
    let unknown: LotId = house.ids.next();
    let refused = replica.availability(unknown).await.expect_err("no such lot");
    let info = refused.get_details_error_info().expect("ErrorInfo");
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("LOT_NOT_FOUND", DOMAIN));
    let nonsense = proto::GetAvailabilityRequest { lot_id: "mall".to_owned() };
    let refused = replica.client.clone().get_availability(nonsense).await.expect_err("nonsense");
    let violations = refused.get_details_bad_request().expect("BadRequest").field_violations;
    assert_eq!(violations[0].field, "lot_id");
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_snapshot_that_is_not_whole_is_not_shown() {
    let house = House::new().await;
    house.doubles.known().broken = true;
    let replica = house.start().await;
    eventually("two attempts", || async { (house.doubles.known().asked > 1).then_some(()) }).await;
    let refused = replica.availability(house.lot_id).await.expect_err("nothing to show");
    assert_eq!(reason_of(&refused).as_deref(), Some("PICTURE_NOT_READY"));
    assert!(refused.get_details_retry_info().is_some());
    house.doubles.known().broken = false;
    assert_eq!(replica.stands(house.lot_id).await.free, 12);
    house.stop([replica]).await;
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).expect("small")
    }
}
