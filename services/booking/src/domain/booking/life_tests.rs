#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::money::Money;
use proptest::prelude::*;
use uuid::Uuid;

use super::super::table::tests::{STATES, is_live};
use super::super::{Price, hold_end};
use super::*;
use crate::domain::discount::Off;
use crate::domain::discount::tests::{euros, reduction};
use crate::domain::inventory::PolicyChoice;
use crate::domain::tariff::{Cancellation, Fare, Fee, Rules};

pub fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(2_000_000_000 + minutes * 60).unwrap()
}

pub fn policy() -> Policy {
    PolicyChoice::default().resolve()
}

/// Held at minute 0 for minutes 60 to 180.
pub fn held() -> Booking {
    let window = Window::try_new(at(60), at(180)).unwrap();
    let (nil, end) = (Uuid::nil(), hold_end(&window, policy().hold_ttl, at(0)));
    Booking {
        booking_id: nil.into(),
        code: "CODE2345".to_owned(),
        lot_id: nil.into(),
        place: Place::Spot {
            floor_id: nil.into(),
            spot_id: nil.into(),
            spot_number: "A1".to_owned(),
            promised: true,
        },
        user_id: "anna".parse().unwrap(),
        plate: String::new(),
        window,
        start_time: at(60),
        state: BookingState::Held,
        price: Price {
            tariff_version: 1,
            hourly_rate: euros(250),
            amount: euros(500),
            fare: Some(fare(Rules::flat(250))),
            reductions: None,
        },
        hold_expire_time: end,
        payment_attempt: None,
        decline_code: None,
        card_due_time: None,
        payment_id: None,
        arrive_time: None,
        depart_time: None,
        leave_time: None,
        final_amount: None,
        overstay_amount: None,
        due_time: Some(end),
        version: 1,
        create_time: at(0),
        waitlist_entry_id: None,
    }
}

fn spot(number: &str, promised: bool) -> Place {
    let (floor_id, spot_id) = (Uuid::nil().into(), Uuid::max().into());
    Place::Spot { floor_id, spot_id, spot_number: number.to_owned(), promised }
}

fn fare(rules: Rules) -> Fare {
    let currency = "EUR".parse().unwrap();
    Fare::try_new(Arc::new(rules), SpotType::Regular, currency, "Europe/Berlin").unwrap()
}

/// Half of it is kept from an hour before the start on, and all of it when nobody comes.
fn with_fees(mut booking: Booking) -> Booking {
    let cancellation = Some(Cancellation { free_until_minutes: 60, fee: Fee::Percent(50) });
    let rules = Rules { cancellation, no_show: Some(Fee::Percent(100)), ..Rules::flat(250) };
    booking.price.fare = Some(fare(rules));
    booking
}

pub fn step(booking: &Booking, command: Command, now: i64) -> Result<Step, Refusal> {
    booking.transition(&command, &policy(), at(now))
}

pub fn changed(booking: &Booking, command: Command, now: i64) -> (Booking, Event) {
    match step(booking, command, now).unwrap() {
        Step::Changed(booking, event) => (*booking, event),
        Step::Stands => panic!("nothing changed"),
    }
}

pub fn paid() -> Command {
    Command::Confirm(Some(Uuid::nil().into()))
}

pub fn reserved() -> Booking {
    changed(&held(), paid(), 5).0
}

pub fn active(arrived: i64) -> Booking {
    changed(&reserved(), Command::Arrive(at(arrived), Cause::Driver), arrived).0
}

#[test]
fn a_hold_that_is_confirmed_waits_for_its_car_until_the_no_show_time() {
    let booking = reserved();
    assert_eq!(booking.state, BookingState::Reserved);
    assert_eq!(booking.due_time, Some(at(90)));
    assert_eq!(booking.version, 2);
}

#[test]
fn a_walk_in_is_a_session_at_once_and_not_after_its_hold() {
    let start = Command::Start(Some(Uuid::nil().into()), Cause::Kiosk);
    let (booking, event) = changed(&held(), start.clone(), 5);
    assert_eq!((booking.state, event), (BookingState::Active, Event::Activated(Cause::Kiosk)));
    // The clocks of two machines may differ by some seconds: no session begins before its window.
    assert_eq!((booking.arrive_time, booking.due_time), (Some(at(60)), Some(at(195))));
    assert_eq!(step(&held(), start.clone(), 15), Err(Refusal::HoldExpired));
    assert_eq!(step(&reserved(), start, 6), Err(Refusal::State(BookingState::Reserved)));
}

