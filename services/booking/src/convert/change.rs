//! Updates: a request with a field mask and the thing that stands become the thing that is wanted.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::validate::Violation;
use parkmesh_platform::fault::invalid;
use prost_types::FieldMask;

use super::inventory::{check_text, none_found};
use super::pooling::choice;
use super::rules::{check_limits, hours, limit, limits};
use super::waitlist;
use crate::domain::inventory::{Floor, Lot, PolicyChoice, Spot, time_zone};
use crate::error::Error;

/// Names that a mask may have: each of a request changes at least one.
const PATHS_MAX: usize = 64;

/// The names in a mask.
fn paths(mask: Option<&FieldMask>) -> Result<&[String], Error> {
    let wrong = |why: &str| Error::field("update_mask", why);
    let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    match paths.len() {
        0 => Err(wrong("must name at least one field")),
        1..=PATHS_MAX => Ok(paths),
        _ => Err(wrong("names too many fields")),
    }
}

fn unknown(path: &str) -> Violation {
    // What a caller sent comes back, but not without bound.
    let path: String = path.chars().take(64).collect();
    invalid("update_mask", format!("names {path:?}, which is no field that can change"))
}

/// A text that must say something.
fn name(field: &str, text: &str, found: &mut Vec<Violation>) -> String {
    if text.is_empty() {
        found.push(invalid(field, "must not be empty"));
    }
    check_text(field, text, found);
    text.to_owned()
}

/// The lot as the request wants it.
///
/// # Errors
/// [`Error::Invalid`] with each field that cannot be so; [`Error::TimeZoneUnknown`].
pub fn lot(request: &proto::UpdateLotRequest, stands: &Lot) -> Result<Lot, Error> {
    let (mut lot, mut found) = (stands.clone(), Vec::new());
    let asked = request.policy.unwrap_or_default();
    for path in paths(request.update_mask.as_ref())? {
        match path.as_str() {
            "name" => lot.name = name("name", &request.name, &mut found),
            "address" => {
                check_text("address", &request.address, &mut found);
                lot.address.clone_from(&request.address);
            }
            "latitude" => lot.latitude = request.latitude,
            "longitude" => lot.longitude = request.longitude,
            "time_zone" => {
                lot.time_zone = time_zone(&request.time_zone).ok_or(Error::TimeZoneUnknown)?;
            }
            "policy" => {
                lot.policy = asked.into();
                lot.rules = limits(lot.rules, &asked);
                lot.pooling = (&asked).into();
                lot.waiting = (&asked).into();
            }
            "opening_hours" => lot.rules.hours = hours(&request.opening_hours)?,
            other => match other.strip_prefix("policy.") {
                Some(field) if policy_field(&mut lot.policy, field, asked.into()) => {}
                Some(field) if limit(&mut lot.rules, field, &asked) => {}
                Some(field) if choice(&mut lot.pooling, field, &asked) => {}
                Some(field) if waitlist::choice(&mut lot.waiting, field, &asked) => {}
                _ => found.push(unknown(other)),
            },
        }
    }
    none_found(found)?;
    check_limits(&lot.rules)?;
    Ok(lot)
}

/// Takes one field of a policy over. False when there is none of this name.
fn policy_field(policy: &mut PolicyChoice, field: &str, asked: PolicyChoice) -> bool {
    match field {
        "hold_ttl_seconds" => policy.hold_ttl_seconds = asked.hold_ttl_seconds,
        "early_arrival_seconds" => policy.early_arrival_seconds = asked.early_arrival_seconds,
        "no_show_seconds" => policy.no_show_seconds = asked.no_show_seconds,
        "overstay_grace_seconds" => policy.overstay_grace_seconds = asked.overstay_grace_seconds,
        "departure_grace_seconds" => policy.departure_grace_seconds = asked.departure_grace_seconds,
        "in_and_out_allowed" => policy.in_and_out_allowed = asked.in_and_out_allowed,
        "max_holds_per_user" => policy.max_holds_per_user = asked.max_holds_per_user,
        _ => return false,
    }
    true
}

/// The floor as the request wants it.
///
/// # Errors
/// [`Error::Invalid`] with each field that cannot be so.
pub fn floor(request: &proto::UpdateFloorRequest, stands: &Floor) -> Result<Floor, Error> {
    let (mut floor, mut found) = (stands.clone(), Vec::new());
    for path in paths(request.update_mask.as_ref())? {
        match path.as_str() {
            "floor_number" => floor.floor_number = request.floor_number,
            "name" => floor.name = name("name", &request.name, &mut found),
            "plan_width" => floor.plan_width = request.plan_width,
            "plan_height" => floor.plan_height = request.plan_height,
            other => found.push(unknown(other)),
        }
    }
    none_found(found)?;
    Ok(floor)
}

/// The spot as the request wants it.
///
/// # Errors
/// [`Error::Invalid`] with each field that cannot be so.
pub fn spot(request: &proto::UpdateSpotRequest, stands: &Spot) -> Result<Spot, Error> {
    let (mut spot, mut found) = (stands.clone(), Vec::new());
    for path in paths(request.update_mask.as_ref())? {
        match path.as_str() {
            "spot_number" => {
                spot.spot_number = name("spot_number", &request.spot_number, &mut found);
            }
            "spot_type" if request.spot_type() == SpotType::Unspecified => {
                found.push(invalid("spot_type", "must be said"));
            }
            "spot_type" => spot.spot_type = request.spot_type(),
            "plan_x" => spot.plan_x = request.plan_x,
            "plan_y" => spot.plan_y = request.plan_y,
            "latitude" => spot.latitude = request.latitude,
            "longitude" => spot.longitude = request.longitude,
            other => found.push(unknown(other)),
        }
    }
    none_found(found)?;
    Ok(spot)
}

#[cfg(test)]
mod tests;
