//! Plans against all ways that there are.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn at(hour: u8) -> Timestamp {
    Timestamp::from_second(2_000_000_000 + i64::from(hour) * 3_600).unwrap()
}

fn window(start: u8, end: u8) -> Window {
    Window::try_new(at(start), at(end)).unwrap()
}

fn spot(number: usize) -> SpotId {
    Uuid::from_u128(number as u128 + 1).into()
}

fn loose(number: u128, (start, end): (u8, u8)) -> Loose {
    Loose { booking_id: Uuid::from_u128(number).into(), kept: window(start, end) }
}

/// Windows by their hours.
type Hours<'a> = &'a [(u8, u8)];

/// Spots by number, each with what stays and what may move.
fn lanes(spots: &[(Hours<'_>, Hours<'_>)]) -> Vec<Lane> {
    let mut number = 100;
    let mut lanes = Vec::new();
    for (place, (fixed, movable)) in spots.iter().enumerate() {
        let movable = movable.iter().map(|hours| {
            number += 1;
            loose(number, *hours)
        });
        lanes.push(Lane {
            spot_id: spot(place),
            for_wanted: true,
            fixed: fixed.iter().map(|(start, end)| window(*start, *end)).collect(),
            movable: movable.collect(),
        });
    }
    lanes
}

#[test]
fn a_free_spot_needs_no_move() {
    let lanes = lanes(&[(&[], &[(0, 4)]), (&[], &[])]);
    assert_eq!(plan(&lanes, &window(2, 6)), Plan::Fits(spot(1), vec![]));
    assert_eq!(plan(&lanes, &window(4, 6)), Plan::Fits(spot(0), vec![]));
}

#[test]
fn one_booking_moves_aside_when_the_gaps_lie_on_different_spots() {
    // 0-4 on one, 4-8 on the other: no spot is free for 0-8 until they share one.
    let lanes = lanes(&[(&[], &[(0, 4)]), (&[], &[(4, 8)])]);
    let Plan::Fits(_, moves) = plan(&lanes, &window(0, 8)) else { panic!("it fits") };
    assert_eq!(moves.len(), 1);
}

#[test]
fn bookings_change_places_around_what_stays() {
    // The second can only go to the first spot when the first gives way to the third.
    let lanes = lanes(&[(&[(6, 9)], &[(0, 5)]), (&[], &[(4, 6)]), (&[(5, 9)], &[])]);
    let Plan::Fits(where_to, moves) = plan(&lanes, &window(5, 8)) else { panic!("it fits") };
    assert_eq!((where_to, moves.len()), (spot(1), 2));
}

#[test]
fn the_proof_of_sold_out_is_a_full_instant() {
    let lanes = lanes(&[(&[(0, 4)], &[]), (&[], &[(3, 6)])]);
    assert_eq!(plan(&lanes, &window(0, 8)), Plan::Full(at(3)));
    assert_eq!(plan(&[], &window(0, 8)), Plan::Full(at(0)));
}

#[test]
fn what_stays_can_leave_no_way_although_no_instant_is_full() {
    let lanes = lanes(&[(&[(0, 4)], &[]), (&[(4, 8)], &[])]);
    assert_eq!(plan(&lanes, &window(2, 6)), Plan::None);
}

#[test]
fn a_window_that_only_some_spots_may_take_moves_others_off_them() {
    let mut lanes = lanes(&[(&[], &[(0, 8)]), (&[], &[])]);
    lanes[1].for_wanted = false;
    let Plan::Fits(where_to, moves) = plan(&lanes, &window(2, 6)) else { panic!("it fits") };
    assert_eq!((where_to, moves.len(), moves[0].to), (spot(0), 1, spot(1)));
}

#[test]
fn who_is_on_a_closed_spot_stays_there_and_takes_no_room_elsewhere() {
    let lanes = lanes(&[(&[(0, 9)], &[(0, 4)]), (&[], &[])]);
    assert_eq!(plan(&lanes, &window(0, 4)), Plan::Fits(spot(1), vec![]));
}

#[test]
fn a_large_pool_is_planned_within_the_bound() {
    // Staggered over a day so that no spot is free for the whole of it, though every hour has room.
    let lanes: Vec<Lane> = (0..400)
        .map(|number: usize| {
            let start = u8::try_from(number % 20).unwrap();
            let movable = vec![loose(number as u128 + 1, (start, start + 4))];
            Lane { spot_id: spot(number), for_wanted: true, fixed: vec![], movable }
        })
        .collect();
    let Plan::Fits(_, moves) = plan(&lanes, &window(0, 24)) else { panic!("it fits") };
    assert!(moves.len() < 4, "{}", moves.len());
}

