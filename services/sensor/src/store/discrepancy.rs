//! Where ground and books say different things.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, DiscrepancyId, LotId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::broken;
use super::row::{state_number, state_of, time};
use crate::domain::discrepancy::{Both, Discrepancy, Kind, TOLERANCE};
use crate::error::Error;

/// The lock of whoever compares: one process at a time.
const COMPARING: i64 = 0x7061_726b_6469_7363;

/// Lets nobody else compare until the transaction ends. False: somebody does already.
///
/// # Errors
/// The store's.
pub async fn lock(connection: &mut PgConnection) -> Result<bool, Error> {
    let row = sqlx::query("SELECT pg_try_advisory_xact_lock($1)").bind(COMPARING);
    Ok(row.fetch_one(connection).await?.try_get(0)?)
}

/// Spots of which ground and books now say something else than when their discrepancy began, and those
/// that may be the beginning of one, with the discrepancy that stands; at most `limit`. A lot of which no
/// session was ever told has no books to differ from, and a sensor that was never heard is no news.
///
/// # Errors
/// The store's.
pub async fn candidates(
    connection: &mut PgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Both, Option<Discrepancy>)>, Error> {
    let rows = sqlx::query(
        "WITH said AS (
             SELECT sensor.spot_id, sensor.lot_id, sensor.floor_id, sensor.state AS ground,
                    coalesce(books.in_session, false) AS in_session, books.booking_id,
                    greatest(sensor.change_time, books.change_time) AS since_time
             FROM sensor LEFT JOIN spot_books AS books USING (spot_id)
             WHERE sensor.last_seen_time IS NOT NULL)
         SELECT said.*, d.discrepancy_id, d.kind AS d_kind, d.ground AS d_ground,
                d.in_session AS d_in_session, d.booking_id AS d_booking_id,
                d.since_time AS d_since_time
         FROM said LEFT JOIN discrepancy AS d ON d.spot_id = said.spot_id AND d.close_time IS NULL
         WHERE CASE WHEN d.discrepancy_id IS NULL
               THEN (said.ground = 2) <> said.in_session
                    AND said.since_time <= $1::timestamptz - make_interval(secs => $2)
                    AND said.lot_id IN (SELECT lot_id FROM spot_books)
                 OR said.ground = 3
                    AND said.since_time <= $1::timestamptz - make_interval(secs => $2)
               ELSE (d.ground, d.in_session) <> (said.ground, said.in_session)
                 OR d.booking_id IS DISTINCT FROM said.booking_id END
         LIMIT $3",
    )
    .bind(now.to_sqlx())
    .bind(TOLERANCE.as_secs_f64())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(candidate_of).collect()
}

fn candidate_of(row: &PgRow) -> Result<(Both, Option<Discrepancy>), Error> {
    let both = both_of(row, row.try_get("ground")?, "since_time")?;
    let standing: Option<Uuid> = row.try_get("discrepancy_id")?;
    let standing = standing.map(|discrepancy_id| {
        let begun = Both {
            in_session: row.try_get("d_in_session")?,
            booking_id: row.try_get::<Option<Uuid>, _>("d_booking_id")?.map(Into::into),
            ..both_of(row, row.try_get("d_ground")?, "d_since_time")?
        };
        let kind = kind_of(row.try_get("d_kind")?)?;
        let discrepancy_id = discrepancy_id.into();
        Ok::<_, Error>(Discrepancy { discrepancy_id, kind, both: begun, close_time: None })
    });
    Ok((both, standing.transpose()?))
}

fn both_of(row: &PgRow, ground: i16, since: &str) -> Result<Both, Error> {
    let since_time = time(row, since)?;
    Ok(Both {
        spot_id: row.try_get::<Uuid, _>("spot_id")?.into(),
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        floor_id: row.try_get::<Uuid, _>("floor_id")?.into(),
        ground: state_of(ground)?,
        in_session: row.try_get("in_session")?,
        booking_id: row.try_get::<Option<Uuid>, _>("booking_id")?.map(Into::into),
        since_time: since_time.ok_or_else(|| broken(since, "is null"))?,
    })
}

fn kind_of(number: i16) -> Result<Kind, Error> {
    match number {
        1 => Ok(Kind::CarWithoutSession),
        2 => Ok(Kind::SessionWithoutCar),
        3 => Ok(Kind::GroundUnknown),
        other => Err(broken("kind", format!("{other} is none"))),
    }
}

fn kind_number(kind: Kind) -> i16 {
    match kind {
        Kind::CarWithoutSession => 1,
        Kind::SessionWithoutCar => 2,
        Kind::GroundUnknown => 3,
    }
}

/// Writes down those that have begun.
///
/// # Errors
/// The store's.
pub async fn open(connection: &mut PgConnection, begun: &[Discrepancy]) -> Result<(), Error> {
    let uuids = |of: fn(&Discrepancy) -> Uuid| begun.iter().map(of).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO discrepancy (discrepancy_id, spot_id, lot_id, floor_id, kind, ground, in_session,
                                  booking_id, since_time)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::smallint[],
                              $6::smallint[], $7::bool[], $8::uuid[], $9::timestamptz[])",
    )
    .bind(uuids(|one| one.discrepancy_id.as_uuid()))
    .bind(uuids(|one| one.both.spot_id.as_uuid()))
    .bind(uuids(|one| one.both.lot_id.as_uuid()))
    .bind(uuids(|one| one.both.floor_id.as_uuid()))
    .bind(begun.iter().map(|one| kind_number(one.kind)).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| state_number(one.both.ground)).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.both.in_session).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.both.booking_id.map(BookingId::as_uuid)).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.both.since_time.to_sqlx()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes down that these have ended.
///
/// # Errors
/// The store's.
pub async fn close(
    connection: &mut PgConnection,
    ended: &[Discrepancy],
    now: Timestamp,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = ended.iter().map(|one| one.discrepancy_id.as_uuid()).collect();
    sqlx::query("UPDATE discrepancy SET close_time = $2 WHERE discrepancy_id = ANY($1)")
        .bind(ids)
        .bind(now.to_sqlx())
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets those that ended before that time.
///
/// # Errors
/// The store's.
pub async fn trim(executor: impl PgExecutor<'_>, before: Timestamp) -> Result<(), Error> {
    sqlx::query("DELETE FROM discrepancy WHERE close_time < $1")
        .bind(before.to_sqlx())
        .execute(executor)
        .await?;
    Ok(())
}

/// Those of a lot after the one named, in the order in which they were noticed; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    with_closed: bool,
    after: Option<DiscrepancyId>,
    limit: i64,
) -> Result<Vec<Discrepancy>, Error> {
    let rows = sqlx::query(
        "SELECT * FROM discrepancy
         WHERE lot_id = $1 AND (close_time IS NULL OR $2) AND ($3::uuid IS NULL OR discrepancy_id > $3)
         ORDER BY discrepancy_id LIMIT $4",
    )
    .bind(lot_id.as_uuid())
    .bind(with_closed)
    .bind(after.map(DiscrepancyId::as_uuid))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    let of_row = |row: &PgRow| {
        Ok(Discrepancy {
            discrepancy_id: row.try_get::<Uuid, _>("discrepancy_id")?.into(),
            kind: kind_of(row.try_get("kind")?)?,
            both: both_of(row, row.try_get("ground")?, "since_time")?,
            close_time: time(row, "close_time")?,
        })
    };
    rows.iter().map(of_row).collect()
}
