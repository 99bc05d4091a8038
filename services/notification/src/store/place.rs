//! Where bookings are, for facts that do not tell it, and what their drivers are reminded of.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, LotId, UserId};
use parkmesh_contracts::window::Window;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::broken;
use crate::domain::Place;
use crate::domain::reminder::{Reminder, Subject};

/// What a fact of booking says of where a booking is.
pub struct Seen<'a> {
    /// The booking.
    pub booking_id: BookingId,
    /// Its lot.
    pub lot_id: Option<LotId>,
    /// Whose it is.
    pub user_id: Option<&'a UserId>,
    /// Where.
    pub place: &'a Place,
    /// What the QR shows.
    pub code: &'a str,
    /// Its window.
    pub window: Option<&'a Window>,
    /// Its version after the fact.
    pub version: i64,
    /// What comes next for its driver; `None`: the fact does not say.
    pub reminder: Option<Option<Reminder>>,
}

/// Where a booking is, and whether its driver was erased.
pub struct Known {
    /// Where.
    pub place: Place,
    /// The lot, if a fact has told it.
    pub lot_id: Option<LotId>,
    /// Nobody is to be told of it.
    pub erased: bool,
}

/// A booking whose driver is to be reminded of something.
pub struct ToRemind {
    /// The booking.
    pub booking_id: BookingId,
    /// Its lot.
    pub lot_id: Option<LotId>,
    /// Its driver.
    pub user_id: UserId,
    /// Where.
    pub place: Place,
    /// What the QR shows.
    pub code: String,
    /// Its window.
    pub window: Window,
    /// Of what.
    pub reminder: Reminder,
}

/// Keeps where a booking is, unless something newer is known. Whether its driver was erased.
pub async fn keep(
    connection: &mut PgConnection,
    seen: &Seen<'_>,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let reminder = seen.reminder.flatten().filter(|_| seen.user_id.is_some());
    let reminder = reminder.filter(|_| seen.window.is_some());
    let (erased,): (bool,) = sqlx::query_as(
        "WITH kept AS (
         INSERT INTO booking_place AS known (booking_id, lot_id, user_id, lot_name, spot_number,
             ticket_number, time_zone, code, start_time, end_time, version, remind_of,
             remind_happens, remind_time, update_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (booking_id) DO UPDATE SET lot_id = excluded.lot_id,
             user_id = CASE WHEN known.erased THEN NULL ELSE excluded.user_id END,
             lot_name = excluded.lot_name, spot_number = excluded.spot_number,
             ticket_number = excluded.ticket_number, time_zone = excluded.time_zone,
             code = excluded.code, start_time = excluded.start_time, end_time = excluded.end_time,
             version = excluded.version, update_time = excluded.update_time,
             remind_of = CASE WHEN known.erased THEN NULL WHEN $16 THEN excluded.remind_of
                 ELSE known.remind_of END,
             remind_happens = CASE WHEN known.erased THEN NULL WHEN $16
                 THEN excluded.remind_happens ELSE known.remind_happens END,
             remind_time = CASE WHEN known.erased THEN NULL WHEN $16 THEN excluded.remind_time
                 ELSE known.remind_time END
         WHERE known.version <= excluded.version
         RETURNING erased)
         SELECT coalesce((SELECT erased FROM kept),
             (SELECT erased FROM booking_place WHERE booking_id = $1), false)",
    )
    .bind(seen.booking_id.as_uuid())
    .bind(seen.lot_id.map(LotId::as_uuid))
    .bind(seen.user_id.map(UserId::as_str))
    .bind(&seen.place.lot_name)
    .bind(&seen.place.spot_number)
    .bind(seen.place.ticket_number)
    .bind(&seen.place.time_zone)
    .bind(seen.code)
    .bind(seen.window.map(|window| window.start().to_sqlx()))
    .bind(seen.window.map(|window| window.end().to_sqlx()))
    .bind(seen.version)
    .bind(reminder.map(|reminder| reminder.subject.word()))
    .bind(reminder.map(|reminder| reminder.happens.to_sqlx()))
    .bind(reminder.map(|reminder| reminder.tell_time().to_sqlx()))
    .bind(now.to_sqlx())
    .bind(seen.reminder.is_some())
    .fetch_one(connection)
    .await?;
    Ok(erased)
}

/// Where a booking is, if a fact has told it.
pub async fn find(
    connection: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<Known>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM booking_place WHERE booking_id = $1")
        .bind(booking_id.as_uuid())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let known = Known { place: place(&row)?, lot_id: lot(&row)?, erased: row.try_get("erased")? };
    Ok(Some(known))
}

/// The next booking whose driver is to be reminded by now, locked; others take others.
pub async fn next_to_remind(
    connection: &mut PgConnection,
    now: Timestamp,
) -> Result<Option<ToRemind>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT * FROM booking_place WHERE remind_time <= $1
         ORDER BY remind_time LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .bind(now.to_sqlx())
    .fetch_optional(connection)
    .await?;
    row.map(|row| to_remind(&row)).transpose()
}

/// There is nothing to be reminded of any more.
pub async fn reminded(
    connection: &mut PgConnection,
    booking_id: BookingId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE booking_place SET remind_of = NULL, remind_happens = NULL, remind_time = NULL
         WHERE booking_id = $1",
    )
    .bind(booking_id.as_uuid())
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets places of which nothing was heard since then, a bounded number at a time; tells how
/// many.
pub async fn forget(pool: &PgPool, before: Timestamp, limit: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query(
        "DELETE FROM booking_place WHERE booking_id IN (
             SELECT booking_id FROM booking_place WHERE update_time < $1
             AND coalesce(end_time, update_time) < $1 LIMIT $2)",
    )
    .bind(before.to_sqlx())
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(gone.rows_affected())
}

fn place(row: &PgRow) -> Result<Place, sqlx::Error> {
    Ok(Place {
        lot_name: row.try_get("lot_name")?,
        spot_number: row.try_get("spot_number")?,
        ticket_number: row.try_get("ticket_number")?,
        time_zone: row.try_get("time_zone")?,
    })
}

fn lot(row: &PgRow) -> Result<Option<LotId>, sqlx::Error> {
    Ok(row.try_get::<Option<Uuid>, _>("lot_id")?.map(LotId::from))
}

fn to_remind(row: &PgRow) -> Result<ToRemind, sqlx::Error> {
    let instant = |name: &str| row.try_get::<jiff_sqlx::Timestamp, _>(name);
    let (start, end) = (instant("start_time")?.to_jiff(), instant("end_time")?.to_jiff());
    let subject: String = row.try_get("remind_of")?;
    let subject = Subject::of_word(&subject).ok_or_else(|| broken("no such reminder"))?;
    let user_id: String = row.try_get("user_id")?;
    Ok(ToRemind {
        booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
        lot_id: lot(row)?,
        user_id: user_id.parse().map_err(broken)?,
        place: place(row)?,
        code: row.try_get("code")?,
        window: Window::try_new(start, end).map_err(broken)?,
        reminder: Reminder { subject, happens: instant("remind_happens")?.to_jiff() },
    })
}
