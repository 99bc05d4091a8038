//! Allotments, and the free numbers of their tickets.

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{AllotmentId, LotId};
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::window::Window;
use sqlx::postgres::PgRow;
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use crate::domain::allotment::Allotment;
use crate::error::Error;
use crate::store::inventory::broken;

/// Columns of [`of_row`], with the tickets that somebody has.
macro_rules! select_allotment {
    ($rest:literal) => {
        concat!(
            "SELECT a.allotment_id, a.lot_id, a.name, lower(a.during) AS start_time,
                    upper(a.during) AS end_time, a.capacity, a.price_minor, a.currency_code,
                    a.create_time,
                    (SELECT count(*) FROM booking AS b
                     WHERE b.allotment_id = a.allotment_id AND b.state IN (1, 2, 3)
                       AND (b.state <> 1 OR b.due_time > park_now())) AS taken
             FROM allotment AS a ",
            $rest
        )
    };
}

/// The allotment of a row, and how many of its tickets are taken.
fn of_row(row: &PgRow) -> Result<(Allotment, i64), Error> {
    let time = |column| row.try_get::<jiff_sqlx::Timestamp, _>(column);
    let currency: Currency =
        row.try_get::<&str, _>("currency_code")?.parse().map_err(|e| broken("currency_code", e))?;
    let window = Window::try_new(time("start_time")?.to_jiff(), time("end_time")?.to_jiff())
        .map_err(|error| broken("during", error))?;
    let allotment = Allotment {
        allotment_id: row.try_get::<Uuid, _>("allotment_id")?.into(),
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        name: row.try_get("name")?,
        window,
        capacity: row.try_get("capacity")?,
        ticket_price: Money::new(row.try_get("price_minor")?, currency),
        create_time: time("create_time")?.to_jiff(),
    };
    Ok((allotment, row.try_get("taken")?))
}

/// Writes a new allotment.
///
/// # Errors
/// The store's.
pub async fn insert(executor: impl PgExecutor<'_>, made: &Allotment) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO allotment (allotment_id, lot_id, name, during, capacity, price_minor,
             currency_code, create_time)
         VALUES ($1, $2, $3, tstzrange($4, $5, '[)'), $6, $7, $8, $9)",
    )
    .bind(made.allotment_id.as_uuid())
    .bind(made.lot_id.as_uuid())
    .bind(&made.name)
    .bind(made.window.start().to_sqlx())
    .bind(made.window.end().to_sqlx())
    .bind(made.capacity)
    .bind(made.ticket_price.minor)
    .bind(made.ticket_price.currency.as_str())
    .bind(made.create_time.to_sqlx())
    .execute(executor)
    .await?;
    Ok(())
}

/// Reads an allotment and how many of its tickets are taken.
///
/// # Errors
/// [`Error::AllotmentNotFound`], or the store's.
pub async fn get(
    executor: impl PgExecutor<'_>,
    allotment_id: AllotmentId,
) -> Result<(Allotment, i64), Error> {
    let row = sqlx::query(select_allotment!("WHERE a.allotment_id = $1"))
        .bind(allotment_id.as_uuid())
        .fetch_optional(executor)
        .await?;
    of_row(&row.ok_or(Error::AllotmentNotFound)?)
}

/// Allotments of a lot, newest first, from before `before` on; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    before: Option<AllotmentId>,
    limit: i64,
) -> Result<Vec<(Allotment, i64)>, Error> {
    let rows = sqlx::query(select_allotment!(
        "WHERE a.lot_id = $1 AND ($2::uuid IS NULL OR a.allotment_id < $2)
         ORDER BY a.allotment_id DESC LIMIT $3"
    ))
    .bind(lot_id.as_uuid())
    .bind(before.map(AllotmentId::as_uuid))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}

/// The lowest free numbers of an allotment, at most `limit`. The number of a lapsed hold is free.
///
/// # Errors
/// The store's.
pub async fn free_numbers(
    executor: impl PgExecutor<'_>,
    allotment_id: AllotmentId,
    limit: i64,
) -> Result<Vec<i32>, Error> {
    let rows = sqlx::query(
        "SELECT number FROM allotment AS a
         CROSS JOIN LATERAL generate_series(1, a.capacity) AS number
         WHERE a.allotment_id = $1
           AND NOT EXISTS (SELECT FROM booking AS b
               WHERE b.allotment_id = $1 AND b.ticket_number = number AND b.state IN (1, 2, 3)
                 AND (b.state <> 1 OR b.due_time > park_now()))
         ORDER BY number LIMIT $2",
    )
    .bind(allotment_id.as_uuid())
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
