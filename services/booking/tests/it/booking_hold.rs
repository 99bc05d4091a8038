//! Holding spots: of all who want one, one gets it, and the others learn why not.

use std::collections::HashSet;

use futures_util::future::join_all;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::booking::v1::hold_spot_request::Choice;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_platform::fault::{find_detail, reason_of};
use tonic::Code;

use crate::booking_world::{Town, held, insist, reason};
use crate::world::request_id;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_who_want_one_spot_one_gets_it_and_the_rest_hear_what_else_is_free() {
    let town = Town::start().await;
    let mut drivers = Vec::new();
    for number in 0..200 {
        drivers.push(town.driver(&format!("driver-{number}")).await);
    }
    let calls = drivers.into_iter().map(|mut driver| {
        let request = town.hold(3, 60, 120);
        async move { insist(&mut driver, request).await }
    });
    let answers = join_all(calls).await;
    let winners = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(winners, 1);
    let mut firsts = Vec::new();
    for status in answers.into_iter().filter_map(Result::err) {
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        assert_eq!(reason_of(&status).as_deref(), Some("SPOT_TAKEN"));
        let found: proto::Alternatives = find_detail(&status).unwrap();
        let numbers: Vec<_> =
            found.alternatives.iter().map(|free| free.spot_number.as_str()).collect();
        assert!(numbers.len() == 5 && !numbers.contains(&"A0004"), "{numbers:?}");
        firsts.push(numbers[0].to_owned());
    }
    // The crowd is not sent to the next spot together: each of the nine free ones is told first.
    assert_eq!(firsts.into_iter().collect::<HashSet<_>>().len(), 9);
    assert_eq!(town.double_bookings().await, 0);
    assert_eq!(town.deadlocks().await, 0);
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losers_at_two_replicas_are_told_different_spots_first_whichever_spot_each_wanted() {
    let town = Town::with(128, true).await;
    let replica = town.world.replica().await;
    let mut drivers = Vec::new();
    for number in 0..32 {
        let name = format!("driver-{number}");
        drivers.push(match number % 2 {
            0 => town.driver(&name).await,
            _ => {
                let token = town.world.tokens.driver(&name);
                BookingServiceClient::new(town.world.line_to(&replica, &token).await)
            }
        });
    }
    let now = town.world.clock.now();
    for (round, crowd) in (0_i64..).zip([1, 1, 4, 32]) {
        let window = town.window_from(now, 60 + round * 60, 120 + round * 60);
        for spot in 0..crowd {
            let mut other = town.driver(&format!("other-{round}-{spot}")).await;
            held(other.hold_spot(town.hold_in(spot, window)).await);
        }
        let calls = drivers
            .iter_mut()
            .enumerate()
            .map(|(number, driver)| insist(driver, town.hold_in(number % crowd, window)));
        let mut firsts = HashSet::new();
        for answer in join_all(calls).await {
            let status = answer.unwrap_err();
            assert_eq!(reason_of(&status).as_deref(), Some("SPOT_TAKEN"));
            let found: proto::Alternatives = find_detail(&status).unwrap();
            firsts.insert(found.alternatives[0].spot_id.clone());
        }
        assert_eq!(firsts.len(), drivers.len(), "of {crowd} spots");
    }
    replica.stop().await;
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_on_crossing_windows_and_spots_never_overlap_nor_deadlock() {
    let town = Town::with(3, false).await;
    let now = town.world.clock.now();
    let mut calls = Vec::new();
    for number in 0..120_i64 {
        let mut driver = town.driver(&format!("driver-{number}")).await;
        let spot = usize::try_from(number % 3).unwrap();
        let start = 60 + (number * 7) % 50;
        let request = town.hold_in(spot, town.window_from(now, start, start + 20));
        calls.push(async move { insist(&mut driver, request).await });
    }
    let answers = join_all(calls).await;
    assert!(answers.iter().any(Result::is_ok));
    for answer in answers {
        if let Err(status) = answer {
            assert_eq!(reason_of(&status).as_deref(), Some("SPOT_TAKEN"));
        }
    }
    assert_eq!(town.double_bookings().await, 0);
    assert_eq!(town.deadlocks().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn windows_that_touch_both_stand_and_overlapping_ones_are_refused() {
    let town = Town::start().await;
    let now = town.world.clock.now();
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let ask = |start, end| town.hold_in(0, town.window_from(now, start, end));
    held(anna.hold_spot(ask(60, 120)).await);
    held(ben.hold_spot(ask(120, 180)).await);
    held(ben.hold_spot(ask(0, 60)).await);
    for (start, end) in [(60, 61), (119, 121), (60, 180), (30, 200), (60, 120)] {
        assert_eq!(reason(ben.hold_spot(ask(start, end)).await), "SPOT_TAKEN");
    }
    town.world.stop().await;
}

#[tokio::test]
async fn a_hold_says_what_is_kept_and_until_when_and_is_told_as_a_fact() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 150)).await);
    assert_eq!(booking.state(), BookingState::Held);
    assert_eq!((booking.version, booking.user_id.as_str()), (1, "anna"));
    assert_eq!((booking.spot_number.as_str(), booking.plate.as_str()), ("A0001", "B-PM 1"));
    let ttl = booking.hold_expire_time.unwrap().seconds - booking.create_time.unwrap().seconds;
    assert_eq!(ttl, 600);
    let quote = booking.quote.unwrap();
    assert_eq!((quote.amount.unwrap().units, quote.lines[0].quantity), (5, 2));
    assert_eq!(town.facts_of(&booking.booking_id, 1).await, [(1, "held".to_owned())]);
    town.world.stop().await;
}

