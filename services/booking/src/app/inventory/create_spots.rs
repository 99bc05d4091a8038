//! BatchCreateSpots.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BatchCreateSpotsRequest, BatchCreateSpotsResponse};
use parkmesh_contracts::ids::FloorId;
use parkmesh_eventbus::outbox;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use crate::app::App;
use crate::convert::inventory::{id, new_spots, spot_state_changed};
use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::inventory::{floor, spot};
use crate::store::replay::{self, Request};

impl App {
    /// Makes up to 1,000 spots of one floor, all or none: one statement for the spots, one for
    /// their facts.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn batch_create_spots(
        &self,
        operator: &Operator,
        request: BatchCreateSpotsRequest,
    ) -> Result<BatchCreateSpotsResponse, Error> {
        let floor_id: FloorId = id("floor_id", &request.floor_id)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "BatchCreateSpots", &request);
        let new = new_spots(request.spots)?;
        // Floors are never changed and never go: this needs no lock.
        let floor = floor::get_own(&self.pool, floor_id, &operator.subject).await?;
        let lot_id = floor.lot_id;
        if !operator.may_act_at(lot_id) {
            return Err(Error::FloorNotFound);
        }
        let spots: Vec<Spot> =
            new.into_iter().map(|new| new.make(self.ids.next(), lot_id, floor_id)).collect();
        let now = self.clock.now();
        let facts: Vec<outbox::Row> = spots
            .iter()
            .map(|spot| {
                let fact = spot_state_changed(spot);
                outbox::Row::of(&self.ids, now, spot.spot_id.into(), spot.version, &fact)
            })
            .collect();
        let response =
            BatchCreateSpotsResponse { spots: spots.iter().map(proto::Spot::from).collect() };
        let numbers: Vec<String> = spots.iter().map(|spot| spot.spot_number.clone()).collect();
        let outcome = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::claim(connection, &key, &response, now).await? {
                    return Ok(before);
                }
                spot::insert_all(&mut *connection, &spots, now).await?;
                outbox::append(connection, &facts).await?;
                Ok::<_, Error>(response)
            })
        })
        .await;
        match outcome {
            Ok(answer) => {
                self.relay.wake();
                Ok(answer)
            }
            Err(Error::SpotNumberTaken(_)) => {
                let taken = spot::taken(&self.pool, lot_id, &numbers).await?;
                Err(Error::SpotNumberTaken(taken))
            }
            Err(other) => Err(other),
        }
    }
}
