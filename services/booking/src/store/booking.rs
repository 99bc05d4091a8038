//! Bookings in the database.

pub mod action;
pub mod blocked;
pub mod card;
pub mod change;
pub mod churn;
pub mod closed;
pub mod difference;
pub mod fit;
pub mod hold;
pub mod obstacles;
pub mod offer;
pub mod overstay;
pub mod passage;
pub mod pending;
pub mod plate;
pub mod read;
pub mod reality;
mod reductions;
pub mod search;

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::{BookingId, UserId};
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::window::Window;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::domain::booking::{Booking, NO_TARIFF, Place, Price, Terms, after};
use crate::domain::inventory::PolicyChoice;
use crate::domain::tariff::Fare;
use crate::error::Error;
use crate::store::inventory::broken;
use crate::store::inventory::spot::spot_type;
use crate::store::inventory::tariff::rules;

/// A booking and what its lot says to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The booking.
    pub booking: Booking,
    /// The terms of its lot.
    pub terms: Terms,
}

impl Kept {
    /// All that a window of this booking keeps from others.
    pub fn kept(&self, window: &Window) -> Window {
        let turnaround = SignedDuration::from_secs(self.terms.turnaround_seconds.into());
        Window::try_new(window.start(), after(window.end(), turnaround)).unwrap_or(*window)
    }
}

/// Columns of [`of_row`], of a booking `b` and its `lot`.
macro_rules! select_booking {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "SELECT b.booking_id, b.code, b.lot_id, b.floor_id, b.spot_id, b.spot_number, b.user_id,
                    b.plate, lower(b.during) AS window_start, 
                    upper(b.during) - make_interval(secs => b.turnaround_seconds) AS window_end,
                    b.start_time, b.state, b.tariff_version, b.amount_minor,
                    b.currency_code, b.hold_expire_time, b.payment_attempt, b.decline_code, b.card_due_time,
                    b.payment_id, b.arrive_time, b.depart_time, b.leave_time, b.final_amount_minor, b.due_time,
                    b.overstay_minor, b.turnaround_seconds,
                    b.version, b.create_time,
                    coalesce(b.spot_type, spot.spot_type) AS spot_type,
                    coalesce(b.hourly_rate_minor, tariff.hourly_rate_minor) AS hourly_rate_minor,
                    tariff.rules AS tariff_rules, b.allotment_id, b.ticket_number,
                    b.spot_pending, b.reductions,
                    b.waitlist_entry_id,
                    lot.name AS lot_name, lot.time_zone, lot.hold_ttl_seconds,
                    lot.early_arrival_seconds, lot.no_show_seconds, lot.overstay_grace_seconds,
                    lot.max_holds_per_user, lot.departure_grace_seconds, lot.in_and_out_allowed
             FROM booking AS b
             JOIN lot ON lot.lot_id = b.lot_id
             LEFT JOIN spot ON spot.spot_id = b.spot_id
             LEFT JOIN tariff ON tariff.lot_id = b.lot_id AND tariff.version = b.tariff_version ",
             $($rest),+
        )
    };
}
use select_booking;

/// A row of the select above.
fn of_row(row: &PgRow) -> Result<Kept, Error> {
    Ok(Kept { booking: booking_of(row)?, terms: terms_of(row)? })
}

fn booking_of(row: &PgRow) -> Result<Booking, Error> {
    let currency: Currency =
        row.try_get::<&str, _>("currency_code")?.parse().map_err(|e| broken("currency_code", e))?;
    let money = |minor: i64| Money::new(minor, currency);
    let final_amount: Option<i64> = row.try_get("final_amount_minor")?;
    let overstay: Option<i64> = row.try_get("overstay_minor")?;
    let window = Window::try_new(time(row, "window_start")?, time(row, "window_end")?)
        .map_err(|error| broken("during", error))?;
    Ok(Booking {
        booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
        code: row.try_get("code")?,
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        place: place_of(row)?,
        user_id: UserId::try_from(row.try_get::<String, _>("user_id")?)
            .map_err(|error| broken("user_id", error))?,
        plate: row.try_get("plate")?,
        window,
        start_time: time(row, "start_time")?,
        state: BookingState::try_from(i32::from(row.try_get::<i16, _>("state")?))
            .map_err(|error| broken("state", error))?,
        price: price_of(row, currency)?,
        hold_expire_time: time(row, "hold_expire_time")?,
        payment_attempt: row.try_get("payment_attempt")?,
        decline_code: row.try_get("decline_code")?,
        card_due_time: optional_time(row, "card_due_time")?,
        payment_id: row.try_get::<Option<Uuid>, _>("payment_id")?.map(Into::into),
        arrive_time: optional_time(row, "arrive_time")?,
        depart_time: optional_time(row, "depart_time")?,
        leave_time: optional_time(row, "leave_time")?,
        final_amount: final_amount.map(money),
        overstay_amount: overstay.map(money),
        due_time: optional_time(row, "due_time")?,
        version: row.try_get("version")?,
        create_time: time(row, "create_time")?,
        waitlist_entry_id: row.try_get::<Option<Uuid>, _>("waitlist_entry_id")?.map(Into::into),
    })
}