#[test]
fn a_spot_is_given_once_and_only_to_a_reservation_that_waits_for_it() {
    let (waiting, given) = (spot("A1", false), spot("B2", true));
    let assign = Command::Assign(given.clone());
    let pending = Booking { place: waiting.clone(), ..reserved() };
    let (booking, event) = changed(&pending, assign.clone(), 50);
    assert_eq!((booking.place.clone(), event), (given, Event::Assigned));
    assert_eq!((booking.state, booking.version), (BookingState::Reserved, pending.version + 1));
    assert_eq!(step(&booking, assign.clone(), 51), Ok(Step::Stands));
    let late = step(&pending, assign.clone(), 90);
    assert_eq!(late, Err(Refusal::State(BookingState::NoShow)));
    let held = Booking { place: waiting, ..held() };
    assert_eq!(step(&held, assign, 5), Err(Refusal::State(BookingState::Held)));
}

#[test]
fn a_lapsed_hold_is_not_confirmed_even_if_the_clockwork_sleeps() {
    assert_eq!(step(&held(), paid(), 15), Err(Refusal::HoldExpired));
    let cancelled = step(&held(), Command::Cancel(None), 15);
    assert_eq!(cancelled, Err(Refusal::State(BookingState::Expired)));
}

#[test]
fn an_early_car_keeps_the_spot_from_its_arrival_on() {
    let booking = active(50);
    assert_eq!(booking.window, Window::try_new(at(50), at(180)).unwrap());
    assert_eq!(booking.booked_window(), Window::try_new(at(60), at(180)).unwrap());
    assert_eq!((booking.arrive_time, booking.due_time), (Some(at(50)), Some(at(195))));
}

#[test]
fn a_car_that_is_too_early_is_told_from_when_it_may_come() {
    let refused = step(&reserved(), Command::Arrive(at(44), Cause::Driver), 44);
    assert_eq!(refused, Err(Refusal::TooEarly(at(45))));
}

#[test]
fn a_car_after_the_no_show_time_is_too_late_and_one_noticed_late_is_not() {
    let late = step(&reserved(), Command::Arrive(at(90), Cause::Driver), 90);
    assert_eq!(late, Err(Refusal::State(BookingState::NoShow)));
    let noticed = step(&reserved(), Command::Arrive(at(89), Cause::Sensor), 95);
    assert!(matches!(noticed, Ok(Step::Changed(..))));
}

#[test]
fn a_stay_is_charged_by_its_started_hours() {
    let (booking, event) = changed(&active(60), Command::Leave(at(100), Cause::Driver), 100);
    assert_eq!(booking.state, BookingState::Completed);
    assert_eq!(booking.final_amount.unwrap().minor, 250);
    let Event::Completed(cause, lines) = event else { panic!("{event:?}") };
    assert_eq!((cause, lines.len()), (Cause::Driver, 1));
}

#[test]
fn a_session_left_open_ends_at_its_deadline_whenever_the_clockwork_comes() {
    let (booking, event) = changed(&active(60), Command::Lapse, 500);
    assert_eq!(booking.leave_time, Some(at(195)));
    assert_eq!(booking.final_amount.unwrap().minor, 500);
    assert!(matches!(event, Event::Completed(Cause::Deadline, _)));
}

#[test]
fn a_late_cancellation_and_a_no_show_cost_their_fee() {
    let booking = with_fees(reserved());
    let fee = |command, now| changed(&booking, command, now).0.final_amount;
    assert_eq!(fee(Command::Cancel(None), -1), None);
    assert_eq!(fee(Command::Cancel(None), 0).unwrap().minor, 250);
    assert_eq!(fee(Command::Lapse, 90).unwrap().minor, 500);
    // What the lot takes back, and what was only held, costs nothing.
    assert_eq!(fee(Command::Withdraw, 60), None);
    let cancelled = changed(&with_fees(held()), Command::Cancel(None), 5).0;
    assert_eq!((cancelled.state, cancelled.final_amount), (BookingState::Cancelled, None));
}

#[test]
fn a_stay_never_costs_more_than_was_authorised() {
    let early = active(50);
    let (booking, event) = changed(&early, Command::Leave(at(180), Cause::Driver), 180);
    assert_eq!(booking.final_amount.unwrap().minor, 500);
    let Event::Completed(_, lines) = event else { panic!("{event:?}") };
    let told: Vec<_> = lines.iter().map(|line| line.description.as_str()).collect();
    assert_eq!(told, ["Parking, by the started hour", "Not charged: beyond the amount authorised"]);
    assert_eq!(lines.iter().map(|line| line.amount.minor).sum::<i64>(), 500);
}

