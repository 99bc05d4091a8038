//! Discounts, and which bookings they reduce.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::{BookingId, DiscountId, LotId, UserId};
use parkmesh_contracts::money::{Currency, Money};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::domain::booking::Booking;
use crate::domain::discount::{Discount, Kind, Off, Source};
use crate::error::{DiscountRefusal, Error};
use crate::store::inventory::broken;

/// What came of a discount so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Bookings that it reduces, without those that have expired or were cancelled.
    pub uses: i64,
    /// What it has taken off those that have ended.
    pub taken: Money,
}

/// A booking that a discount reduces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduced {
    /// The booking.
    pub booking_id: BookingId,
    /// What its QR shows.
    pub code: String,
    /// Where it stands.
    pub state: BookingState,
    /// When the discount was used.
    pub create_time: Timestamp,
    /// What it took off, where the booking has ended with a stay.
    pub taken: Option<Money>,
}

/// When reductions came: from the first moment on, before the second; None for no bound.
pub type Span = (Option<Timestamp>, Option<Timestamp>);

/// What counts as a use: a booking that is given back or runs out gives it back too. Both states are
/// final, so that nothing that was counted out comes back.
macro_rules! uses {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM reduction AS r
              JOIN booking AS b ON b.booking_id = r.booking_id AND b.state NOT IN (5, 6)
              WHERE r.discount_id = ",
            $rest
        )
    };
}

/// The number of a kind, as the tables keep it.
pub(super) const fn kind_number(source: Source) -> i16 {
    match source {
        Source::PromoCode => 1,
        Source::Merchant => 2,
    }
}

fn currency(row: &PgRow) -> Result<Currency, Error> {
    row.try_get::<&str, _>("currency_code")?.parse().map_err(|e| broken("currency_code", e))
}

fn of_row(row: &PgRow) -> Result<Discount, Error> {
    let time = |column| row.try_get::<jiff_sqlx::Timestamp, _>(column);
    let later = |column| row.try_get::<Option<jiff_sqlx::Timestamp>, _>(column);
    let name = row.try_get("name")?;
    let kind = match row.try_get::<i16, _>("kind")? {
        1 => Kind::PromoCode {
            code: name,
            most_uses: row.try_get("most_uses")?,
            most_uses_per_driver: row.try_get("most_uses_per_driver")?,
        },
        _ => Kind::Merchant { name, most_uses_per_day: row.try_get("most_uses_per_day")? },
    };
    let off = match row.try_get::<Option<i32>, _>("basis_points")? {
        Some(points) => Off::Share(points),
        None => Off::Amount(Money::new(row.try_get("amount_minor")?, currency(row)?)),
    };
    Ok(Discount {
        discount_id: row.try_get::<Uuid, _>("discount_id")?.into(),
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        kind,
        off,
        valid_from: time("valid_from")?.to_jiff(),
        valid_until: later("valid_until")?.map(jiff_sqlx::Timestamp::to_jiff),
        end_time: later("end_time")?.map(jiff_sqlx::Timestamp::to_jiff),
        create_time: time("create_time")?.to_jiff(),
    })
}

/// Writes a new discount.
///
/// # Errors
/// [`DiscountRefusal::CodeTaken`], or the store's.
pub async fn insert(
    connection: &mut PgConnection,
    made: &Discount,
    currency: Currency,
) -> Result<(), Error> {
    let (points, amount) = match made.off {
        Off::Share(points) => (Some(points), None),
        Off::Amount(amount) => (None, Some(amount.minor)),
    };
    let (in_all, per_driver, per_day) = match made.kind {
        Kind::PromoCode { most_uses, most_uses_per_driver, .. } => {
            (most_uses, most_uses_per_driver, 0)
        }
        Kind::Merchant { most_uses_per_day, .. } => (0, 0, most_uses_per_day),
    };
    let done = sqlx::query(
        "INSERT INTO discount (discount_id, lot_id, kind, name, basis_points, amount_minor,
             currency_code, valid_from, valid_until, most_uses, most_uses_per_driver,
             most_uses_per_day, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (lot_id, name) WHERE kind = 1 AND end_time IS NULL DO NOTHING",
    )
    .bind(made.discount_id.as_uuid())
    .bind(made.lot_id.as_uuid())
    .bind(kind_number(made.source()))
    .bind(made.name())
    .bind(points)
    .bind(amount)
    .bind(currency.as_str())
    .bind(made.valid_from.to_sqlx())
    .bind(made.valid_until.map(ToSqlx::to_sqlx))
    .bind(in_all)
    .bind(per_driver)
    .bind(per_day)
    .bind(made.create_time.to_sqlx())
    .execute(connection)
    .await?;
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(DiscountRefusal::CodeTaken.into()),
    }
}

