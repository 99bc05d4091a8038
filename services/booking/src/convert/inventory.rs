//! Lots, floors and spots: requests into commands, things into messages, changes into facts.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::ids::{FloorId, IdError, LotId};
use parkmesh_contracts::money::{Money, MoneyError};
use parkmesh_contracts::time;
use parkmesh_contracts::validate::Violation;
use parkmesh_platform::fault::invalid;

use crate::convert::rules::{opening_hours, rules};
use crate::domain::inventory::{
    Floor, HOURLY_RATE_MINOR_MAX, LiveWindow, Lot, NewLot, NewSpot, PolicyChoice, Spot,
    first_duplicate, time_zone,
};
use crate::domain::pooling::Pooling;
use crate::domain::waitlist::Waiting;
use crate::error::Error;

/// The id in this field.
///
/// # Errors
/// [`Error::Invalid`] that names the field.
pub fn id<T: std::str::FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: IdError| Error::field(field, error.to_string()))
}

/// The id in this field, None when it is empty.
///
/// # Errors
/// [`Error::Invalid`] that names the field.
pub fn optional_id<T: std::str::FromStr<Err = IdError>>(
    field: &str,
    text: &str,
) -> Result<Option<T>, Error> {
    if text.is_empty() { Ok(None) } else { id(field, text).map(Some) }
}

/// What a database and a screen can show: no control character, and not only spaces. Empty is for
/// the rules of the proto.
pub(super) fn check_text(field: impl Into<String>, text: &str, found: &mut Vec<Violation>) {
    if text.chars().any(char::is_control) {
        found.push(invalid(field, "must not contain control characters"));
    } else if !text.is_empty() && text.trim().is_empty() {
        found.push(invalid(field, "must not be only spaces"));
    }
}

pub(super) fn none_found(found: Vec<Violation>) -> Result<(), Error> {
    if found.is_empty() { Ok(()) } else { Err(Error::Invalid(found)) }
}

fn hourly_rate(money: Option<&ProtoMoney>) -> Result<Money, Error> {
    let wrong = |why: String| Error::field("hourly_rate", why);
    let money = money.ok_or_else(|| wrong("is required".to_owned()))?;
    let rate = Money::try_from(money).map_err(|error| match error {
        MoneyError::UnknownCurrency(_) => Error::CurrencyUnknown,
        other => wrong(format!("is not an amount: {other}")),
    })?;
    if (0..=HOURLY_RATE_MINOR_MAX).contains(&rate.minor) {
        return Ok(rate);
    }
    let max = Money::new(HOURLY_RATE_MINOR_MAX, rate.currency);
    Err(wrong(format!("must be between 0 and {max}")))
}

impl TryFrom<proto::CreateLotRequest> for NewLot {
    type Error = Error;

    fn try_from(request: proto::CreateLotRequest) -> Result<Self, Error> {
        let mut found = Vec::new();
        check_text("name", &request.name, &mut found);
        check_text("address", &request.address, &mut found);
        none_found(found)?;
        Ok(Self {
            time_zone: time_zone(&request.time_zone).ok_or(Error::TimeZoneUnknown)?,
            hourly_rate: hourly_rate(request.hourly_rate.as_ref())?,
            name: request.name,
            address: request.address,
            latitude: request.latitude,
            longitude: request.longitude,
            rules: rules(request.policy.as_ref(), &request.opening_hours)?,
            pooling: request.policy.as_ref().map(Pooling::from).unwrap_or_default(),
            waiting: request.policy.as_ref().map(Waiting::from).unwrap_or_default(),
            policy: request.policy.map(PolicyChoice::from).unwrap_or_default(),
        })
    }
}

impl From<proto::LotPolicy> for PolicyChoice {
    fn from(policy: proto::LotPolicy) -> Self {
        Self {
            hold_ttl_seconds: policy.hold_ttl_seconds,
            early_arrival_seconds: policy.early_arrival_seconds,
            no_show_seconds: policy.no_show_seconds,
            overstay_grace_seconds: policy.overstay_grace_seconds,
            departure_grace_seconds: policy.departure_grace_seconds,
            in_and_out_allowed: policy.in_and_out_allowed,
            max_holds_per_user: policy.max_holds_per_user,
        }
    }
}

/// Checks what the rules of the proto cannot say of a floor.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_floor(request: &proto::CreateFloorRequest) -> Result<(), Error> {
    let mut found = Vec::new();
    check_text("name", &request.name, &mut found);
    none_found(found)
}

/// The floor that a request asks for, under this id.
pub fn floor(request: &proto::CreateFloorRequest, floor_id: FloorId, lot_id: LotId) -> Floor {
    Floor {
        floor_id,
        lot_id,
        floor_number: request.floor_number,
        name: request.name.clone(),
        plan_width: request.plan_width,
        plan_height: request.plan_height,
        version: 1,
    }
}

impl From<proto::NewSpot> for NewSpot {
    fn from(spot: proto::NewSpot) -> Self {
        Self {
            spot_type: spot.spot_type(),
            spot_number: spot.spot_number,
            plan_x: spot.plan_x,
            plan_y: spot.plan_y,
            latitude: spot.latitude,
            longitude: spot.longitude,
        }
    }
}

