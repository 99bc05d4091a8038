//! Words of others into changes of the picture, and the picture into answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::common::v1::{SpotStatus, SpotType, SpotTypeCount};
use parkmesh_contracts::ids::{BookingId, FloorId, LotId, SpotId, UserId};
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::time;
use parkmesh_contracts::window::Window;

use self::lot::{lot_tariff, place, window_rules};
use crate::domain::counts::{Count, FloorCounts, LotCounts};
use crate::domain::lot::{EARLY_ARRIVAL, FloorInfo, LotInfo, LotPicture};
use crate::domain::picture::Change;
use crate::domain::search::Found;
use crate::domain::search::rules::Refusal;
use crate::domain::spot::{Closure, Ground, LiveWindow, Phase, SpotInfo, SpotPicture};

pub mod ask;
mod lot;

pub use lot::point;

/// A word of another service that makes no sense. Names the message and the field; never a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}.{field} is missing or makes no sense")]
pub struct Unreadable {
    /// The message.
    pub message: &'static str,
    /// The field in it.
    pub field: &'static str,
}

fn unreadable(message: &'static str, field: &'static str) -> Unreadable {
    Unreadable { message, field }
}

/// A lot and its floors.
///
/// # Errors
/// When an id is not one.
pub fn lot_change(lot: &booking::Lot, floors: &[booking::Floor]) -> Result<Change, Unreadable> {
    let lot_id = LotId::parse(&lot.lot_id).map_err(|_| unreadable("Lot", "lot_id"))?;
    let early_arrival = match lot.policy.as_ref().map_or(0, |policy| policy.early_arrival_seconds) {
        0 => EARLY_ARRIVAL,
        seconds => SignedDuration::from_secs(i64::from(seconds)),
    };
    let floors = floors.iter().map(floor_info).collect::<Result<Vec<_>, _>>()?;
    let closures = lot.closures.iter().map(closure).collect::<Result<Vec<_>, _>>()?;
    let info = LotInfo {
        lot_id,
        operator_id: UserId::parse(&lot.operator_id).ok(),
        name: lot.name.clone(),
        early_arrival,
        place: place(lot),
        rules: window_rules(lot),
        tariff: lot_tariff(lot).map(Arc::new),
        closures,
        version: lot.version,
    };
    Ok(Change::Lot(info, floors))
}

fn closure(row: &booking::Closure) -> Result<Closure, Unreadable> {
    let floor_id = (!row.floor_id.is_empty()).then(|| FloorId::parse(&row.floor_id)).transpose();
    let spot_id = (!row.spot_id.is_empty()).then(|| SpotId::parse(&row.spot_id)).transpose();
    let window = row.window.as_ref().ok_or(unreadable("Closure", "window"))?;
    Ok(Closure {
        floor_id: floor_id.map_err(|_| unreadable("Closure", "floor_id"))?,
        spot_id: spot_id.map_err(|_| unreadable("Closure", "spot_id"))?,
        window: Window::try_from(window).map_err(|_| unreadable("Closure", "window"))?,
    })
}

fn floor_info(floor: &booking::Floor) -> Result<FloorInfo, Unreadable> {
    let floor_id = FloorId::parse(&floor.floor_id).map_err(|_| unreadable("Floor", "floor_id"))?;
    Ok(FloorInfo { floor_id, floor_number: floor.floor_number })
}

/// A spot.
///
/// # Errors
/// When an id is not one.
pub fn spot_change(spot: &booking::Spot) -> Result<Change, Unreadable> {
    let lot_id = LotId::parse(&spot.lot_id).map_err(|_| unreadable("Spot", "lot_id"))?;
    let info = SpotInfo {
        spot_id: SpotId::parse(&spot.spot_id).map_err(|_| unreadable("Spot", "spot_id"))?,
        floor_id: FloorId::parse(&spot.floor_id).map_err(|_| unreadable("Spot", "floor_id"))?,
        spot_number: spot.spot_number.clone(),
        // A type that a newer booking service knows and this one does not is counted as
        // unspecified, never dropped.
        spot_type: SpotType::try_from(spot.spot_type).unwrap_or(SpotType::Unspecified),
        out_of_service: spot.out_of_service,
        version: spot.version,
        plan: (spot.plan_x, spot.plan_y),
    };
    Ok(Change::Spot(lot_id, info))
}

