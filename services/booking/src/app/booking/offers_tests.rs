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
    assert_eq!(numbers(&told.next(Some(free[2].clone()), &free)), ["2", "3", "0", "1"]);
    // One that is further away than those that are told beside it.
    assert_eq!(numbers(&told.next(Some(free[3].clone()), &free[..2])), ["3", "0", "1"]);
}
