//! ReserveTicket: of an allotment's numbers the lowest that is free.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::UserId;

use crate::app::App;
use crate::convert::booking::ticket;
use crate::convert::inventory::id;
use crate::error::Error;
use crate::store::replay::Request;

impl App {
    /// Keeps a ticket while the driver decides.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn reserve_ticket(
        &self,
        user_id: &UserId,
        request: proto::ReserveTicketRequest,
    ) -> Result<proto::ReserveTicketResponse, Error> {
        let allotment_id = id("allotment_id", &request.allotment_id)?;
        let allotment = self.known.allotment(&self.pool, allotment_id).await?;
        let wanted = ticket(&request, allotment.window)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(user_id, request_id, "ReserveTicket", &request);
        let booking = self.hold(&key, &wanted).await?;
        Ok(proto::ReserveTicketResponse { booking: Some(booking) })
    }
}
