//! Whoever holds again and again without paying is stopped for a while; whoever pays is not.

use std::time::Duration;

use parkmesh_booking::Config;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_platform::fault::{metadata_of, reason_of};
use prost_types::FieldMask;
use tonic::Code;
use tonic_types::StatusExt;

use crate::booking_world::{Bookings, Town, confirm, held, reason};
use crate::world::request_id;

/// A town whose lot lets so many holds of an hour come to nothing.
async fn town(unpaid_holds_per_hour: i32) -> Town {
    let town = Town::with_config(10, Config::default()).await;
    let policy = proto::LotPolicy { unpaid_holds_per_hour, ..Default::default() };
    let request = proto::UpdateLotRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        policy: Some(policy),
        update_mask: Some(FieldMask { paths: vec!["policy.unpaid_holds_per_hour".to_owned()] }),
        ..Default::default()
    };
    town.world.operator("op").await.update_lot(request).await.unwrap();
    town
}

async fn cancel(driver: &mut Bookings, booking: &proto::Booking) {
    let booking_id = booking.booking_id.clone();
    let asked = proto::CancelBookingRequest { request_id: request_id(), booking_id };
    driver.cancel_booking(asked).await.unwrap();
}

#[tokio::test]
async fn a_bot_that_holds_and_gives_back_gets_so_many_holds_an_hour_and_is_told_when_the_next() {
    let town = town(16).await;
    let replica = town.world.replica().await;
    let line = town.world.line_to(&replica, &town.world.tokens.driver("bot")).await;
    let mut bots = [town.driver("bot").await, BookingServiceClient::new(line)];
    let begin = town.world.clock.now();
    let mut last = None;
    for round in 0..16 {
        // It may use any replica; each lets only a few pass unasked.
        let bot = &mut bots[round % 2];
        let booking = held(bot.hold_spot(town.hold(round % 10, 600, 660)).await);
        match round {
            0..10 => cancel(bot, &booking).await,
            // The others lapse, or still live when the next is asked for.
            _ => town.advance(4),
        }
        last = Some(booking);
    }
    for bot in &mut bots {
        let status = bot.hold_spot(town.hold(9, 700, 760)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(reason_of(&status).as_deref(), Some("HOLD_CHURN_EXCEEDED"));
        let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap();
        let passed = Duration::try_from(town.world.clock.now().duration_since(begin)).unwrap();
        // The oldest of the sixteen leaves the hour then.
        let expected = Duration::from_secs(3_600) - passed;
        assert!(wait.abs_diff(expected) < Duration::from_secs(30), "{wait:?} {expected:?}");
        assert!(metadata_of(&status, "from").is_some());
    }
    // What it holds it may still keep, and pay for.
    let last = last.unwrap();
    bots[0].confirm_booking(confirm(&last, "ok")).await.unwrap();
    // Others are not concerned.
    held(town.driver("anna").await.hold_spot(town.hold(9, 700, 760)).await);
    town.advance(61);
    held(bots[0].hold_spot(town.hold(8, 700, 760)).await);
    replica.stop().await;
    town.world.stop().await;
}

#[tokio::test]
async fn what_is_paid_for_is_no_churn_and_a_repeated_request_is_answered_as_before() {
    let town = town(8).await;
    let mut anna = town.driver("anna").await;
    for day in 0..12 {
        town.reserve(&mut anna, 0, 600 + day * 60, 660 + day * 60).await;
    }
    let request = town.hold(1, 600, 660);
    let booking = held(anna.hold_spot(request.clone()).await);
    cancel(&mut anna, &booking).await;
    for _again in 0..7 {
        let booking = held(anna.hold_spot(town.hold(1, 600, 660)).await);
        cancel(&mut anna, &booking).await;
    }
    assert_eq!(reason(anna.hold_spot(town.hold(1, 600, 660)).await), "HOLD_CHURN_EXCEEDED");
    assert_eq!(held(anna.hold_spot(request).await), booking);
    // A declined card leaves nothing behind, but it is a hold that came to nothing.
    let create = proto::CreateBookingRequest {
        request_id: request_id(),
        choice: Some(proto::create_booking_request::Choice::Spot(proto::SpotChoice {
            spot_id: town.place.spots[1].spot_id.clone(),
            spot_version: 0,
        })),
        window: Some(town.window(600, 660)),
        payment_method: "ok".to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(anna.create_booking(create).await), "HOLD_CHURN_EXCEEDED");
    town.world.stop().await;
}