/// The discount, if it is of one of the operator's own lots.
///
/// # Errors
/// [`DiscountRefusal::NotFound`] also for another operator's; or the store's.
pub async fn get_own(
    executor: impl PgExecutor<'_>,
    discount_id: DiscountId,
    operator_id: &UserId,
) -> Result<Discount, Error> {
    let row = sqlx::query(
        "SELECT discount.* FROM discount JOIN lot USING (lot_id)
         WHERE discount_id = $1 AND lot.operator_id = $2",
    )
    .bind(discount_id.as_uuid())
    .bind(operator_id.as_str())
    .fetch_optional(executor)
    .await?;
    of_row(&row.ok_or(DiscountRefusal::NotFound)?)
}

/// Reads a discount and keeps others from using it until the transaction ends.
///
/// # Errors
/// [`DiscountRefusal::NotFound`], or the store's.
pub async fn lock(
    connection: &mut PgConnection,
    discount_id: DiscountId,
) -> Result<Discount, Error> {
    let row = sqlx::query("SELECT * FROM discount WHERE discount_id = $1 FOR NO KEY UPDATE")
        .bind(discount_id.as_uuid())
        .fetch_optional(connection)
        .await?;
    of_row(&row.ok_or(DiscountRefusal::NotFound)?)
}

/// [`lock`] for the code of a lot that was not ended.
///
/// # Errors
/// The store's.
pub async fn lock_code(
    connection: &mut PgConnection,
    lot_id: LotId,
    code: &str,
) -> Result<Option<Discount>, Error> {
    let row = sqlx::query(
        "SELECT * FROM discount WHERE lot_id = $1 AND name = $2 AND kind = 1 AND end_time IS NULL
         FOR NO KEY UPDATE",
    )
    .bind(lot_id.as_uuid())
    .bind(code)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(of_row).transpose()
}

