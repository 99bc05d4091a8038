//! Holding a spot: the one statement that everything hangs on.
//!
//! It is one autocommit statement because a call that is cancelled cannot cut it in half, and because
//! no lock waits for a round trip. The exclusion constraint decides who has the spot; `ON CONFLICT DO
//! NOTHING` makes losers wait for the winner's commit only, and never for each other (a plain INSERT
//! deadlocks in a herd).

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_eventbus::outbox::{Columns, Row as FactRow};
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use crate::domain::booking::Booking;
use crate::error::Error;
use crate::store::inventory::spot::type_number;
use crate::store::replay::Request;

/// A hold about to be written, with all that must be written with it.
#[derive(Debug, Clone)]
pub struct NewHold<'a> {
    /// The booking, held.
    pub booking: &'a Booking,
    /// The version of the spot that the caller saw; 0 for whatever stands.
    pub spot_version: i64,
    /// The type that the spot had when the driver's right to it was judged.
    pub spot_type: SpotType,
    /// The version of the lot that the hold was made for: its policy and its words.
    pub lot_version: i64,
    /// Live holds that the user may have in the lot.
    pub max_holds: i32,
    /// Lapsed holds that may be in the way: ended in the same statement, if they are still lapsed.
    pub lapsed: &'a [Uuid],
    /// The fact of the hold and those of the lapsed ones: written for what is done.
    pub facts: &'a [FactRow],
    /// The request that asks for it.
    pub request: &'a Request,
    /// Its answer, encoded.
    pub response: &'a [u8],
}

/// The statement. A data-modifying CTE sees the table as it was before the statement; the constraint
/// however sees rows as they are. `made` reads from `reclaimed`, so that the lapsed holds are out of
/// its way by the time it inserts.
const INSERT: &str = "
WITH lapsed AS MATERIALIZED (
    SELECT booking_id FROM booking
    WHERE booking_id = ANY ($16::uuid[]) AND state = 1 AND due_time <= park_now()
    ORDER BY booking_id FOR NO KEY UPDATE
), reclaimed AS (
    UPDATE booking
    SET state = 6, version = booking.version + 1, due_time = NULL, payment_attempt = NULL
    FROM lapsed WHERE booking.booking_id = lapsed.booking_id
    RETURNING booking.booking_id
), made AS (
    INSERT INTO booking (booking_id, code, lot_id, floor_id, spot_id, spot_number, user_id, plate,
        during, start_time, state, tariff_version, hourly_rate_minor, amount_minor, currency_code,
        hold_expire_time, due_time, hold_slot, version, create_time)
    SELECT $1, $2, spot.lot_id, spot.floor_id, spot.spot_id, spot.spot_number, $4, $5,
        tstzrange($6, $7, '[)'), $6, 1, $8, $9, $10, $11, $12, $12, slot.number, 1, $13
    FROM (SELECT count(*) AS done FROM reclaimed) AS first
    CROSS JOIN spot
    JOIN lot ON lot.lot_id = spot.lot_id
    CROSS JOIN LATERAL (
        SELECT min(number) AS number FROM generate_series(1, $15::integer) AS number
        WHERE NOT EXISTS (
            SELECT FROM booking AS own
            WHERE own.user_id = $4 AND own.lot_id = spot.lot_id AND own.state = 1
              AND own.hold_slot = number AND own.booking_id <> ALL ($16::uuid[]))
    ) AS slot
    WHERE first.done >= 0 AND spot.spot_id = $3 AND NOT spot.out_of_service
      AND ($14::bigint = 0 OR spot.version = $14) AND slot.number IS NOT NULL
      AND lot.version = $29 AND spot.spot_number = $30 AND spot.spot_type = $31
      AND $8 = (SELECT max(version) FROM tariff WHERE tariff.lot_id = spot.lot_id)
      AND NOT EXISTS (SELECT FROM request WHERE subject = $4 AND request_id = $25)
    ON CONFLICT DO NOTHING
    RETURNING booking_id
), told AS (
    INSERT INTO outbox (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
        create_time)
    SELECT fact.fact_id, fact.aggregate_id, fact.version, fact.fact_type, fact.lot_id, fact.body,
        fact.trace_parent, fact.create_time
    FROM unnest($17::uuid[], $18::uuid[], $19::bigint[], $20::text[], $21::text[], $22::bytea[],
                $23::text[], $24::timestamptz[]) WITH ORDINALITY
         AS fact (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
                  create_time, place)
    JOIN (SELECT booking_id FROM reclaimed UNION ALL SELECT booking_id FROM made) AS done
      ON done.booking_id = fact.aggregate_id
    ORDER BY fact.place
), answered AS (
    INSERT INTO request (subject, request_id, method, body_hash, response, create_time)
    SELECT $4, $25, $26, $27, $28, $13 FROM made
)
SELECT EXISTS (SELECT FROM made)";

/// Holds the spot if nobody else has it, spot, lot and tariff are as they were seen, the user has a
/// hold left, and the request is new. False says that one of these is not so; reading tells which.
///
/// # Errors
/// The store's. `request_pkey` when a twin of the request with another body was faster.
pub async fn insert(executor: impl PgExecutor<'_>, hold: &NewHold<'_>) -> Result<bool, Error> {
    let (booking, facts) = (hold.booking, Columns::of(hold.facts));
    let price = &booking.price;
    let row = sqlx::query(INSERT)
        .bind(booking.booking_id.as_uuid())
        .bind(&booking.code)
        .bind(booking.spot_id.as_uuid())
        .bind(booking.user_id.as_str())
        .bind(&booking.plate)
        .bind(booking.window.start().to_sqlx())
        .bind(booking.window.end().to_sqlx())
        .bind(price.tariff_version)
        .bind(price.hourly_rate.minor)
        .bind(price.amount.minor)
        .bind(price.amount.currency.as_str())
        .bind(booking.hold_expire_time.to_sqlx())
        .bind(booking.create_time.to_sqlx())
        .bind(hold.spot_version)
        .bind(hold.max_holds)
        .bind(hold.lapsed)
        .bind(facts.fact_ids)
        .bind(facts.aggregate_ids)
        .bind(facts.versions)
        .bind(facts.fact_types)
        .bind(facts.lot_ids)
        .bind(facts.bodies)
        .bind(facts.trace_parents)
        .bind(facts.create_times)
        .bind(hold.request.request_id.as_uuid())
        .bind(hold.request.method)
        .bind(hold.request.body_hash.as_slice())
        .bind(hold.response)
        .bind(hold.lot_version)
        .bind(&booking.spot_number)
        .bind(type_number(hold.spot_type)?)
        .fetch_one(executor)
        .await?;
    Ok(row.try_get(0)?)
}
