//! The ledger. Entries are written and read, never changed.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::money::Money;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::money;
use crate::domain::Entry;

/// An entry as it stands in the ledger.
#[derive(Clone, Debug)]
pub struct Written {
    /// The movement.
    pub movement_id: Uuid,
    /// Whose side.
    pub account: String,
    /// Positive adds to the account.
    pub amount: Money,
    /// What moved it.
    pub kind: String,
    /// When.
    pub create_time: Timestamp,
}

/// Writes a whole movement in one statement. The database checks at the commit that it sums to
/// zero.
pub async fn append(
    connection: &mut PgConnection,
    entries: &[Entry],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let column = |value: fn(&Entry) -> String| entries.iter().map(value).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO ledger_entry (movement_id, payment_id, kind, account, amount_minor, currency,
             create_time)
         SELECT movement_id, payment_id, kind, account, amount_minor, currency, $7
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[])
             WITH ORDINALITY
             AS side (movement_id, payment_id, kind, account, amount_minor, currency, place)
         ORDER BY place",
    )
    .bind(entries.iter().map(|entry| entry.movement_id).collect::<Vec<_>>())
    .bind(entries.iter().map(|entry| entry.payment_id.as_uuid()).collect::<Vec<_>>())
    .bind(column(|entry| entry.kind.to_owned()))
    .bind(column(|entry| entry.account.clone()))
    .bind(entries.iter().map(|entry| entry.amount.minor).collect::<Vec<_>>())
    .bind(column(|entry| entry.amount.currency.as_str().to_owned()))
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

type Columns = (Uuid, String, i64, String, String, jiff_sqlx::Timestamp);

/// All entries of a payment, oldest first. There are at most five.
pub async fn list(pool: &PgPool, payment_id: PaymentId) -> Result<Vec<Written>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT movement_id, account, amount_minor, currency, kind, create_time
         FROM ledger_entry WHERE payment_id = $1 ORDER BY entry_id",
    )
    .bind(payment_id.as_uuid())
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|(movement_id, account, minor, currency, kind, create_time)| {
            let (amount, create_time) = (money(minor, &currency)?, create_time.to_jiff());
            Ok(Written { movement_id, account, amount, kind, create_time })
        })
        .collect()
}
