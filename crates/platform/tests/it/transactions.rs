//! Trap 1 and trap 4: a cancelled call and the pool, a moved clock and the pool.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::postgres::{self, PostgresConfig};
use parkmesh_testkit::{TestDatabase, eventually};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::oneshot;

struct World {
    db: TestDatabase,
    clock: Clock,
    /// One connection: whatever a cancelled call leaves on it, the next call meets.
    pool: PgPool,
}

impl World {
    async fn new() -> Self {
        let clock = Clock::movable();
        let db = TestDatabase::create("platformtest", &[]).await;
        let config = PostgresConfig {
            connections_max: 1,
            idle_in_transaction_timeout: Duration::from_secs(60),
            ..PostgresConfig::of(db.url())
        };
        let pool = postgres::connect(&config, &clock).unwrap();
        pool.execute("CREATE TABLE work (word text PRIMARY KEY)").await.unwrap();
        Self { db, clock, pool }
    }

    async fn words(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT word FROM work ORDER BY word")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Sessions of this database that sit inside a transaction, seen from outside of the pool.
    async fn open_transactions(&self) -> i64 {
        let mut admin = PgConnection::connect(self.db.admin_url()).await.unwrap();
        sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
             AND state LIKE 'idle in transaction%'",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap()
    }

    /// A call whose client goes away after its first statement. The work goes on when told to.
    async fn cancelled(&self, word: &'static str, fails: bool) -> oneshot::Sender<()> {
        let (reached, half_way) = oneshot::channel();
        let (go_on, told) = oneshot::channel::<()>();
        let pool = self.pool.clone();
        let call = tokio::spawn(async move {
            postgres::transaction(&pool, move |tx| {
                Box::pin(async move {
                    sqlx::query("INSERT INTO work VALUES ($1)")
                        .bind(word)
                        .execute(&mut *tx)
                        .await?;
                    reached.send(()).unwrap();
                    let _told = told.await;
                    sqlx::query("INSERT INTO work VALUES ($1 || '-2')")
                        .bind(word)
                        .execute(tx)
                        .await?;
                    if fails { Err(sqlx::Error::RowNotFound) } else { Ok(()) }
                })
            })
            .await
        });
        half_way.await.unwrap();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        go_on
    }
}

#[tokio::test]
async fn a_cancelled_calls_transaction_still_commits_whole() {
    let world = World::new().await;
    let go_on = world.cancelled("kept", false).await;
    go_on.send(()).unwrap();
    // The only connection: this waits for the commit, and meets no open transaction.
    assert_eq!(world.words().await, ["kept", "kept-2"]);
    assert_eq!(world.open_transactions().await, 0);
    world.pool.execute("INSERT INTO work VALUES ('next')").await.unwrap();
    let mut other = PgConnection::connect(&world.db.url()).await.unwrap();
    let seen: i64 =
        sqlx::query_scalar("SELECT count(*) FROM work").fetch_one(&mut other).await.unwrap();
    assert_eq!(seen, 3, "the next call's statement is committed, not part of an open transaction");
}

#[tokio::test]
async fn a_cancelled_calls_failing_transaction_is_rolled_back_whole() {
    let world = World::new().await;
    let go_on = world.cancelled("gone", true).await;
    go_on.send(()).unwrap();
    assert!(world.words().await.is_empty());
    assert_eq!(world.open_transactions().await, 0);
}

#[tokio::test]
async fn a_panic_in_a_transaction_reaches_the_caller_and_leaves_the_pool_clean() {
    let world = World::new().await;
    let pool = world.pool.clone();
    let call = tokio::spawn(async move {
        postgres::transaction::<(), sqlx::Error, _>(&pool, |tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO work VALUES ('half')").await?;
                panic!("in the middle")
            })
        })
        .await
    });
    assert!(call.await.unwrap_err().is_panic());
    assert!(world.words().await.is_empty());
    eventually("no session is inside a transaction", || async {
        (world.open_transactions().await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_still_inside_a_transaction_is_not_handed_on() {
    let world = World::new().await;
    let mut held = world.pool.acquire().await.unwrap();
    let mut forgotten = held.begin().await.unwrap();
    forgotten.execute("INSERT INTO work VALUES ('stray')").await.unwrap();
    std::mem::forget(forgotten);
    drop(held);
    assert!(world.words().await.is_empty(), "the next call must not see a stray transaction's row");
    assert_eq!(world.open_transactions().await, 0);
}

#[tokio::test]
async fn a_cancelled_statement_leaves_a_usable_connection() {
    let world = World::new().await;
    let pool = world.pool.clone();
    let call = tokio::spawn(async move { pool.execute("SELECT pg_sleep(1)").await.map(drop) });
    eventually("the statement runs", || async {
        let mut admin = PgConnection::connect(world.db.admin_url()).await.unwrap();
        let running: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1)'
             AND state = 'active' AND datname = current_database())",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        running.then_some(())
    })
    .await;
    call.abort();
    let _cancelled = call.await;
    let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&world.pool).await.unwrap();
    assert_eq!(one, 1, "and not the answer of the statement before");
}

