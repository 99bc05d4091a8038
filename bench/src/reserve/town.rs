//! A lot with spots, free of charge, and drivers who hold them over gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::booking::v1::hold_spot_request::Choice;
use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::common::v1::{SpotType, Window};
use parkmesh_contracts::google::r#type::Money;
use parkmesh_contracts::time::to_proto;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::fault::reason_of;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use super::house::House;
use crate::Failure;

/// Spots that one call makes.
const BATCH: u32 = 1_000;
/// Connections to each replica.
const CONNECTIONS: usize = 4;
/// Hours over which windows are spread: nearly a year.
const HOURS: u64 = 8_000;
/// A step through the hours that reaches each of them before it repeats, and leaves none beside the last.
const HOUR_STEP: u64 = 4_801;
const SPOT_STEP: u64 = 7_919;
/// A client that is told to come again does so, this often.
const TRIES_MAX: u32 = 10;

/// How long an app waits before it asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// What one driver was told in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Held.
    Held,
    /// Refused for this reason.
    No(String),
    /// Something that is no refusal.
    Wrong(Code),
}

/// One call with its tries.
#[derive(Debug, Clone)]
pub struct Call {
    pub asked: Duration,
    pub answered: Duration,
    pub told: Told,
    pub tries: u32,
    /// Everything that was told before the last answer.
    pub before: Vec<Told>,
}

/// What a town consists of.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Lots whose spots are asked for by name.
    pub lots: u32,
    /// Spots of each of them.
    pub spots_each: u32,
    /// Spots of the lot that pools are asked of.
    pub pool_spots: u32,
}

impl Size {
    /// One lot of each kind, with as many spots.
    pub fn of(spots: u32) -> Self {
        Self { lots: 1, spots_each: spots, pool_spots: spots }
    }
}

/// Lots and all who want their spots.
pub struct Town {
    /// The lot that pools are asked of. Nobody asks for a spot of it by name.
    pub lot_id: String,
    pub spots: Vec<String>,
    lines: Vec<BookingServiceClient<Channel>>,
    drivers: Vec<MetadataValue<Ascii>>,
    next_line: AtomicUsize,
    next_wish: AtomicU64,
    zero: i64,
    begin: Instant,
}

impl Town {
    /// Makes the lots, and tokens for so many drivers.
    pub async fn make(house: &House, size: Size, drivers: usize) -> Result<Arc<Self>, Failure> {
        let mut lines = Vec::new();
        for address in house.addresses() {
            for _connection in 0..CONNECTIONS {
                let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
                let channel = endpoint.tcp_nodelay(true).connect().await?;
                lines.push(BookingServiceClient::new(channel));
            }
        }
        let bearer = |number| -> Result<MetadataValue<Ascii>, Failure> {
            Ok(format!("Bearer {}", house.driver(&format!("driver-{number}"))?).parse()?)
        };
        let drivers = (0..drivers).map(bearer).collect::<Result<_, _>>()?;
        Self::of(house, size, lines, drivers).await
    }

    /// The same drivers, who have the tokens that they had, in lots in which nobody holds anything.
    pub async fn anew(&self, house: &House, size: Size) -> Result<Arc<Self>, Failure> {
        Self::of(house, size, self.lines.clone(), self.drivers.clone()).await
    }

    async fn of(
        house: &House,
        size: Size,
        lines: Vec<BookingServiceClient<Channel>>,
        drivers: Vec<MetadataValue<Ascii>>,
    ) -> Result<Arc<Self>, Failure> {
        let mut spots = Vec::new();
        for _lot in 0..size.lots {
            spots.extend(make_lot(house, size.spots_each).await?.1);
        }
        let (lot_id, _its_spots) = make_lot(house, size.pool_spots).await?;
        // From the next full hour but one.
        let zero = (Clock::system().now().as_second() / 3_600 + 2) * 3_600;
        Ok(Arc::new(Self {
            lot_id,
            spots,
            lines,
            drivers,
            next_line: AtomicUsize::new(0),
            next_wish: AtomicU64::new(0),
            zero,
            begin: Instant::now(),
        }))
    }

    /// Since the town was made.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Wishes so far.
    pub fn wishes(&self) -> u64 {
        self.next_wish.load(Ordering::Relaxed)
    }

    /// A wish that crosses no other: the next driver, some spot, some hour.
    pub fn next_wish(&self) -> (usize, proto::HoldSpotRequest) {
        let number = self.next_wish.fetch_add(1, Ordering::Relaxed);
        let spots = self.spots.len() as u64;
        let spot = (number.wrapping_mul(SPOT_STEP) % spots) as usize;
        let hour = (number / spots).wrapping_mul(HOUR_STEP).wrapping_add(number * 13) % HOURS;
        (number as usize % self.drivers.len(), self.spot(spot, hour))
    }

    /// A wish for a spot, at an hour counted from the begin of the bench.
    pub fn spot(&self, spot: usize, hour: u64) -> proto::HoldSpotRequest {
        let spot_id = self.spots[spot % self.spots.len()].clone();
        self.wish(Choice::Spot(proto::SpotChoice { spot_id, spot_version: 0 }), hour)
    }

