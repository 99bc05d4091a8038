//! What documents need beside the picture: what operators say of their lots, where spots are, what happened lately. Fed with the
//! same snapshots and facts as the picture; a lot that is not here yet is in no document.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::{LotId, SpotId};
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::time::from_proto;
use parkmesh_eventbus::Delivered;
use parkmesh_platform::clock::Clock;
use prost::Message;

use super::events::{Event, Kind, Log};
use super::view::Listing;
use crate::domain::places::Point;

/// All that is known.
#[derive(Debug)]
pub struct Directory {
    clock: Clock,
    known: RwLock<Known>,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Known {
    /// Of lots.
    pub lots: HashMap<LotId, Listing>,
    /// Of spots that were surveyed.
    pub spots: HashMap<SpotId, Point>,
    /// Of the last day.
    pub log: Log,
}

impl Directory {
    /// Knows nothing yet.
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), known: RwLock::default() }
    }

    /// All that is known now.
    pub fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a snapshot of the inventory in.
    pub fn take(&self, lots: &[booking::Lot], spots: &[booking::Spot]) {
        for lot in lots {
            self.put_lot(lot);
        }
        for spot in spots {
            self.put_spot(spot);
        }
    }

    /// Takes a fact in; those that tell of something else pass.
    pub fn hear(&self, fact: &Delivered) {
        match fact.fact_type.as_str() {
            booking::InventoryChanged::TYPE => {
                let told = booking::InventoryChanged::decode(fact.body.as_ref()).ok();
                told.and_then(|told| told.lot).iter().for_each(|lot| self.put_lot(lot));
            }
            booking::SpotStateChanged::TYPE => {
                let told = booking::SpotStateChanged::decode(fact.body.as_ref()).ok();
                told.and_then(|told| told.spot).iter().for_each(|spot| self.put_spot(spot));
            }
            _ => {
                if let Some(event) = event(fact) {
                    self.write().log.note(event);
                }
            }
        }
    }

    /// Facts may be missing.
    pub fn forget_events(&self) {
        self.write().log.forget();
    }

    fn put_lot(&self, lot: &booking::Lot) {
        let Ok(lot_id) = LotId::parse(&lot.lot_id) else { return };
        let known = self.read().lots.get(&lot_id).map(|known| known.version);
        // What is known stays as old as it is.
        if known.is_some_and(|version| version >= lot.version) {
            return;
        }
        let opening = lot.opening_hours.iter().map(|span| {
            let day = u8::try_from(span.weekday - 1).unwrap_or_default();
            (day, span.open_minute, span.close_minute)
        });
        let listing = Listing {
            name: lot.name.clone(),
            address: lot.address.clone(),
            place: Point { latitude: lot.latitude, longitude: lot.longitude },
            time_zone: lot.time_zone.clone(),
            opening: opening.collect(),
            told: self.clock.now(),
            version: lot.version,
        };
        self.write().lots.insert(lot_id, listing);
    }

    fn put_spot(&self, spot: &booking::Spot) {
        let Ok(spot_id) = SpotId::parse(&spot.spot_id) else { return };
        let point = Point { latitude: spot.latitude, longitude: spot.longitude };
        let nowhere = point == Point { latitude: 0.0, longitude: 0.0 };
        let known = self.read().spots.get(&spot_id).copied();
        match (nowhere, known) {
            (true, None) => {}
            (true, Some(_)) => drop(self.write().spots.remove(&spot_id)),
            (false, known) if known == Some(point) => {}
            (false, _) => drop(self.write().spots.insert(spot_id, point)),
        }
    }
}

/// What a sensor's fact tells of cars.
fn event(fact: &Delivered) -> Option<Event> {
    let (kind, spot_id, since) = match fact.fact_type.as_str() {
        sensor::SpotOccupied::TYPE => {
            let told = sensor::SpotOccupied::decode(fact.body.as_ref()).ok()?;
            (Kind::ParkStart, told.spot_id, told.change_time)
        }
        sensor::SpotVacated::TYPE => {
            let told = sensor::SpotVacated::decode(fact.body.as_ref()).ok()?;
            (Kind::ParkEnd, told.spot_id, told.change_time)
        }
        sensor::SensorSilent::TYPE => {
            (Kind::Lost, sensor::SensorSilent::decode(fact.body.as_ref()).ok()?.spot_id, None)
        }
        sensor::SensorRecovered::TYPE => {
            let told = sensor::SensorRecovered::decode(fact.body.as_ref()).ok()?;
            (Kind::Restored, told.spot_id, None)
        }
        _ => return None,
    };
    Some(Event {
        event_id: fact.fact_id.to_string(),
        kind,
        lot_id: fact.lot_id.clone(),
        spot_id,
        time: since.and_then(|since| from_proto(&since).ok()).unwrap_or(fact.time),
        told: fact.time,
    })
}
