//! A whole booking service with a database, streams and tokens of the test's own.

use parkmesh_booking::{Config, Deps, MIGRATIONS, start};
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::google::r#type::Money;
use parkmesh_contracts::ids::RequestId;
use parkmesh_eventbus::{Bus, Delivered};
use parkmesh_platform::channel::{Channel, ChannelConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Running;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{TestDatabase, Tokens, eventually, listener, recorded, test_bus};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{self, Endpoint};
use tonic::{Request, Status};

/// Where nobody listens: for tests that need no payment.
pub const NOBODY: &str = "http://127.0.0.1:1";

/// Adds a token to every call.
#[derive(Clone)]
pub struct Bearer(String);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.parse().unwrap());
        Ok(request)
    }
}

/// What HTTP/2 lets be on its way before it is read, where nobody says otherwise.
const STREAM_BYTES_MIN: u32 = 65_535;

fn endpoint_of(running: &Running) -> Endpoint {
    Endpoint::from_shared(format!("http://{}", running.addr)).unwrap()
}

/// A connection that carries a token.
pub type Line = InterceptedService<transport::Channel, Bearer>;
/// A client of InventoryService.
pub type Inventory = InventoryServiceClient<Line>;

/// The service and all that it stands on.
pub struct World {
    pub clock: Clock,
    pub ids: Ids,
    pub pool: PgPool,
    pub bus: Bus,
    pub tokens: Tokens,
    pub config: Config,
    running: Option<Running>,
    payment: Channel,
    tasks: Tasks,
    _database: TestDatabase,
}

impl World {
    /// Booking without a payment service.
    pub async fn start() -> Self {
        Self::with(NOBODY, Config::default()).await
    }

    /// Booking that calls payment at this address.
    pub async fn with(payment: &str, config: Config) -> Self {
        let (clock, ids) = (Clock::movable(), Ids::random());
        let tasks = Tasks::new(&clock);
        let database = TestDatabase::create("booking", &[&MIGRATIONS]).await;
        let pool = database.pool(&clock).await;
        let bus = test_bus(&clock, &ids).await;
        let tokens = Tokens::new(&clock, &ids);
        let payment = ChannelConfig::of("payment", payment);
        let payment = Channel::connect(&payment, tokens.service_token("booking"), &tasks).unwrap();
        let (running, _database) = (None, database);
        let mut world =
            Self { clock, ids, pool, bus, tokens, config, running, payment, tasks, _database };
        world.run().await;
        world
    }

    async fn deps(&self) -> Deps {
        Deps {
            listener: listener().await,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pool: self.pool.clone(),
            bus: self.bus.clone(),
            verifier: self.tokens.verifier(&self.tasks).await,
            payment: self.payment.clone(),
        }
    }

    async fn run(&mut self) {
        self.running = Some(start(self.config.clone(), self.deps().await).await.unwrap());
    }

    /// Another process of the same service, on the same data.
    pub async fn replica(&self) -> Running {
        start(self.config.clone(), self.deps().await).await.unwrap()
    }

    /// Stops the service and starts it anew with the same data. Clients must be made anew too.
    pub async fn restart(&mut self) {
        self.running.take().unwrap().stop().await;
        self.run().await;
    }

    /// A connection that carries this token.
    pub async fn line(&self, token: &str) -> Line {
        self.line_to(self.running.as_ref().unwrap(), token).await
    }

    /// A connection to this process that carries this token.
    pub async fn line_to(&self, running: &Running, token: &str) -> Line {
        let channel = endpoint_of(running).connect().await.unwrap();
        InterceptedService::new(channel, Bearer(format!("Bearer {token}")))
    }

    /// A client to which little is sent that it has not read: it is told of the rest when it reads on.
    pub async fn slow_inventory(&self, token: &str) -> Inventory {
        let endpoint = endpoint_of(self.running.as_ref().unwrap());
        let endpoint = endpoint.initial_stream_window_size(STREAM_BYTES_MIN);
        let channel = endpoint.connect().await.unwrap();
        let line = InterceptedService::new(channel, Bearer(format!("Bearer {token}")));
        InventoryServiceClient::new(line)
    }

