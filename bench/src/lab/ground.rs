//! The ground that all strategies stand on: a private Postgres that keeps what it has committed, and a schema
//! of its own for each run of a strategy.

use std::str::FromStr;

use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection, Row};

use crate::Failure;
use crate::lab::rows;

/// A schema with the tables of a strategy, empty but for a lot with spots.
pub struct Ground {
    options: PgConnectOptions,
    schema: String,
    /// Whether a booking brings its fact and its replay record along, and all indexes are kept.
    pub everything: bool,
    /// Spots of the lot.
    pub spots: u32,
    /// For writers; they end with the run.
    pub tasks: Tasks,
}

impl Ground {
    /// Makes the schema anew. `filled` is SQL that books what is taken beforehand.
    pub async fn make(
        url: &str,
        schema: &str,
        (tables, filled): (&str, &str),
        (everything, spots): (bool, u32),
    ) -> Result<Self, Failure> {
        let options = PgConnectOptions::from_str(url)?.application_name("parkmesh-lab");
        let mut admin = options.connect().await?;
        // Operators of the exclusion constraint on uuid.
        run(&mut admin, "CREATE EXTENSION IF NOT EXISTS btree_gist".to_owned()).await?;
        run(&mut admin, format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"))
            .await?;
        let options = options.options([("search_path", format!("{schema}, public"))]);
        let tasks = Tasks::new(&Clock::system());
        let ground = Self { options, schema: schema.to_owned(), everything, spots, tasks };
        let mut db = ground.connect().await?;
        for migration in rows::MIGRATIONS {
            run(&mut db, migration.to_owned()).await?;
        }
        let others = if everything { "" } else { rows::DROP_OTHERS };
        // Not of the whole database: the tables of a service that is measured beside are not the lab's.
        let analyze = "ANALYZE lot, floor, spot, booking, outbox, request";
        for part in [rows::BEGIN_BARE, others, &rows::spots(spots), tables, filled, analyze] {
            run(&mut db, part.to_owned()).await?;
        }
        run(&mut db, "CHECKPOINT".to_owned()).await?;
        Ok(ground)
    }

    /// A connection that sees this schema.
    pub async fn connect(&self) -> Result<PgConnection, Failure> {
        Ok(self.options.connect().await?)
    }

    /// Ends the writers and drops the schema.
    pub async fn remove(self) -> Result<(), Failure> {
        self.tasks.stop().await;
        let mut admin = self.connect().await?;
        run(&mut admin, format!("DROP SCHEMA {} CASCADE", self.schema)).await
    }
}

/// Runs SQL that may be several statements. It is the lab's own text.
pub async fn run(db: &mut PgConnection, sql: String) -> Result<(), Failure> {
    db.execute(AssertSqlSafe(sql)).await?;
    Ok(())
}

/// Deadlocks that the database has seen so far. Sessions that have ended have told theirs.
pub async fn deadlocks(db: &mut PgConnection) -> Result<i64, Failure> {
    run(db, "SELECT pg_stat_clear_snapshot()".to_owned()).await?;
    let row =
        sqlx::query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    Ok(row.fetch_one(db).await?.try_get(0)?)
}
