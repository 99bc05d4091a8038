//! BatchCreateSpots.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BatchCreateSpotsRequest, BatchCreateSpotsResponse};
use parkmesh_contracts::ids::FloorId;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use super::act::Line;
use crate::app::App;
use crate::convert::audit;
use crate::convert::inventory::{id, new_spots};
use crate::domain::audit::Object;
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
        // A floor never goes and never moves to another lot: this needs no lock.
        let floor = floor::get_own(&self.pool, floor_id, &operator.subject).await?;
        let lot_id = floor.lot_id;
        if !operator.may_act_at(lot_id) {
            return Err(Error::FloorNotFound);
        }
        let spots: Vec<Spot> =
            new.into_iter().map(|new| new.make(self.ids.next(), lot_id, floor_id)).collect();
        let act = self.act(operator, "BatchCreateSpots");
        let response =
            BatchCreateSpotsResponse { spots: spots.iter().map(proto::Spot::from).collect() };
        let numbers: Vec<String> = spots.iter().map(|spot| spot.spot_number.clone()).collect();
        let outcome = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::claim(connection, &key, &response, act.now).await? {
                    return Ok(before);
                }
                spot::insert_all(&mut *connection, &spots, act.now).await?;
                act.tell_spots(connection, &spots).await?;
                let object = (Object::Floor, floor_id.into());
                let after = Some(audit::spots_made(&spots));
                act.note(connection, Line { lot_id, object, before: None, after }).await?;
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
