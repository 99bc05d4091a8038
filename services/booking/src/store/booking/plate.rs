//! Plates of bookings: whose car may pass a gate, and forgetting them.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::common::v1::GateDirection;
use parkmesh_contracts::ids::{BookingId, LotId};
use parkmesh_platform::seal::Sealer;
use sqlx::{PgExecutor, PgPool, Row};
use uuid::Uuid;

use crate::domain::booking::OVERSTAY_MAX;
use crate::domain::inventory::PolicyChoice;
use crate::domain::plate::{Candidate, SEALED_AS};
use crate::error::Error;

/// How long after the end of a stay its car may drive out, when it has not overstayed.
const OUT_AFTER: SignedDuration = SignedDuration::from_mins(60);
/// Rows of one statement at most.
const ROWS_MAX: i64 = 1_000;
/// Bookings that are looked at; a lot has fewer cars.
const CARS_MAX: i64 = 50_000;

/// Bookings of a lot with a plate whose car may come or go now. In: first who may be back, then who is due,
/// earliest first, then who is in already. Out: first who is in, then who has ended the stay not long ago.
///
/// # Errors
/// The store's.
pub async fn candidates(
    executor: impl PgExecutor<'_>,
    sealer: &Sealer,
    lot_id: LotId,
    direction: GateDirection,
) -> Result<Vec<Candidate<BookingId>>, Error> {
    let query = match direction {
        GateDirection::Exit => sqlx::query(
            "SELECT b.booking_id, b.plate FROM booking AS b
             WHERE b.lot_id = $1 AND b.plate <> ''
               AND (b.state = 3 OR (b.state = 4
                    AND b.leave_time > (SELECT park_now()) - make_interval(secs => $4)
                    AND (b.leave_time > (SELECT park_now()) - make_interval(secs => $2)
                         OR b.overstay_minor IS NOT NULL
                         OR EXISTS (SELECT FROM overstay WHERE overstay.booking_id = b.booking_id))))
             ORDER BY b.state, b.start_time LIMIT $3",
        )
        .bind(lot_id.as_uuid())
        .bind(OUT_AFTER.as_secs_f64())
        .bind(CARS_MAX)
        .bind((OVERSTAY_MAX + OUT_AFTER).as_secs_f64()),
        GateDirection::Entry | GateDirection::Unspecified => sqlx::query(
            "SELECT b.booking_id, b.plate FROM booking AS b JOIN lot ON lot.lot_id = b.lot_id
             WHERE b.lot_id = $1 AND b.plate <> ''
               AND (b.state = 3 OR (b.state = 2 AND b.due_time > (SELECT park_now())
                    AND b.start_time - make_interval(
                        secs => coalesce(nullif(lot.early_arrival_seconds, 0), $2)) <= (SELECT park_now())))
             ORDER BY b.depart_time IS NULL, b.state, b.start_time LIMIT $3",
        )
        .bind(lot_id.as_uuid())
        .bind(f64::from(PolicyChoice::DEFAULT.early_arrival_seconds))
        .bind(CARS_MAX),
    };
    let rows = query.fetch_all(executor).await?;
    let mut candidates = Vec::with_capacity(rows.len());
    for row in &rows {
        let who = row.try_get::<Uuid, _>("booking_id")?.into();
        // One whose key is gone is the car of nobody.
        if let Ok(plate) = sealer.open_text(SEALED_AS, row.try_get("plate")?) {
            candidates.push(Candidate { who, plate });
        }
    }
    Ok(candidates)
}

/// Whose plates.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    /// Bookings'.
    Booking,
    /// Places in a line.
    Waitlist,
}

/// Forgets plates of what ended before then, a bounded number at a time; how many.
///
/// # Errors
/// The store's.
pub async fn forget(pool: &PgPool, before: Timestamp) -> Result<u64, Error> {
    let mut gone = 0;
    for statement in [
        "UPDATE booking SET plate = '' WHERE booking_id IN (
             SELECT booking_id FROM booking WHERE plate <> '' AND state > 3 AND start_time < $1
             AND upper(during) < $1 AND NOT EXISTS (SELECT FROM overstay
                 WHERE overstay.booking_id = booking.booking_id) LIMIT $2)",
        "UPDATE waitlist_entry SET plate = '' WHERE entry_id IN (
             SELECT entry_id FROM waitlist_entry WHERE plate <> '' AND state > 2
             AND wait_until < $1 LIMIT $2)",
    ] {
        let done =
            sqlx::query(statement).bind(before.to_sqlx()).bind(ROWS_MAX).execute(pool).await?;
        gone += done.rows_affected();
    }
    Ok(gone)
}

/// Some plates that are not sealed, with the ids of what they are of.
///
/// # Errors
/// The store's.
pub async fn bare(pool: &PgPool, of: Of) -> Result<Vec<(Uuid, String)>, Error> {
    let statement = match of {
        Of::Booking => {
            "SELECT booking_id, plate FROM booking
             WHERE plate <> '' AND NOT starts_with(plate, 'sealed:') LIMIT $1"
        }
        Of::Waitlist => {
            "SELECT entry_id, plate FROM waitlist_entry
             WHERE plate <> '' AND NOT starts_with(plate, 'sealed:') LIMIT $1"
        }
    };
    Ok(sqlx::query_as(statement).bind(ROWS_MAX).fetch_all(pool).await?)
}

/// Puts a sealed plate in the place of the bare one, if it still stands there.
///
/// # Errors
/// The store's.
pub async fn seal(
    pool: &PgPool,
    of: Of,
    id: Uuid,
    (bare, sealed): (&str, &str),
) -> Result<(), Error> {
    let statement = match of {
        Of::Booking => "UPDATE booking SET plate = $3 WHERE booking_id = $1 AND plate = $2",
        Of::Waitlist => "UPDATE waitlist_entry SET plate = $3 WHERE entry_id = $1 AND plate = $2",
    };
    sqlx::query(statement).bind(id).bind(bare).bind(sealed).execute(pool).await?;
    Ok(())
}
