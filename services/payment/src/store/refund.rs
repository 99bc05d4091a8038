//! Refunds. What the provider is asked about them is the intent of their payment.

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{PaymentId, RefundId, RequestId};
use parkmesh_contracts::money::Money;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgPool, Row};
use uuid::Uuid;

use super::{broken, money};
use crate::domain::{Refund, RefundStatus};

/// Refunds of a payment that are told at most.
const LIST_MAX: i64 = 100;

/// What a request led to.
pub async fn find_request(
    connection: &mut PgConnection,
    request_id: RequestId,
) -> Result<Option<Refund>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM refund WHERE request_id = $1")
        .bind(request_id.as_uuid())
        .fetch_optional(connection)
        .await
}

/// A refund of this payment, if it is ours.
pub async fn find(
    pool: &PgPool,
    payment_id: PaymentId,
    refund_id: RefundId,
) -> Result<Option<Refund>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM refund WHERE refund_id = $1 AND payment_id = $2")
        .bind(refund_id.as_uuid())
        .bind(payment_id.as_uuid())
        .fetch_optional(pool)
        .await
}

/// A refund as it stands.
pub async fn get(pool: &PgPool, refund_id: RefundId) -> Result<Refund, sqlx::Error> {
    sqlx::query_as("SELECT * FROM refund WHERE refund_id = $1")
        .bind(refund_id.as_uuid())
        .fetch_one(pool)
        .await
}

/// The refunds of a payment, newest first.
pub async fn list(pool: &PgPool, payment_id: PaymentId) -> Result<Vec<Refund>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM refund WHERE payment_id = $1 ORDER BY refund_id DESC LIMIT $2")
        .bind(payment_id.as_uuid())
        .bind(LIST_MAX)
        .fetch_all(pool)
        .await
}

/// Writes a refund that is asked for. False: its request came in elsewhere at the same moment.
pub async fn insert(connection: &mut PgConnection, refund: &Refund) -> Result<bool, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO refund (refund_id, payment_id, request_id, body_hash, amount_minor, currency,
             reason, status, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8) ON CONFLICT (request_id) DO NOTHING",
    )
    .bind(refund.refund_id.as_uuid())
    .bind(refund.payment_id.as_uuid())
    .bind(refund.request_id.as_uuid())
    .bind(&refund.body_hash)
    .bind(refund.amount.minor)
    .bind(refund.amount.currency.as_str())
    .bind(&refund.reason)
    .bind(refund.create_time.to_sqlx())
    .execute(connection)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Notes that a refund is on its way; so much of the payment is, in all.
pub async fn done(
    connection: &mut PgConnection,
    refund_id: RefundId,
    total: Money,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE refund SET status = 'refunded', total_minor = $2 WHERE refund_id = $1")
        .bind(refund_id.as_uuid())
        .bind(total.minor)
        .execute(connection)
        .await
        .map(drop)
}

/// Notes that a refund will not be made.
pub async fn failed(
    connection: &mut PgConnection,
    refund_id: RefundId,
    code: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE refund SET status = 'failed', failure_code = $2, total_minor = NULL
         WHERE refund_id = $1",
    )
    .bind(refund_id.as_uuid())
    .bind(code)
    .execute(connection)
    .await
    .map(drop)
}

impl FromRow<'_, PgRow> for Refund {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let currency: String = row.try_get("currency")?;
        let status: String = row.try_get("status")?;
        let status = match status.as_str() {
            "pending" => RefundStatus::Pending,
            "refunded" => RefundStatus::Refunded(money(row.try_get("total_minor")?, &currency)?),
            "failed" => RefundStatus::Failed(row.try_get("failure_code")?),
            other => return Err(broken(format!("no status {other} of a refund"))),
        };
        let create_time: jiff_sqlx::Timestamp = row.try_get("create_time")?;
        Ok(Self {
            refund_id: row.try_get::<Uuid, _>("refund_id")?.into(),
            payment_id: row.try_get::<Uuid, _>("payment_id")?.into(),
            request_id: row.try_get::<Uuid, _>("request_id")?.into(),
            body_hash: row.try_get("body_hash")?,
            amount: money(row.try_get("amount_minor")?, &currency)?,
            reason: row.try_get("reason")?,
            status,
            create_time: create_time.to_jiff(),
        })
    }
}