#[tokio::test]
async fn a_repeated_hold_is_the_same_hold_and_never_longer() {
    let town = Town::with(10, false).await;
    let mut anna = town.driver("anna").await;
    let request = town.hold(0, 60, 120);
    let first = held(anna.hold_spot(request.clone()).await);
    town.advance(5);
    assert_eq!(held(anna.hold_spot(request.clone()).await), first);
    // Also when the hold has ended and the window has begun: the first answer is the answer.
    town.advance(90);
    assert_eq!(held(anna.hold_spot(request.clone()).await), first);
    let other = proto::HoldSpotRequest { plate: "other".to_owned(), ..request };
    assert_eq!(reason(anna.hold_spot(other).await), "REQUEST_ID_REUSED");
    town.world.stop().await;
}

#[tokio::test]
async fn twins_of_one_request_get_one_hold() {
    let town = Town::start().await;
    let anna = town.driver("anna").await;
    let request = town.hold(0, 60, 120);
    let calls = (0..20).map(|_| {
        let (mut anna, request) = (anna.clone(), request.clone());
        async move { held(anna.hold_spot(request).await).booking_id }
    });
    let ids: HashSet<String> = join_all(calls).await.into_iter().collect();
    assert_eq!(ids.len(), 1);
    // The same id for two spots at once: one is a reuse.
    let calls = (1..3).map(|spot| {
        let mut anna = anna.clone();
        let request = proto::HoldSpotRequest {
            request_id: "018f3b2e-0000-7000-8000-000000000001".to_owned(),
            ..town.hold(spot, 60, 120)
        };
        async move { anna.hold_spot(request).await }
    });
    let answers = join_all(calls).await;
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(reason_of(&refused[0]).as_deref(), Some("REQUEST_ID_REUSED"));
    town.world.stop().await;
}

#[tokio::test]
async fn a_lapsed_hold_blocks_nobody_with_the_clockwork_off() {
    let town = Town::with(2, false).await;
    let now = town.world.clock.now();
    let window = town.window_from(now, 60, 120);
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let lapsed = held(anna.hold_spot(town.hold_in(0, window)).await);
    assert_eq!(reason(ben.hold_spot(town.hold_in(0, window)).await), "SPOT_TAKEN");
    town.advance(11);
    let kept = held(ben.hold_spot(town.hold_in(0, window)).await);
    assert_eq!(kept.state(), BookingState::Held);
    let facts = town.facts_of(&lapsed.booking_id, 2).await;
    assert_eq!(facts, [(1, "held".to_owned()), (2, "expired".to_owned())]);
    let asked = proto::GetBookingRequest { booking_id: lapsed.booking_id };
    let read = anna.get_booking(asked).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(read.state(), BookingState::Expired);
    town.world.stop().await;
}

