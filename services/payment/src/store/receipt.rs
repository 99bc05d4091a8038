//! Receipts and their numbers.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, LotId, UserId};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgPool, Row};
use uuid::Uuid;

use super::{broken, money};
use crate::domain::{Line, Receipt, Seller, Stay};

/// The next number of a lot. Whoever takes one keeps the counter locked until the commit: numbers
/// have no gaps, and ascend in the order of the captures.
pub async fn next_number(connection: &mut PgConnection, lot_id: LotId) -> Result<i64, sqlx::Error> {
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO receipt_counter (lot_id, last_number) VALUES ($1, 1)
         ON CONFLICT (lot_id) DO UPDATE SET last_number = receipt_counter.last_number + 1
         RETURNING last_number",
    )
    .bind(lot_id.as_uuid())
    .fetch_one(connection)
    .await?;
    Ok(number)
}

/// Whether there is a receipt of the stay, or of the overstay.
pub async fn is_written(
    connection: &mut PgConnection,
    booking_id: BookingId,
    overstay: bool,
) -> Result<bool, sqlx::Error> {
    let (written,): (bool,) = sqlx::query_as(
        "SELECT EXISTS (SELECT FROM receipt WHERE booking_id = $1 AND overstay = $2)",
    )
    .bind(booking_id.as_uuid())
    .bind(overstay)
    .fetch_one(connection)
    .await?;
    Ok(written)
}

/// Writes a receipt, once for a stay and once for an overstay.
pub async fn insert(connection: &mut PgConnection, receipt: &Receipt) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO receipt (payment_id, booking_id, lot_id, user_id, receipt_number, lot_name,
             spot_number, start_time, end_time, time_zone, lines, total_minor, currency, issue_time,
             overstay, lot_address, vat_basis_points)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(receipt.payment_id.as_uuid())
    .bind(receipt.booking_id.as_uuid())
    .bind(receipt.lot_id.as_uuid())
    .bind(receipt.user_id.as_str())
    .bind(receipt.number)
    .bind(&receipt.stay.lot_name)
    .bind(&receipt.stay.spot_number)
    .bind(receipt.stay.start.map(Timestamp::to_sqlx))
    .bind(receipt.stay.end.map(Timestamp::to_sqlx))
    .bind(&receipt.stay.time_zone)
    .bind(Json(&receipt.lines))
    .bind(receipt.total.minor)
    .bind(receipt.total.currency.as_str())
    .bind(receipt.issue_time.to_sqlx())
    .bind(receipt.overstay)
    .bind(&receipt.seller.address)
    .bind(receipt.seller.vat_basis_points)
    .execute(connection)
    .await
    .map(drop)
}

/// The receipts of a booking: of the stay, then of the overstay.
pub async fn list(pool: &PgPool, booking_id: BookingId) -> Result<Vec<Receipt>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM receipt WHERE booking_id = $1 ORDER BY overstay")
        .bind(booking_id.as_uuid())
        .fetch_all(pool)
        .await
}

impl FromRow<'_, PgRow> for Receipt {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let time = |name: &str| -> Result<Option<Timestamp>, sqlx::Error> {
            let time: Option<jiff_sqlx::Timestamp> = row.try_get(name)?;
            Ok(time.map(jiff_sqlx::Timestamp::to_jiff))
        };
        let lines: Json<Vec<Line>> = row.try_get("lines")?;
        Ok(Self {
            number: row.try_get("receipt_number")?,
            payment_id: row.try_get::<Uuid, _>("payment_id")?.into(),
            overstay: row.try_get("overstay")?,
            booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
            lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
            user_id: UserId::parse(row.try_get("user_id")?).map_err(broken)?,
            stay: Stay {
                lot_name: row.try_get("lot_name")?,
                spot_number: row.try_get("spot_number")?,
                time_zone: row.try_get("time_zone")?,
                start: time("start_time")?,
                end: time("end_time")?,
                arrived: false,
            },
            lines: lines.0,
            total: money(row.try_get("total_minor")?, row.try_get("currency")?)?,
            issue_time: time("issue_time")?.unwrap_or(Timestamp::UNIX_EPOCH),
            seller: Seller {
                address: row.try_get("lot_address")?,
                vat_basis_points: row.try_get("vat_basis_points")?,
            },
        })
    }
}