#[tokio::test]
async fn park_now_follows_the_clock_on_connections_that_were_made_before_it_moved() {
    let world = World::new().await;
    for hours in [0, 5, -3, 8] {
        world.clock.advance(SignedDuration::from_hours(hours));
        let apart = world.clock.now().duration_since(park_now(&world.pool).await);
        assert!(apart.abs() < SignedDuration::from_secs(5), "after {hours} h: {apart}");
    }
}

#[tokio::test]
async fn park_now_is_not_older_than_the_end_of_a_lock_wait() {
    let world = World::new().await;
    world.pool.execute("CREATE TABLE hold (until timestamptz)").await.unwrap();
    world
        .pool
        .execute("INSERT INTO hold VALUES (park_now() + interval '700 milliseconds')")
        .await
        .unwrap();
    let mut other = PgConnection::connect(&world.db.url()).await.unwrap();
    other.execute("BEGIN; SELECT FROM hold FOR UPDATE").await.unwrap();
    let pool = world.pool.clone();
    // The hold stands when the transaction begins, and has lapsed when the row is free.
    let waiting = tokio::spawn(async move {
        postgres::transaction::<bool, sqlx::Error, _>(&pool, |tx| {
            Box::pin(async move {
                tx.execute("SELECT FROM hold FOR UPDATE").await?;
                sqlx::query_scalar("SELECT until > park_now() FROM hold").fetch_one(tx).await
            })
        })
        .await
        .unwrap()
    });
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(!waiting.is_finished(), "it waits for the row");
    other.execute("COMMIT").await.unwrap();
    assert!(!waiting.await.unwrap(), "judged by the time after the wait");
}

async fn park_now(pool: &PgPool) -> jiff::Timestamp {
    let micros: i64 = sqlx::query_scalar(AssertSqlSafe(
        "SELECT (extract(epoch FROM park_now()) * 1000000)::bigint",
    ))
    .fetch_one(pool)
    .await
    .unwrap();
    jiff::Timestamp::from_microsecond(micros).unwrap()
}

#[tokio::test]
async fn a_database_that_has_no_disk_room_or_memory_is_away_and_not_broken() {
    let world = World::new().await;
    // I/O error, missing file, disk full, out of memory, too many connections, shutting down, crashed.
    for code in ["58030", "58P01", "53100", "53200", "53300", "57P01", "57P02"] {
        let fails = format!("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$");
        let error = world.pool.execute(AssertSqlSafe(fails)).await.unwrap_err();
        assert!(postgres::is_unavailable(&error), "{code}");
    }
    let error = world.pool.execute("SELECT 1 / 0").await.unwrap_err();
    assert!(!postgres::is_unavailable(&error));
}
