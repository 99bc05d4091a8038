//! Postgres: pools that no cancelled call can poison, transactions that end, and schemas that each belong
//! to one service.
//!
//! `Pool::begin` is banned (clippy.toml): in sqlx 0.9.0 a dropped call can leave a transaction open on a
//! connection that goes back to the pool (sqlx #4393). A hot path is one autocommit statement; several
//! statements go through [`transaction`], which runs in a task of its own.

mod migrate;

use std::str::FromStr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, Postgres};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::Reader;
use crate::serve::carry;
use crate::tasks;

pub use migrate::{MigrateError, PLATFORM, Schema, apply, migrate, role_of, url_as};

/// Longer than it takes to make a connection: its age counts from the end of that.
const MADE_WITHIN: Duration = Duration::from_secs(60);
/// A connection that lay idle longer than this is tried before it is used.
const TRIED_AFTER: Duration = Duration::from_secs(1);
/// Plans are made once for a connection, of whatever values: to plan one of our longer statements takes
/// longer than to run it, and left to itself Postgres does so at every call whose values are few.
const PLAN_CACHE_MODE: &str = "force_generic_plan";
/// What a page costs that is read because the whole table is, to the planner; its default is 1. Our
/// statements find their rows by an index, but a plan that is made while a table has a page or two
/// would read all of it, and still do so when it has millions.
const SEQ_PAGE_COST: &str = "100";

/// How long the first plans of a worker's own connection hold; each time twice as long, up to the last. A plan for
/// a table that is still empty may read the whole of it later.
const PLANS_YOUNG: Duration = Duration::from_secs(1);
const PLANS_OLD: Duration = Duration::from_secs(3_600);

/// How Postgres is reached.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// `postgres://role:password@host:port/database`.
    pub url: String,
    /// Connections at most.
    pub connections_max: u32,
    /// How long a call waits for a connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long one statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a transaction may sit without a statement.
    pub idle_in_transaction_timeout: Duration,
}

impl PostgresConfig {
    /// Reads `PARKMESH_POSTGRES_URL` and `_POSTGRES_CONNECTIONS_MAX`.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::of(reader.require::<String>("POSTGRES_URL"));
        Self {
            connections_max: reader.get("POSTGRES_CONNECTIONS_MAX", default.connections_max),
            ..default
        }
    }

    /// Defaults for this address.
    pub fn of(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections_max: 16,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
        }
    }
}

