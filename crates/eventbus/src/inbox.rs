//! The inbox: what makes a fact that arrives twice have one effect.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::FactId;
use parkmesh_platform::postgres;
use sqlx::{PgConnection, PgPool};

/// Acts on a fact once, in one transaction with the note that it was acted on. None: it already was.
///
/// # Errors
/// What the work returns (nothing is done then, and the fact may come again), or the database's.
pub async fn once<T, E, F>(
    pool: &PgPool,
    consumer: &'static str,
    fact_id: FactId,
    now: Timestamp,
    work: F,
) -> Result<Option<T>, E>
where
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
{
    postgres::transaction(pool, move |connection| {
        Box::pin(async move {
            if admit(connection, consumer, fact_id, now).await? {
                work(connection).await.map(Some)
            } else {
                Ok(None)
            }
        })
    })
    .await
}

/// Notes, in the transaction of the effect, that this consumer acts on this fact. False: it already
/// has, and the handler returns without doing anything.
///
/// A second delivery that runs at the same time waits here for the first one's commit or rollback.
///
/// # Errors
/// When the database fails.
pub async fn admit(
    connection: &mut PgConnection,
    consumer: &str,
    fact_id: FactId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO inbox (consumer, fact_id, create_time) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(consumer)
    .bind(fact_id.as_uuid())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
