//! What is refused, and how it is said.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::{Alternatives, Booking, BookingState};
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_platform::fault::find_detail;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{Car, Driver, Up, eventually, reason};

const SPOT: &str = "0-060";

fn refused(outcome: Result<Booking, Status>) -> Status {
    outcome.expect_err("a refusal")
}

fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_is_refused_with_a_reason_that_says_what_to_do() {
    let up = Up::start(&[]);
    let (anna, ben) = (Driver::new(&up, "driver"), Driver::new(&up, "second_driver"));
    Car::at(&up, SPOT).gone(&up).await;
    let spot = eventually("the spot is free on the map", || async {
        let spot = anna.spot(&up, SPOT).await.ok()?;
        (spot.status() == SpotStatus::Available).then_some(spot)
    })
    .await;
    let (start, hour) = (up.now() + SignedDuration::from_hours(2), SignedDuration::from_hours(1));
    let wish = anna.wish(&spot, start, hour);
    let held = anna.hold(&wish).await.expect("a hold");

    // The same request again is the same hold; the same id for something else is refused.
    assert_eq!(anna.hold(&wish).await.expect("the same hold"), held);
    let mut other = wish.clone();
    other.request.plate = "B-AB 123".to_owned();
    assert_eq!(reason(&refused(anna.hold(&other).await)), "REQUEST_ID_REUSED");

    // A second driver, the same window and one that overlaps: told what else is free, and that is free.
    for (from, length) in [(start, hour), (start + SignedDuration::from_mins(30), hour)] {
        let status = refused(ben.hold(&ben.wish(&spot, from, length)).await);
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::FailedPrecondition, "SPOT_TAKEN")
        );
        let alternatives: Alternatives = find_detail(&status).expect("what else is free");
        assert!(!alternatives.alternatives.is_empty());
        let first = &alternatives.alternatives[0];
        let mut instead = ben.wish(&spot, from, length);
        let choice = parkmesh_contracts::booking::v1::SpotChoice {
            spot_id: first.spot_id.clone(),
            spot_version: first.spot_version,
        };
        instead.request.choice =
            Some(parkmesh_contracts::booking::v1::hold_spot_request::Choice::Spot(choice));
        ben.hold(&instead).await.expect("the alternative can be had");
    }
    // A window that only touches is fine.
    ben.hold(&ben.wish(&spot, start + hour, hour)).await.expect("touching windows both stand");

    // Somebody else's booking is not found.
    let status = refused(ben.look(&held.booking_id).await);
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "BOOKING_NOT_FOUND"));
    let status = refused(ben.confirm(&held, "pm_card_ok", &request_id()).await);
    assert_eq!(status.code(), Code::NotFound);

    // A declined card leaves the hold standing; another card works.
    let status = refused(anna.confirm(&held, "pm_card_declined", &request_id()).await);
    assert_eq!(reason(&status), "PAYMENT_DECLINED");
    assert_eq!(anna.look(&held.booking_id).await.expect("the hold").state(), BookingState::Held);
    let reserved = anna.confirm(&held, "pm_card_ok", &request_id()).await.expect("another card");
    assert_eq!(reserved.state(), BookingState::Reserved);

    bad_input_names_the_field(&up, &anna, &spot).await;
    an_expired_hold_blocks_nobody(&up, &anna, &ben, &spot).await;
}

async fn bad_input_names_the_field(
    up: &Up,
    anna: &Driver,
    spot: &parkmesh_contracts::availability::v1::SpotState,
) {
    let hour = SignedDuration::from_hours(1);
    let mut wish = anna.wish(spot, up.now() + hour, hour);
    wish.request.window.as_mut().expect("a window").end_time = None;
    let status = refused(anna.hold(&wish).await);
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields = status.get_details_bad_request().expect("BadRequest").field_violations;
    assert_eq!(fields[0].field, "window.end_time");
    let backwards = anna.wish(spot, up.now() + hour, -hour);
    let status = refused(anna.hold(&backwards).await);
    let fields = status.get_details_bad_request().expect("BadRequest").field_violations;
    assert!(fields[0].field.starts_with("window"), "{fields:?}");
}

async fn an_expired_hold_blocks_nobody(
    up: &Up,
    anna: &Driver,
    ben: &Driver,
    spot: &parkmesh_contracts::availability::v1::SpotState,
) {
    let (start, hour) = (up.now() + SignedDuration::from_hours(8), SignedDuration::from_hours(1));
    let held = anna.hold(&anna.wish(spot, start, hour)).await.expect("a hold");
    up.advance(SignedDuration::from_mins(16));
    let status = refused(anna.confirm(&held, "pm_card_ok", &request_id()).await);
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "HOLD_EXPIRED")
    );
    ben.hold(&ben.wish(spot, start, hour)).await.expect("free again");
}