#[test]
fn a_ticket_has_one_price_and_waits_for_its_car_to_the_end() {
    let nine = Money::new(900, "EUR".parse().unwrap());
    let place = Place::Ticket { allotment_id: Uuid::nil().into(), number: 7 };
    let held = Booking { place, price: Price::of_ticket(nine), ..held() };
    let reserved = changed(&held, paid(), 10).0;
    assert_eq!(reserved.due_time, Some(reserved.window.end()));
    let cancelled = changed(&reserved, Command::Cancel(None), 59).0;
    assert_eq!(cancelled.final_amount, None);
    let unused = changed(&reserved, Command::Lapse, 180).0;
    assert_eq!((unused.state, unused.final_amount), (BookingState::NoShow, Some(nine)));
    let there = changed(&reserved, Command::Arrive(at(100), Cause::Kiosk), 100).0;
    let left = changed(&there, Command::Leave(at(110), Cause::Kiosk), 110).0;
    assert_eq!(left.final_amount, Some(nine));
}

#[test]
fn a_second_word_of_the_same_arrival_or_departure_changes_nothing() {
    let there = active(60);
    assert_eq!(step(&there, Command::Arrive(at(61), Cause::Sensor), 61), Ok(Step::Stands));
    let (gone, _) = changed(&there, Command::Leave(at(100), Cause::Sensor), 100);
    assert_eq!(step(&gone, Command::Leave(at(101), Cause::Driver), 101), Ok(Step::Stands));
}

fn promo(off: Off) -> Command {
    Command::Reduce(Box::new(reduction(1, Source::PromoCode, off)))
}

fn by_merchant(number: u128, off: Off) -> Command {
    Command::Reduce(Box::new(reduction(number, Source::Merchant, off)))
}

#[test]
fn a_code_is_for_a_hold_that_no_card_is_asked_for_and_one_is_enough() {
    let (cheaper, event) = changed(&held(), promo(Off::Share(2_000)), 5);
    assert_eq!(event, Event::PriceReduced(Uuid::from_u128(1).into()));
    assert_eq!((cheaper.price.amount.minor, cheaper.price.full().minor), (400, 500));
    assert_eq!((cheaper.due_time, cheaper.version), (held().due_time, 2));
    let again = step(&cheaper, promo(Off::Share(1)), 6);
    assert_eq!(again, Err(Refusal::AlreadyReduced(Source::PromoCode)));
    let asked = Booking { payment_attempt: Some(Uuid::nil()), ..held() };
    assert_eq!(step(&asked, promo(Off::Share(1)), 5), Err(Refusal::PaymentUnderway));
    assert_eq!(step(&held(), promo(Off::Share(1)), 15), Err(Refusal::HoldExpired));
    for later in [reserved(), active(60)] {
        assert_eq!(step(&later, promo(Off::Share(1)), 61), Err(Refusal::State(later.state)));
    }
}

#[test]
fn a_merchant_takes_over_once_what_a_booking_pays_that_is_not_over() {
    let (told, _) = changed(&reserved(), by_merchant(1, Off::Share(5_000)), 6);
    let (amount, payable) = (told.price.amount.minor, told.price.payable().unwrap().minor);
    assert_eq!((amount, payable), (500, 250));
    let twice = step(&told, by_merchant(1, Off::Share(1)), 7);
    assert_eq!(twice, Err(Refusal::AlreadyReduced(Source::Merchant)));
    let (told, _) = changed(&told, by_merchant(2, Off::Amount(euros(900))), 7);
    assert_eq!(told.price.payable().unwrap().minor, 0);
    assert_eq!(step(&told, by_merchant(3, Off::Share(1)), 8), Err(Refusal::NothingToPay));
    let held = step(&held(), by_merchant(1, Off::Share(1)), 5);
    assert_eq!(held, Err(Refusal::State(BookingState::Held)));
    let late = step(&active(60), by_merchant(1, Off::Share(1)), 195);
    assert_eq!(late, Err(Refusal::State(BookingState::Completed)));
}

#[test]
fn a_stay_longer_than_its_window_is_reduced_from_what_the_window_costs() {
    let (early, _) = changed(&active(50), by_merchant(1, Off::Amount(euros(200))), 60);
    let (booking, event) = changed(&early, Command::Leave(at(180), Cause::Driver), 180);
    let Event::Completed(_, lines) = event else { panic!("{event:?}") };
    let told: Vec<i64> = lines.iter().map(|line| line.amount.minor).collect();
    assert_eq!((told, booking.final_amount.unwrap().minor), (vec![750, -250, -200], 300));
    let reductions = booking.price.reductions.unwrap();
    assert_eq!(reductions.each[0].taken, Some(euros(200)));
}

