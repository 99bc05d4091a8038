//! The rows of a reservation. Every strategy writes the same ones, in the tables that the real service
//! has, so that their figures can stand side by side.

use sqlx::PgConnection;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use uuid::Uuid;

use crate::Failure;
use crate::lab::strategy::{Client, Outcome, Want};

/// The tables as the service's own migrations make them.
pub const MIGRATIONS: [&str; 6] = [
    include_str!("../../../migrations/eventbus/0001_outbox.sql"),
    include_str!("../../../migrations/eventbus/0002_fewer_indexes.sql"),
    include_str!("../../../migrations/booking/0101_inventory.sql"),
    include_str!("../../../migrations/booking/0102_booking.sql"),
    include_str!("../../../migrations/booking/0310_codes_of_the_ended.sql"),
    include_str!("../../../migrations/booking/0312_guard_by_box.sql"),
];

/// What the migrations bring and a strategy has to ask for: the guard is what the lab is about. `at`
/// turns the lab's minutes into instants.
pub const BEGIN_BARE: &str = "
ALTER TABLE booking DROP CONSTRAINT booking_no_overlap;
CREATE FUNCTION at(minute integer) RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT timestamptz '2030-01-01 00:00:00+00' + minute * interval '1 minute' $$;
";

/// Indexes that serve the service's other calls. Without them a row costs what the guard costs.
pub const DROP_OTHERS: &str = "
DROP INDEX booking_code_once, booking_hold_slot_once, booking_by_due, booking_awaited,
    booking_by_user, booking_by_lot, booking_by_code;
";

macro_rules! exclude {
    () => {
        "
ALTER TABLE booking ADD CONSTRAINT booking_no_overlap
    EXCLUDE USING gist (spot_id WITH =, span WITH &&) WHERE (state IN (1, 2, 3));
"
    };
}

macro_rules! lookup {
    () => {
        "
CREATE INDEX booking_lookup ON booking (spot_id, start_time) WHERE state IN (1, 2, 3);
"
    };
}

/// The guard that we chose.
pub const EXCLUDE: &str = exclude!();

/// What finds an overlap quickly where no constraint does it.
pub const LOOKUP: &str = lookup!();

/// Both: what finds a free spot quickly, and the guard.
pub const EXCLUDE_AND_LOOKUP: &str = concat!(exclude!(), lookup!());

/// The wish of one driver, as a row.
pub const ASK: &str = "(SELECT $1::uuid AS booking_id, $2::uuid AS spot_id, \
    $3::integer AS start_minute, $4::integer AS end_minute, $5::text AS user_id) AS ask";

/// The wishes of many.
pub const ASKS: &str = "unnest($1::uuid[], $2::uuid[], $3::integer[], $4::integer[], $5::text[]) \
    AS ask (booking_id, spot_id, start_minute, end_minute, user_id)";

/// What the guard is asked to do with a row that is not free: leave it out.
pub const OR_NOTHING: &str = "ON CONFLICT DO NOTHING";

/// A statement that writes the bookings of the asks in `source` and returns their ids. `tail` is what
/// follows the SELECT: an order, `ON CONFLICT`. `with` is a list of CTEs to begin with, or empty. With
/// everything, it writes the fact and the replay record too, as the service does.
pub fn insert(with: &str, source: &str, tail: &str, everything: bool) -> &'static str {
    let bookings = format!(
        "INSERT INTO booking (booking_id, code, lot_id, floor_id, spot_id, spot_number, user_id, plate,
             during, start_time, state, tariff_version, hourly_rate_minor, amount_minor, currency_code,
             hold_expire_time, due_time, hold_slot, version, create_time)
         SELECT ask.booking_id, ask.booking_id::text, '{LOT}'::uuid, '{FLOOR}'::uuid, ask.spot_id,
             'A0001', ask.user_id, 'B-PM 1', tstzrange(at(ask.start_minute), at(ask.end_minute), '[)'),
             at(ask.start_minute), 1, 1, 0, 0, 'EUR', at(ask.start_minute), at(ask.start_minute), 1, 1,
             clock_timestamp()
         FROM {source} {tail} RETURNING booking_id, user_id, spot_id"
    );
    let with = if with.is_empty() { String::new() } else { format!("{with}, ") };
    let others = if everything { OTHERS } else { "" };
    // A strategy makes its statements once; they live as long as the program.
    format!("WITH {with}made AS ({bookings}){others} SELECT booking_id, spot_id FROM made").leak()
}

