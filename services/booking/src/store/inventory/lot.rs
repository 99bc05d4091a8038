//! Lots with the tariff that holds.

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::{InventoryChanged, PoolOrder, SpotPromise};
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::{LotId, UserId};
use parkmesh_contracts::money::Currency;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::tariff::{rules, stored};
use super::{broken, closure};
use crate::domain::inventory::{Lot, PolicyChoice, Tariff};
use crate::domain::pooling::Pooling;
use crate::domain::rules::{LotRules, OpeningHours};
use crate::domain::waitlist::Waiting;
use crate::error::Error;

/// Columns of [`of_row`]; the newest tariff is the one that holds. Closures come along because a hold
/// goes by them, and the lot's version tells whether they still stand.
macro_rules! select_lot {
    ($rest:expr) => {
        concat!(
            "SELECT lot.lot_id, lot.operator_id, lot.name, lot.address, lot.latitude, lot.longitude,
                    lot.time_zone, lot.currency_code, lot.hold_ttl_seconds,
                    lot.early_arrival_seconds, lot.no_show_seconds, lot.overstay_grace_seconds,
                    lot.departure_grace_seconds, lot.in_and_out_allowed,
                    lot.max_holds_per_user, lot.opening_hours, lot.shortest_window_seconds,
                    lot.longest_window_seconds, lot.booking_ahead_seconds, lot.turnaround_seconds,
                    lot.unpaid_holds_per_hour, lot.walk_in_seconds, lot.drive_up_allowed,
                    lot.vat_basis_points,
                    lot.version, lot.pool_order, lot.spot_promise, lot.assign_before_seconds,
                    lot.has_waiting, lot.offer_ttl_seconds, lot.max_waits_per_user, (
                        SELECT coalesce(jsonb_agg(closure ORDER BY closure_id), '[]')
                        FROM closure WHERE closure.lot_id = lot.lot_id
                          AND closure.end_time > (SELECT park_now())) AS closures,
                    tariff.tariff_id,
                    tariff.version AS tariff_version, tariff.hourly_rate_minor,
                    tariff.rules AS tariff_rules,
                    tariff.currency_code AS tariff_currency_code,
                    tariff.create_time AS tariff_create_time
             FROM lot CROSS JOIN LATERAL (
                 SELECT * FROM tariff WHERE tariff.lot_id = lot.lot_id
                 ORDER BY version DESC LIMIT 1) AS tariff ",
            $rest
        )
    };
}

/// A row of the select above as a lot.
fn of_row(row: &PgRow) -> Result<Lot, Error> {
    let lot_id = LotId::from(row.try_get::<Uuid, _>("lot_id")?);
    let currency = |column: &str| -> Result<Currency, Error> {
        row.try_get::<&str, _>(column)?.parse().map_err(|error| broken(column, error))
    };
    let operator_id = row.try_get::<String, _>("operator_id")?;
    Ok(Lot {
        lot_id,
        operator_id: UserId::try_from(operator_id).map_err(|e| broken("operator_id", e))?,
        name: row.try_get("name")?,
        address: row.try_get("address")?,
        latitude: row.try_get("latitude")?,
        longitude: row.try_get("longitude")?,
        time_zone: row.try_get("time_zone")?,
        currency: currency("currency_code")?,
        policy: PolicyChoice {
            hold_ttl_seconds: row.try_get("hold_ttl_seconds")?,
            early_arrival_seconds: row.try_get("early_arrival_seconds")?,
            no_show_seconds: row.try_get("no_show_seconds")?,
            overstay_grace_seconds: row.try_get("overstay_grace_seconds")?,
            departure_grace_seconds: row.try_get("departure_grace_seconds")?,
            in_and_out_allowed: row.try_get("in_and_out_allowed")?,
            max_holds_per_user: row.try_get("max_holds_per_user")?,
        },
        rules: LotRules {
            hours: row.try_get::<Json<OpeningHours>, _>("opening_hours")?.0,
            shortest_window_seconds: row.try_get("shortest_window_seconds")?,
            longest_window_seconds: row.try_get("longest_window_seconds")?,
            booking_ahead_seconds: row.try_get("booking_ahead_seconds")?,
            turnaround_seconds: row.try_get("turnaround_seconds")?,
            unpaid_holds_per_hour: row.try_get("unpaid_holds_per_hour")?,
            walk_in_seconds: row.try_get("walk_in_seconds")?,
            vat_basis_points: row.try_get("vat_basis_points")?,
            drive_up_allowed: row.try_get("drive_up_allowed")?,
        },
        pooling: pooling_of(row)?,
        waiting: Waiting {
            offer_ttl_seconds: row.try_get("offer_ttl_seconds")?,
            max_waits_per_user: row.try_get("max_waits_per_user")?,
        },
        has_waiting: row.try_get("has_waiting")?,
        closures: row
            .try_get::<Json<Vec<closure::Row>>, _>("closures")?
            .0
            .into_iter()
            .map(TryInto::try_into)
            .collect::<Result<_, Error>>()?,
        tariff: Tariff {
            tariff_id: row.try_get::<Uuid, _>("tariff_id")?.into(),
            lot_id,
            version: row.try_get("tariff_version")?,
            currency: currency("tariff_currency_code")?,
            rules: rules(row, "tariff_rules", row.try_get("hourly_rate_minor")?)?,
            create_time: row.try_get::<jiff_sqlx::Timestamp, _>("tariff_create_time")?.to_jiff(),
        },
        version: row.try_get("version")?,
    })
}

