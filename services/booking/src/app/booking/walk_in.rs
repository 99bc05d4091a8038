//! StartWalkIn: a car that has not booked gets a spot, and its session begins.
//!
//! It is a booking like any other, kept by the same statement and paid for before it begins; only the
//! step from hold to session is one, because nobody waits for its car. So the facts are `held`, which
//! shows others that the spot is taken while the card is asked, and `activated`, from which payment
//! learns the stay and the driver that they are in. A `reserved` in between would tell the driver of a
//! booking that never was, and leave a reservation behind when the process dies between the two.
//!
//! The sensor may have seen the car before: a spot that is named may be occupied by it, one of a pool
//! may not be occupied at all. Or it sees it later, which changes nothing then.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::time::from_proto;
use parkmesh_contracts::window::Window;
use parkmesh_platform::auth::{Caller, Role};

use jiff::SignedDuration;

use super::confirm::Goal;
use super::deed::request_of;
use super::own;
use crate::app::App;
use crate::convert::booking::walk_in;
use crate::convert::inventory::id;
use crate::domain::booking::after;
use crate::domain::inventory::Lot;
use crate::error::Error;
use crate::store::replay::{self, Request};

impl App {
    /// Keeps a spot from now on, sets the money aside and starts the session.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn start_walk_in(
        &self,
        caller: &Caller,
        request: proto::StartWalkInRequest,
    ) -> Result<proto::StartWalkInResponse, Error> {
        let key = request_of(caller, &request.request_id, "StartWalkIn", &request)?;
        let goal = Goal::Session(caller.clone());
        // What began with another now, or was allowed then, is answered as it was.
        let started = replay::step(key.request_id, goal.step());
        let started = Request { request_id: started, ..key.clone() };
        if let Some(booking) = self.answered(&started).await? {
            return Ok(proto::StartWalkInResponse { booking: Some(booking) });
        }
        let lot = self.known.lot_anew(&self.pool, self.lot_of(&request).await?).await?;
        check_walk_in(caller, &lot)?;
        let wanted = walk_in(&request, self.window_from_now(&lot, &request)?)?;
        let (app, reach) = (self.clone(), own(caller));
        let starting = self.tasks.detached(async move {
            app.create(&reach, &key, &wanted, &request.payment_method, &goal).await
        });
        let started = starting.await.map_err(|error| Error::Broken(error.to_string()))??;
        Ok(proto::StartWalkInResponse { booking: started.booking })
    }

    async fn lot_of(&self, request: &proto::StartWalkInRequest) -> Result<LotId, Error> {
        use proto::start_walk_in_request::Choice;
        match &request.choice {
            Some(Choice::Spot(spot)) => self.lot_of_spot(&spot.spot_id).await,
            Some(Choice::Pool(pool)) => id("pool.lot_id", &pool.lot_id),
            None => Err(Error::field("choice", "is required")),
        }
    }

    /// From now to the end that is asked for, or as long as the lot says.
    fn window_from_now(
        &self,
        lot: &Lot,
        request: &proto::StartWalkInRequest,
    ) -> Result<Window, Error> {
        let now = self.clock.now();
        let wrong = |why: &str| Error::field("end_time", why);
        let end = match &request.end_time {
            Some(end) => from_proto(end).map_err(|error| wrong(&error.to_string()))?,
            None => {
                let seconds = lot.rules.resolved().walk_in_seconds;
                after(now, SignedDuration::from_secs(seconds.into()))
            }
        };
        Window::try_new(now, end).map_err(|_| wrong("must be in the future"))
    }
}

/// Who may let a car in there: a kiosk at its lot, an operator at an own one, a driver where the lot
/// says so.
fn check_walk_in(caller: &Caller, lot: &Lot) -> Result<(), Error> {
    let here = match caller.role {
        Role::Kiosk => caller.lots.contains(&lot.lot_id),
        Role::Operator => lot.operator_id == caller.subject && caller.may_act_at(lot.lot_id),
        _ if lot.rules.drive_up_allowed => caller.may_act_at(lot.lot_id),
        _ => return Err(Error::DriveUpNotAllowed),
    };
    if here { Ok(()) } else { Err(Error::LotNotFound) }
}
