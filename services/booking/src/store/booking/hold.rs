//! Holding spots: the one statement that everything hangs on.
//!
//! It holds a whole group of spots, each for its own request, and one commit pays for all of them. It
//! is one autocommit statement because no lock may wait for a round trip. The exclusion constraint
//! decides who has a spot; `ON CONFLICT DO NOTHING` makes losers wait for the winner's commit only,
//! and never for each other (a plain INSERT deadlocks in a herd). Rows are taken in the order of their
//! spots, so that two groups never wait for each other crosswise.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{AllotmentId, SpotId};
use parkmesh_eventbus::outbox::{Columns as FactColumns, Row as FactRow};
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use super::search::claim_key;
use crate::domain::booking::{Booking, Place};
use crate::error::Error;
use crate::store::inventory::spot::type_number;
use crate::store::replay::Request;

/// A hold about to be written, with all that must be written with it.
#[derive(Debug, Clone)]
pub struct NewHold {
    /// The booking, held.
    pub booking: Booking,
    /// The version of the spot that the caller saw; 0 for whatever stands.
    pub spot_version: i64,
    /// The type that the spot had when the driver's right to it was judged.
    pub spot_type: Option<SpotType>,
    /// The version of the lot that the hold was made for: its policy and its words.
    pub lot_version: i64,
    /// How long after the window the spot takes no other car; 0 for a ticket, which keeps none.
    pub turnaround_seconds: i32,
    /// Live holds that the user may have in the lot.
    pub max_holds: i32,
    /// The spot is not wanted where a search has claimed it for somebody (see `search`).
    pub yields: bool,
    /// The request that asks for it.
    pub request: Request,
    /// Its answer, encoded.
    pub response: Vec<u8>,
}

/// Holds that are written together. No two of them may overlap, nor be of one user in one lot: each
/// is judged by what stood before the statement.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// The holds.
    pub holds: &'a [NewHold],
    /// Lapsed holds that may be in their way: ended in the same statement, if they are still lapsed.
    pub lapsed: &'a [Uuid],
    /// The facts of the holds and of the lapsed ones: written for what is done.
    pub facts: &'a [FactRow],
    /// When they are made.
    pub now: Timestamp,
}

