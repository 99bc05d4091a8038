#![expect(clippy::unwrap_used, reason = "tests")]

use parkmesh_contracts::booking::v1::{BookingState, Cause};
use parkmesh_contracts::ids::PaymentId;
use uuid::Uuid;

use super::super::life::tests::{active, at, changed, held, paid, policy, reserved, step};
use super::super::{Command, Step};
use super::*;

fn difference() -> Option<PaymentId> {
    Some(Uuid::from_u128(7).into())
}

fn other_spot() -> Place {
    let nil = Uuid::nil();
    let spot_id = Uuid::from_u128(9).into();
    Place::Spot { floor_id: nil.into(), spot_id, spot_number: "A9".to_owned(), promised: true }
}

/// Held, reserved and active bookings are for minutes 60 to 180, at 250 an hour.
fn window(start: i64, end: i64) -> Window {
    Window::try_new(at(start), at(end)).unwrap()
}

fn target(place: &Place, window: Window) -> Box<Target> {
    let price = held().price.of_window(&window).unwrap();
    Box::new(Target { place: place.clone(), window, price })
}

#[test]
fn a_longer_window_costs_what_it_would_have_cost_and_keeps_its_first_payment() {
    let booking = reserved();
    let (longer, event) = changed(&booking, Command::Extend(at(240), difference()), 30);
    assert_eq!((longer.state, longer.window), (BookingState::Reserved, window(60, 240)));
    assert_eq!(longer.price.amount.minor, 750);
    assert_eq!(longer.payment_id, booking.payment_id);
    assert_eq!(longer.due_time, booking.due_time, "the car is awaited no longer than before");
    assert_eq!(event, Event::Extended(at(180), difference()));
}

#[test]
fn a_session_is_extended_also_in_its_grace_and_then_ends_later() {
    let (longer, _) = changed(&active(60), Command::Extend(at(240), None), 190);
    assert_eq!((longer.state, longer.due_time), (BookingState::Active, Some(at(255))));
    let late = step(&active(60), Command::Extend(at(240), None), 195);
    assert_eq!(late, Err(Refusal::State(BookingState::Completed)));
}

#[test]
fn an_early_car_pays_for_the_extension_of_the_window_that_it_booked() {
    let (longer, _) = changed(&active(50), Command::Extend(at(240), None), 100);
    assert_eq!(longer.window, window(50, 240));
    assert_eq!(longer.price.amount.minor, 750);
}

#[test]
fn an_end_that_is_not_later_extends_nothing() {
    for end in [180, 179, 60, 0] {
        let refused = step(&reserved(), Command::Extend(at(end), None), 30);
        assert_eq!(refused, Err(Refusal::NotLater), "{end}");
    }
}

#[test]
fn a_short_window_that_grows_gives_its_driver_the_whole_wait() {
    let short = Booking { window: window(60, 75), due_time: Some(at(75)), ..reserved() };
    let (longer, _) = changed(&short, Command::Extend(at(180), None), 30);
    assert_eq!(longer.due_time, Some(at(90)));
}

#[test]
fn a_move_takes_place_and_window_and_gives_the_driver_the_wait_anew() {
    let command = Command::Move(target(&other_spot(), window(120, 300)), difference());
    let (moved, event) = changed(&reserved(), command, 30);
    assert_eq!((moved.place.clone(), moved.window), (other_spot(), window(120, 300)));
    assert_eq!((moved.start_time, moved.due_time), (at(120), Some(at(150))));
    assert_eq!(moved.price.amount.minor, 750);
    assert_eq!(event, Event::Moved(reserved().place, window(60, 180), difference()));
}

#[test]
fn whoever_only_changes_the_spot_has_no_more_time_to_come() {
    let command = Command::Move(target(&other_spot(), window(60, 180)), None);
    let (moved, _) = changed(&reserved(), command.clone(), 80);
    assert_eq!(moved.due_time, reserved().due_time);
    let late = step(&reserved(), command, 90);
    assert_eq!(late, Err(Refusal::State(BookingState::NoShow)));
}

#[test]
fn what_is_authorised_does_not_become_less_and_counts_for_what_comes_after() {
    let shorter = Command::Move(target(&reserved().place, window(60, 120)), None);
    let (moved, _) = changed(&reserved(), shorter, 30);
    assert_eq!((moved.window, moved.price.amount.minor), (window(60, 120), 500));
    // Back to two hours costs nothing more.
    let (longer, _) = changed(&moved, Command::Extend(at(180), None), 31);
    assert_eq!(longer.price.amount.minor, 500);
    // What is taken is what the stay cost.
    let there = changed(&moved, Command::Arrive(at(60), Cause::Kiosk), 60).0;
    let (left, _) = changed(&there, Command::Leave(at(110), Cause::Kiosk), 110);
    assert_eq!(left.final_amount.unwrap().minor, 250);
}

#[test]
fn a_relocation_changes_nothing_but_the_spot() {
    let block = SpotBlock::OutOfService;
    let (moved, event) = changed(&reserved(), Command::Relocate(other_spot(), block), 55);
    let same = Booking { place: reserved().place, version: reserved().version, ..moved.clone() };
    assert_eq!(same, reserved());
    assert_eq!((moved.place, moved.version), (other_spot(), reserved().version + 1));
    assert_eq!(event, Event::Relocated(reserved().place, block));
}

#[test]
fn whoever_is_given_up_owes_nothing() {
    let (gone, event) = changed(&reserved(), Command::GiveUp, 60);
    assert_eq!((gone.state, gone.final_amount), (BookingState::Cancelled, None));
    assert_eq!(event, Event::Cancelled(Some(Cause::SpotBlocked)));
}

#[test]
fn an_overstay_is_charged_from_the_end_of_the_window_once_and_for_a_day_at_most() {
    let (completed, _) = changed(&active(60), Command::Lapse, 195);
    let (over, event) = changed(&completed, Command::Overstay(at(250)), 250);
    assert_eq!(over.state, BookingState::Completed);
    assert_eq!(over.overstay_amount.unwrap().minor, 500, "two started hours");
    assert_eq!(over.final_amount, completed.final_amount);
    let Event::Overstayed(left, lines) = event else { panic!("{event:?}") };
    assert_eq!((left, lines.len()), (at(250), 1));
    assert_eq!(step(&over, Command::Overstay(at(400)), 400), Ok(Step::Stands));
    let (longest, _) = changed(&completed, Command::Overstay(at(180 + 3 * 24 * 60)), 9_999);
    assert_eq!(longest.overstay_amount.unwrap().minor, 24 * 250);
}

#[test]
fn a_ticket_stays_as_it_is() {
    let place = Place::Ticket { allotment_id: Uuid::nil().into(), number: 7 };
    let ticket = Booking { place, ..held() };
    let ticket = changed(&ticket, paid(), 5).0;
    for command in [
        Command::Extend(at(240), None),
        Command::Move(target(&other_spot(), window(60, 180)), None),
        Command::Relocate(other_spot(), SpotBlock::Closed),
    ] {
        assert_eq!(step(&ticket, command, 30), Err(Refusal::Ticket));
    }
    assert_eq!(policy().overstay_grace, SignedDuration::from_mins(15));
}
