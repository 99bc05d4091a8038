//! What booking says of the spots.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, LotId, SpotId};
use sqlx::PgConnection;

use crate::error::Error;

/// A session that has begun or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Where.
    pub spot_id: SpotId,
    /// The lot.
    pub lot_id: LotId,
    /// Whose.
    pub booking_id: BookingId,
    /// Version of the booking.
    pub version: i64,
    /// It is under way.
    pub under_way: bool,
    /// When booking said so.
    pub change_time: Timestamp,
    /// When to look whether the sensor agrees; None where it is the sensor that booking believed.
    pub look_time: Option<Timestamp>,
}

/// Writes it down, unless something newer is known of the spot.
///
/// # Errors
/// The store's.
pub async fn apply(connection: &mut PgConnection, session: &Session) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO spot_books AS known (spot_id, lot_id, booking_id, version, in_session, change_time,
                                        look_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (spot_id) DO UPDATE
         SET lot_id = excluded.lot_id, booking_id = excluded.booking_id,
             version = excluded.version, in_session = excluded.in_session,
             change_time = excluded.change_time, look_time = excluded.look_time
         WHERE CASE WHEN known.booking_id = excluded.booking_id
                    THEN known.version < excluded.version
                    ELSE known.change_time < excluded.change_time END",
    )
    .bind(session.spot_id.as_uuid())
    .bind(session.lot_id.as_uuid())
    .bind(session.booking_id.as_uuid())
    .bind(session.version)
    .bind(session.under_way)
    .bind(session.change_time.to_sqlx())
    .bind(session.look_time.map(ToSqlx::to_sqlx))
    .execute(connection)
    .await?;
    Ok(())
}