/// The statement, with or without the reclaiming of lapsed holds: hardly any group has to, and the nodes
/// of its plan cost a lone hold a tenth of its time. A data-modifying CTE sees the table as it was before
/// the statement; the constraint however sees rows as they are. `made` reads from `reclaimed`, so that the
/// lapsed holds are out of its way by the time it inserts.
///
/// Its plan is made once for a connection, maybe while the tables are empty, and stays while they grow.
/// A join of tables could then be done by reading one of them whole: a hold cost milliseconds, and more
/// with every booking. Therefore each row is looked up for itself (`LATERAL … OFFSET 0`, `= ANY (ARRAY
/// (…))`, `NOT EXISTS (… OFFSET 0)`: none of these can become a join), and what is joined within the
/// statement is a hashed list (`(… IN (…)) IS TRUE`).
macro_rules! statement {
    ($reclaimed:literal, $first:literal, $ended:literal) => {
        concat!("
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[],
        $6::timestamptz[], $7::timestamptz[], $8::bigint[], $9::bigint[], $10::bigint[],
        $11::text[], $12::timestamptz[], $13::bigint[], $14::bigint[], $15::integer[], $16::uuid[],
        $17::text[], $18::bytea[], $19::bytea[], $30::uuid[], $31::uuid[], $32::integer[],
        $33::text[], $34::smallint[], $35::boolean[], $36::uuid[], $37::boolean[], $38::integer[])
    AS asked (booking_id, code, spot_id, user_id, plate, start_time, end_time, tariff_version,
        hourly_rate_minor, amount_minor, currency_code, hold_expire_time, spot_version,
        lot_version, max_holds, request_id, method, body_hash, response, lot_id, allotment_id,
        ticket_number, spot_number, spot_type, spot_pending, waitlist_entry_id, yields,
        turnaround_seconds)
), lots AS MATERIALIZED (
    -- Once, however many want a place in them.
    SELECT lot.*, (SELECT max(version) FROM tariff WHERE tariff.lot_id = lot.lot_id) AS tariff_version
    FROM (SELECT DISTINCT lot_id FROM asked) AS wanted
    CROSS JOIN LATERAL (
        SELECT lot.lot_id, lot.version, lot.has_waiting FROM lot
        WHERE lot.lot_id = wanted.lot_id OFFSET 0
    ) AS lot
", $reclaimed, "), made AS (
    INSERT INTO booking (booking_id, code, lot_id, floor_id, spot_id, spot_number, user_id, plate,
        during, start_time, state, tariff_version, hourly_rate_minor, amount_minor, currency_code,
        hold_expire_time, due_time, hold_slot, version, create_time, spot_type, allotment_id,
        ticket_number, turnaround_seconds, spot_pending, waitlist_entry_id)
    SELECT asked.booking_id, asked.code, asked.lot_id, spot.floor_id, spot.spot_id,
        spot.spot_number, asked.user_id, asked.plate,
        tstzrange(asked.start_time, asked.end_time + make_interval(secs => asked.turnaround_seconds), '[)'),
        asked.start_time, 1,
        asked.tariff_version, asked.hourly_rate_minor, asked.amount_minor, asked.currency_code,
        asked.hold_expire_time, asked.hold_expire_time, slot.number, 1, $21,
        spot.spot_type, asked.allotment_id, asked.ticket_number, asked.turnaround_seconds,
        asked.spot_pending, asked.waitlist_entry_id
    FROM ", $first, "asked
    LEFT JOIN LATERAL (
        SELECT spot.spot_id, spot.floor_id, spot.spot_number, spot.spot_type, spot.out_of_service,
            spot.version FROM spot
        WHERE spot.spot_id = asked.spot_id AND spot.lot_id = asked.lot_id OFFSET 0
    ) AS spot ON true
    CROSS JOIN LATERAL (
        -- The lowest number that the driver's holds leave free: those below it stand in their places.
        SELECT count(*) + 1 AS number FROM (
            SELECT own.hold_slot, row_number() OVER (ORDER BY own.hold_slot) AS place
            FROM booking AS own
            WHERE own.user_id = asked.user_id AND own.lot_id = asked.lot_id AND own.state = 1
              AND own.booking_id <> ALL ($20::uuid[]) OFFSET 0) AS own
        WHERE own.hold_slot = own.place
    ) AS slot
    WHERE slot.number <= asked.max_holds
      AND CASE WHEN asked.allotment_id IS NULL
          THEN NOT spot.out_of_service
              AND (asked.spot_version = 0 OR spot.version = asked.spot_version)
              AND spot.spot_number = asked.spot_number AND spot.spot_type = asked.spot_type
              AND ((asked.lot_id, asked.lot_version, asked.tariff_version) IN (
                  SELECT lot_id, version, tariff_version FROM lots)) IS TRUE
          ELSE ((asked.lot_id, asked.lot_version) IN (SELECT lot_id, version FROM lots)) IS TRUE END
      -- What the line has a claim on is for those who wait. Where nobody does, nothing is asked.
      AND CASE WHEN spot.spot_id IS NOT NULL AND asked.waitlist_entry_id IS NULL
              AND (asked.lot_id IN (SELECT lot_id FROM lots WHERE has_waiting)) IS TRUE
          THEN NOT spot_awaited(spot.spot_id, tstzrange(asked.start_time,
              asked.end_time + make_interval(secs => asked.turnaround_seconds), '[)'))
          ELSE true END
      AND CASE WHEN asked.yields
          THEN pg_try_advisory_xact_lock(", claim_key!("asked.spot_id", "asked.start_time"), ")
          ELSE true END
      AND NOT EXISTS (SELECT FROM request
          WHERE request.subject = asked.user_id AND request.request_id = asked.request_id
          OFFSET 0)
    ORDER BY asked.spot_id, asked.start_time, asked.allotment_id, asked.ticket_number
    ON CONFLICT DO NOTHING
    RETURNING booking_id
), told AS (
    INSERT INTO outbox (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
        create_time)
    SELECT fact.fact_id, fact.aggregate_id, fact.version, fact.fact_type, fact.lot_id, fact.body,
        fact.trace_parent, fact.create_time
    FROM unnest($22::uuid[], $23::uuid[], $24::bigint[], $25::text[], $26::text[], $27::bytea[],
                $28::text[], $29::timestamptz[]) WITH ORDINALITY
         AS fact (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
                  create_time, place)
    WHERE (fact.aggregate_id IN (", $ended, "SELECT booking_id FROM made)) IS TRUE
    ORDER BY fact.place
), answered AS (
    INSERT INTO request (subject, request_id, method, body_hash, response, create_time)
    SELECT asked.user_id, asked.request_id, asked.method, asked.body_hash, asked.response, $21
    FROM asked WHERE (asked.booking_id IN (SELECT booking_id FROM made)) IS TRUE
)
SELECT booking_id FROM made")
    };
}
const INSERT: &str = statement!("", "", "");
const RECLAIM_AND_INSERT: &str = statement!(
    "), lapsed AS MATERIALIZED (
    SELECT booking_id FROM booking
    WHERE booking_id = ANY ($20::uuid[]) AND state = 1 AND due_time <= (SELECT park_now())
    ORDER BY spot_id, start_time FOR NO KEY UPDATE
), reclaimed AS (
    UPDATE booking
    SET state = 6, version = booking.version + 1, due_time = NULL, payment_attempt = NULL
    WHERE booking_id = ANY (ARRAY(SELECT lapsed.booking_id FROM lapsed))
    RETURNING booking_id
",
    "(SELECT FROM (SELECT count(*) AS done FROM reclaimed) AS all_of_them WHERE done >= 0) AS first
    CROSS JOIN ",
    "SELECT booking_id FROM reclaimed UNION ALL "
);

