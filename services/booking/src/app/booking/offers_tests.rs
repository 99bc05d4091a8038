//! Who is told what.

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_platform::ids::Ids;

use super::*;

fn spots(count: usize) -> Vec<Spot> {
    let ids = Ids::random();
    let (lot_id, floor_id) = (ids.next(), ids.next());
    let spot = |number: usize| Spot {
        spot_id: ids.next(),
        lot_id,
        floor_id,
        spot_number: number.to_string(),
        spot_type: SpotType::Regular,
        out_of_service: false,
        plan_x: 0.0,
        plan_y: 0.0,
        latitude: 0.0,
        longitude: 0.0,
        version: 1,
    };
    (0..count).map(spot).collect()
}

fn numbers(told: &[Spot]) -> Vec<&str> {
    told.iter().map(|spot| spot.spot_number.as_str()).collect()
}

#[test]
fn each_loser_is_told_another_spot_first_nearest_first() {
    let (mut told, free) = (Told::default(), spots(4));
    let free: Vec<&Spot> = free.iter().collect();
    assert_eq!(numbers(&told.next(None, &free)), ["0", "1", "2", "3"]);
    assert_eq!(numbers(&told.next(None, &free)), ["1", "2", "3", "0"]);
    // Whoever was refused another spot has other neighbours, and is not sent to the same either.
    assert_eq!(numbers(&told.next(None, &free[1..])), ["2", "3", "1"]);
    assert_eq!(numbers(&told.next(None, &free))[0], "3");
    // More losers than spots: the one told longest ago.
    assert_eq!(numbers(&told.next(None, &free))[0], "0");
}

#[test]
fn nothing_free_is_told_as_nothing() {
    assert!(Told::default().next(None, &[]).is_empty());
}

#[test]
fn a_spot_claimed_for_a_loser_is_told_first_and_its_neighbours_behind_it() {
    let (mut told, free) = (Told::default(), spots(4));
    let free: Vec<&Spot> = free.iter().collect();
    assert_eq!(numbers(&told.next(Some(free[2].clone()), &free)), ["2", "3", "0", "1"]);
    // One that is further away than those that are told beside it.
    assert_eq!(numbers(&told.next(Some(free[3].clone()), &free[..2])), ["3", "0", "1"]);
}

#[test]
fn all_who_lose_on_a_floor_for_one_window_share_a_search() {
    let (offers, here, there) = (Offers::default(), spots(2), spots(1));
    let at = |second| jiff::Timestamp::from_second(second).expect("a time");
    let [window, later] =
        [0, 60].map(|start| Window::try_new(at(start), at(start + 3_600)).expect("a window"));
    let search = offers.search(&here[0], window);
    assert!(Arc::ptr_eq(&search, &offers.search(&here[1], window)));
    assert!(!Arc::ptr_eq(&search, &offers.search(&here[0], later)));
    assert!(!Arc::ptr_eq(&search, &offers.search(&there[0], window)));
}

#[test]
fn what_is_on_the_same_floor_is_nearer_than_all_else() {
    let (mut here, there) = (spots(3), spots(1));
    here[1].plan_x = 5.0;
    here[2].plan_y = -3.0;
    assert!(nearness(&here[0], &here[2]) < nearness(&here[0], &here[1]));
    assert!(nearness(&here[0], &here[1]) < nearness(&here[0], &there[0]));
}
