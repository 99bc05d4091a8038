//! The drivers who book: through the gateway, each with a token of its own, as their apps would.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::booking::v1::{
    CheckInRequest, ConfirmBookingRequest, HoldSpotRequest, SpotChoice, check_in_request,
    hold_spot_request,
};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::time::to_proto;
use parkmesh_platform::auth::{Claims, Issuer, Role};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::fault::reason_of;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::Semaphore;
use tonic::transport::Channel;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::Failure;
use crate::client::{Gateway, lasting, over};

/// Drivers, who come again and again.
const DRIVERS: u32 = 400;
/// Calls at once.
const CALLS_MAX: usize = 64;
/// How long a token holds, in seconds: longer than a moved clock reaches.
const TOKEN_SECONDS: u32 = 30 * 24 * 3_600;
/// A card that works.
const CARD: &str = "pm_card_ok";
/// Times that a call is made whose outcome nobody knows.
const TRIES_MAX: u32 = 6;
const TRY_WAIT: Duration = Duration::from_millis(300);

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is being asked for.
    Asked,
    /// It stands.
    Booked(String),
    /// It does not, for this reason.
    Refused(String),
}

/// What somebody wants to book.
pub struct Wish {
    /// The visit.
    pub visit: u32,
    /// The spot.
    pub spot_id: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// All who book.
pub struct Drivers {
    channel: Channel,
    issuer: Issuer,
    ids: Ids,
    tasks: Tasks,
    room: Arc<Semaphore>,
    ways: BTreeMap<u32, Gateway>,
    told: Arc<Mutex<BTreeMap<u32, Told>>>,
}

impl Drivers {
    /// Those who may get tokens with the key in this home.
    pub fn new(gateway: &str, home: &Path, tasks: &Tasks) -> Result<Self, Failure> {
        let key = home.join("keys/issuer.pem");
        if !key.exists() {
            let key = key.display();
            return Err(format!("drivers who book need the issuer's key, {key}").into());
        }
        let ids = Ids::random();
        Ok(Self {
            channel: lasting(gateway)?,
            issuer: Issuer::open(&key, &Clock::system(), &ids)?,
            ids,
            tasks: tasks.clone(),
            room: Arc::new(Semaphore::new(CALLS_MAX)),
            ways: BTreeMap::new(),
            told: Arc::default(),
        })
    }

    /// Holds and confirms, while the simulation goes on.
    pub fn book(&mut self, wish: Wish) -> Result<(), Failure> {
        let mut client = BookingServiceClient::new(self.way(wish.visit)?);
        let (told, room) = (Arc::clone(&self.told), Arc::clone(&self.room));
        let (tasks, ids) = (self.tasks.clone(), self.ids.clone());
        note(&told, wish.visit, Told::Asked);
        self.tasks.spawn("driver-books", async move {
            let _turn = room.acquire().await;
            let outcome = book(&mut client, &wish, &ids, &tasks).await;
            let outcome = match outcome {
                Ok(booking_id) => Told::Booked(booking_id),
                Err(status) => Told::Refused(why(&status)),
            };
            note(&told, wish.visit, outcome);
        });
        Ok(())
    }

    /// Tells that the car is there; whoever has no booking has nothing to tell.
    pub fn check_in(&mut self, visit: u32) -> Result<(), Failure> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).get(&visit).cloned();
        let Some(Told::Booked(booking_id)) = told else { return Ok(()) };
        let mut client = BookingServiceClient::new(self.way(visit)?);
        let request = CheckInRequest {
            request_id: self.ids.next::<Uuid>().to_string(),
            key: Some(check_in_request::Key::BookingId(booking_id)),
        };
        let room = Arc::clone(&self.room);
        self.tasks.spawn("driver-checks-in", async move {
            let _turn = room.acquire().await;
            // The sensor may have been faster, or the booking may be gone: both are told at the end.
            let _outcome = client.check_in(request).await;
        });
        Ok(())
    }

    /// What became of all wishes, by visit.
    pub fn told(&self) -> BTreeMap<u32, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn way(&mut self, visit: u32) -> Result<Gateway, Failure> {
        let driver = visit % DRIVERS;
        if let Some(way) = self.ways.get(&driver) {
            return Ok(way.clone());
        }
        let claims = Claims::new(format!("simulated-{driver}"), Role::Driver, TOKEN_SECONDS);
        let way = over(self.channel.clone(), &self.issuer.mint(&claims)?)?;
        self.ways.insert(driver, way.clone());
        Ok(way)
    }
}

fn note(told: &Mutex<BTreeMap<u32, Told>>, visit: u32, what: Told) {
    told.lock().unwrap_or_else(PoisonError::into_inner).insert(visit, what);
}

async fn book(
    client: &mut BookingServiceClient<Gateway>,
    wish: &Wish,
    ids: &Ids,
    tasks: &Tasks,
) -> Result<String, Status> {
    let choice = SpotChoice { spot_id: wish.spot_id.clone(), spot_version: 0 };
    let window =
        Window { start_time: Some(to_proto(wish.from)), end_time: Some(to_proto(wish.to)) };
    let request = HoldSpotRequest {
        request_id: ids.next::<Uuid>().to_string(),
        choice: Some(hold_spot_request::Choice::Spot(choice)),
        window: Some(window),
        ..Default::default()
    };
    let held = patiently(tasks, client, |mut client| {
        let request = request.clone();
        async move { client.hold_spot(request).await }
    });
    let booking = held.await?.into_inner().booking.unwrap_or_default();
    let request = ConfirmBookingRequest {
        request_id: ids.next::<Uuid>().to_string(),
        booking_id: booking.booking_id.clone(),
        payment_method: CARD.to_owned(),
    };
    let confirmed = patiently(tasks, client, |mut client| {
        let request = request.clone();
        async move { client.confirm_booking(request).await }
    });
    confirmed.await?;
    Ok(booking.booking_id)
}

/// Calls again, with the same id, while nobody knows what became of it.
async fn patiently<T, Fut>(
    tasks: &Tasks,
    client: &BookingServiceClient<Gateway>,
    call: impl Fn(BookingServiceClient<Gateway>) -> Fut,
) -> Result<T, Status>
where
    Fut: Future<Output = Result<T, Status>>,
{
    let mut tries = 1;
    loop {
        match call(client.clone()).await {
            Err(status) if tries < TRIES_MAX && is_unknown(&status) => {
                tries += 1;
                tasks.sleep(TRY_WAIT).await;
            }
            outcome => return outcome,
        }
    }
}

fn is_unknown(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Unknown)
        || reason_of(status).is_some_and(|reason| reason == "PAYMENT_UNKNOWN")
}

fn why(status: &Status) -> String {
    reason_of(status).unwrap_or_else(|| format!("{:?}", status.code()))
}
