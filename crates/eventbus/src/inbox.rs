//! The inbox: what makes a fact that arrives twice have one effect.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::FactId;
use sqlx::PgConnection;

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
