//! The record of what operators did. Rows are added and read; the database refuses everything else.

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{AuditEntryId, LotId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::domain::audit::Entry;
use crate::error::Error;
use crate::store::inventory::broken;

/// Adds an entry in the transaction of what it tells.
///
/// # Errors
/// The store's.
pub async fn append(connection: &mut PgConnection, entry: &Entry) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO audit_entry (entry_id, lot_id, actor, action, object_type, object_id, before,
             after, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9)",
    )
    .bind(entry.entry_id.as_uuid())
    .bind(entry.lot_id.as_uuid())
    .bind(entry.actor.as_str())
    .bind(&entry.action)
    .bind(&entry.object_type)
    .bind(entry.object_id)
    .bind(&entry.before)
    .bind(&entry.after)
    .bind(entry.create_time.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}

fn of_row(row: &PgRow) -> Result<Entry, Error> {
    Ok(Entry {
        entry_id: row.try_get::<Uuid, _>("entry_id")?.into(),
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        actor: UserId::try_from(row.try_get::<String, _>("actor")?)
            .map_err(|error| broken("actor", error))?,
        action: row.try_get("action")?,
        object_type: row.try_get("object_type")?,
        object_id: row.try_get("object_id")?,
        before: row.try_get("before")?,
        after: row.try_get("after")?,
        create_time: row.try_get::<jiff_sqlx::Timestamp, _>("create_time")?.to_jiff(),
    })
}

/// Entries of a lot, or of one object of it, newest first, before the entry `before`; at most
/// `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    object_id: Option<Uuid>,
    before: Option<AuditEntryId>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let rows = sqlx::query(
        "SELECT entry_id, lot_id, actor, action, object_type, object_id, before::text AS before,
                after::text AS after, create_time
         FROM audit_entry
         WHERE lot_id = $1 AND ($2::uuid IS NULL OR object_id = $2)
           AND ($3::uuid IS NULL OR entry_id < $3)
         ORDER BY entry_id DESC LIMIT $4",
    )
    .bind(lot_id.as_uuid())
    .bind(object_id)
    .bind(before.map(AuditEntryId::as_uuid))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}
