//! What became of deliveries, and sending them once more.

use parkmesh_contracts::ids::{DeliveryId, LotId, RequestId};
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::postgres;

use super::App;
use crate::convert;
use crate::domain::Channel;
use crate::error::Error;
use crate::store::delivery::{Listed, Owner};
use crate::store::{self, replay};

impl App {
    /// A page of deliveries: the caller's own, or of a lot that the caller speaks for.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        lot_id: Option<LotId>,
        state: Option<&'static str>,
        below: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Listed>, Error> {
        let owner = match lot_id {
            None => Owner::User(caller.subject.clone()),
            Some(lot_id) if self.own_lots(caller).await?.contains(&lot_id) => Owner::Lot(lot_id),
            Some(_) => return Err(Error::LotNotFound),
        };
        Ok(store::delivery::list(&self.pool, &owner, state, below, limit).await?)
    }

    /// Sends a delivery once more.
    ///
    /// # Errors
    /// [`Error::DeliveryNotFound`], [`Error::RequestIdReused`], or the store's.
    pub async fn resend(
        &self,
        caller: &Caller,
        request_id: RequestId,
        delivery_id: DeliveryId,
        request: proto::ResendDeliveryRequest,
    ) -> Result<proto::ResendDeliveryResponse, Error> {
        let (app, user_id) = (self.clone(), caller.subject.clone());
        let sealer = self.config.sealer.clone();
        let lots = self.own_lots(caller).await?;
        let key = replay::Request::of(&sealer, &user_id, request_id, "ResendDelivery", &request);
        let response = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::find(connection, &sealer, &key).await? {
                    return Ok::<_, Error>(before);
                }
                let now = app.clock.now();
                let again =
                    store::delivery::again(connection, delivery_id, &user_id, &lots, now).await?;
                let delivery = convert::delivery(again.ok_or(Error::DeliveryNotFound)?);
                let response = proto::ResendDeliveryResponse { delivery: Some(delivery) };
                replay::keep(connection, &sealer, &key, &response, now).await?;
                Ok(response)
            })
        })
        .await?;
        Channel::ALL.into_iter().for_each(|channel| self.outgoing.wake(channel));
        Ok(response)
    }
}