/// Holds each spot if nobody else has it, spot, lot and tariff are as they were seen, the user has a
/// hold left, and the request is new. Returns the bookings made; of the others one of these is not
/// so, and reading tells which.
///
/// # Errors
/// The store's; nothing is made then. `request_pkey` when a twin of a request was faster.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    group: &Group<'_>,
) -> Result<HashSet<Uuid>, Error> {
    let (columns, facts) = (Columns::of(group.holds)?, FactColumns::of(group.facts));
    let statement = if group.lapsed.is_empty() { INSERT } else { RECLAIM_AND_INSERT };
    let rows = sqlx::query(statement)
        .bind(columns.booking_ids)
        .bind(columns.codes)
        .bind(columns.spot_ids)
        .bind(columns.user_ids)
        .bind(columns.plates)
        .bind(columns.starts)
        .bind(columns.ends)
        .bind(columns.tariff_versions)
        .bind(columns.hourly_rates)
        .bind(columns.amounts)
        .bind(columns.currencies)
        .bind(columns.hold_ends)
        .bind(columns.spot_versions)
        .bind(columns.lot_versions)
        .bind(columns.max_holds)
        .bind(columns.request_ids)
        .bind(columns.methods)
        .bind(columns.body_hashes)
        .bind(columns.responses)
        .bind(group.lapsed)
        .bind(group.now.to_sqlx())
        .bind(facts.fact_ids)
        .bind(facts.aggregate_ids)
        .bind(facts.versions)
        .bind(facts.fact_types)
        .bind(facts.lot_ids)
        .bind(facts.bodies)
        .bind(facts.trace_parents)
        .bind(facts.create_times)
        .bind(columns.lot_ids)
        .bind(columns.allotment_ids)
        .bind(columns.ticket_numbers)
        .bind(columns.spot_numbers)
        .bind(columns.spot_types)
        .bind(columns.spots_pending)
        .bind(columns.waitlist_entry_ids)
        .bind(columns.yields)
        .bind(columns.turnarounds)
        .fetch_all(executor)
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// As the statement sorts them, which then has little to do: a row is wide, and costs more to compare there.
fn in_order(holds: &[NewHold]) -> Vec<&NewHold> {
    let mut sorted: Vec<&NewHold> = holds.iter().collect();
    sorted.sort_by_key(|hold| {
        let booking = &hold.booking;
        let spot_id = booking.spot_id().map(SpotId::as_uuid);
        (spot_id.is_none(), spot_id, booking.window.start(), booking.booking_id)
    });
    sorted
}

/// The holds, column by column.
#[derive(Default)]
struct Columns<'a> {
    booking_ids: Vec<Uuid>,
    codes: Vec<&'a str>,
    spot_ids: Vec<Option<Uuid>>,
    user_ids: Vec<&'a str>,
    plates: Vec<&'a str>,
    starts: Vec<jiff_sqlx::Timestamp>,
    ends: Vec<jiff_sqlx::Timestamp>,
    tariff_versions: Vec<i64>,
    hourly_rates: Vec<i64>,
    amounts: Vec<i64>,
    currencies: Vec<&'a str>,
    hold_ends: Vec<jiff_sqlx::Timestamp>,
    spot_versions: Vec<i64>,
    lot_versions: Vec<i64>,
    max_holds: Vec<i32>,
    request_ids: Vec<Uuid>,
    methods: Vec<&'a str>,
    body_hashes: Vec<&'a [u8]>,
    responses: Vec<&'a [u8]>,
    lot_ids: Vec<Uuid>,
    allotment_ids: Vec<Option<Uuid>>,
    ticket_numbers: Vec<Option<i32>>,
    spot_numbers: Vec<Option<&'a str>>,
    spot_types: Vec<Option<i16>>,
    spots_pending: Vec<bool>,
    waitlist_entry_ids: Vec<Option<Uuid>>,
    yields: Vec<bool>,
    turnarounds: Vec<i32>,
}