fn pooling_of(row: &PgRow) -> Result<Pooling, Error> {
    let number = |column: &str| row.try_get::<i16, _>(column).map(i32::from);
    let order = PoolOrder::try_from(number("pool_order")?);
    let promise = SpotPromise::try_from(number("spot_promise")?);
    Ok(Pooling {
        order: order.map_err(|error| broken("pool_order", error))?,
        promise: promise.map_err(|error| broken("spot_promise", error))?,
        assign_before_seconds: row.try_get("assign_before_seconds")?,
    })
}

/// A number of the proto as the table keeps it.
fn number(column: &str, number: i32) -> Result<i16, Error> {
    i16::try_from(number).map_err(|error| broken(column, error))
}

/// Writes a new lot and its first tariff, in one statement.
///
/// # Errors
/// The store's.
pub async fn insert(executor: impl PgExecutor<'_>, lot: &Lot) -> Result<(), Error> {
    let (tariff, policy, rules) = (&lot.tariff, &lot.policy, &lot.rules);
    let waiting = &lot.waiting;
    sqlx::query(
        "WITH made AS (
             INSERT INTO lot (lot_id, operator_id, name, address, latitude, longitude, time_zone,
                 currency_code, hold_ttl_seconds, early_arrival_seconds, no_show_seconds,
                 overstay_grace_seconds, max_holds_per_user, version, create_time, opening_hours,
                 shortest_window_seconds, longest_window_seconds, booking_ahead_seconds,
                 turnaround_seconds, unpaid_holds_per_hour, walk_in_seconds, drive_up_allowed,
                 pool_order, spot_promise, assign_before_seconds, offer_ttl_seconds,
                 max_waits_per_user, departure_grace_seconds, in_and_out_allowed,
                 vat_basis_points)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $22, $23,
                 $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37)
             RETURNING lot_id)
         INSERT INTO tariff (tariff_id, lot_id, version, hourly_rate_minor, currency_code,
             rules, create_time)
         SELECT $16, lot_id, $17, $18, $19, $20, $21 FROM made",
    )
    .bind(lot.lot_id.as_uuid())
    .bind(lot.operator_id.as_str())
    .bind(&lot.name)
    .bind(&lot.address)
    .bind(lot.latitude)
    .bind(lot.longitude)
    .bind(&lot.time_zone)
    .bind(lot.currency.as_str())
    .bind(policy.hold_ttl_seconds)
    .bind(policy.early_arrival_seconds)
    .bind(policy.no_show_seconds)
    .bind(policy.overstay_grace_seconds)
    .bind(policy.max_holds_per_user)
    .bind(lot.version)
    .bind(tariff.create_time.to_sqlx())
    .bind(tariff.tariff_id.as_uuid())
    .bind(tariff.version)
    .bind(tariff.rules.hourly_minor())
    .bind(tariff.currency.as_str())
    .bind(stored(&tariff.rules)?)
    .bind(tariff.create_time.to_sqlx())
    .bind(Json(&rules.hours))
    .bind(rules.shortest_window_seconds)
    .bind(rules.longest_window_seconds)
    .bind(rules.booking_ahead_seconds)
    .bind(rules.turnaround_seconds)
    .bind(rules.unpaid_holds_per_hour)
    .bind(rules.walk_in_seconds)
    .bind(rules.drive_up_allowed)
    .bind(number("pool_order", lot.pooling.order.into())?)
    .bind(number("spot_promise", lot.pooling.promise.into())?)
    .bind(lot.pooling.assign_before_seconds)
    .bind(waiting.offer_ttl_seconds)
    .bind(waiting.max_waits_per_user)
    .bind(policy.departure_grace_seconds)
    .bind(policy.in_and_out_allowed)
    .bind(rules.vat_basis_points)
    .execute(executor)
    .await?;
    Ok(())
}

