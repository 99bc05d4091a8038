//! Batches of an import: messages into floors and spots to be made.

use std::collections::HashMap;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::import_spots_request::Batch;
use parkmesh_contracts::ids::{FloorId, LotId, SpotId};
use parkmesh_contracts::validate::MAX_VIOLATIONS;
use parkmesh_platform::fault::invalid;

use super::inventory::{check_text, none_found};
use crate::domain::inventory::{Floor, NewSpot, Spot};
use crate::error::Error;

/// Checks what the rules of the proto cannot say of a batch: texts, numbers asked for twice, and that
/// there is something in it.
///
/// # Errors
/// [`Error::Invalid`] that names each row which cannot be.
pub fn check_batch(batch: &Batch) -> Result<(), Error> {
    let mut found = Vec::new();
    if batch.floors.is_empty() && batch.spots.is_empty() {
        found.push(invalid("batch", "must not be empty"));
    }
    let mut floors = HashMap::new();
    for (index, floor) in batch.floors.iter().enumerate() {
        check_text(format!("batch.floors[{index}].name"), &floor.name, &mut found);
        if let Some(first) = floors.insert(floor.floor_number, index) {
            let field = format!("batch.floors[{index}].floor_number");
            found.push(invalid(field, format!("repeats the number of floors[{first}]")));
        }
    }
    let mut spots = HashMap::new();
    for (index, spot) in batch.spots.iter().enumerate() {
        let number = spot.spot.as_ref().map(|spot| spot.spot_number.as_str()).unwrap_or_default();
        let field = format!("batch.spots[{index}].spot.spot_number");
        check_text(field.clone(), number, &mut found);
        if let Some(first) = spots.insert(number, index) {
            found.push(invalid(field, format!("repeats the number of spots[{first}]")));
        }
    }
    found.truncate(MAX_VIOLATIONS);
    none_found(found)
}

/// A floor of an import, under this id.
pub fn floor(new: &proto::NewFloor, floor_id: FloorId, lot_id: LotId) -> Floor {
    Floor {
        floor_id,
        lot_id,
        floor_number: new.floor_number,
        name: new.name.clone(),
        plan_width: new.plan_width,
        plan_height: new.plan_height,
        version: 1,
    }
}

/// The spots of a batch on the floors that the lot has.
///
/// # Errors
/// The rows whose floor the lot has not.
pub fn spots(
    rows: &[proto::ImportedSpot],
    floors: &[Floor],
    lot_id: LotId,
    mut next: impl FnMut() -> SpotId,
) -> Result<Vec<Spot>, Vec<String>> {
    let floors: HashMap<i32, FloorId> =
        floors.iter().map(|floor| (floor.floor_number, floor.floor_id)).collect();
    let (mut made, mut missing) = (Vec::with_capacity(rows.len()), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        match floors.get(&row.floor_number) {
            Some(floor_id) => {
                let new = NewSpot::from(row.spot.clone().unwrap_or_default());
                made.push(new.make(next(), lot_id, *floor_id));
            }
            None => missing.push(format!("spots[{index}]")),
        }
    }
    if missing.is_empty() { Ok(made) } else { Err(missing) }
}
