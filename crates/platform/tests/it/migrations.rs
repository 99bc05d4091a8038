//! Migrations while services are at work.

use std::str::FromStr;
use std::time::Duration;

use parkmesh_platform::clock::Clock;
use parkmesh_platform::postgres::apply;
use parkmesh_testkit::{TestDatabase, eventually};
use sqlx::migrate::{Migration, MigrationType};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection, SqlSafeStr};
use tokio::time::timeout;

/// Much longer than a migration waits for a lock.
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_migration_gives_way_to_whoever_has_its_table_and_is_tried_again() {
    let db = TestDatabase::create("platformtest", &[]).await;
    let connect = || async { PgConnection::connect(&db.url()).await.unwrap() };
    let (mut service, mut beside) = (connect().await, connect().await);
    service.execute("CREATE TABLE work (word text)").await.unwrap();
    let mut under_way = service.begin().await.unwrap();
    under_way.execute("INSERT INTO work VALUES ('first')").await.unwrap();

    let sql = "ALTER TABLE work ADD COLUMN colour text".into_sql_str();
    let migration = Migration::new(9_001, "colour".into(), MigrationType::Simple, sql, false);
    let options = PgConnectOptions::from_str(&db.url()).unwrap();
    let migrating = tokio::spawn(apply("platformtest", vec![migration], options));
    let watcher = db.pool(&Clock::system()).await;
    eventually("the migration waits for the table", || async {
        let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'work'::regclass AND NOT granted)";
        let waits: bool = sqlx::query_scalar(waits).fetch_one(&watcher).await.unwrap();
        waits.then_some(())
    })
    .await;

    // Behind the migration, until that gives way: the transaction is not over yet.
    let written = beside.execute("INSERT INTO work VALUES ('second')");
    timeout(LONG, written).await.expect("the migration gives way").unwrap();
    under_way.commit().await.unwrap();
    timeout(LONG, migrating).await.expect("it is tried again").unwrap().unwrap();
    let colours: Vec<Option<String>> =
        sqlx::query_scalar("SELECT colour FROM work").fetch_all(&mut beside).await.unwrap();
    assert_eq!(colours, [None, None]);
}