/// Lanes with few windows in few hours; those that overlap another on their lane are left out.
fn pools(stays: bool) -> impl Strategy<Value = (Vec<Lane>, Window)> {
    let hours = (0_u8..10, 1_u8..5).prop_map(|(start, length)| (start, start + length));
    let lane = (prop::collection::vec((hours.clone(), any::<bool>()), 0..4), any::<bool>());
    (prop::collection::vec(lane, 1..5), hours).prop_map(move |(drawn, wanted)| {
        let mut number = 0;
        let mut lanes = Vec::new();
        for (place, (windows, for_wanted)) in drawn.into_iter().enumerate() {
            let mut lane = Lane {
                spot_id: spot(place),
                for_wanted: for_wanted || !stays,
                fixed: vec![],
                movable: vec![],
            };
            for (hours, moves) in windows {
                let kept = window(hours.0, hours.1);
                let taken = |other: &Window| other.overlaps(&kept);
                if lane.fixed.iter().any(taken) || lane.movable.iter().any(|o| taken(&o.kept)) {
                    continue;
                }
                number += 1;
                match moves || !stays {
                    true => lane.movable.push(loose(number, hours)),
                    false => lane.fixed.push(kept),
                }
            }
            lanes.push(lane);
        }
        (lanes, window(wanted.0, wanted.1))
    })
}

/// Whether there is any way, by trying all.
fn is_possible(lanes: &[Lane], wanted: &Window) -> bool {
    let mut windows = vec![(*wanted, true)];
    windows.extend(lanes.iter().flat_map(|lane| lane.movable.iter().map(|one| (one.kept, false))));
    let mut taken: Vec<Vec<Window>> = lanes.iter().map(|lane| lane.fixed.clone()).collect();
    place_all(lanes, &windows, &mut taken)
}

fn place_all(lanes: &[Lane], windows: &[(Window, bool)], taken: &mut Vec<Vec<Window>>) -> bool {
    let Some(((window, is_wanted), rest)) = windows.split_first() else { return true };
    for lane in 0..taken.len() {
        let fits = !taken[lane].iter().any(|other| other.overlaps(window));
        if fits && (!is_wanted || lanes[lane].for_wanted) {
            taken[lane].push(*window);
            if place_all(lanes, rest, taken) {
                return true;
            }
            taken[lane].pop();
        }
    }
    false
}

/// The lanes after a plan, with the wanted window on its spot.
fn carried_out(lanes: &[Lane], wanted: &Window, to: SpotId, moves: &[Move]) -> Vec<Vec<Window>> {
    lanes
        .iter()
        .map(|lane| {
            let leaves = |one: &Loose| moves.iter().any(|m| m.booking_id == one.booking_id);
            let stays = lane.movable.iter().filter(|one| !leaves(one)).map(|one| one.kept);
            let comes = moves.iter().filter(|m| m.to == lane.spot_id).map(|m| m.kept);
            let mut all: Vec<Window> =
                lane.fixed.iter().copied().chain(stays).chain(comes).collect();
            all.extend((lane.spot_id == to).then_some(*wanted));
            all
        })
        .collect()
}

proptest! {
    #[test]
    fn a_plan_is_found_just_when_there_is_one_and_no_two_windows_overlap_after_it(
        (lanes, wanted) in pools(true)
    ) {
        match plan(&lanes, &wanted) {
            Plan::Fits(to, moves) => {
                prop_assert!(lanes.iter().any(|lane| lane.spot_id == to && lane.for_wanted));
                for windows in carried_out(&lanes, &wanted, to, &moves) {
                    for (place, one) in windows.iter().enumerate() {
                        prop_assert!(!windows[..place].iter().any(|other| other.overlaps(one)));
                    }
                }
            }
            Plan::Full(at) => {
                prop_assert!(wanted.contains(at));
                let busy = |lane: &Lane| {
                    lane.fixed.iter().any(|w| w.contains(at))
                        || lane.movable.iter().any(|one| one.kept.contains(at))
                };
                prop_assert!(lanes.iter().all(busy));
                prop_assert!(!is_possible(&lanes, &wanted));
            }
            Plan::None => prop_assert!(!is_possible(&lanes, &wanted)),
        }
    }

    #[test]
    fn where_everything_may_move_nothing_but_a_full_instant_is_sold_out(
        (lanes, wanted) in pools(false)
    ) {
        prop_assert_ne!(plan(&lanes, &wanted), Plan::None);
    }
}
