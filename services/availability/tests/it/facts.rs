//! Facts, as booking and sensor tell them.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::ids::{BookingId, LotId, SpotId};
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::time::to_proto;

/// A booking of a spot, from so many minutes after now for an hour.
#[derive(Clone)]
pub struct Booking {
    pub booking_id: BookingId,
    pub lot_id: LotId,
    pub spot_id: SpotId,
    pub start: Timestamp,
}

impl Booking {
    fn window(&self) -> Window {
        let end = self.start + SignedDuration::from_hours(1);
        Window { start_time: Some(to_proto(self.start)), end_time: Some(to_proto(end)) }
    }

    fn summary(&self, state: BookingState, version: i64) -> Option<booking::BookingSummary> {
        Some(booking::BookingSummary {
            booking_id: self.booking_id.to_string(),
            lot_id: self.lot_id.to_string(),
            spot_id: self.spot_id.to_string(),
            window: Some(self.window()),
            state: i32::from(state),
            version,
            ..Default::default()
        })
    }

    pub fn live(&self, state: BookingState, version: i64) -> booking::LiveWindow {
        booking::LiveWindow {
            booking_id: self.booking_id.to_string(),
            spot_id: self.spot_id.to_string(),
            window: Some(self.window()),
            state: i32::from(state),
            version,
            hold_expire_time: None,
            ..Default::default()
        }
    }

    pub fn held(&self, version: i64, until: Timestamp) -> booking::BookingHeld {
        booking::BookingHeld {
            lot_id: self.lot_id.to_string(),
            version,
            booking: self.summary(BookingState::Held, version),
            hold_expire_time: Some(to_proto(until)),
        }
    }

    pub fn reserved(&self, version: i64) -> booking::BookingReserved {
        let booking = self.summary(BookingState::Reserved, version);
        let lot_id = self.lot_id.to_string();
        booking::BookingReserved { lot_id, version, booking, ..Default::default() }
    }

    pub fn activated(&self, version: i64) -> booking::BookingActivated {
        let booking = self.summary(BookingState::Active, version);
        let lot_id = self.lot_id.to_string();
        booking::BookingActivated { lot_id, version, booking, ..Default::default() }
    }

    pub fn cancelled(&self, version: i64) -> booking::BookingCancelled {
        let booking = self.summary(BookingState::Cancelled, version);
        let lot_id = self.lot_id.to_string();
        booking::BookingCancelled { lot_id, version, booking, ..Default::default() }
    }
}

pub fn occupied(lot_id: LotId, spot_id: SpotId, version: i64) -> sensor::SpotOccupied {
    let (lot_id, spot_id) = (lot_id.to_string(), spot_id.to_string());
    sensor::SpotOccupied { lot_id, spot_id, version, ..Default::default() }
}

pub fn vacated(lot_id: LotId, spot_id: SpotId, version: i64) -> sensor::SpotVacated {
    let (lot_id, spot_id) = (lot_id.to_string(), spot_id.to_string());
    sensor::SpotVacated { lot_id, spot_id, version, ..Default::default() }
}

pub fn silent(lot_id: LotId, spot_id: SpotId, version: i64) -> sensor::SensorSilent {
    let (lot_id, spot_id) = (lot_id.to_string(), spot_id.to_string());
    sensor::SensorSilent { lot_id, spot_id, version, ..Default::default() }
}