/// Ends a discount that is locked.
///
/// # Errors
/// The store's.
pub async fn end(
    connection: &mut PgConnection,
    discount_id: DiscountId,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query("UPDATE discount SET end_time = $2 WHERE discount_id = $1")
        .bind(discount_id.as_uuid())
        .bind(at.to_sqlx())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether a discount that is locked has been used so often, by this driver or by anybody, since that
/// moment or ever.
///
/// # Errors
/// The store's.
pub async fn is_used(
    connection: &mut PgConnection,
    discount_id: DiscountId,
    times: i32,
    (user_id, since): (Option<&UserId>, Option<Timestamp>),
) -> Result<bool, Error> {
    let row = sqlx::query(concat!(
        "SELECT count(*) >= $2 FROM (",
        uses!(
            "1",
            "$1 AND ($3::text IS NULL OR b.user_id = $3)
             AND ($4::timestamptz IS NULL OR r.create_time >= $4) LIMIT $2"
        ),
        ") AS uses"
    ))
    .bind(discount_id.as_uuid())
    .bind(i64::from(times))
    .bind(user_id.map(UserId::as_str))
    .bind(since.map(ToSqlx::to_sqlx))
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// Notes that a discount that is locked reduces a booking that is locked too.
///
/// # Errors
/// The store's.
pub async fn note(
    connection: &mut PgConnection,
    discount: &Discount,
    booking_id: BookingId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO reduction (booking_id, discount_id, kind, create_time) VALUES ($1, $2, $3, $4)",
    )
    .bind(booking_id.as_uuid())
    .bind(discount.discount_id.as_uuid())
    .bind(kind_number(discount.source()))
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes what reductions have taken off a booking that has ended.
///
/// # Errors
/// The store's.
pub async fn settle(connection: &mut PgConnection, booking: &Booking) -> Result<(), Error> {
    let reductions = booking.price.reductions.as_ref();
    for reduction in reductions.iter().flat_map(|reductions| &reductions.each) {
        let Some(taken) = reduction.taken else { continue };
        sqlx::query(
            "UPDATE reduction SET taken_minor = $3 WHERE booking_id = $1 AND discount_id = $2",
        )
        .bind(booking.booking_id.as_uuid())
        .bind(reduction.discount_id.as_uuid())
        .bind(taken.minor)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Discounts of a lot, newest first, from before `before` on; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    kind: Option<Source>,
    before: Option<DiscountId>,
    limit: i64,
) -> Result<Vec<(Discount, Sums)>, Error> {
    let rows = sqlx::query(concat!(
        "SELECT d.*, sums.* FROM discount AS d CROSS JOIN LATERAL (",
        uses!(
            "count(*) AS uses, coalesce(sum(r.taken_minor), 0)::bigint AS taken",
            "d.discount_id"
        ),
        ") AS sums
         WHERE d.lot_id = $1 AND ($2::smallint IS NULL OR d.kind = $2)
           AND ($3::uuid IS NULL OR d.discount_id < $3)
         ORDER BY d.discount_id DESC LIMIT $4"
    ))
    .bind(lot_id.as_uuid())
    .bind(kind.map(kind_number))
    .bind(before.map(DiscountId::as_uuid))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    let sums = |row: &PgRow| -> Result<Sums, Error> {
        let taken = Money::new(row.try_get("taken")?, currency(row)?);
        Ok(Sums { uses: row.try_get("uses")?, taken })
    };
    rows.iter().map(|row| Ok((of_row(row)?, sums(row)?))).collect()
}

/// What came of a discount, of what was used in a span.
///
/// # Errors
/// The store's.
pub async fn sums(
    executor: impl PgExecutor<'_>,
    discount_id: DiscountId,
    (from, until): Span,
) -> Result<Sums, Error> {
    let row = sqlx::query(concat!(
        "SELECT d.currency_code, sums.* FROM discount AS d CROSS JOIN LATERAL (",
        uses!(
            "count(*) AS uses, coalesce(sum(r.taken_minor), 0)::bigint AS taken",
            "d.discount_id AND ($2::timestamptz IS NULL OR r.create_time >= $2)
             AND ($3::timestamptz IS NULL OR r.create_time < $3)"
        ),
        ") AS sums WHERE d.discount_id = $1"
    ))
    .bind(discount_id.as_uuid())
    .bind(from.map(ToSqlx::to_sqlx))
    .bind(until.map(ToSqlx::to_sqlx))
    .fetch_one(executor)
    .await?;
    let taken = Money::new(row.try_get("taken")?, currency(&row)?);
    Ok(Sums { uses: row.try_get("uses")?, taken })
}

/// Bookings that a discount reduces, newest first, from before the one with these on; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn reduced(
    executor: impl PgExecutor<'_>,
    discount_id: DiscountId,
    (from, until): Span,
    before: Option<(Timestamp, BookingId)>,
    limit: i64,
) -> Result<Vec<Reduced>, Error> {
    let rows = sqlx::query(
        "SELECT b.booking_id, b.code, b.state, b.currency_code, r.create_time, r.taken_minor
         FROM reduction AS r JOIN booking AS b USING (booking_id)
         WHERE r.discount_id = $1 AND ($2::timestamptz IS NULL OR r.create_time >= $2)
           AND ($3::timestamptz IS NULL OR r.create_time < $3)
           AND ($4::timestamptz IS NULL OR (r.create_time, r.booking_id) < ($4, $5))
         ORDER BY r.create_time DESC, r.booking_id DESC LIMIT $6",
    )
    .bind(discount_id.as_uuid())
    .bind(from.map(ToSqlx::to_sqlx))
    .bind(until.map(ToSqlx::to_sqlx))
    .bind(before.map(|(time, _)| time.to_sqlx()))
    .bind(before.map(|(_, booking_id)| booking_id.as_uuid()))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(reduced_of).collect()
}

fn reduced_of(row: &PgRow) -> Result<Reduced, Error> {
    let currency = currency(row)?;
    let taken: Option<i64> = row.try_get("taken_minor")?;
    Ok(Reduced {
        booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
        code: row.try_get("code")?,
        state: BookingState::try_from(i32::from(row.try_get::<i16, _>("state")?))
            .map_err(|error| broken("state", error))?,
        create_time: row.try_get::<jiff_sqlx::Timestamp, _>("create_time")?.to_jiff(),
        taken: taken.map(|minor| Money::new(minor, currency)),
    })
}
