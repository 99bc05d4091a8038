//! The provider's own ledger beside ours.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{LotId, PaymentId};
use parkmesh_contracts::money::Money;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::money;

/// A line of the provider's ledger.
#[derive(Clone, Debug)]
pub struct Line {
    /// The provider's id of it.
    pub movement_id: String,
    /// Its kind, in a word.
    pub kind: &'static str,
    /// Of which payment, where it carries our reference.
    pub payment_id: Option<PaymentId>,
    /// What it adds to what the provider owes us.
    pub amount: Money,
    /// What the provider keeps.
    pub fee: Money,
    /// When.
    pub time: Timestamp,
}

/// A payment whose two ledgers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The payment, or the id that the provider's line carries as one.
    pub payment_id: PaymentId,
    /// Minor units that we say the provider owes us of it.
    pub ours_minor: i64,
    /// Minor units that the provider says.
    pub theirs_minor: i64,
}

/// The time of the newest line that was read.
pub async fn last_time(pool: &PgPool) -> Result<Option<Timestamp>, sqlx::Error> {
    let row: Option<jiff_sqlx::Timestamp> =
        sqlx::query_scalar("SELECT max(move_time) FROM provider_movement").fetch_one(pool).await?;
    Ok(row.map(jiff_sqlx::Timestamp::to_jiff))
}

/// Keeps a line. False: it was read before.
pub async fn keep(connection: &mut PgConnection, line: &Line) -> Result<bool, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO provider_movement (movement_id, kind, payment_id, amount_minor, fee_minor,
             currency, move_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(&line.movement_id)
    .bind(line.kind)
    .bind(line.payment_id.map(PaymentId::as_uuid))
    .bind(line.amount.minor)
    .bind(line.fee.minor)
    .bind(line.amount.currency.as_str())
    .bind(line.time.to_sqlx())
    .execute(connection)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Payments that have moved since a time, by our ledger or by the provider's, and are at rest since
/// another, and what both ledgers say the provider owes us of each. Fees are the provider's matter.
pub async fn compare(
    pool: &PgPool,
    since: Timestamp,
    rest: Timestamp,
) -> Result<Vec<Difference>, sqlx::Error> {
    let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
        "WITH moved AS (
             SELECT payment_id FROM ledger_entry WHERE create_time >= $1
             UNION SELECT payment_id FROM provider_movement
                   WHERE move_time >= $1 AND payment_id IS NOT NULL
             UNION SELECT payment_id FROM ledger_difference WHERE mend_time IS NULL)
         SELECT moved.payment_id,
             coalesce((SELECT sum(amount_minor) FROM ledger_entry AS ours
                       WHERE ours.payment_id = moved.payment_id
                         AND account LIKE 'operator:%' AND kind <> 'fee'), 0)::bigint,
             coalesce((SELECT sum(amount_minor) FROM provider_movement AS theirs
                       WHERE theirs.payment_id = moved.payment_id), 0)::bigint
         FROM moved LEFT JOIN payment USING (payment_id)
         WHERE payment.payment_id IS NULL OR (payment.intent IS NULL AND payment.update_time < $2)",
    )
    .bind(since.to_sqlx())
    .bind(rest.to_sqlx())
    .fetch_all(pool)
    .await?;
    let all = rows.into_iter().map(|(payment_id, ours_minor, theirs_minor)| Difference {
        payment_id: payment_id.into(),
        ours_minor,
        theirs_minor,
    });
    Ok(all.collect())
}

/// Notes what a comparison found of a payment: a difference, or that there is none (any more). True:
/// this is a difference that was not known.
pub async fn note(pool: &PgPool, found: &Difference, now: Timestamp) -> Result<bool, sqlx::Error> {
    if found.ours_minor == found.theirs_minor {
        sqlx::query(
            "UPDATE ledger_difference SET mend_time = $2
             WHERE payment_id = $1 AND mend_time IS NULL",
        )
        .bind(found.payment_id.as_uuid())
        .bind(now.to_sqlx())
        .execute(pool)
        .await?;
        return Ok(false);
    }
    let made = sqlx::query(
        "INSERT INTO ledger_difference (payment_id, ours_minor, theirs_minor, found_time)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (payment_id) DO UPDATE SET ours_minor = excluded.ours_minor,
             theirs_minor = excluded.theirs_minor, mend_time = NULL
         WHERE ledger_difference.mend_time IS NOT NULL
            OR ledger_difference.ours_minor <> excluded.ours_minor
            OR ledger_difference.theirs_minor <> excluded.theirs_minor",
    )
    .bind(found.payment_id.as_uuid())
    .bind(found.ours_minor)
    .bind(found.theirs_minor)
    .bind(now.to_sqlx())
    .execute(pool)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Differences that stand.
pub async fn standing(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM ledger_difference WHERE mend_time IS NULL")
        .fetch_one(pool)
        .await
}

/// Lines of the provider that carry no reference of ours.
pub async fn nobodys(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM provider_movement WHERE payment_id IS NULL")
        .fetch_one(pool)
        .await
}

/// What moved on the account of a lot in a time, by day of a zone.
pub async fn moved(
    pool: &PgPool,
    lot_id: LotId,
    (start, end): (Timestamp, Timestamp),
    time_zone: &str,
) -> Result<Vec<(String, String, bool, Money, i64)>, sqlx::Error> {
    type Columns = (String, String, bool, String, i64, i64);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT to_char(entry.create_time AT TIME ZONE $4, 'YYYY-MM-DD') AS day, entry.kind,
             payment.kind = 'overstay', entry.currency, sum(amount_minor)::bigint, count(*)
         FROM ledger_entry AS entry JOIN payment USING (payment_id)
         WHERE account = 'operator:' || $1 AND account LIKE 'operator:%'
           AND entry.create_time >= $2 AND entry.create_time < $3
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 4, 2, 3",
    )
    .bind(lot_id.to_string())
    .bind(start.to_sqlx())
    .bind(end.to_sqlx())
    .bind(time_zone)
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|(day, kind, overstay, currency, minor, count)| {
            Ok((day, kind, overstay, money(minor, &currency)?, count))
        })
        .collect()
}