fn place_of(row: &PgRow) -> Result<Place, Error> {
    let allotment_id: Option<Uuid> = row.try_get("allotment_id")?;
    Ok(match allotment_id {
        Some(allotment_id) => Place::Ticket {
            allotment_id: allotment_id.into(),
            number: row.try_get("ticket_number")?,
        },
        None => Place::Spot {
            floor_id: row.try_get::<Uuid, _>("floor_id")?.into(),
            spot_id: row.try_get::<Uuid, _>("spot_id")?.into(),
            spot_number: row.try_get("spot_number")?,
            promised: !row.try_get::<bool, _>("spot_pending")?,
        },
    })
}

/// What was frozen, and the tariff that it came from.
fn price_of(row: &PgRow, currency: Currency) -> Result<Price, Error> {
    let reductions: Option<Json<reductions::Column>> = row.try_get("reductions")?;
    let reductions = reductions.map(|Json(column)| column.reductions(currency));
    if row.try_get::<i64, _>("tariff_version")? == NO_TARIFF {
        let price = Price::of_ticket(Money::new(row.try_get("amount_minor")?, currency));
        return Ok(Price { reductions, ..price });
    }
    let hourly_rate_minor = row.try_get("hourly_rate_minor")?;
    let rules = rules(row, "tariff_rules", hourly_rate_minor)?;
    let spot_type = spot_type(row.try_get("spot_type")?)?;
    Ok(Price {
        tariff_version: row.try_get("tariff_version")?,
        hourly_rate: Money::new(hourly_rate_minor, currency),
        amount: Money::new(row.try_get("amount_minor")?, currency),
        fare: Some(Fare::try_new(rules, spot_type, currency, row.try_get("time_zone")?)?),
        reductions,
    })
}

/// The columns of a lot that every booking of it carries along.
fn terms_of(row: &PgRow) -> Result<Terms, Error> {
    let policy = PolicyChoice {
        hold_ttl_seconds: row.try_get("hold_ttl_seconds")?,
        early_arrival_seconds: row.try_get("early_arrival_seconds")?,
        no_show_seconds: row.try_get("no_show_seconds")?,
        overstay_grace_seconds: row.try_get("overstay_grace_seconds")?,
        departure_grace_seconds: row.try_get("departure_grace_seconds")?,
        in_and_out_allowed: row.try_get("in_and_out_allowed")?,
        max_holds_per_user: row.try_get("max_holds_per_user")?,
    };
    Ok(Terms {
        lot_name: row.try_get("lot_name")?,
        time_zone: row.try_get("time_zone")?,
        policy: policy.resolve(),
        turnaround_seconds: row.try_get("turnaround_seconds")?,
    })
}

fn time(row: &PgRow, column: &str) -> Result<Timestamp, Error> {
    optional_time(row, column)?.ok_or_else(|| broken(column, "is null"))
}

fn optional_time(row: &PgRow, column: &str) -> Result<Option<Timestamp>, Error> {
    let time: Option<jiff_sqlx::Timestamp> = row.try_get(column)?;
    Ok(time.map(jiff_sqlx::Timestamp::to_jiff))
}

/// The state as the table keeps it.
fn state_number(state: BookingState) -> Result<i16, Error> {
    i16::try_from(i32::from(state)).map_err(|error| broken("state", error))
}

/// The database's now. Ask it after a lock was waited for, not before.
///
/// # Errors
/// The store's.
pub async fn now(executor: impl PgExecutor<'_>) -> Result<Timestamp, Error> {
    let row = sqlx::query("SELECT park_now() AS now").fetch_one(executor).await?;
    time(&row, "now")
}

/// Reads a booking, whoever's it is.
///
/// # Errors
/// [`Error::BookingNotFound`], or the store's.
pub async fn get(executor: impl PgExecutor<'_>, booking_id: BookingId) -> Result<Kept, Error> {
    let row = sqlx::query(select_booking!("WHERE b.booking_id = $1"))
        .bind(booking_id.as_uuid())
        .fetch_optional(executor)
        .await?;
    of_row(&row.ok_or(Error::BookingNotFound)?)
}

/// Reads a booking and keeps others from changing it until the transaction ends.
///
/// # Errors
/// [`Error::BookingNotFound`], or the store's.
pub async fn lock(connection: &mut PgConnection, booking_id: BookingId) -> Result<Kept, Error> {
    let row = sqlx::query(select_booking!("WHERE b.booking_id = $1 FOR NO KEY UPDATE OF b"))
        .bind(booking_id.as_uuid())
        .fetch_optional(connection)
        .await?;
    of_row(&row.ok_or(Error::BookingNotFound)?)
}
