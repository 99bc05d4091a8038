//! What stood in the way of holds: somebody's window, the spot itself, the caller's other holds, the
//! request's own first answer, or a hold that has lapsed and that nobody has ended yet. Rows are looked
//! up one by one, whatever the tables are like, for the reason given in `hold`.

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{AllotmentId, LotId, RequestId, SpotId, UserId};
use parkmesh_contracts::window::Window;
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use super::{Kept, of_row, select_booking};
use crate::error::Error;

/// Lapsed holds that one statement ends; a window has hardly ever more than one.
const LAPSED_MAX: i64 = 1_000;

/// A spot that is wanted for a window, or a ticket.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// The lot.
    pub lot_id: LotId,
    /// The spot; None for a ticket.
    pub spot_id: Option<SpotId>,
    /// The allotment of a ticket.
    pub allotment_id: Option<AllotmentId>,
    /// When: the window with the lot's turnaround after it.
    pub kept: Window,
    /// Who wants it, where that matters.
    pub user_id: Option<&'a UserId>,
    /// The request, where there is one.
    pub request_id: Option<RequestId>,
}

/// What stands in the way of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obstacles {
    /// Somebody has the spot in the window.
    pub taken: bool,
    /// Live holds of the user in the lot; not counted where the spot is taken.
    pub holds: i64,
    /// The operator closed the spot.
    pub out_of_service: bool,
    /// The spot's version now; 0 for a ticket.
    pub spot_version: i64,
    /// The request itself has been answered before.
    pub answered: bool,
}

/// Looks what stands in the way of each. A lapsed hold does not. None for a spot that is not there.
///
/// # Errors
/// The store's.
pub async fn obstacles(
    executor: impl PgExecutor<'_>,
    wants: &[Want<'_>],
) -> Result<Vec<Option<Obstacles>>, Error> {
    let columns = Columns::of(wants);
    let rows = sqlx::query(
        "WITH asked AS MATERIALIZED (
             SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[],
                 $5::uuid[], $6::uuid[]) WITH ORDINALITY
                 AS asked (spot_id, start_time, end_time, user_id, request_id, lot_id, place)
         ), wanted AS MATERIALIZED (
             SELECT one.*, spot.out_of_service, spot.version,
                 EXISTS (SELECT FROM booking AS other
                     WHERE other.spot_id = one.spot_id
                       AND other.span && span_of(one.start_time, one.end_time)
                       AND other.state IN (1, 2, 3)
                       AND (other.state <> 1 OR other.due_time > park_now()) OFFSET 0) AS taken
             FROM (SELECT DISTINCT spot_id, start_time, end_time FROM asked) AS one
             CROSS JOIN LATERAL (
                 SELECT spot.out_of_service, spot.version FROM spot
                 WHERE spot.spot_id = one.spot_id OFFSET 0) AS spot
         )
         SELECT asked.place, coalesce(wanted.out_of_service, false) AS out_of_service,
             coalesce(wanted.version, 0) AS version, coalesce(wanted.taken, false) AS taken,
             CASE WHEN wanted.taken THEN 0 ELSE
                 (SELECT count(*) FROM booking AS own
                  WHERE own.user_id = asked.user_id AND own.lot_id = asked.lot_id
                    AND own.state = 1 AND own.due_time > park_now()) END AS holds,
             EXISTS (SELECT FROM request
                 WHERE request.subject = asked.user_id
                   AND request.request_id = asked.request_id OFFSET 0) AS answered
         FROM asked LEFT JOIN wanted USING (spot_id, start_time, end_time)
         WHERE asked.spot_id IS NULL OR wanted.spot_id IS NOT NULL",
    )
    .bind(columns.spot_ids)
    .bind(columns.starts)
    .bind(columns.ends)
    .bind(columns.user_ids)
    .bind(columns.request_ids)
    .bind(columns.lot_ids)
    .fetch_all(executor)
    .await?;
    let mut found = vec![None; wants.len()];
    for row in &rows {
        let place = usize::try_from(row.try_get::<i64, _>("place")? - 1).unwrap_or_default();
        let obstacles = Obstacles {
            taken: row.try_get("taken")?,
            holds: row.try_get("holds")?,
            out_of_service: row.try_get("out_of_service")?,
            spot_version: row.try_get("version")?,
            answered: row.try_get("answered")?,
        };
        if let Some(place) = found.get_mut(place) {
            *place = Some(obstacles);
        }
    }
    Ok(found)
}

