//! EraseUser and GetErasure: a person is no longer known; what they booked and paid is.
//!
//! Booking erases in the transaction that tells the others by a fact; each of them answers with one of
//! its own when its erasure is committed. Bookings keep their lot, window, price and story under a
//! pseudonym that follows from nothing. Whoever has a booking that lives is refused: somebody's car may
//! stand there, and money is set aside.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::erasure::Erasure;
use parkmesh_contracts::ids::{ErasureId, FactId, LotId, UserId};
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::{inbox, outbox};
use parkmesh_platform::auth::{Caller, Role};
use parkmesh_platform::postgres::transaction;
use uuid::Uuid;

use super::booking::again;
use crate::app::App;
use crate::convert::inventory::id;
use crate::error::Error;
use crate::events;
use crate::store::erasure::{self as store, Standing};
use crate::store::replay::{self, Request};

/// Ourselves, as the steps of an erasure name us.
const OWN: &str = "booking";
/// Who else holds personal data, and tells when it is erased.
pub const FOLLOWERS: [&str; 2] = ["notification", "payment"];

impl App {
    /// Erases a person here, and tells the others.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn erase_user(
        &self,
        caller: &Caller,
        request: proto::EraseUserRequest,
    ) -> Result<proto::EraseUserResponse, Error> {
        let user_id = user_of(caller, &request)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&caller.subject, request_id, "EraseUser", &request);
        let answer = again(|| {
            let (ids, now, caller) = (self.ids.clone(), self.clock.now(), caller.clone());
            let (key, user_id) = (key.clone(), user_id.clone());
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    let (erasure_id, pseudonym) = (ids.next(), random(&ids));
                    let done = [(OWN.to_owned(), Some(now))];
                    let open = FOLLOWERS.map(|service| (service.to_owned(), None));
                    let steps: Vec<_> = done.into_iter().chain(open).collect();
                    let erasure = Some(message(erasure_id, now, &steps));
                    let answer = proto::EraseUserResponse { erasure };
                    if let Some(before) = replay::claim(connection, &key, &answer, now).await? {
                        return Ok(before);
                    }
                    let lots: Vec<Uuid> = caller.lots.iter().copied().map(LotId::as_uuid).collect();
                    let lots = (!lots.is_empty()).then_some(lots.as_slice());
                    let standing =
                        store::standing(connection, &user_id, &caller.subject, lots).await?;
                    check(user_id == caller.subject, &standing)?;
                    store::erase(connection, &user_id, &pseudonym, key.request_id).await?;
                    let services = (OWN, FOLLOWERS.as_slice());
                    store::insert(connection, erasure_id, &pseudonym, services, now).await?;
                    let erasure = Erasure { erasure_id, user_id, pseudonym };
                    let fact = events::user_erased(&ids, now, &erasure);
                    outbox::append(connection, &[fact]).await?;
                    Ok(answer)
                })
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }

    /// How far an erasure is.
    ///
    /// # Errors
    /// [`Error::ErasureNotFound`], or the store's.
    pub async fn get_erasure(
        &self,
        request: proto::GetErasureRequest,
    ) -> Result<proto::GetErasureResponse, Error> {
        let erasure_id = id("erasure_id", &request.erasure_id)?;
        let found = store::find(&self.pool, erasure_id).await?.ok_or(Error::ErasureNotFound)?;
        let (create_time, steps) = found;
        let erasure = Some(message(erasure_id, create_time, &steps));
        Ok(proto::GetErasureResponse { erasure })
    }

    /// Notes that a service has erased, once for each of its facts.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_erased(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        (erasure_id, service): (ErasureId, &'static str),
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let noted = inbox::once(&self.pool, consumer, fact_id, now, move |connection| {
            Box::pin(store::note(connection, erasure_id, service, now))
        });
        noted.await.map(drop)
    }
}

/// Whom the request means. Kiosks speak for nobody but whoever stands in front of them.
fn user_of(caller: &Caller, request: &proto::EraseUserRequest) -> Result<UserId, Error> {
    let named = match request.user_id.as_str() {
        "" => caller.subject.clone(),
        text => UserId::parse(text).map_err(|error| Error::field("user_id", error.to_string()))?,
    };
    let own = named == caller.subject;
    match caller.role {
        Role::Driver | Role::Guest if own => Ok(named),
        // That somebody is there is not told to others.
        Role::Driver | Role::Guest => Err(Error::UserNotFound),
        Role::Operator if !named.is_erased() => Ok(named),
        _ => Err(Error::OperatorRequired),
    }
}

/// An operator knows a user by bookings in own lots, and may not erase what is others' too.
fn check(own: bool, standing: &Standing) -> Result<(), Error> {
    if !own && (standing.own == 0 || standing.elsewhere > 0) {
        return Err(Error::UserNotFound);
    }
    if standing.live > 0 { Err(Error::UserHasLiveBookings(standing.live)) } else { Ok(()) }
}

/// A name that follows from nothing, not even from the time.
fn random(ids: &parkmesh_platform::ids::Ids) -> UserId {
    UserId::erased(uuid::Builder::from_random_bytes(ids.bytes()).into_uuid())
}

fn message(
    erasure_id: ErasureId,
    create_time: jiff::Timestamp,
    steps: &[(String, Option<jiff::Timestamp>)],
) -> proto::Erasure {
    let step = |(service, done): &(String, Option<jiff::Timestamp>)| proto::ErasureStep {
        service: service.clone(),
        done_time: done.map(to_proto),
    };
    proto::Erasure {
        erasure_id: erasure_id.to_string(),
        create_time: Some(to_proto(create_time)),
        steps: steps.iter().map(step).collect(),
    }
}
