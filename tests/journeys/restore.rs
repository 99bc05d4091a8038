//! Postgres comes back from its backup, Redis and the streams are lost: everything is rebuilt.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::notification::v1::NotificationKind;

use crate::support::{Car, Driver, Up, eventually, reason};

const SPOT: &str = "2-040";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_without_redis_and_streams_everything_is_rebuilt_and_consistent() {
    let data = std::env::temp_dir().join(format!("parkmesh-restore-{}", uuid::Uuid::now_v7()));
    let data_dir = data.join("data").display().to_string();
    let home = data.join("home");
    let start = || Up::start_at(&home, &["--data-dir", &data_dir]);

    // A day: one reservation, one car that stands there.
    let up = start();
    let anna = Driver::new(&up, "driver");
    Car::at(&up, SPOT).gone(&up).await;
    Car::at(&up, "2-041").stands(&up).await;
    let spot = eventually("the spot is free on the map", || async {
        let spot = anna.spot(&up, SPOT).await.ok()?;
        (spot.status() == SpotStatus::Available).then_some(spot)
    })
    .await;
    let (soon, hour) = (up.now() + SignedDuration::from_mins(5), SignedDuration::from_hours(1));
    let held = anna.hold(&anna.wish(&spot, soon, hour)).await.expect("a hold");
    let request_id = uuid::Uuid::now_v7().to_string();
    anna.confirm(&held, "pm_card_ok", &request_id).await.expect("a reservation");
    eventually("the message", || async {
        let told = anna.messages().await.ok()?;
        told.iter().any(|one| one.kind() == NotificationKind::Reserved).then_some(())
    })
    .await;
    let shown = counts_once_settled(&anna, &up).await;
    let folder = |kind: &str| PathBuf::from(up.told(&format!("/folders/{kind}")));
    let (postgres, nats, redis) = (folder("postgres"), folder("nats"), folder("redis"));
    drop(up);

    // The backup, then a booking that the backup does not know, then the loss.
    copy(&postgres, &data.join("backup"));
    let up = start();
    let later = anna_again(&up);
    let lost = later.hold(&later.wish(&spot, soon + hour, hour)).await.expect("a hold");
    drop(up);
    for folder in [&postgres, &nats, &redis].into_iter().filter(|folder| folder.exists()) {
        std::fs::remove_dir_all(folder).expect("a folder of ours");
    }
    copy(&data.join("backup"), &postgres);

    let up = start();
    let anna = anna_again(&up);
    let found = anna.look(&held.booking_id).await.expect("the reservation");
    assert_eq!(found.state(), BookingState::Reserved);
    let status = anna.look(&lost.booking_id).await.expect_err("made after the backup");
    assert_eq!(reason(&status), "BOOKING_NOT_FOUND");
    eventually("the picture is that of the backup", || async {
        let spot = anna.spot(&up, SPOT).await.ok()?;
        let counts = anna.counts(&up).await.ok()?;
        let same = (counts.free, counts.total) == shown && spot.status() == SpotStatus::Reserved;
        same.then_some(())
    })
    .await;
    // The facts were published again; nobody is told twice, and what follows still works.
    anna.hold(&anna.wish(&spot, soon + hour, hour)).await.expect("free in the backup");
    let told = anna.messages().await.expect("messages");
    let reserved = told.iter().filter(|one| one.kind() == NotificationKind::Reserved).count();
    assert_eq!(reserved, 1, "{told:?}");
    drop(up);
    std::fs::remove_dir_all(&data).expect("a folder of ours");
}

fn anna_again(up: &Up) -> Driver {
    Driver::new(up, "driver")
}

async fn counts_once_settled(driver: &Driver, up: &Up) -> (i32, i32) {
    eventually("the map shows promise and car", || async {
        let (promised, taken) =
            (driver.spot(up, SPOT).await.ok()?, driver.spot(up, "2-041").await.ok()?);
        let settled =
            promised.status() == SpotStatus::Reserved && taken.status() == SpotStatus::Occupied;
        let counts = driver.counts(up).await.ok()?;
        settled.then_some((counts.free, counts.total))
    })
    .await
}

/// A cold copy, owners kept: Postgres refuses a data folder that is somebody else's.
fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.expect("cp runs").success(), "{} was not copied", from.display());
}