/// What a booking's state means for its window: `None` when it keeps the spot no more.
///
/// # Errors
/// When a held booking does not say until when.
pub fn phase(
    state: booking::BookingState,
    hold_expire_time: Option<&prost_types::Timestamp>,
) -> Result<Option<Phase>, Unreadable> {
    use booking::BookingState as State;
    match state {
        State::Held => {
            let until = hold_expire_time
                .and_then(|at| time::from_proto(at).ok())
                .ok_or(unreadable("LiveWindow", "hold_expire_time"))?;
            Ok(Some(Phase::Held { until }))
        }
        State::Reserved => Ok(Some(Phase::Reserved)),
        State::Active => Ok(Some(Phase::Active)),
        State::Completed
        | State::Cancelled
        | State::Expired
        | State::NoShow
        | State::Unspecified => Ok(None),
    }
}

/// A row of the snapshot of live windows.
///
/// # Errors
/// When an id, the window or the hold's end makes no sense.
pub fn window_change(lot_id: LotId, row: &booking::LiveWindow) -> Result<Change, Unreadable> {
    let booking_id =
        BookingId::parse(&row.booking_id).map_err(|_| unreadable("LiveWindow", "booking_id"))?;
    let version = row.version;
    // A booking that has ended keeps nothing, and one of a pool may have no spot yet.
    let phase = phase(row.state(), row.hold_expire_time.as_ref())?;
    let spot_type = row.spot_type();
    let keeps = |_: &Phase| !row.spot_id.is_empty() || spot_type != SpotType::Unspecified;
    let Some(phase) = phase.filter(keeps) else {
        return Ok(Change::Ended { lot_id, booking_id, version });
    };
    let window = row.window.as_ref().ok_or(unreadable("LiveWindow", "window"))?;
    let window = Window::try_from(window).map_err(|_| unreadable("LiveWindow", "window"))?;
    let turnaround_seconds = row.turnaround_seconds;
    let live = LiveWindow { booking_id, version, window, turnaround_seconds, phase };
    if row.spot_id.is_empty() {
        return Ok(Change::Promise { lot_id, spot_type, live });
    }
    let spot_id = SpotId::parse(&row.spot_id).map_err(|_| unreadable("LiveWindow", "spot_id"))?;
    Ok(Change::Window { lot_id, spot_id, live })
}

/// A fact's booking.
///
/// # Errors
/// When the summary is missing or makes no sense.
pub fn booking_change(
    summary: Option<&booking::BookingSummary>,
    hold_expire_time: Option<prost_types::Timestamp>,
) -> Result<Change, Unreadable> {
    let summary = summary.ok_or(unreadable("BookingSummary", "booking"))?;
    let lot_id =
        LotId::parse(&summary.lot_id).map_err(|_| unreadable("BookingSummary", "lot_id"))?;
    let row = booking::LiveWindow {
        booking_id: summary.booking_id.clone(),
        spot_id: summary.spot_id.clone(),
        window: summary.window,
        state: summary.state,
        version: summary.version,
        hold_expire_time,
        spot_type: summary.spot_type,
        lot_id: summary.lot_id.clone(),
        turnaround_seconds: summary.turnaround_seconds,
    };
    window_change(lot_id, &row)
}

/// A row of the snapshot of the ground, or the ground of a fact.
///
/// # Errors
/// When an id is not one.
pub fn ground_change(row: &sensor::SpotOccupancy) -> Result<Change, Unreadable> {
    let lot_id = LotId::parse(&row.lot_id).map_err(|_| unreadable("SpotOccupancy", "lot_id"))?;
    let spot_id =
        SpotId::parse(&row.spot_id).map_err(|_| unreadable("SpotOccupancy", "spot_id"))?;
    let ground = match row.state() {
        sensor::OccupancyState::Vacant => Ground::Vacant,
        sensor::OccupancyState::Occupied => Ground::Occupied,
        sensor::OccupancyState::Unknown | sensor::OccupancyState::Unspecified => Ground::Unknown,
    };
    Ok(Change::Ground { lot_id, spot_id, ground, version: row.version })
}