/// The spots that a request asks for.
///
/// # Errors
/// [`Error::Invalid`] that names each spot which cannot be, a number asked for twice among them.
pub fn new_spots(spots: Vec<proto::NewSpot>) -> Result<Vec<NewSpot>, Error> {
    let mut found = Vec::new();
    let spots: Vec<NewSpot> = spots
        .into_iter()
        .enumerate()
        .map(|(index, spot)| {
            check_text(format!("spots[{index}].spot_number"), &spot.spot_number, &mut found);
            spot.into()
        })
        .collect();
    if let Some(twice) = first_duplicate(&spots) {
        let description = format!("repeats the number of spots[{}]", twice.first);
        found.push(invalid(format!("spots[{}].spot_number", twice.again), description));
    }
    found.truncate(parkmesh_contracts::validate::MAX_VIOLATIONS);
    none_found(found)?;
    Ok(spots)
}

/// What holds, not what was chosen: a reader need not know the defaults.
fn policy(lot: &Lot) -> proto::LotPolicy {
    let (policy, rules) = (lot.policy.resolved(), lot.rules.resolved());
    let pooling = lot.pooling.resolved();
    let waiting = lot.waiting.resolved();
    proto::LotPolicy {
        hold_ttl_seconds: policy.hold_ttl_seconds,
        early_arrival_seconds: policy.early_arrival_seconds,
        no_show_seconds: policy.no_show_seconds,
        overstay_grace_seconds: policy.overstay_grace_seconds,
        departure_grace_seconds: policy.departure_grace_seconds,
        in_and_out_allowed: policy.in_and_out_allowed,
        max_holds_per_user: policy.max_holds_per_user,
        shortest_window_seconds: rules.shortest_window_seconds,
        longest_window_seconds: rules.longest_window_seconds,
        booking_ahead_seconds: rules.booking_ahead_seconds,
        turnaround_seconds: rules.turnaround_seconds,
        unpaid_holds_per_hour: rules.unpaid_holds_per_hour,
        walk_in_seconds: rules.walk_in_seconds,
        vat_basis_points: rules.vat_basis_points,
        drive_up_allowed: rules.drive_up_allowed,
        pool_order: pooling.order.into(),
        spot_promise: pooling.promise.into(),
        assign_before_seconds: pooling.assign_before_seconds,
        offer_ttl_seconds: waiting.offer_ttl_seconds,
        max_waits_per_user: waiting.max_waits_per_user,
    }
}

impl From<&Lot> for proto::Lot {
    fn from(lot: &Lot) -> Self {
        Self {
            lot_id: lot.lot_id.to_string(),
            operator_id: lot.operator_id.to_string(),
            name: lot.name.clone(),
            address: lot.address.clone(),
            latitude: lot.latitude,
            longitude: lot.longitude,
            time_zone: lot.time_zone.clone(),
            currency_code: lot.currency.to_string(),
            policy: Some(policy(lot)),
            tariff: Some((&lot.tariff).into()),
            version: lot.version,
            opening_hours: opening_hours(&lot.rules.hours),
            closures: Vec::new(),
        }
    }
}

impl From<&Floor> for proto::Floor {
    fn from(floor: &Floor) -> Self {
        Self {
            floor_id: floor.floor_id.to_string(),
            lot_id: floor.lot_id.to_string(),
            floor_number: floor.floor_number,
            name: floor.name.clone(),
            plan_width: floor.plan_width,
            plan_height: floor.plan_height,
            version: floor.version,
        }
    }
}

impl From<&Spot> for proto::Spot {
    fn from(spot: &Spot) -> Self {
        Self {
            spot_id: spot.spot_id.to_string(),
            lot_id: spot.lot_id.to_string(),
            floor_id: spot.floor_id.to_string(),
            spot_number: spot.spot_number.clone(),
            spot_type: spot.spot_type.into(),
            out_of_service: spot.out_of_service,
            plan_x: spot.plan_x,
            plan_y: spot.plan_y,
            latitude: spot.latitude,
            longitude: spot.longitude,
            version: spot.version,
        }
    }
}

/// A lot with its closures, for those who keep a picture of it.
pub fn with_closures(lot: &Lot) -> proto::Lot {
    let closures = lot.closures.iter().map(proto::Closure::from).collect();
    proto::Lot { closures, ..lot.into() }
}

/// The fact that a lot, its floors or its closures changed.
pub fn inventory_changed(lot: &Lot, floors: &[Floor]) -> proto::InventoryChanged {
    proto::InventoryChanged {
        lot_id: lot.lot_id.to_string(),
        version: lot.version,
        lot: Some(with_closures(lot)),
        floors: floors.iter().map(proto::Floor::from).collect(),
    }
}

/// The fact that a spot was made, or taken out of service, or put back.
pub fn spot_state_changed(spot: &Spot) -> proto::SpotStateChanged {
    proto::SpotStateChanged {
        lot_id: spot.lot_id.to_string(),
        version: spot.version,
        spot: Some(spot.into()),
    }
}

/// A live booking's window as the snapshot tells it.
pub fn live_window(window: &LiveWindow) -> proto::LiveWindow {
    proto::LiveWindow {
        booking_id: window.booking_id.to_string(),
        spot_id: window.spot_id.map(|id| id.to_string()).unwrap_or_default(),
        window: Some(parkmesh_contracts::common::v1::Window {
            start_time: Some(time::to_proto(window.start)),
            end_time: Some(time::to_proto(window.end)),
        }),
        state: window.state.into(),
        version: window.version,
        hold_expire_time: window.hold_expire_time.map(time::to_proto),
        spot_type: window.spot_type.into(),
        lot_id: if window.spot_id.is_none() { window.lot_id.to_string() } else { String::new() },
        turnaround_seconds: window.turnaround_seconds,
    }
}

#[cfg(test)]
mod tests;