#[tokio::test]
async fn a_version_seen_is_checked_and_a_taken_window_wins_over_it() {
    let town = Town::start().await;
    let spot_id = town.place.spots[0].spot_id.clone();
    let mut operator = town.world.operator("op").await;
    for out_of_service in [true, false] {
        let spot_id = spot_id.clone();
        let request = proto::SetSpotStatusRequest { spot_id, out_of_service, version: 0 };
        operator.set_spot_status(request).await.unwrap();
    }
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let status = anna.hold_spot(town.hold(0, 60, 120)).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(reason_of(&status).as_deref(), Some("SPOT_VERSION_STALE"));
    assert_eq!(find_detail::<proto::Spot>(&status).unwrap().version, 3);
    assert!(find_detail::<proto::Alternatives>(&status).is_some());
    let seen = |version| {
        let choice = proto::SpotChoice { spot_id: spot_id.clone(), spot_version: version };
        proto::HoldSpotRequest { choice: Some(Choice::Spot(choice)), ..town.hold(0, 60, 120) }
    };
    held(anna.hold_spot(seen(3)).await);
    assert_eq!(reason(ben.hold_spot(seen(1)).await), "SPOT_TAKEN");
    town.world.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_or_is_not_allowed_is_refused_with_its_reason() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    assert_eq!(reason(anna.hold_spot(town.hold(0, -30, 60)).await), "WINDOW_PAST");
    assert_eq!(reason(anna.hold_spot(town.hold(0, 60, 60)).await), "WINDOW_INVALID");
    assert_eq!(reason(anna.hold_spot(town.hold(0, 60, 60 * 24 * 31)).await), "WINDOW_INVALID");
    let nowhere = proto::SpotChoice { spot_id: request_id(), spot_version: 0 };
    let nowhere =
        proto::HoldSpotRequest { choice: Some(Choice::Spot(nowhere)), ..town.hold(0, 60, 90) };
    assert_eq!(reason(anna.hold_spot(nowhere).await), "SPOT_NOT_FOUND");
    let none = proto::HoldSpotRequest { choice: None, ..town.hold(0, 60, 90) };
    assert_eq!(anna.hold_spot(none).await.unwrap_err().code(), Code::InvalidArgument);
    let pool = |lot_id: &str, spot_type: SpotType| {
        let choice = proto::PoolChoice {
            lot_id: lot_id.to_owned(),
            spot_type: spot_type.into(),
            preferred_floor_id: String::new(),
        };
        proto::HoldSpotRequest { choice: Some(Choice::Pool(choice)), ..town.hold(0, 60, 90) }
    };
    let lot_id = &town.place.lot.lot_id;
    let accessible = pool(lot_id, SpotType::Accessible);
    assert_eq!(reason(anna.hold_spot(accessible).await), "PERMIT_REQUIRED");
    assert_eq!(reason(anna.hold_spot(pool(lot_id, SpotType::Ev)).await), "SOLD_OUT");
    let nowhere = pool(&request_id(), SpotType::Regular);
    assert_eq!(reason(anna.hold_spot(nowhere).await), "LOT_NOT_FOUND");
    let closed = proto::SetSpotStatusRequest {
        spot_id: town.place.spots[0].spot_id.clone(),
        out_of_service: true,
        version: 0,
    };
    town.world.operator("op").await.set_spot_status(closed).await.unwrap();
    assert_eq!(reason(anna.hold_spot(town.hold(0, 60, 90)).await), "SPOT_OUT_OF_SERVICE");
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_has_no_more_holds_than_the_lot_allows_however_fast_they_are_asked_for() {
    let town = Town::with(10, false).await;
    let anna = town.driver("anna").await;
    let calls = (0..10).map(|spot| {
        let (mut anna, request) = (anna.clone(), town.hold(spot, 60, 120));
        async move { anna.hold_spot(request).await }
    });
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    for status in answers.into_iter().filter_map(Result::err) {
        assert_eq!(reason_of(&status).as_deref(), Some("TOO_MANY_HOLDS"));
    }
    // Lapsed ones do not count.
    town.advance(11);
    let mut anna = anna;
    held(anna.hold_spot(town.hold(9, 160, 220)).await);
    assert_eq!(town.deadlocks().await, 0);
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_sold_to_its_last_spot_and_not_beyond() {
    let town = Town::with(12, true).await;
    let mut calls = Vec::new();
    for number in 0..30 {
        let mut driver = town.driver(&format!("driver-{number}")).await;
        let choice = proto::PoolChoice {
            lot_id: town.place.lot.lot_id.clone(),
            spot_type: SpotType::Regular.into(),
            preferred_floor_id: town.place.floor.floor_id.clone(),
        };
        let choice = Some(Choice::Pool(choice));
        let request = proto::HoldSpotRequest { choice, ..town.hold(0, 60, 120) };
        calls.push(async move { insist(&mut driver, request).await });
    }
    let (mut spots, mut refused) = (HashSet::new(), 0);
    for answer in join_all(calls).await {
        match answer {
            Ok(answer) => {
                let new = spots.insert(answer.into_inner().booking.unwrap().spot_id);
                assert!(new, "a spot was sold twice");
            }
            Err(status) => {
                assert_eq!(reason_of(&status).as_deref(), Some("SOLD_OUT"), "{status:?}");
                refused += 1;
            }
        }
    }
    assert_eq!((spots.len(), refused), (12, 18));
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_go_away_half_way_leave_no_transaction_behind() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    for round in 0..40_u64 {
        let mut driver = town.driver(&format!("driver-{round}")).await;
        let request = town.hold(usize::try_from(round % 10).unwrap(), 60, 120);
        let wait = std::time::Duration::from_micros(round * 150);
        let _given_up = tokio::time::timeout(wait, driver.hold_spot(request)).await;
        let cancel =
            proto::CancelBookingRequest { request_id: request_id(), booking_id: request_id() };
        let _given_up = tokio::time::timeout(wait, driver.cancel_booking(cancel)).await;
    }
    held(anna.hold_spot(town.hold(0, 600, 660)).await);
    let stuck = parkmesh_testkit::eventually("no transaction left open", || async {
        let open: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
        )
        .fetch_one(&town.world.pool)
        .await
        .unwrap();
        (open == 0).then_some(open)
    });
    assert_eq!(stuck.await, 0);
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_die_half_way_lose_and_double_nothing() {
    let town = Town::with(40, true).await;
    // Not the pool's: it would be handed those that it has just killed.
    let mut killer = town.world.pool.acquire().await.unwrap().detach();
    let killing = async {
        let mut killed = 0;
        for _round in 0..15 {
            killed += sqlx::query_scalar::<_, i64>(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND usename = current_user AND query LIKE '%booking%'",
            )
            .fetch_one(&mut killer)
            .await
            .unwrap();
            let wait = std::time::Duration::from_millis(40);
            let _passed = tokio::time::timeout(wait, std::future::pending::<()>()).await;
        }
        killed
    };
    let mut calls = Vec::new();
    for number in 0..40_usize {
        let mut driver = town.driver(&format!("driver-{number}")).await;
        let request = town.hold(number, 60, 120);
        calls.push(async move {
            let booking = held(insist(&mut driver, request.clone()).await);
            assert_eq!(held(insist(&mut driver, request).await), booking);
            booking.booking_id
        });
    }
    let (ids, killed) = tokio::join!(join_all(calls), killing);
    assert!(killed > 0, "no connection was there to die");
    let distinct: HashSet<String> = ids.into_iter().collect();
    assert_eq!(distinct.len(), 40);
    let stored: i64 =
        sqlx::query_scalar("SELECT count(*) FROM booking").fetch_one(&mut killer).await.unwrap();
    assert_eq!(stored, 40);
    town.world.stop().await;
}