/// The counters of a lot as they are now, without their freshness.
#[must_use]
pub fn counts(lot: &LotPicture) -> proto::GetAvailabilityResponse {
    let counts = lot.counts_now();
    let types = type_counts(&counts.types);
    proto::GetAvailabilityResponse {
        free: types.iter().map(|count| count.free).sum(),
        total: types.iter().map(|count| count.total).sum(),
        types,
        floors: floor_counts(lot, &counts),
        freshness: None,
    }
}

/// The counters of a lot for a window, without spots and freshness.
#[must_use]
pub fn found(lot: &LotPicture, found: &Found) -> proto::SearchAvailabilityResponse {
    let types = type_counts(&found.counts.types);
    proto::SearchAvailabilityResponse {
        free: types.iter().map(|count| count.free).sum(),
        total: types.iter().map(|count| count.total).sum(),
        types,
        floors: floor_counts(lot, &found.counts),
        refusal: refusal(found.refusal).into(),
        ..Default::default()
    }
}

/// Why a lot does not take a window, if it does not.
#[must_use]
pub fn refusal(refusal: Option<Refusal>) -> proto::WindowRefusal {
    match refusal {
        None => proto::WindowRefusal::Unspecified,
        Some(Refusal::Past) => proto::WindowRefusal::Past,
        Some(Refusal::TooShort) => proto::WindowRefusal::TooShort,
        Some(Refusal::TooLong) => proto::WindowRefusal::TooLong,
        Some(Refusal::TooFar) => proto::WindowRefusal::TooFar,
        Some(Refusal::NotOpen) => proto::WindowRefusal::NotOpen,
    }
}

fn floor_counts(lot: &LotPicture, counts: &LotCounts) -> Vec<proto::FloorCount> {
    let none = FloorCounts::new();
    let of_floor =
        |floor: &FloorInfo| floor_count(floor, counts.floors.get(&floor.floor_id).unwrap_or(&none));
    let mut floors: Vec<proto::FloorCount> = lot.floors.values().map(of_floor).collect();
    floors.sort_by_key(|floor| floor.floor_number);
    floors
}

fn floor_count(floor: &FloorInfo, counts: &FloorCounts) -> proto::FloorCount {
    let types = type_counts(counts);
    proto::FloorCount {
        floor_id: floor.floor_id.to_string(),
        floor_number: floor.floor_number,
        free: types.iter().map(|count| count.free).sum(),
        total: types.iter().map(|count| count.total).sum(),
        types,
    }
}

fn type_counts(counts: &BTreeMap<SpotType, Count>) -> Vec<SpotTypeCount> {
    counts
        .iter()
        .filter(|(_, count)| count.total > 0)
        .map(|(spot_type, count)| SpotTypeCount {
            spot_type: i32::from(*spot_type),
            free: i32::try_from(count.free).unwrap_or(i32::MAX),
            total: i32::try_from(count.total).unwrap_or(i32::MAX),
        })
        .collect()
}

/// One spot on the map.
#[must_use]
pub fn spot_state(spot: &SpotPicture) -> proto::SpotState {
    proto::SpotState {
        spot_id: spot.info.spot_id.to_string(),
        floor_id: spot.info.floor_id.to_string(),
        spot_number: spot.info.spot_number.clone(),
        spot_type: i32::from(spot.info.spot_type),
        status: i32::from(match spot.status {
            // Never shown: a spot is looked at as soon as it is made.
            SpotStatus::Unspecified => SpotStatus::Unknown,
            status => status,
        }),
        spot_version: spot.info.version,
        plan_x: spot.info.plan.0,
        plan_y: spot.info.plan.1,
    }
}

/// How fresh an answer is.
#[must_use]
pub fn freshness(as_of: Timestamp, stale: bool) -> proto::Freshness {
    proto::Freshness { as_of: Some(time::to_proto(as_of)), stale }
}
