//! Bookings whose car may pass a gate.

use jiff::SignedDuration;
use parkmesh_contracts::common::v1::GateDirection;
use parkmesh_contracts::ids::{BookingId, LotId};
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use crate::domain::booking::OVERSTAY_MAX;
use crate::domain::inventory::PolicyChoice;
use crate::domain::plate::Candidate;
use crate::error::Error;

/// How long after the end of a stay its car may drive out, when it has not overstayed.
const OUT_AFTER: SignedDuration = SignedDuration::from_mins(60);
/// Bookings that are looked at; a lot has fewer cars.
const CARS_MAX: i64 = 50_000;

/// Bookings of a lot with a plate whose car may come or go now. In: first who may be back, then who is due,
/// earliest first, then who is in already. Out: first who is in, then who has ended the stay not long ago.
///
/// # Errors
/// The store's.
pub async fn candidates(
    executor: impl PgExecutor<'_>,
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
    rows.iter()
        .map(|row| {
            let who = row.try_get::<Uuid, _>("booking_id")?.into();
            Ok(Candidate { who, plate: row.try_get("plate")? })
        })
        .collect()
}
