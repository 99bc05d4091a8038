//! The line under a crowd: several processes, holds that ask at the same moment, a restart in between.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use parkmesh_booking::Config;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::WaitlistState;
use parkmesh_contracts::common::v1::Window;
use parkmesh_platform::fault::reason_of;
use parkmesh_platform::postgres::transaction;
use parkmesh_platform::serve::Running;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::booking_world::{Bookings, Town, insist, reason};
use crate::waitlist_world::{any, cancel, join, once, reserve_in, standing};

const SPOTS: usize = 3;
const WAITING: usize = 12;
const CROWD: usize = 8;

/// A driver's clients at both processes.
async fn at_both(town: &Town, other: &Running, name: &str) -> [Bookings; 2] {
    let token = town.world.tokens.driver(name);
    let there = Bookings::new(town.world.line_to(other, &token).await);
    [town.client(&token).await, there]
}

/// Asks for anything, and for each spot, at both processes, until it is told to stop. Counts what it got.
async fn crowd(town: &Town, other: &Running, window: Window, stop: &AtomicBool) -> usize {
    let mut clients = Vec::new();
    for number in 0..CROWD {
        clients.push(at_both(town, other, &format!("crowd-{number}")).await);
    }
    let got = AtomicUsize::new(0);
    let asking = clients.into_iter().enumerate().map(|(number, mut at)| {
        let got = &got;
        async move {
            let mut round = number;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let request = match round % (SPOTS + 1) {
                    SPOTS => any(town, window),
                    spot => town.hold_in(spot, window),
                };
                match insist(&mut at[round % 2], request).await {
                    Ok(_) => drop(got.fetch_add(1, Ordering::Relaxed)),
                    Err(status) => {
                        let reason = reason_of(&status).unwrap_or_default();
                        assert!(
                            ["SPOT_TAKEN", "SOLD_OUT"].contains(&reason.as_str()),
                            "{status:?}"
                        );
                    }
                }
            }
        }
    });
    join_all(asking).await;
    got.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_served_in_its_order_by_two_processes_while_a_crowd_asks() {
    let town = Town::with(SPOTS, true).await;
    let other = town.world.replica().await;
    let window = town.window(600, 660);
    let mut full = town.driver("full").await;
    let mut given: Vec<(Bookings, String)> = Vec::new();
    for spot in 0..SPOTS {
        let booking = reserve_in(&town, &mut full, spot, window).await;
        given.push((full.clone(), booking.booking_id));
    }
    let mut line = Vec::new();
    for number in 0..WAITING {
        let mut at = at_both(&town, &other, &format!("driver-{number:02}")).await;
        join(&town, &mut at[number % 2], window).await;
        line.push(at[(number + 1) % 2].clone());
    }
    let stop = AtomicBool::new(false);
    let serving = async {
        for round in line.chunks(SPOTS) {
            let gifts = given.drain(..).map(|(mut owner, booking_id)| async move {
                cancel(&mut owner, &booking_id).await;
            });
            join_all(gifts).await;
            for driver in round {
                let offered = once(driver, WaitlistState::Offered).await;
                given.push((driver.clone(), offered.booking_id));
            }
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (_, got) = tokio::join!(serving, crowd(&town, &other, window, &stop));
    assert_eq!(got, 0, "the crowd overtook the line");
    // Each was offered one place, in the order of joining.
    let offers: Vec<(i32, i64)> = sqlx::query_as(
        "SELECT offers, (SELECT count(*) FROM booking WHERE waitlist_entry_id = e.entry_id)
         FROM waitlist_entry AS e ORDER BY place",
    )
    .fetch_all(&town.world.pool)
    .await
    .unwrap();
    assert_eq!(offers, [(1, 1); WAITING]);
    assert_eq!(town.double_bookings().await, 0);
    assert_eq!(town.deadlocks().await, 0);
    other.stop().await;
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_asked_for_during_a_cancellation_does_not_take_its_place_from_the_line() {
    let town = Town::with(1, false).await;
    let window = town.window(60, 120);
    let (mut anna, mut ben, mut full) =
        (town.driver("anna").await, town.driver("ben").await, town.driver("full").await);
    let taken = reserve_in(&town, &mut full, 0, window).await;
    join(&town, &mut anna, window).await;
    // The cancellation has written and not committed: a statement that waited for it would see no entry
    // that fits, and then find the spot free.
    let (written, is_written) = oneshot::channel();
    let (commit, may_commit) = oneshot::channel::<()>();
    let booking_id = Uuid::parse_str(&taken.booking_id).unwrap();
    let cancelling = transaction::<_, sqlx::Error, _>(&town.world.pool, move |connection| {
        Box::pin(async move {
            sqlx::query(
                "UPDATE booking SET state = 5, due_time = NULL, version = version + 1
                 WHERE booking_id = $1",
            )
            .bind(booking_id)
            .execute(connection)
            .await?;
            written.send(()).unwrap();
            may_commit.await.unwrap();
            Ok(())
        })
    });
    let asking = async {
        is_written.await.unwrap();
        assert_eq!(reason(ben.hold_spot(town.hold_in(0, window)).await), "SPOT_TAKEN");
        commit.send(()).unwrap();
    };
    let (cancelled, ()) = tokio::join!(cancelling, asking);
    cancelled.unwrap();
    assert_eq!(reason(ben.hold_spot(town.hold_in(0, window)).await), "SPOT_TAKEN");
    assert_eq!(standing(&mut anna).await.state(), WaitlistState::Offered);
    town.world.stop().await;
}

#[tokio::test]
async fn what_became_free_before_a_restart_is_offered_after_it() {
    let config = Config { clockwork: false, ..Config::default() };
    let mut town = Town::with_config(2, config).await;
    let window = town.window(60, 120);
    let mut full = town.driver("full").await;
    let mut given = Vec::new();
    for spot in 0..2 {
        given.push(reserve_in(&town, &mut full, spot, window).await);
    }
    for name in ["anna", "ben", "cleo"] {
        join(&town, &mut town.driver(name).await, window).await;
    }
    for booking in &given {
        cancel(&mut full, &booking.booking_id).await;
    }
    town.world.config.clockwork = true;
    town.world.restart().await;
    for name in ["anna", "ben"] {
        once(&town.driver(name).await, WaitlistState::Offered).await;
    }
    assert_eq!(standing(&mut town.driver("cleo").await).await.place, 1);
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_join_once_and_those_who_leave_at_the_moment_of_an_offer_leave_nothing_behind() {
    let town = Town::with(1, true).await;
    let window = town.window(60, 120);
    let mut full = town.driver("full").await;
    let taken = reserve_in(&town, &mut full, 0, window).await;
    let mut entries = Vec::new();
    for number in 0..6 {
        let mut driver = town.driver(&format!("driver-{number}")).await;
        let request = crate::waitlist_world::wish(&town, window);
        let twins = (0..4).map(|_| {
            let (mut driver, request) = (driver.clone(), request.clone());
            async move { crate::waitlist_world::entry_of(driver.join_waitlist(request).await) }
        });
        let twins = join_all(twins).await;
        assert!(twins.iter().all(|entry| *entry == twins[0]));
        assert_eq!(standing(&mut driver).await, twins[0]);
        entries.push((driver, twins[0].clone()));
    }
    let leaving = entries.iter().map(|(driver, entry)| {
        let (mut driver, request) = (driver.clone(), crate::waitlist_world::leave(entry));
        async move { driver.leave_waitlist(request).await.unwrap() }
    });
    tokio::join!(cancel(&mut full, &taken.booking_id), join_all(leaving));
    let live: i64 = sqlx::query_scalar("SELECT count(*) FROM booking WHERE state IN (1, 2, 3)")
        .fetch_one(&town.world.pool)
        .await
        .unwrap();
    assert_eq!(live, 0);
    let held: proto::Booking =
        crate::booking_world::held(full.hold_spot(town.hold_in(0, window)).await);
    assert_eq!(held.user_id, "full");
    town.world.stop().await;
}
