//! Things as the record of operators' actions keeps them: the words of the protos, as JSON.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::time;
use serde_json::{Value, json};

use crate::domain::allotment::Allotment;
use crate::domain::audit::Entry;
use crate::domain::closure::Closure;
use crate::domain::discount::{Discount, Off};
use crate::domain::inventory::{Floor, Lot, Spot, Tariff};

impl From<Entry> for proto::AuditEntry {
    fn from(entry: Entry) -> Self {
        Self {
            entry_id: entry.entry_id.to_string(),
            lot_id: entry.lot_id.to_string(),
            actor: entry.actor.into(),
            action: entry.action,
            object_type: entry.object_type,
            object_id: entry.object_id.to_string(),
            before_json: entry.before.unwrap_or_default(),
            after_json: entry.after.unwrap_or_default(),
            create_time: Some(time::to_proto(entry.create_time)),
        }
    }
}

/// A lot, with what its operator chose: 0 where a default holds.
pub fn lot(lot: &Lot) -> Value {
    json!({
        "name": lot.name,
        "address": lot.address,
        "latitude": lot.latitude,
        "longitude": lot.longitude,
        "time_zone": lot.time_zone,
        "currency_code": lot.currency.as_str(),
        "policy": {
            "hold_ttl_seconds": lot.policy.hold_ttl_seconds,
            "early_arrival_seconds": lot.policy.early_arrival_seconds,
            "no_show_seconds": lot.policy.no_show_seconds,
            "overstay_grace_seconds": lot.policy.overstay_grace_seconds,
            "departure_grace_seconds": lot.policy.departure_grace_seconds,
            "in_and_out_allowed": lot.policy.in_and_out_allowed,
            "max_holds_per_user": lot.policy.max_holds_per_user,
            "shortest_window_seconds": lot.rules.shortest_window_seconds,
            "longest_window_seconds": lot.rules.longest_window_seconds,
            "booking_ahead_seconds": lot.rules.booking_ahead_seconds,
            "turnaround_seconds": lot.rules.turnaround_seconds,
            "unpaid_holds_per_hour": lot.rules.unpaid_holds_per_hour,
            "walk_in_seconds": lot.rules.walk_in_seconds,
            "vat_basis_points": lot.rules.vat_basis_points,
            "drive_up_allowed": lot.rules.drive_up_allowed,
            "pool_order": lot.pooling.order.as_str_name(),
            "spot_promise": lot.pooling.promise.as_str_name(),
            "assign_before_seconds": lot.pooling.assign_before_seconds,
            "offer_ttl_seconds": lot.waiting.offer_ttl_seconds,
            "max_waits_per_user": lot.waiting.max_waits_per_user,
        },
        "opening_hours": lot.rules.hours,
        "tariff_version": lot.tariff.version,
        "version": lot.version,
    })
}

/// A floor.
pub fn floor(floor: &Floor) -> Value {
    json!({
        "floor_number": floor.floor_number,
        "name": floor.name,
        "plan_width": floor.plan_width,
        "plan_height": floor.plan_height,
        "version": floor.version,
    })
}

/// A spot.
pub fn spot(spot: &Spot) -> Value {
    json!({
        "floor_id": spot.floor_id.to_string(),
        "spot_number": spot.spot_number,
        "spot_type": spot.spot_type.as_str_name(),
        "out_of_service": spot.out_of_service,
        "plan_x": spot.plan_x,
        "plan_y": spot.plan_y,
        "latitude": spot.latitude,
        "longitude": spot.longitude,
        "version": spot.version,
    })
}

/// A closure.
pub fn closure(closure: &Closure) -> Value {
    json!({
        "floor_id": closure.scope.floor_id().map(|id| id.to_string()),
        "spot_id": closure.scope.spot_id().map(|id| id.to_string()),
        "start_time": closure.window.start().to_string(),
        "end_time": closure.window.end().to_string(),
        "reason": closure.reason,
    })
}

/// A version of a tariff.
pub fn tariff(tariff: &Tariff) -> Value {
    json!({ "version": tariff.version, "rules": *tariff.rules })
}

/// An allotment.
pub fn allotment(allotment: &Allotment) -> Value {
    json!({
        "name": allotment.name,
        "start_time": allotment.window.start().to_string(),
        "end_time": allotment.window.end().to_string(),
        "capacity": allotment.capacity,
        "ticket_price": allotment.ticket_price.to_string(),
    })
}

/// A discount.
pub fn discount(discount: &Discount) -> Value {
    let (basis_points, amount) = match discount.off {
        Off::Share(points) => (Some(points), None),
        Off::Amount(amount) => (None, Some(amount.to_string())),
    };
    json!({
        "kind": proto::DiscountKind::from(discount.source()).as_str_name(),
        "name": discount.name(),
        "basis_points": basis_points,
        "amount": amount,
        "valid_from_time": discount.valid_from.to_string(),
        "valid_until_time": discount.valid_until.map(|until| until.to_string()),
        "end_time": discount.end_time.map(|end| end.to_string()),
    })
}

/// Many spots that were made in one go: their numbers say which.
pub fn spots_made(spots: &[Spot]) -> Value {
    let numbers: Vec<&str> = spots.iter().map(|spot| spot.spot_number.as_str()).collect();
    json!({ "spot_numbers": numbers })
}
