//! Plans of statements are made once for a connection, maybe while the tables are empty: what a call
//! costs must not grow with them.

use parkmesh_booking::Config;
use sqlx::{PgPool, Row};

use crate::booking_world::{Town, held, reason, written_columns};

/// Rows that the big tables get.
const FILLED: i64 = 4_000;
/// Calls before that: a connection keeps a plan from the sixth on.
const CALLS_BEFORE: i64 = 12;

/// Rows that were read for whatever reason, by scans and by indexes.
async fn rows_read(pool: &PgPool) -> i64 {
    // Sessions tell what they have read when they like, unless they are told to.
    let mut connections = Vec::new();
    while let Some(connection) = pool.try_acquire() {
        connections.push(connection);
    }
    for connection in &mut connections {
        let told = sqlx::query("SELECT pg_stat_force_next_flush()");
        told.execute(&mut **connection).await.unwrap();
    }
    drop(connections);
    let row = sqlx::query(
        "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::bigint
              + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint, pg_stat_clear_snapshot()",
    );
    row.fetch_one(pool).await.unwrap().get(0)
}

/// Bookings that have ended, and answers to other requests.
async fn fill(pool: &PgPool) {
    for table in ["booking", "request"] {
        let columns = written_columns(pool, table).await;
        let text = format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM (SELECT new.*
             FROM (SELECT to_jsonb({table}) AS row FROM {table} LIMIT 1) AS one,
                 generate_series(1, $1) AS number,
                 jsonb_populate_record(NULL::{table}, one.row || jsonb_build_object('state', 6,
                     'booking_id', uuid_in(md5(number::text)::cstring), 'due_time', NULL,
                     'request_id', uuid_in(md5(number::text)::cstring), 'user_id', 'nobody')) AS new)
                 AS new"
        );
        let filled = sqlx::query(sqlx::AssertSqlSafe(text)).bind(FILLED).execute(pool).await;
        assert_eq!(filled.unwrap().rows_affected(), FILLED.unsigned_abs());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_looks_at_a_handful_of_rows_however_many_there_are() {
    let config = Config { clockwork: false, reserve_writers: 1, ..Config::default() };
    let town = Town::with_config(10, config).await;
    let pool = &town.world.pool;
    let mut drivers = Vec::new();
    for number in 0..CALLS_BEFORE {
        let mut driver = town.driver(&format!("driver-{number}")).await;
        held(driver.hold_spot(town.hold(0, 60 * (number + 1), 60 * (number + 2))).await);
        // And somebody who is told that it is taken.
        let taken = driver.hold_spot(town.hold(0, 60 * (number + 1), 60 * (number + 2))).await;
        assert_eq!(reason(taken), "SPOT_TAKEN");
        drivers.push(driver);
    }
    fill(pool).await;
    let before = rows_read(pool).await;
    for (number, driver) in (0..).zip(&mut drivers) {
        held(driver.hold_spot(town.hold(1, 60 * (number + 1), 60 * (number + 2))).await);
        let taken = driver.hold_spot(town.hold(1, 60 * (number + 1), 60 * (number + 2))).await;
        assert_eq!(reason(taken), "SPOT_TAKEN");
    }
    let read = rows_read(pool).await - before;
    assert!(read < FILLED, "{read} rows were read for {CALLS_BEFORE} holds and as many refusals");
}
