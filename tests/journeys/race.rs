//! Two hundred drivers and one spot.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::Alternatives;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_platform::fault::find_detail;
use sqlx::{Connection, PgConnection};
use tonic::Code;

use crate::support::{Driver, Up, eventually, reason};

/// Drivers at once.
const DRIVERS: usize = 200;

/// Rounds: ten in a usual run, a hundred in the proof.
fn rounds() -> usize {
    std::env::var("PARKMESH_PROOF").map_or(10, |_| 100)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_drivers_on_one_spot_one_wins_and_the_others_are_told_what_else_is_free() {
    let up = Up::start(&[]);
    let anna = Driver::new(&up, "driver");
    let spot = eventually("the map", || async { anna.spot(&up, "0-100").await.ok() }).await;
    assert_eq!(spot.spot_type(), SpotType::Regular);
    let before = deadlocks(&up).await;
    let hour = SignedDuration::from_hours(1);
    let first = up.now() + hour;
    for round in 0..rounds() {
        let start = first + hour * i32::try_from(round).expect("a small number");
        let drivers: Vec<Driver> = (0..DRIVERS)
            .map(|driver| Driver::named(&up, &format!("driver-{round}-{driver}")))
            .collect();
        let wishes = drivers.iter().map(|driver| (driver, driver.wish(&spot, start, hour)));
        let holds = wishes.map(|(driver, wish)| async move { driver.hold_patiently(&wish).await });
        let outcomes = futures_util::future::join_all(holds).await;
        let winners: BTreeSet<&str> =
            outcomes.iter().flatten().map(|booking| booking.booking_id.as_str()).collect();
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        for status in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            let told = (status.code(), reason(status));
            assert_eq!(told, (Code::FailedPrecondition, "SPOT_TAKEN".to_owned()), "{status:?}");
            let other: Alternatives = find_detail(status).expect("what else is free");
            assert!(!other.alternatives.is_empty(), "round {round}");
            assert!(other.alternatives.iter().all(|one| one.spot_id != spot.spot_id));
        }
    }
    assert_eq!(deadlocks(&up).await, before, "Postgres counted deadlocks");
}

async fn deadlocks(up: &Up) -> i64 {
    let mut admin = PgConnection::connect(&up.told("/servers/postgres")).await.expect("Postgres");
    // Sessions tell their numbers with a delay; asking for a flush needs no more than a new session.
    let query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let found: i64 = sqlx::query_scalar(query).fetch_one(&mut admin).await.expect("a number");
    admin.close().await.expect("closed");
    found
}