/// Reads a lot.
///
/// # Errors
/// [`Error::LotNotFound`], or the store's.
pub async fn get(executor: impl PgExecutor<'_>, lot_id: LotId) -> Result<Lot, Error> {
    let row = sqlx::query(select_lot!("WHERE lot.lot_id = $1"))
        .bind(lot_id.as_uuid())
        .fetch_optional(executor)
        .await?;
    of_row(&row.ok_or(Error::LotNotFound)?)
}

/// Whether the lot is the operator's own.
///
/// # Errors
/// [`Error::LotNotFound`] also for a lot of another operator; or the store's.
pub async fn check_own(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    operator_id: &UserId,
) -> Result<(), Error> {
    let row = sqlx::query("SELECT FROM lot WHERE lot_id = $1 AND operator_id = $2")
        .bind(lot_id.as_uuid())
        .bind(operator_id.as_str())
        .fetch_optional(executor)
        .await?;
    row.map(drop).ok_or(Error::LotNotFound)
}

/// Reads the operator's own lot and keeps others from changing it until the transaction ends:
/// versions of the lot are counted under this lock.
///
/// # Errors
/// [`Error::LotNotFound`] also for a lot of another operator; or the store's.
pub async fn lock_own(
    connection: &mut PgConnection,
    lot_id: LotId,
    operator_id: &UserId,
) -> Result<Lot, Error> {
    // First the lock, then the reading: a statement that waits for a lock sees the row as it is then,
    // but what it joins, here the newest tariff, as it was before.
    sqlx::query("SELECT FROM lot WHERE lot_id = $1 AND operator_id = $2 FOR NO KEY UPDATE")
        .bind(lot_id.as_uuid())
        .bind(operator_id.as_str())
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(Error::LotNotFound)?;
    get(connection, lot_id).await
}

/// Whether the outbox remembers no fact of a lot.
macro_rules! untold {
    () => {
        "NOT EXISTS (SELECT FROM outbox WHERE aggregate_id = lot.lot_id AND fact_type = $2)"
    };
}

/// Lots of which the outbox remembers no fact, some of them.
///
/// # Errors
/// The store's.
pub async fn untold(executor: impl PgExecutor<'_>, most: i64) -> Result<Vec<LotId>, Error> {
    let lots: Vec<Uuid> =
        sqlx::query_scalar(concat!("SELECT lot_id FROM lot WHERE ", untold!(), " LIMIT $1"))
            .bind(most)
            .bind(InventoryChanged::TYPE)
            .fetch_all(executor)
            .await?;
    Ok(lots.into_iter().map(LotId::from).collect())
}

/// Locks a lot, as [`lock_own`] does, and reads it if the outbox still remembers no fact of it.
///
/// # Errors
/// The store's.
pub async fn lock_untold(
    connection: &mut PgConnection,
    lot_id: LotId,
) -> Result<Option<Lot>, Error> {
    sqlx::query("SELECT FROM lot WHERE lot_id = $1 FOR NO KEY UPDATE")
        .bind(lot_id.as_uuid())
        .execute(&mut *connection)
        .await?;
    let row = sqlx::query(select_lot!(concat!("WHERE lot.lot_id = $1 AND ", untold!())))
        .bind(lot_id.as_uuid())
        .bind(InventoryChanged::TYPE)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(of_row).transpose()
}