/// Which of the requests have been answered before.
///
/// # Errors
/// The store's.
pub async fn answered(
    executor: impl PgExecutor<'_>,
    requests: &[(&UserId, RequestId)],
) -> Result<Vec<bool>, Error> {
    let (users, ids): (Vec<&str>, Vec<Uuid>) =
        requests.iter().map(|(user, id)| (user.as_str(), id.as_uuid())).unzip();
    let rows = sqlx::query(
        "SELECT EXISTS (SELECT FROM request
             WHERE request.subject = asked.user_id AND request.request_id = asked.request_id
             OFFSET 0)
         FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS asked (user_id, request_id, place)
         ORDER BY asked.place",
    )
    .bind(users)
    .bind(ids)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Lapsed holds that nobody has ended yet: those on the spots in the windows, those of the tickets'
/// allotments, and those of the users in the lots, which still count among the users' holds.
///
/// # Errors
/// The store's.
pub async fn lapsed(executor: impl PgExecutor<'_>, wants: &[Want<'_>]) -> Result<Vec<Kept>, Error> {
    let columns = Columns::of(wants);
    let rows = sqlx::query(select_booking!(
        "WHERE b.state = 1 AND b.due_time <= (SELECT park_now()) AND b.booking_id = ANY (ARRAY(
             SELECT other.booking_id
             FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[])
                  AS asked (spot_id, start_time, end_time)
             CROSS JOIN LATERAL (
                 SELECT booking_id FROM booking WHERE booking.spot_id = asked.spot_id
                   AND booking.span && span_of(asked.start_time, asked.end_time)
                   AND booking.state IN (1, 2, 3) OFFSET 0) AS other
             UNION
             SELECT own.booking_id
             FROM unnest($4::text[], $5::uuid[]) AS asked (user_id, lot_id)
             CROSS JOIN LATERAL (
                 SELECT booking_id FROM booking
                 WHERE booking.user_id = asked.user_id AND booking.lot_id = asked.lot_id
                   AND booking.state = 1 OFFSET 0) AS own
             UNION
             SELECT ticket.booking_id FROM booking AS ticket
             WHERE ticket.allotment_id = ANY ($6) AND ticket.state IN (1, 2, 3)))
         ORDER BY b.booking_id LIMIT $7"
    ))
    .bind(columns.spot_ids)
    .bind(columns.starts)
    .bind(columns.ends)
    .bind(columns.user_ids)
    .bind(columns.lot_ids)
    .bind(columns.allotment_ids)
    .bind(LAPSED_MAX)
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}

/// The wants, column by column.
#[derive(Default)]
struct Columns<'a> {
    spot_ids: Vec<Option<Uuid>>,
    lot_ids: Vec<Uuid>,
    allotment_ids: Vec<Option<Uuid>>,
    starts: Vec<jiff_sqlx::Timestamp>,
    ends: Vec<jiff_sqlx::Timestamp>,
    user_ids: Vec<Option<&'a str>>,
    request_ids: Vec<Option<Uuid>>,
}

impl<'a> Columns<'a> {
    fn of(wants: &[Want<'a>]) -> Self {
        let mut columns = Self::default();
        for want in wants {
            columns.spot_ids.push(want.spot_id.map(SpotId::as_uuid));
            columns.allotment_ids.push(want.allotment_id.map(AllotmentId::as_uuid));
            columns.lot_ids.push(want.lot_id.as_uuid());
            columns.starts.push(want.kept.start().to_sqlx());
            columns.ends.push(want.kept.end().to_sqlx());
            columns.user_ids.push(want.user_id.map(UserId::as_str));
            columns.request_ids.push(want.request_id.map(RequestId::as_uuid));
        }
        columns
    }
}