impl<'a> Columns<'a> {
    fn of(holds: &'a [NewHold]) -> Result<Self, Error> {
        let mut columns = Self::default();
        for hold in in_order(holds) {
            let (booking, price) = (&hold.booking, &hold.booking.price);
            columns.booking_ids.push(booking.booking_id.as_uuid());
            columns.codes.push(&booking.code);
            let (allotment_id, number, spot_number) = match &booking.place {
                Place::Spot { spot_number, .. } => (None, None, Some(spot_number.as_str())),
                Place::Ticket { allotment_id, number } => {
                    (Some(*allotment_id), Some(*number), None)
                }
            };
            columns.spot_numbers.push(spot_number);
            columns.spots_pending.push(booking.is_pending());
            columns.lot_ids.push(booking.lot_id.as_uuid());
            columns.allotment_ids.push(allotment_id.map(AllotmentId::as_uuid));
            columns.ticket_numbers.push(number);
            columns.spot_ids.push(booking.spot_id().map(SpotId::as_uuid));
            columns.user_ids.push(booking.user_id.as_str());
            columns.plates.push(&booking.plate);
            columns.starts.push(booking.window.start().to_sqlx());
            columns.ends.push(booking.window.end().to_sqlx());
            columns.tariff_versions.push(price.tariff_version);
            columns.hourly_rates.push(price.hourly_rate.minor);
            columns.amounts.push(price.amount.minor);
            columns.currencies.push(price.amount.currency.as_str());
            columns.hold_ends.push(booking.hold_expire_time.to_sqlx());
            columns.spot_versions.push(hold.spot_version);
            columns.lot_versions.push(hold.lot_version);
            columns.max_holds.push(hold.max_holds);
            columns.request_ids.push(hold.request.request_id.as_uuid());
            columns.methods.push(hold.request.method);
            columns.body_hashes.push(&hold.request.body_hash);
            columns.responses.push(&hold.response);
            columns.spot_types.push(hold.spot_type.map(type_number).transpose()?);
            columns.waitlist_entry_ids.push(booking.waitlist_entry_id.map(Uuid::from));
            columns.yields.push(hold.yields);
            columns.turnarounds.push(hold.turnaround_seconds);
        }
        Ok(columns)
    }
}
