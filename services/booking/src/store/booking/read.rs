//! Reading bookings, with the right to see them inside the query.

use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::{BookingId, LotId, UserId};
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use super::{Kept, of_row, select_booking, state_number};
use crate::error::Error;

/// Whose bookings a caller may meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The caller: own bookings are always in reach.
    pub subject: UserId,
    /// Those of the own lots too.
    pub operator: bool,
    /// Those of the lots that the token names too.
    pub kiosk: bool,
    /// The lots of the token; None when it names none.
    pub lots: Option<Vec<Uuid>>,
}

/// Finds a booking within reach.
///
/// # Errors
/// The store's.
pub async fn find(
    executor: impl PgExecutor<'_>,
    booking_id: BookingId,
    reach: &Reach,
) -> Result<Option<Kept>, Error> {
    let row = sqlx::query(select_booking!(
        "WHERE b.booking_id = $1 AND (b.user_id = $2
            OR ($3 AND lot.operator_id = $2 AND ($5::uuid[] IS NULL OR b.lot_id = ANY ($5)))
            OR ($4 AND b.lot_id = ANY ($5)))"
    ))
    .bind(booking_id.as_uuid())
    .bind(reach.subject.as_str())
    .bind(reach.operator)
    .bind(reach.kiosk)
    .bind(reach.lots.as_deref())
    .fetch_optional(executor)
    .await?;
    row.as_ref().map(of_row).transpose()
}

/// Finds the newest booking with this code within reach, a live one before all others: codes are
/// unique among those only.
///
/// # Errors
/// The store's.
pub async fn find_by_code(
    executor: impl PgExecutor<'_>,
    code: &str,
    reach: &Reach,
) -> Result<Option<BookingId>, Error> {
    let row = sqlx::query(
        // Two indexes have the codes: that of the live bookings, and that of those that are over.
        "SELECT b.booking_id FROM (
             SELECT booking_id, lot_id, user_id, state FROM booking
             WHERE code = $1 AND state IN (1, 2, 3)
             UNION ALL
             SELECT booking_id, lot_id, user_id, state FROM booking
             WHERE code = $1 AND state NOT IN (1, 2, 3)
         ) AS b JOIN lot ON lot.lot_id = b.lot_id
         WHERE b.user_id = $2
            OR ($3 AND lot.operator_id = $2 AND ($5::uuid[] IS NULL OR b.lot_id = ANY ($5)))
            OR ($4 AND b.lot_id = ANY ($5))
         ORDER BY b.state IN (2, 3) DESC, b.booking_id DESC LIMIT 1",
    )
    .bind(code)
    .bind(reach.subject.as_str())
    .bind(reach.operator)
    .bind(reach.kiosk)
    .bind(reach.lots.as_deref())
    .fetch_optional(executor)
    .await?;
    row.map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).transpose()
}

/// Whether a user has a booking that lives, or that was paid for.
///
/// # Errors
/// The store's.
pub async fn has_booking(executor: impl PgExecutor<'_>, user_id: &UserId) -> Result<bool, Error> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT FROM booking
             WHERE user_id = $1 AND (state IN (2, 3, 4, 7) OR payment_id IS NOT NULL
                 OR (state = 1 AND due_time > park_now())))",
    )
    .bind(user_id.as_str())
    .fetch_one(executor)
    .await?;
    Ok(row.try_get(0)?)
}

/// What is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shelf {
    /// A person's own bookings, in one lot or in all.
    Own(UserId, Option<LotId>),
    /// Everybody's in a lot.
    Lot(LotId),
}

/// Bookings, newest first, before the booking `before`; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    shelf: &Shelf,
    state: Option<BookingState>,
    before: Option<BookingId>,
    limit: i64,
) -> Result<Vec<Kept>, Error> {
    let (query, key, lot_id) = match shelf {
        Shelf::Own(user_id, lot_id) => {
            let own = sqlx::query(select_booking!(
                "WHERE b.user_id = $1 AND ($2::uuid IS NULL OR b.lot_id = $2)
                   AND ($3::smallint IS NULL OR b.state = $3)
                   AND ($4::uuid IS NULL OR b.booking_id < $4)
                 ORDER BY b.booking_id DESC LIMIT $5"
            ));
            (own, Some(user_id.as_str()), *lot_id)
        }
        Shelf::Lot(lot_id) => {
            let of_lot = sqlx::query(select_booking!(
                "WHERE ($1::text IS NULL OR b.user_id = $1) AND b.lot_id = $2
                   AND ($3::smallint IS NULL OR b.state = $3)
                   AND ($4::uuid IS NULL OR b.booking_id < $4)
                 ORDER BY b.booking_id DESC LIMIT $5"
            ));
            (of_lot, None, Some(*lot_id))
        }
    };
    let rows = query
        .bind(key)
        .bind(lot_id.map(LotId::as_uuid))
        .bind(state.map(state_number).transpose()?)
        .bind(before.map(BookingId::as_uuid))
        .bind(limit)
        .fetch_all(executor)
        .await?;
    rows.iter().map(of_row).collect()
}
