//! Confirming: the money and the spot go together, or neither does.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_platform::fault::reason_of;
use parkmesh_testkit::eventually;
use tonic::Code;
use tonic_types::StatusExt;

use crate::booking_world::{Town, confirm, held, reason};

fn names(facts: &[(i64, String)]) -> Vec<&str> {
    facts.iter().map(|(_, name)| name.as_str()).collect()
}

#[tokio::test]
async fn a_confirmed_hold_is_a_reservation_and_a_repetition_asks_for_no_second_payment() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let request = confirm(&booking, "ok");
    let first = anna.confirm_booking(request.clone()).await.unwrap().into_inner();
    let reserved = first.booking.clone().unwrap();
    assert_eq!((reserved.state(), reserved.version), (BookingState::Reserved, 2));
    assert!(!reserved.payment_id.is_empty() && reserved.hold_expire_time.is_none());
    assert_eq!(anna.confirm_booking(request).await.unwrap().into_inner(), first);
    assert_eq!(town.payment.asked(), 1);
    let again = anna.confirm_booking(confirm(&booking, "ok")).await.unwrap_err();
    assert_eq!(reason_of(&again).as_deref(), Some("BOOKING_STATE_WRONG"));
    let state = again.get_details_error_info().unwrap().metadata["state"].clone();
    assert_eq!(state, "BOOKING_STATE_RESERVED");
    assert_eq!((town.payment.asked(), town.payment.voided().len()), (1, 0));
    let facts = town.facts_of(&booking.booking_id, 2).await;
    assert_eq!(names(&facts), ["held", "reserved"]);
    town.world.stop().await;
}

#[tokio::test]
async fn a_decline_leaves_the_hold_for_another_card() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let status = anna.confirm_booking(confirm(&booking, "declined")).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason_of(&status).as_deref(), Some("PAYMENT_DECLINED"));
    let metadata = status.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["decline_code"], "insufficient_funds");
    let reserved = anna.confirm_booking(confirm(&booking, "ok")).await.unwrap();
    assert_eq!(reserved.into_inner().booking.unwrap().state(), BookingState::Reserved);
    town.world.stop().await;
}