/// A pool. Connects when it is first used: Postgres may be away when a process starts.
///
/// # Errors
/// When the address is not usable.
pub fn connect(config: &PostgresConfig, clock: &Clock) -> Result<PgPool, sqlx::Error> {
    let ms = |duration: Duration| format!("{}ms", duration.as_millis());
    let options = PgConnectOptions::from_str(&config.url)?.application_name("parkmesh").options([
        ("statement_timeout", ms(config.statement_timeout)),
        ("lock_timeout", ms(config.lock_timeout)),
        ("idle_in_transaction_session_timeout", ms(config.idle_in_transaction_timeout)),
        ("plan_cache_mode", PLAN_CACHE_MODE.to_owned()),
        ("seq_page_cost", SEQ_PAGE_COST.to_owned()),
    ]);
    let clock = clock.clone();
    let pool = PgPoolOptions::new()
        .max_connections(config.connections_max)
        .acquire_timeout(config.acquire_timeout)
        // before_acquire does it, together with what else there is to say.
        .test_before_acquire(false)
        .before_acquire({
            let clock = clock.clone();
            move |connection, meta| {
                let clock = clock.clone();
                Box::pin(async move {
                    // Others have been told when they were made.
                    if clock.was_moved_within(meta.age + MADE_WITHIN) {
                        return Ok(set_offset(connection, &clock).await.is_ok());
                    }
                    let fresh = meta.idle_for < TRIED_AFTER;
                    Ok(fresh || connection.ping().await.is_ok())
                })
            }
        })
        .after_connect(move |connection, _meta| {
            let clock = clock.clone();
            Box::pin(async move {
                if clock.is_movable() {
                    set_offset(connection, &clock).await?;
                }
                Ok(())
            })
        })
        .after_release(|connection, _meta| {
            // A connection that is still inside a transaction is closed, never handed on. sqlx
            // counts those that it began itself: nobody sends a BEGIN of his own (tests/architecture).
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
        .connect_lazy_with(options);
    Ok(pool)
}

/// Makes `park_now()` of this session agree with the clock.
async fn set_offset(connection: &mut PgConnection, clock: &Clock) -> Result<(), sqlx::Error> {
    let set = sqlx::query("SELECT set_config('parkmesh.clock_offset_ms', $1, false)")
        .bind(clock.offset_ms().to_string());
    connection.execute(set).await.map(drop)
}

/// A connection that one worker keeps between its statements. The pool hands its connections out in turn:
/// each statement would meet a session that has cold caches, and each return costs one more round trip.
#[derive(Debug)]
pub struct OwnConnection {
    pool: PgPool,
    clock: Clock,
    connection: Option<PoolConnection<Postgres>>,
    /// When it was last asked for one.
    taken: Instant,
    /// When its plans are made anew, and how long those hold.
    plans: Option<(Instant, Duration)>,
}

impl OwnConnection {
    /// Takes it from the pool when it is first asked for.
    pub fn new(pool: &PgPool, clock: &Clock) -> Self {
        Self {
            pool: pool.clone(),
            clock: clock.clone(),
            connection: None,
            taken: Instant::now(),
            plans: None,
        }
    }

    /// The connection.
    ///
    /// # Errors
    /// The pool's.
    pub async fn get(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(mut connection) if self.clock.was_moved_within(self.taken.elapsed()) => {
                // What the pool does each time.
                set_offset(&mut connection, &self.clock).await?;
                connection
            }
            Some(connection) => connection,
            None => {
                self.taken = Instant::now();
                self.pool.acquire().await?
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Has its plans made anew where they are old. Between two pieces of work: a worker that has taken one up
    /// and then does this is overtaken by others.
    pub async fn refresh(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let (until, kept_for) =
            *self.plans.get_or_insert_with(|| (Instant::now() + PLANS_YOUNG, PLANS_YOUNG));
        if Instant::now() < until {
            return;
        }
        let kept_for = PLANS_OLD.min(kept_for * 2);
        self.plans = Some((Instant::now() + kept_for, kept_for));
        if connection.execute("DISCARD PLANS").await.is_err() {
            self.close();
        }
    }

    /// Ends the advisory locks that the worker has taken on it, if it is there.
    pub async fn unlock(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let unlocked = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut **connection);
        if unlocked.await.is_err() {
            self.close();
        }
    }

    /// After an error: whatever it was good for and held ends with it, and the next statement gets another.
    pub fn close(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

/// Runs several statements as one. The work goes on to its commit or rollback also when the caller is
/// dropped: a call that was cancelled half way must not leave half a transaction on a connection.
///
/// # Errors
/// What the work returns (everything is rolled back then), or what Postgres says. After an error of the
/// connection during the commit the outcome is unknown: read again by request id before answering.
pub async fn transaction<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
{
    let pool = pool.clone();
    let running = tasks::detach(carry(async move {
        #[expect(clippy::disallowed_methods, reason = "this task is never cancelled")]
        let mut transaction = pool.begin().await?;
        match work(&mut transaction).await {
            Ok(value) => {
                transaction.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // The server rolls back by itself when the connection is gone.
                let _lost = transaction.rollback().await;
                Err(error)
            }
        }
    }));
    match running.await {
        Ok(outcome) => outcome,
        Err(join) if join.is_panic() => std::panic::resume_unwind(join.into_panic()),
        Err(_) => Err(sqlx::Error::PoolClosed.into()),
    }
}

/// Whether the database refused because of others at the same moment, so that the same statement may
/// succeed if it is sent again: a deadlock (40P01) or a serialization failure (40001).
pub fn is_retryable(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40P01" | "40001"))
}

/// Classes of errors by which Postgres says that it cannot serve: connection; no room, memory or connection
/// left; it stops or has crashed; its disk fails.
const AWAY: [&str; 4] = ["08", "53", "57P", "58"];

/// Whether Postgres is away or has gone away, which says nothing about the statement.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| AWAY.into_iter().any(|class| code.starts_with(class)))
        }
        _ => false,
    }
}

/// The constraint that a statement ran into, by its name in the migrations.
pub fn constraint_of(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}