#[test]
fn fees_go_by_the_price_before_it_was_reduced_and_are_never_more_than_was_authorised() {
    let booking = with_fees(changed(&held(), promo(Off::Share(2_000)), 5).0);
    let booking = changed(&booking, paid(), 6).0;
    let fee = |command, now| changed(&booking, command, now).0.final_amount.unwrap().minor;
    assert_eq!(fee(Command::Cancel(None), 0), 250, "half of 5.00");
    assert_eq!(fee(Command::Lapse, 90), 400, "all of 5.00, of which 4.00 were authorised");
}

#[test]
fn a_ticket_that_nobody_uses_costs_what_is_left_of_it_and_a_merchant_is_billed() {
    let place = Place::Ticket { allotment_id: Uuid::nil().into(), number: 7 };
    let ticket = Booking { place, price: Price::of_ticket(euros(900)), ..reserved() };
    let (ticket, _) = changed(&ticket, by_merchant(1, Off::Amount(euros(300))), 7);
    let (unused, _) = changed(&ticket, Command::Lapse, 180);
    assert_eq!(unused.final_amount, Some(euros(600)));
    assert_eq!(unused.price.reductions.unwrap().each[0].taken, Some(euros(300)));
}

/// An hour from then on.
fn elsewhere(start: i64) -> Box<Target> {
    let window = Window::try_new(at(start), at(start + 60)).unwrap();
    let price = held().price.of_window(&window).unwrap();
    Box::new(Target { place: held().place, window, price })
}

fn commands() -> impl Strategy<Value = (Command, i64)> {
    (0..14_u8, 0..240_i64, 0..20_i64).prop_map(|(verb, now, ago)| {
        let seen = at(now - ago);
        let command = match verb {
            0 => paid(),
            1 => Command::Cancel(None),
            2 => Command::Arrive(seen, Cause::Sensor),
            3 => Command::Leave(seen, Cause::Sensor),
            4 => Command::Withdraw,
            5 => Command::Extend(at(180 + ago * 10), None),
            6 => Command::Move(elsewhere(now + ago), None),
            7 => Command::Relocate(held().place, SpotBlock::Closed),
            8 => Command::AskClaim(Uuid::nil().into(), "A2".to_owned()),
            9 => Command::Overstay(seen),
            10 => Command::Assign(spot("B2", true)),
            11 => Command::Decline("stolen_card".to_owned()),
            12 => {
                let source = if ago < 10 { Source::PromoCode } else { Source::Merchant };
                let off =
                    if ago % 2 == 0 { Off::Share(5_000) } else { Off::Amount(euros(ago * 20)) };
                let number = u128::from(now.unsigned_abs());
                Command::Reduce(Box::new(reduction(number, source, off)))
            }
            _ => Command::Lapse,
        };
        (command, now)
    })
}

proptest! {
    /// Whatever is asked in whatever order, the booking stays one that can be.
    #[test]
    fn no_run_of_commands_breaks_a_booking(
        mut run in prop::collection::vec(commands(), 1..30), fees in any::<bool>(),
    ) {
        run.sort_by_key(|(_, now)| *now);
        let mut booking = if fees { with_fees(held()) } else { held() };
        for (command, now) in run {
            let reduces = matches!(command, Command::Reduce(_));
            let Ok(Step::Changed(next, _)) = step(&booking, command, now) else { continue };
            prop_assert!(STATES.contains(&next.state));
            prop_assert_eq!(next.version, booking.version + 1);
            let over = booking.overstay_amount.is_none() && next.overstay_amount.is_some();
            prop_assert!(is_live(booking.state) || over, "an ended booking changed");
            prop_assert_eq!(next.due_time.is_some(), is_live(next.state));
            // What is authorised never becomes less: a hold is not authorised yet.
            let more = next.price.amount.minor >= booking.price.amount.minor;
            prop_assert!(more || (reduces && booking.state == BookingState::Held));
            let (payable, full) = (next.price.payable().unwrap().minor, next.price.full().minor);
            prop_assert!((0..=next.price.amount.minor).contains(&payable));
            prop_assert!(next.price.amount.minor <= full);
            prop_assert!(next.window.start() <= next.start_time);
            let completed = next.state == BookingState::Completed;
            prop_assert!(next.final_amount.is_some() || !completed);
            let owes = fees && matches!(next.state, BookingState::Cancelled | BookingState::NoShow);
            prop_assert!(next.final_amount.is_none() || completed || owes);
            let most = next.price.amount.minor;
            let least = i64::from(next.price.reductions.is_none());
            prop_assert!(next.final_amount.is_none_or(|paid| (least..=most).contains(&paid.minor)));
            prop_assert!(next.leave_time.is_none_or(|left| Some(left) >= next.arrive_time));
            booking = *next;
        }
    }
}
