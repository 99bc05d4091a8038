//! EndSession.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::failpoint;

use super::deed::{at_now, request_of};
use super::{cause, reach};
use crate::app::App;
use crate::domain::booking::Command;
use crate::error::Error;

impl App {
    /// Ends a session: the driver, or a kiosk or the operator of the lot. A session that has ended
    /// already, because the sensor was faster, is answered with as it stands.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn end_session(
        &self,
        caller: &Caller,
        request: proto::EndSessionRequest,
    ) -> Result<proto::EndSessionResponse, Error> {
        let key = request_of(caller, &request.request_id, "EndSession", &request)?;
        let found = self.within(&request.booking_id, &reach(caller)).await?;
        let cause = cause(caller);
        let leave = at_now(move |now| Command::Leave(now, cause));
        let booking = self.deed(caller, &key, found.booking.booking_id, leave).await?;
        failpoint::hit("booking.end.committed");
        Ok(proto::EndSessionResponse { booking: Some(booking) })
    }
}
