//! What operators are paid out for, summed in the ledger.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::money::Currency;
use sqlx::PgPool;
use uuid::Uuid;

use crate::domain::{DebtWritten, Summed};

/// What moved on the accounts of lots before and in a time.
pub async fn summed(
    pool: &PgPool,
    lots: &[LotId],
    currency: Currency,
    (start, end): (Timestamp, Timestamp),
) -> Result<Vec<Summed>, sqlx::Error> {
    type Columns = (Uuid, String, bool, bool, i64, i64, i64);
    let accounts: Vec<_> = lots.iter().map(|lot_id| format!("operator:{lot_id}")).collect();
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT payment.lot_id, entry.kind, payment.kind = 'overstay', payment.chases > 0,
             coalesce(sum(amount_minor) FILTER (WHERE entry.create_time < $3), 0)::bigint,
             coalesce(sum(amount_minor) FILTER (WHERE entry.create_time >= $3), 0)::bigint,
             count(*) FILTER (WHERE entry.create_time >= $3)
         FROM ledger_entry AS entry JOIN payment USING (payment_id)
         WHERE account = ANY ($1) AND account LIKE 'operator:%' AND entry.currency = $2
           AND entry.create_time < $4
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    )
    .bind(accounts)
    .bind(currency.as_str())
    .bind(start.to_sqlx())
    .bind(end.to_sqlx())
    .fetch_all(pool)
    .await?;
    let summed = rows.into_iter().map(|(lot_id, kind, overstay, debt, before, within, count)| {
        Summed { lot_id: lot_id.into(), kind, overstay, debt, before, within, count }
    });
    Ok(summed.collect())
}

/// What was refused in a time for the first time, and is owed since. Asked for with another card it is the same debt.
pub async fn debts_written(
    pool: &PgPool,
    lots: &[LotId],
    currency: Currency,
    (start, end): (Timestamp, Timestamp),
) -> Result<Vec<DebtWritten>, sqlx::Error> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT lot_id, sum(authorized_minor)::bigint FROM payment
         WHERE lot_id = ANY ($1) AND chases = 1 AND currency = $2
           AND create_time >= $3 AND create_time < $4
           AND NOT EXISTS (SELECT FROM payment AS before
               WHERE before.booking_id = payment.booking_id AND before.chases = 1
                 AND before.replaces_payment_id = payment.replaces_payment_id
                 AND before.payment_id < payment.payment_id)
         GROUP BY lot_id",
    )
    .bind(lots.iter().map(|lot_id| lot_id.as_uuid()).collect::<Vec<_>>())
    .bind(currency.as_str())
    .bind(start.to_sqlx())
    .bind(end.to_sqlx())
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(lot_id, minor)| DebtWritten { lot_id: lot_id.into(), minor })
        .collect())
}

/// Where lots are, of those that are known.
pub async fn addresses(pool: &PgPool, lots: &[LotId]) -> Result<Vec<(LotId, String)>, sqlx::Error> {
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT lot_id, address FROM lot WHERE lot_id = ANY ($1)")
            .bind(lots.iter().map(|lot_id| lot_id.as_uuid()).collect::<Vec<_>>())
            .fetch_all(pool)
            .await?;
    Ok(rows.into_iter().map(|(lot_id, address)| (lot_id.into(), address)).collect())
}