/// The fact and the replay record. A fact of the service has some 400 bytes, an answer some 300.
const OTHERS: &str = ", told AS (
    INSERT INTO outbox (fact_id, aggregate_id, version, fact_type, lot_id, body, create_time)
    SELECT booking_id, booking_id, 1, 'parkmesh.booking.held', '01900000-0000-7000-8000-00000000a000',
        decode(repeat('ab', 400), 'hex'), clock_timestamp() FROM made
), answered AS (
    INSERT INTO request (subject, request_id, method, body_hash, response, create_time)
    SELECT user_id, gen_random_uuid(), 'HoldSpot', decode(repeat('cd', 32), 'hex'),
        decode(repeat('ef', 300), 'hex'), clock_timestamp() FROM made
)";

const LOT: &str = "01900000-0000-7000-8000-00000000a000";
const FLOOR: &str = "01900000-0000-7000-8000-00000000b000";

/// A lot with so many spots.
pub fn spots(count: u32) -> String {
    format!(
        "INSERT INTO lot VALUES ('{LOT}', 'op', 'Lab', 'Lab', 0, 0, 'UTC', 'EUR', 0, 0, 0, 0, 0, 1, now());
         INSERT INTO floor VALUES ('{FLOOR}', '{LOT}', 0, 'Level 0', 0, 0, now());
         INSERT INTO spot SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
             '{LOT}', '{FLOOR}', 'A' || lpad(n::text, 6, '0'), 1, false, 0, 0, 0, 0, 1, now()
         FROM generate_series(0, {count} - 1) AS n;"
    )
}

/// Writes one driver's booking with a statement of [`insert`] over [`ASK`]. No row back means that the
/// guard said no.
pub async fn book(
    db: &mut PgConnection,
    statement: &'static str,
    (want, user): (&Want, String),
) -> Result<Outcome, sqlx::Error> {
    let row = bind(statement, want, user).fetch_optional(db).await?;
    Ok(row.map_or(Outcome::Refused, |_| Outcome::Won))
}

/// Binds one driver's wish.
pub fn bind(
    statement: &'static str,
    want: &Want,
    user: String,
) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(statement)
        .bind(new_id())
        .bind(want.spot_id())
        .bind(want.start)
        .bind(want.end)
        .bind(user)
}

/// Whether somebody has the spot for a part of the window, as far as this snapshot sees.
pub async fn is_taken(db: &mut PgConnection, want: &Want) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT FROM booking WHERE spot_id = $1 AND state IN (1, 2, 3)
            AND start_time < at($3) AND start_time > at($2) - interval '1 day' AND upper(during) > at($2))",
    )
    .bind(want.spot_id())
    .bind(want.start)
    .bind(want.end)
    .fetch_one(db)
    .await?;
    row.try_get(0)
}

/// A spot that is free for the window: `order` says which of them, and how it is locked.
pub fn free_spot(order: &str) -> String {
    format!(
        "SELECT spot.spot_id FROM spot WHERE NOT EXISTS (
            SELECT FROM booking WHERE booking.spot_id = spot.spot_id AND state IN (1, 2, 3)
              AND start_time < at($2) AND start_time > at($1) - interval '1 day' AND upper(during) > at($1))
         {order}"
    )
}

/// Asks a statement of [`free_spot`].
pub async fn find_free(
    db: &mut PgConnection,
    statement: &'static str,
    want: &Want,
) -> Result<Option<Uuid>, sqlx::Error> {
    let query = sqlx::query(statement).bind(want.start).bind(want.end);
    query.fetch_optional(db).await?.map(|row| row.try_get(0)).transpose()
}

/// The same wish, for this spot.
pub fn at_spot(want: &Want, spot_id: Uuid) -> Want {
    Want { spot: number_of(spot_id), ..*want }
}

/// The number of a spot of the lab.
pub fn number_of(spot_id: Uuid) -> u32 {
    u32::try_from(spot_id.as_u128() & 0xffff_ffff).unwrap_or_default()
}

/// A booking's id: ascending, as the service's are.
pub fn new_id() -> Uuid {
    parkmesh_platform::ids::Ids::random().next()
}

/// Opens a transaction, which ends with its commit or, when it is dropped, with a rollback.
pub async fn begin(client: &mut Client) -> Result<sqlx::Transaction<'_, Postgres>, Failure> {
    use sqlx::Connection;
    Ok(client.db()?.begin().await?)
}
