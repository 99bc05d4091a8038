//! What the writes of operators have in common: facts and the record, in the transaction of the write.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::ids::LotId;
use parkmesh_eventbus::outbox;
use parkmesh_platform::ids::Ids;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Operator;
use crate::app::App;
use crate::convert::inventory::{inventory_changed, spot_state_changed};
use crate::domain::audit::{Entry, Object};
use crate::domain::inventory::{FLOORS_MAX, Floor, Lot, Spot};
use crate::error::Error;
use crate::store::inventory::{floor, lot};
use crate::store::{audit, timeline};

/// A write under way: who does what, and when.
#[derive(Clone)]
pub struct Act {
    /// Where ids come from.
    pub ids: Ids,
    /// When.
    pub now: Timestamp,
    /// Who.
    pub operator: Operator,
    /// The RPC.
    pub action: &'static str,
}

/// One line of the record.
pub struct Line {
    /// The lot.
    pub lot_id: LotId,
    /// What was changed.
    pub object: (Object, Uuid),
    /// As it was.
    pub before: Option<Value>,
    /// As it is then.
    pub after: Option<Value>,
}

impl App {
    /// Begins a write.
    pub fn act(&self, operator: &Operator, action: &'static str) -> Act {
        Act { ids: self.ids.clone(), now: self.clock.now(), operator: operator.clone(), action }
    }
}

impl Act {
    /// Writes a locked lot with its version counted up, and tells it with all its floors. Returns it
    /// as it stands then.
    ///
    /// # Errors
    /// [`Error::FloorLimitReached`], or the store's.
    pub async fn count_lot(
        &self,
        connection: &mut PgConnection,
        stands: &Lot,
    ) -> Result<Lot, Error> {
        let lot = Lot { version: stands.version + 1, ..stands.clone() };
        lot::set_version(connection, lot.lot_id, lot.version).await?;
        self.tell_lot(connection, &lot).await?;
        Ok(lot)
    }

    /// Tells that a lot or its floors became this.
    ///
    /// # Errors
    /// [`Error::FloorLimitReached`], or the store's.
    pub async fn tell_lot(&self, connection: &mut PgConnection, lot: &Lot) -> Result<(), Error> {
        tell(connection, &self.ids, self.now, lot).await
    }

    /// Tells that spots became these.
    ///
    /// # Errors
    /// The store's.
    pub async fn tell_spots(
        &self,
        connection: &mut PgConnection,
        spots: &[Spot],
    ) -> Result<(), Error> {
        timeline::sign(connection, Cause::Operator, Some(&self.operator.subject)).await?;
        let facts: Vec<outbox::Row> = spots
            .iter()
            .map(|spot| {
                let fact = spot_state_changed(spot);
                outbox::Row::of(&self.ids, self.now, spot.spot_id.into(), spot.version, &fact)
            })
            .collect();
        Ok(outbox::append(connection, &facts).await?)
    }

    /// Puts lines on record.
    ///
    /// # Errors
    /// The store's.
    pub async fn note(&self, connection: &mut PgConnection, line: Line) -> Result<(), Error> {
        let (object, object_id) = line.object;
        let entry = Entry {
            entry_id: self.ids.next(),
            lot_id: line.lot_id,
            actor: self.operator.subject.clone(),
            action: self.action.to_owned(),
            object_type: object.word().to_owned(),
            object_id,
            before: line.before.map(|value| value.to_string()),
            after: line.after.map(|value| value.to_string()),
            create_time: self.now,
        };
        audit::append(connection, &entry).await
    }
}

/// Tells a locked lot with all its floors, under the version that it has.
///
/// # Errors
/// [`Error::FloorLimitReached`], or the store's.
pub(super) async fn tell(
    connection: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    lot: &Lot,
) -> Result<(), Error> {
    let floors: Vec<Floor> = floor::list(&mut *connection, lot.lot_id).await?;
    if floors.len() > FLOORS_MAX {
        return Err(Error::FloorLimitReached(FLOORS_MAX));
    }
    let fact = inventory_changed(lot, &floors);
    let fact = outbox::Row::of(ids, now, lot.lot_id.into(), lot.version, &fact);
    Ok(outbox::append(connection, &[fact]).await?)
}
