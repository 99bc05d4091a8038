//! Changing bookings that are there: always under the row's lock, or by one conditional statement.

use std::time::Duration;

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::ids::{BookingId, SpotId, UserId};
use parkmesh_contracts::window::Window;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::reductions::Column;
use super::{Kept, of_row, select_booking, state_number};
use crate::domain::booking::{Booking, Place};
use crate::error::Error;
use crate::store::discount;
use crate::store::inventory::spot::type_number;

/// How long a hold is kept beyond its end, once, for a provider's answer.
const CONFIRM_MAX: Duration = Duration::from_secs(30);

/// Writes what a command has made of a booking that is locked, and notes for the timeline what brought
/// it about, where that is known here.
///
/// # Errors
/// The store's; [`Error::Broken`] when the row is not the one that was read.
pub async fn write(
    connection: &mut PgConnection,
    booking: &Booking,
    cause: Option<Cause>,
) -> Result<(), Error> {
    let spot_type = booking.price.fare.as_ref().map(|fare| type_number(fare.spot_type()));
    let (floor_id, spot_id, spot_number) = match &booking.place {
        Place::Spot { floor_id, spot_id, spot_number, .. } => {
            (Some(floor_id.as_uuid()), Some(spot_id.as_uuid()), Some(spot_number))
        }
        Place::Ticket { .. } => (None, None, None),
    };
    let done = sqlx::query(
        "UPDATE booking
         SET during = tstzrange($2, $3 + make_interval(secs => turnaround_seconds), '[)'),
             state = $4, payment_attempt = $5,
             decline_code = $6, payment_id = $7, arrive_time = $8, leave_time = $9,
             final_amount_minor = $10, due_time = $11, version = $12,
             floor_id = $14, spot_id = $15, spot_number = $16, start_time = $17,
             amount_minor = $18, spot_type = coalesce($19, spot_type), overstay_minor = $20,
             spot_pending = $21, depart_time = $22, card_due_time = $23, reductions = $24
         WHERE booking_id = $1 AND version = $12 - 1
         RETURNING CASE WHEN $13::text IS NOT NULL
             THEN set_config('parkmesh.cause', $13, true) END",
    )
    .bind(booking.booking_id.as_uuid())
    .bind(booking.window.start().to_sqlx())
    .bind(booking.window.end().to_sqlx())
    .bind(state_number(booking.state)?)
    .bind(booking.payment_attempt)
    .bind(&booking.decline_code)
    .bind(booking.payment_id.map(Uuid::from))
    .bind(booking.arrive_time.map(ToSqlx::to_sqlx))
    .bind(booking.leave_time.map(ToSqlx::to_sqlx))
    .bind(booking.final_amount.map(|amount| amount.minor))
    .bind(booking.due_time.map(ToSqlx::to_sqlx))
    .bind(booking.version)
    .bind(cause.map(|cause| i32::from(cause).to_string()))
    .bind(floor_id)
    .bind(spot_id)
    .bind(spot_number)
    .bind(booking.start_time.to_sqlx())
    .bind(booking.price.amount.minor)
    .bind(spot_type.transpose()?)
    .bind(booking.overstay_amount.map(|amount| amount.minor))
    .bind(booking.is_pending())
    .bind(booking.depart_time.map(ToSqlx::to_sqlx))
    .bind(booking.card_due_time.map(ToSqlx::to_sqlx))
    .bind(booking.price.reductions.as_ref().map(|each| Json(Column::from(each))))
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 1 {
        return discount::settle(connection, booking).await;
    }
    Err(Error::Broken("a booking changed under its lock".to_owned()))
}

/// Live bookings other than this one that keep the spot at some time of what would be kept, with
/// whether they are holds that have lapsed; in the order in which they are to be locked.
///
/// # Errors
/// The store's.
pub async fn in_the_way(
    executor: impl PgExecutor<'_>,
    booking_id: BookingId,
    spot_id: SpotId,
    kept: &Window,
) -> Result<Vec<(BookingId, bool)>, Error> {
    let rows = sqlx::query(
        "SELECT booking_id, state = 1 AND due_time <= (SELECT park_now()) FROM booking
         WHERE spot_id = $2 AND span && span_of($3, $4) AND state IN (1, 2, 3)
           AND booking_id <> $1
         ORDER BY start_time",
    )
    .bind(booking_id.as_uuid())
    .bind(spot_id.as_uuid())
    .bind(kept.start().to_sqlx())
    .bind(kept.end().to_sqlx())
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok((row.try_get::<Uuid, _>(0)?.into(), row.try_get(1)?))).collect()
}

/// Locks bookings whose deadline has passed, earliest first, passing over those that somebody else
/// is changing; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn lock_due(connection: &mut PgConnection, limit: i64) -> Result<Vec<Kept>, Error> {
    let rows = sqlx::query(select_booking!(
        "WHERE b.due_time <= (SELECT park_now()) ORDER BY b.due_time LIMIT $1
         FOR NO KEY UPDATE OF b SKIP LOCKED"
    ))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(of_row).collect()
}

/// Notes that an authorisation is asked for: the hold is kept for its answer, at most [`CONFIRM_MAX`]
/// beyond its end and only once. Returns minor units of what is to be authorised, which nothing reduces
/// from then on; None when the hold has ended, is none, or another authorisation's outcome is still
/// awaited.
///
/// # Errors
/// The store's.
pub async fn begin_confirm(
    executor: impl PgExecutor<'_>,
    booking_id: BookingId,
    user_id: &UserId,
    attempt: Uuid,
) -> Result<Option<i64>, Error> {
    // What was used up before the end of the hold was no extension.
    let row = sqlx::query(
        "UPDATE booking SET payment_attempt = $3,
             confirm_until = CASE WHEN confirm_until > hold_expire_time THEN confirm_until
                 ELSE park_now() + make_interval(secs => $4) END,
             due_time = greatest(hold_expire_time,
                 CASE WHEN confirm_until > hold_expire_time THEN confirm_until
                 ELSE park_now() + make_interval(secs => $4) END)
         WHERE booking_id = $1 AND user_id = $2 AND state = 1 AND due_time > park_now()
           AND (payment_attempt IS NULL OR payment_attempt = $3
               -- Its driver pays otherwise; payment gives up what waits for them.
               OR EXISTS (SELECT FROM payment_action AS waiting
                   WHERE waiting.booking_id = booking.booking_id
                     AND waiting.attempt = booking.payment_attempt))
         RETURNING amount_minor",
    )
    .bind(booking_id.as_uuid())
    .bind(user_id.as_str())
    .bind(attempt)
    .bind(CONFIRM_MAX.as_secs_f64())
    .fetch_optional(executor)
    .await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}

/// Notes that an authorisation was refused, so that another may be asked for.
///
/// # Errors
/// The store's.
pub async fn end_confirm(
    executor: impl PgExecutor<'_>,
    booking_id: BookingId,
    attempt: Uuid,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE booking SET payment_attempt = NULL
         WHERE booking_id = $1 AND payment_attempt = $2 AND state = 1",
    )
    .bind(booking_id.as_uuid())
    .bind(attempt)
    .execute(executor)
    .await?;
    Ok(())
}