    /// A wish for any regular spot.
    pub fn pool(&self, hour: u64) -> proto::HoldSpotRequest {
        let choice = proto::PoolChoice {
            lot_id: self.lot_id.clone(),
            spot_type: SpotType::Regular.into(),
            preferred_floor_id: String::new(),
        };
        self.wish(Choice::Pool(choice), hour)
    }

    fn wish(&self, choice: Choice, hour: u64) -> proto::HoldSpotRequest {
        let start = self.zero + i64::try_from(hour % HOURS).unwrap_or(0) * 3_600;
        let at = |seconds| Some(to_proto(Timestamp::from_second(seconds).unwrap_or_default()));
        proto::HoldSpotRequest {
            request_id: crate::lab::new_id().to_string(),
            choice: Some(choice),
            window: Some(Window { start_time: at(start), end_time: at(start + 3_600) }),
            plate: "B-PM 1".to_owned(),
            disability_permit: false,
        }
    }

    /// One connection to a replica.
    pub fn line(&self, replica: usize) -> BookingServiceClient<Channel> {
        self.lines[replica * CONNECTIONS % self.lines.len()].clone()
    }

    /// The call of a driver.
    pub fn request<T>(&self, driver: usize, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = self.drivers[driver % self.drivers.len()].clone();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    /// Calls as a driver's app does: told that it is crowded or late, it asks again under the same id.
    pub async fn call(&self, driver: usize, wish: proto::HoldSpotRequest) -> Call {
        let line = self.next_line.fetch_add(1, Ordering::Relaxed) % self.lines.len();
        let mut line = self.lines[line].clone();
        let (asked, mut before, mut tries) = (self.elapsed(), Vec::new(), 0);
        loop {
            tries += 1;
            let request = self.request(driver, wish.clone());
            let (told, again) = match line.hold_spot(request).await {
                Ok(_) => (Told::Held, false),
                Err(status) => told_by(&status),
            };
            if again && tries < TRIES_MAX {
                before.push(told);
                crate::pause(AGAIN_AFTER).await;
                continue;
            }
            return Call { asked, answered: self.elapsed(), told, tries, before };
        }
    }
}

/// What the driver is told, and whether an app asks again.
fn told_by(status: &tonic::Status) -> (Told, bool) {
    let reason = reason_of(status).unwrap_or_default();
    match status.code() {
        Code::Aborted if reason == "STORE_BUSY" => (Told::No(reason), true),
        Code::Unavailable | Code::DeadlineExceeded => (Told::Wrong(status.code()), true),
        Code::FailedPrecondition | Code::Aborted | Code::ResourceExhausted => {
            (Told::No(reason), false)
        }
        code => (Told::Wrong(code), false),
    }
}

/// Calls until there is an answer: on a busy machine a call may pass its deadline, and the same request
/// gets the same answer.
macro_rules! insist {
    ($client:ident . $call:ident ($request:expr)) => {{
        let (request, mut tries) = ($request, 0);
        loop {
            tries += 1;
            match $client.$call(request.clone()).await {
                Ok(answer) => break answer.into_inner(),
                Err(status) if tries < TRIES_MAX && told_by(&status).1 => {
                    crate::pause(AGAIN_AFTER).await;
                }
                Err(status) => return Err(status.into()),
            }
        }
    }};
}

async fn make_lot(house: &House, spots: u32) -> Result<(String, Vec<String>), Failure> {
    let address = house.addresses().next().ok_or("no replica")?.to_owned();
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    let bearer: MetadataValue<Ascii> = format!("Bearer {}", house.operator()?).parse()?;
    let mut operator =
        InventoryServiceClient::with_interceptor(channel, move |mut call: Request<()>| {
            call.metadata_mut().insert("authorization", bearer.clone());
            Ok(call)
        });
    let free = Money { currency_code: "EUR".to_owned(), units: 0, nanos: 0 };
    let lot = insist!(operator.create_lot(proto::CreateLotRequest {
        request_id: crate::lab::new_id().to_string(),
        name: "Bench".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        hourly_rate: Some(free),
        policy: Some(proto::LotPolicy {
            hold_ttl_seconds: 3_600,
            max_holds_per_user: 100,
            // Few drivers make all the holds, and pay for none.
            unpaid_holds_per_hour: 100_000_000,
            ..Default::default()
        }),
        ..Default::default()
    }));
    let lot_id = lot.lot.ok_or("no lot")?.lot_id;
    let floor = insist!(operator.create_floor(proto::CreateFloorRequest {
        request_id: crate::lab::new_id().to_string(),
        lot_id: lot_id.clone(),
        floor_number: 0,
        name: "Level 0".to_owned(),
        plan_width: 100.0,
        plan_height: 100.0,
    }));
    let floor_id = floor.floor.ok_or("no floor")?.floor_id;
    let mut made = Vec::new();
    for from in (0..spots).step_by(BATCH as usize) {
        let new = (from..spots.min(from + BATCH)).map(|number| proto::NewSpot {
            spot_number: format!("A{number:06}"),
            spot_type: SpotType::Regular.into(),
            ..Default::default()
        });
        let batch = insist!(operator.batch_create_spots(proto::BatchCreateSpotsRequest {
            request_id: crate::lab::new_id().to_string(),
            floor_id: floor_id.clone(),
            spots: new.collect(),
        }));
        made.extend(batch.spots.into_iter().map(|spot| spot.spot_id));
    }
    Ok((lot_id, made))
}