#[tokio::test]
async fn an_unknown_outcome_is_found_out_by_repeating_and_no_other_card_is_charged_meanwhile() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let request = confirm(&booking, "lost");
    let status = anna.confirm_booking(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(reason_of(&status).as_deref(), Some("PAYMENT_UNKNOWN"));
    let other = anna.confirm_booking(confirm(&booking, "ok")).await;
    assert_eq!(reason(other), "PAYMENT_UNKNOWN");
    let reserved = anna.confirm_booking(request).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(reserved.state(), BookingState::Reserved);
    let asked = town.payment.till.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|(id, _, method)| *id == asked[0].0 && method == "lost"));
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_after_the_hold_and_its_grace_is_too_late_and_the_money_goes_back() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let confirming = {
        let (mut anna, request) = (anna.clone(), confirm(&booking, "gate"));
        async move { anna.confirm_booking(request).await }
    };
    let moving = async {
        eventually("payment is asked", || async { (town.payment.asked() == 1).then_some(()) })
            .await;
        town.advance(11);
        town.facts_of(&booking.booking_id, 2).await;
        town.payment.gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(confirming, moving);
    assert_eq!(reason(answer), "HOLD_EXPIRED");
    eventually("the money goes back", || async {
        (town.payment.voided().len() == 1).then_some(())
    })
    .await;
    let facts = town.facts_of(&booking.booking_id, 2).await;
    assert_eq!(names(&facts), ["held", "expired"]);
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_begun_in_time_keeps_the_spot_for_its_answer() {
    let town = Town::start().await;
    let now = town.world.clock.now();
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let window = town.window_from(now, 60, 120);
    let booking = held(anna.hold_spot(town.hold_in(0, window)).await);
    // Ten seconds before the end of the hold.
    town.world.clock.advance(SignedDuration::from_secs(590));
    let confirming = {
        let (mut anna, request) = (anna.clone(), confirm(&booking, "gate"));
        async move { anna.confirm_booking(request).await }
    };
    let moving = async {
        eventually("payment is asked", || async { (town.payment.asked() == 1).then_some(()) })
            .await;
        town.world.clock.advance(SignedDuration::from_secs(20));
        assert_eq!(reason(ben.hold_spot(town.hold_in(0, window)).await), "SPOT_TAKEN");
        town.payment.gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(confirming, moving);
    let reserved = answer.unwrap().into_inner().booking.unwrap();
    assert_eq!(reserved.state(), BookingState::Reserved);
    assert_eq!(town.payment.voided().len(), 0);
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_confirmation_and_the_end_of_the_hold_exactly_one_wins() {
    let town = Town::with(24, true).await;
    let mut races = Vec::new();
    for spot in 0..24 {
        let mut driver = town.driver(&format!("driver-{spot}")).await;
        let booking = held(driver.hold_spot(town.hold(spot, 60, 120)).await);
        races.push((driver, booking));
    }
    town.world.clock.advance(SignedDuration::from_millis(597_000));
    let calls = races.into_iter().enumerate().map(|(turn, (mut driver, booking))| {
        let payment = town.payment.clone();
        let clock = town.world.clock.clone();
        async move {
            if turn == 12 {
                clock.advance(SignedDuration::from_secs(5));
            }
            if turn == 18 {
                clock.advance(SignedDuration::from_secs(40));
                payment.gate.add_permits(24);
            }
            let method = if turn % 2 == 0 { "gate" } else { "ok" };
            let answer = driver.confirm_booking(confirm(&booking, method)).await;
            (driver, booking, answer)
        }
    });
    let mut given_back = 0;
    for (mut driver, booking, answer) in futures_util::future::join_all(calls).await {
        let facts = town.facts_of(&booking.booking_id, 2).await;
        let asked = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
        let read = driver.get_booking(asked).await.unwrap().into_inner().booking.unwrap();
        match answer {
            Ok(_) => {
                assert_eq!(names(&facts), ["held", "reserved"]);
                assert_eq!(read.state(), BookingState::Reserved);
            }
            Err(status) => {
                assert_eq!(reason_of(&status).as_deref(), Some("HOLD_EXPIRED"), "{status:?}");
                assert_eq!(names(&facts), ["held", "expired"]);
                assert_eq!(read.state(), BookingState::Expired);
                let asked = town.payment.till.asked.lock().unwrap().clone();
                given_back += asked.iter().filter(|(_, id, _)| *id == booking.booking_id).count();
            }
        }
    }
    eventually("all late money goes back", || async {
        (town.payment.voided().len() == given_back).then_some(())
    })
    .await;
    town.world.stop().await;
}

#[tokio::test]
async fn create_books_in_one_call_and_is_safe_to_repeat() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let request = create(&town.hold(0, 60, 120), "lost");
    assert_eq!(reason(anna.create_booking(request.clone()).await), "PAYMENT_UNKNOWN");
    let first = anna.create_booking(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.booking.as_ref().unwrap().state(), BookingState::Reserved);
    assert_eq!(anna.create_booking(request.clone()).await.unwrap().into_inner(), first);
    let other = proto::CreateBookingRequest { payment_method: "ok".to_owned(), ..request };
    assert_eq!(reason(anna.create_booking(other).await), "REQUEST_ID_REUSED");
    town.world.stop().await;
}

#[tokio::test]
async fn a_create_that_is_declined_gives_the_spot_back_and_says_so_again() {
    let town = Town::start().await;
    let now = town.world.clock.now();
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let window = town.window_from(now, 60, 120);
    let request = create(&town.hold_in(0, window), "declined");
    assert_eq!(reason(anna.create_booking(request.clone()).await), "PAYMENT_DECLINED");
    held(ben.hold_spot(town.hold_in(0, window)).await);
    assert_eq!(reason(anna.create_booking(request).await), "PAYMENT_DECLINED");
    assert_eq!(town.payment.asked(), 1);
    town.world.stop().await;
}

#[tokio::test]
async fn a_card_number_is_refused_and_keeps_no_spot() {
    let town = Town::start().await;
    let now = town.world.clock.now();
    let mut anna = town.driver("anna").await;
    let window = town.window_from(now, 60, 120);
    let request = create(&town.hold_in(0, window), "4242424242424242");
    for _again in 0..2 {
        let status = anna.create_booking(request.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let fields = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(fields[0].field, "payment_method");
    }
    let corrected = create(&town.hold_in(0, window), "ok");
    anna.create_booking(corrected).await.unwrap();
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_while_payment_thinks_has_its_reservation_all_the_same() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let mut leaving = anna.clone();
    let asking = leaving.confirm_booking(confirm(&booking, "gate"));
    let asked =
        eventually("payment is asked", || async { (town.payment.asked() == 1).then_some(()) });
    tokio::select! {
        _ = asking => panic!("payment has not answered"),
        () = asked => {}
    }
    drop(leaving);
    town.payment.gate.add_permits(1);
    let facts = town.facts_of(&booking.booking_id, 2).await;
    assert_eq!(names(&facts), ["held", "reserved"]);
    town.world.stop().await;
}

fn create(hold: &proto::HoldSpotRequest, payment_method: &str) -> proto::CreateBookingRequest {
    use proto::create_booking_request::Choice;
    use proto::hold_spot_request::Choice as Held;
    proto::CreateBookingRequest {
        request_id: hold.request_id.clone(),
        choice: hold.choice.clone().map(|choice| match choice {
            Held::Spot(spot) => Choice::Spot(spot),
            Held::Pool(pool) => Choice::Pool(pool),
        }),
        window: hold.window,
        plate: String::new(),
        disability_permit: false,
        payment_method: payment_method.to_owned(),
    }
}
