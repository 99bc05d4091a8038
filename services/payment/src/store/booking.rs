//! What binds the payments of one booking: its stay, and how it ended.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::BookingId;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool, Row};

use super::money;
use crate::domain::{Line, Overstay, Settlement, Stay};

/// What is known of a booking.
#[derive(Clone, Debug, Default)]
pub struct BookingMoney {
    /// From its facts, if any came yet.
    pub stay: Option<Stay>,
    /// How it ended, if it has: then nothing is authorised any more.
    pub settlement: Option<Settlement>,
    /// What its overstay comes to, once that is over.
    pub overstay: Option<Overstay>,
}

/// Locks a booking until the end of the transaction; makes its row where there was none.
pub async fn lock(
    connection: &mut PgConnection,
    booking_id: BookingId,
) -> Result<BookingMoney, sqlx::Error> {
    sqlx::query("INSERT INTO booking_money (booking_id) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(booking_id.as_uuid())
        .execute(&mut *connection)
        .await?;
    let row = sqlx::query(
        "SELECT stay, settle_minor, settle_currency, settle_lines, settle_reason, overstay
         FROM booking_money WHERE booking_id = $1 FOR UPDATE",
    )
    .bind(booking_id.as_uuid())
    .fetch_one(connection)
    .await?;
    let stay: Option<Json<Stay>> = row.try_get("stay")?;
    let minor: Option<i64> = row.try_get("settle_minor")?;
    let currency: Option<String> = row.try_get("settle_currency")?;
    let lines: Option<Json<Vec<Line>>> = row.try_get("settle_lines")?;
    let reason: Option<String> = row.try_get("settle_reason")?;
    let overstay: Option<Json<Overstay>> = row.try_get("overstay")?;
    let settlement = match (minor, currency) {
        (None, _) => None,
        (Some(minor), Some(currency)) if minor > 0 => Some(Some(money(minor, &currency)?)),
        (Some(_), _) => Some(None),
    };
    let settlement = settlement.map(|capture| Settlement {
        capture,
        lines: lines.map(|lines| lines.0).unwrap_or_default(),
        reason: reason.unwrap_or_default(),
    });
    let (stay, overstay) = (stay.map(|stay| stay.0), overstay.map(|overstay| overstay.0));
    Ok(BookingMoney { stay, settlement, overstay })
}

/// Keeps what the facts tell about the stay.
pub async fn keep_stay(
    connection: &mut PgConnection,
    booking_id: BookingId,
    stay: &Stay,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE booking_money SET stay = $2 WHERE booking_id = $1")
        .bind(booking_id.as_uuid())
        .bind(Json(stay))
        .execute(connection)
        .await
        .map(drop)
}

/// Keeps what an overstay comes to.
pub async fn keep_overstay(
    connection: &mut PgConnection,
    booking_id: BookingId,
    overstay: &Overstay,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE booking_money SET overstay = $2 WHERE booking_id = $1")
        .bind(booking_id.as_uuid())
        .bind(Json(overstay))
        .execute(connection)
        .await
        .map(drop)
}

/// Notes how a booking ended. The first end stays.
pub async fn settle(
    connection: &mut PgConnection,
    booking_id: BookingId,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE booking_money SET settle_minor = $2, settle_currency = $3, settle_lines = $4,
             settle_reason = $5, settle_time = $6
         WHERE booking_id = $1 AND settle_time IS NULL",
    )
    .bind(booking_id.as_uuid())
    .bind(settlement.capture.map_or(0, |amount| amount.minor))
    .bind(settlement.capture.map(|amount| amount.currency.as_str().to_owned()))
    .bind(Json(&settlement.lines))
    .bind(&settlement.reason)
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

/// Whether a booking has ended.
pub async fn is_settled(pool: &PgPool, booking_id: BookingId) -> Result<bool, sqlx::Error> {
    let row: Option<(bool,)> =
        sqlx::query_as("SELECT settle_time IS NOT NULL FROM booking_money WHERE booking_id = $1")
            .bind(booking_id.as_uuid())
            .fetch_optional(pool)
            .await?;
    Ok(row.is_some_and(|(settled,)| settled))
}