/// Writes the version of a lot that [`lock_own`] has locked.
///
/// # Errors
/// The store's.
pub async fn set_version(
    connection: &mut PgConnection,
    lot_id: LotId,
    version: i64,
) -> Result<(), Error> {
    sqlx::query("UPDATE lot SET version = $2 WHERE lot_id = $1")
        .bind(lot_id.as_uuid())
        .bind(version)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes what may change of a lot that [`lock_own`] has locked, its version too.
///
/// # Errors
/// The store's.
pub async fn update(connection: &mut PgConnection, lot: &Lot) -> Result<(), Error> {
    let (policy, rules, waiting) = (&lot.policy, &lot.rules, &lot.waiting);
    sqlx::query(
        "UPDATE lot SET name = $2, address = $3, latitude = $4, longitude = $5, time_zone = $6,
             hold_ttl_seconds = $7, early_arrival_seconds = $8, no_show_seconds = $9,
             overstay_grace_seconds = $10, max_holds_per_user = $11, version = $12,
             opening_hours = $13, shortest_window_seconds = $14, longest_window_seconds = $15,
             booking_ahead_seconds = $16, turnaround_seconds = $17,
             unpaid_holds_per_hour = $18, walk_in_seconds = $19, drive_up_allowed = $20,
             pool_order = $21, spot_promise = $22, assign_before_seconds = $23,
             offer_ttl_seconds = $24, max_waits_per_user = $25,
             departure_grace_seconds = $26, in_and_out_allowed = $27, vat_basis_points = $28
         WHERE lot_id = $1",
    )
    .bind(lot.lot_id.as_uuid())
    .bind(&lot.name)
    .bind(&lot.address)
    .bind(lot.latitude)
    .bind(lot.longitude)
    .bind(&lot.time_zone)
    .bind(policy.hold_ttl_seconds)
    .bind(policy.early_arrival_seconds)
    .bind(policy.no_show_seconds)
    .bind(policy.overstay_grace_seconds)
    .bind(policy.max_holds_per_user)
    .bind(lot.version)
    .bind(Json(&rules.hours))
    .bind(rules.shortest_window_seconds)
    .bind(rules.longest_window_seconds)
    .bind(rules.booking_ahead_seconds)
    .bind(rules.turnaround_seconds)
    .bind(rules.unpaid_holds_per_hour)
    .bind(rules.walk_in_seconds)
    .bind(rules.drive_up_allowed)
    .bind(number("pool_order", lot.pooling.order.into())?)
    .bind(number("spot_promise", lot.pooling.promise.into())?)
    .bind(lot.pooling.assign_before_seconds)
    .bind(waiting.offer_ttl_seconds)
    .bind(waiting.max_waits_per_user)
    .bind(policy.departure_grace_seconds)
    .bind(policy.in_and_out_allowed)
    .bind(rules.vat_basis_points)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lots by name, then id, after the lot `after`; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    after: Option<LotId>,
    limit: i64,
) -> Result<Vec<Lot>, Error> {
    let query = match after {
        None => sqlx::query(select_lot!("ORDER BY lot.name, lot.lot_id LIMIT $1")),
        // A token has no room for a name of 120 letters; the lot's id finds it.
        Some(_) => sqlx::query(select_lot!(
            "WHERE (lot.name, lot.lot_id) > ((SELECT name FROM lot WHERE lot_id = $2), $2)
             ORDER BY lot.name, lot.lot_id LIMIT $1"
        )),
    };
    let query = query.bind(limit);
    let query = match after {
        None => query,
        Some(after) => query.bind(after.as_uuid()),
    };
    let rows = query.fetch_all(executor).await?;
    rows.iter().map(of_row).collect()
}

/// Lots by id after `after`, all or the one named; for the snapshot.
///
/// # Errors
/// The store's.
pub async fn scan(
    connection: &mut PgConnection,
    only: Option<LotId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Lot>, Error> {
    let rows = sqlx::query(select_lot!(
        "WHERE ($1::uuid IS NULL OR lot.lot_id = $1) AND lot.lot_id > $2
         ORDER BY lot.lot_id LIMIT $3"
    ))
    .bind(only.map(LotId::as_uuid))
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(of_row).collect()
}