    /// A client with this token.
    pub async fn inventory(&self, token: &str) -> Inventory {
        InventoryServiceClient::new(self.line(token).await)
    }

    /// A client of an operator who is bound to no lot.
    pub async fn operator(&self, name: &str) -> Inventory {
        self.inventory(&self.tokens.operator(name, [])).await
    }

    /// A client of a driver.
    pub async fn driver(&self, name: &str) -> Inventory {
        self.inventory(&self.tokens.driver(name)).await
    }

    /// All facts of BOOKING once `count` of them are published.
    pub async fn facts(&self, count: usize) -> Vec<Delivered> {
        let facts = eventually("facts on the stream", || async {
            let sequence = self.bus.last_sequence("BOOKING").await.unwrap();
            (usize::try_from(sequence).unwrap() >= count).then_some(())
        });
        facts.await;
        let facts = recorded(&self.bus, "BOOKING").await;
        assert_eq!(facts.len(), count);
        facts
    }

    /// Cancelled when the service begins to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.running.as_ref().unwrap().stopping()
    }

    /// Stops the service; what it has written stays until the end of the test.
    pub async fn stop(mut self) {
        self.running.take().unwrap().stop().await;
        self.tasks.stop().await;
        self.bus.delete_streams().await.unwrap();
    }
}

/// A new request id.
pub fn request_id() -> String {
    Ids::random().next::<RequestId>().to_string()
}

/// 2.50 EUR an hour in Berlin.
pub fn new_lot(name: &str) -> proto::CreateLotRequest {
    proto::CreateLotRequest {
        request_id: request_id(),
        name: name.to_owned(),
        address: "Alexanderplatz 1".to_owned(),
        latitude: 52.52,
        longitude: 13.41,
        time_zone: "europe/berlin".to_owned(),
        hourly_rate: Some(Money { currency_code: "EUR".to_owned(), units: 2, nanos: 500_000_000 }),
        policy: Some(proto::LotPolicy { hold_ttl_seconds: 600, ..Default::default() }),
        ..Default::default()
    }
}

/// A floor of a lot.
pub fn new_floor(lot_id: &str, floor_number: i32) -> proto::CreateFloorRequest {
    proto::CreateFloorRequest {
        request_id: request_id(),
        lot_id: lot_id.to_owned(),
        floor_number,
        name: format!("Level {floor_number}"),
        plan_width: 100.0,
        plan_height: 50.0,
    }
}

/// Regular spots `prefix` + 0001 and so on.
pub fn new_spots(floor_id: &str, prefix: &str, count: usize) -> proto::BatchCreateSpotsRequest {
    let spots = (1..=count).map(|number| proto::NewSpot {
        spot_number: format!("{prefix}{number:04}"),
        spot_type: SpotType::Regular.into(),
        plan_x: number as f64,
        ..Default::default()
    });
    proto::BatchCreateSpotsRequest {
        request_id: request_id(),
        floor_id: floor_id.to_owned(),
        spots: spots.collect(),
    }
}

/// A lot with one floor and spots.
pub struct Place {
    pub lot: proto::Lot,
    pub floor: proto::Floor,
    pub spots: Vec<proto::Spot>,
}

/// Makes a place.
pub async fn make_place(operator: &mut Inventory, name: &str, spots: usize) -> Place {
    let lot = operator.create_lot(new_lot(name)).await.unwrap().into_inner().lot.unwrap();
    let floor = operator.create_floor(new_floor(&lot.lot_id, 0)).await.unwrap();
    let floor = floor.into_inner().floor.unwrap();
    let made = operator.batch_create_spots(new_spots(&floor.floor_id, "A", spots)).await.unwrap();
    Place { lot, floor, spots: made.into_inner().spots }
}
