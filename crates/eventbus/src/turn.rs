//! Whose turn it is, of the processes of a service: a session lock of its schema. It lasts as long as the session,
//! so what must never be done by two at a time is done on that session.

use std::time::Duration;

use parkmesh_platform::tasks::Tasks;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::Instant;

/// How often a process that stands by asks whether it is its turn.
const STAND_BY_PERIOD: Duration = Duration::from_secs(1);

/// How often a process looks whether it still has the turn.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// A turn that is had.
pub(crate) struct Turn {
    /// The session that has it.
    pub session: PgConnection,
    looked: Instant,
}

impl Turn {
    /// Waits until it is this process's turn at `what`: one name for one thing in the schema.
    pub async fn wait(pool: &PgPool, what: &str, tasks: &Tasks) -> Result<Self, sqlx::Error> {
        // Not the pool's any more: it lives as long as the turn does.
        let mut session = pool.acquire().await?.detach();
        let take = "SELECT pg_try_advisory_lock(hashtextextended('parkmesh.' || $1 || '.' || current_schema(), 0))";
        while !sqlx::query_scalar(take).bind(what).fetch_one(&mut session).await? {
            tasks.sleep(STAND_BY_PERIOD).await;
        }
        Ok(Self { session, looked: Instant::now() })
    }

    /// Fails when the turn is lost, a second afterwards at most if it is asked that often.
    pub async fn look(&mut self) -> Result<(), sqlx::Error> {
        if self.looked.elapsed() >= LOOK_PERIOD {
            self.session.ping().await?;
            self.looked = Instant::now();
        }
        Ok(())
    }

    /// Waits until it is time to look again.
    pub async fn next_look(&self, tasks: &Tasks) {
        tasks.sleep(LOOK_PERIOD.saturating_sub(self.looked.elapsed())).await;
    }

    /// Gives it up at once.
    pub async fn end(self) {
        // If the session is what failed, the server notices by itself.
        if let Err(error) = self.session.close().await {
            tracing::debug!(%error, "the session of a turn did not close");
        }
    }
}
