//! EndSession.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::postgres::transaction;

use super::{again, carry_out, cause, reach, remember, sign};
use crate::app::App;
use crate::convert::inventory::id;
use crate::domain::booking::Command;
use crate::error::Error;
use crate::store::booking::{self as store, read};
use crate::store::replay::{self, Request};

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
        let booking_id = id("booking_id", &request.booking_id)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&caller.subject, request_id, "EndSession", &request);
        let found = read::find(&self.pool, booking_id, &reach(caller)).await?;
        found.ok_or(Error::BookingNotFound)?;
        let cause = cause(caller);
        let answer = again(|| {
            let (ids, key) = (self.ids.clone(), key.clone());
            let caller = caller.clone();
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    let kept = store::lock(connection, booking_id).await?;
                    if let Some(before) = replay::find(connection, &key).await? {
                        return Ok(before);
                    }
                    let now = store::now(&mut *connection).await?;
                    let command = Command::Leave(now, cause);
                    sign(connection, &caller).await?;
                    let booking = carry_out(connection, &ids, &kept, &command, now).await?;
                    let response = proto::EndSessionResponse { booking: Some((&booking).into()) };
                    remember(connection, &key, &response, now).await?;
                    Ok(response)
                })
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}
