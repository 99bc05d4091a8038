//! One running service with its own database and streams.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::{Bus, Delivered};
use parkmesh_platform::auth::{Claims, LIFETIME_MAX_SECONDS, Role};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Running;
use parkmesh_platform::tasks::Tasks;
use parkmesh_sensor::{Config, Deps, SettleMs};
use parkmesh_testkit::{TestDatabase, Tokens, eventually, listener, recorded, test_bus};
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use uuid::Uuid;

pub type Client = SensorServiceClient<Channel>;

/// A service that runs, and everything to talk to it.
pub struct World {
    pub clock: Clock,
    pub ids: Ids,
    pub bus: Bus,
    pub pool: PgPool,
    pub tokens: Tokens,
    pub client: Client,
    pub lot: LotId,
    pub floor: Uuid,
    config: Config,
    tasks: Tasks,
    running: Option<Running>,
    _database: TestDatabase,
}

/// A device and the spot it watches.
#[derive(Clone, Debug)]
pub struct Placed {
    pub device_id: String,
    pub spot_id: Uuid,
}

impl World {
    /// With the settle times of the models: 3 s and 10 s.
    pub async fn start() -> Self {
        Self::with(Config { silence_grace: Duration::ZERO, ..Config::default() }).await
    }

    /// Without settle times.
    pub async fn without_settling() -> Self {
        let settle = Some(SettleMs { occupied: 0, vacant: 0 });
        Self::with(Config { settle, ..Config::default() }).await
    }

    pub async fn with(config: Config) -> Self {
        let (clock, ids) = (Clock::movable(), Ids::random());
        let database = TestDatabase::create("sensor", &[&parkmesh_sensor::MIGRATIONS]).await;
        let pool = database.pool(&clock).await;
        let bus = test_bus(&clock, &ids).await;
        let tokens = Tokens::new(&clock, &ids);
        let tasks = Tasks::new(&clock);
        let placeholder = Channel::from_static("http://127.0.0.1:1").connect_lazy();
        let mut world = Self {
            lot: ids.next(),
            floor: ids.next(),
            client: SensorServiceClient::new(placeholder),
            running: None,
            _database: database,
            clock,
            ids,
            bus,
            pool,
            tokens,
            tasks,
            config,
        };
        world.run_by(world.lot, "admin").await;
        world.boot().await;
        world
    }

    /// This operator runs the lot from now on, as a fact of booking has told.
    pub async fn run_by(&self, lot: LotId, operator: &str) {
        sqlx::query("INSERT INTO lot (lot_id, operator_id, version) VALUES ($1, $2, 0)")
            .bind(lot.as_uuid())
            .bind(operator)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Tokens of operators that do not run the lot, whatever they name.
    pub fn strangers(&self) -> [String; 3] {
        let mint = |name: &str, lots: &[LotId]| {
            let scopes = ["sensor.admin", "sensor.read", "sensor.write"].map(str::to_owned);
            let claims = Claims::new(name, Role::Operator, 3_600).at(lots.iter().copied());
            self.tokens.mint(&Claims { scopes: Some(scopes.to_vec()), ..claims })
        };
        let elsewhere = self.ids.next();
        [mint("foreign", &[]), mint("foreign", &[self.lot]), mint("admin", &[elsewhere])]
    }

    /// Starts the service (again) on what is stored.
    pub async fn boot(&mut self) {
        self.stop().await;
        let deps = Deps {
            listener: listener().await,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pool: self.pool.clone(),
            bus: self.bus.clone(),
            verifier: self.tokens.verifier(&self.tasks).await,
        };
        let running = parkmesh_sensor::start(self.config.clone(), deps).await.unwrap();
        let address = format!("http://{}", running.addr);
        self.client = SensorServiceClient::connect(address).await.unwrap();
        self.running = Some(running);
    }

    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    pub fn admin(&self) -> String {
        let scopes = ["sensor.admin", "sensor.read", "sensor.write"].map(str::to_owned);
        // A year: the tests move the clock.
        let claims = Claims::new("admin", Role::Operator, LIFETIME_MAX_SECONDS);
        self.tokens.mint(&Claims { scopes: Some(scopes.to_vec()), ..claims })
    }

    /// Registers devices `name-0`, `name-1`… each with a spot of its own.
    pub async fn place(&self, name: &str, count: usize, heartbeat_seconds: i32) -> Vec<Placed> {
        let placed: Vec<Placed> = (0..count)
            .map(|index| Placed { device_id: format!("{name}-{index}"), spot_id: self.ids.next() })
            .collect();
        let sensors = placed.iter().map(|placed| self.new_sensor(placed, heartbeat_seconds));
        self.register(sensors.collect()).await.unwrap();
        placed
    }

    pub fn new_sensor(&self, placed: &Placed, heartbeat_seconds: i32) -> proto::NewSensor {
        proto::NewSensor {
            device_id: placed.device_id.clone(),
            spot_id: placed.spot_id.to_string(),
            floor_id: self.floor.to_string(),
            model: "plain-json".to_owned(),
            firmware: String::new(),
            heartbeat_seconds,
        }
    }

    pub async fn register(
        &self,
        sensors: Vec<proto::NewSensor>,
    ) -> Result<Vec<proto::Sensor>, Status> {
        let request = proto::RegisterSensorsRequest { lot_id: self.lot.to_string(), sensors };
        let mut client = self.client.clone();
        let answer = client.register_sensors(with(&self.admin(), request)).await?;
        Ok(answer.into_inner().sensors)
    }

    pub async fn spot(&self, spot_id: Uuid) -> proto::GetSpotOccupancyResponse {
        let request = proto::GetSpotOccupancyRequest { spot_id: spot_id.to_string() };
        let mut client = self.client.clone();
        client.get_spot_occupancy(with(&self.admin(), request)).await.unwrap().into_inner()
    }

    pub async fn state(&self, placed: &Placed) -> (proto::OccupancyState, i64) {
        let occupancy = self.spot(placed.spot_id).await.occupancy.unwrap();
        (occupancy.state(), occupancy.version)
    }

    /// A stream of readings as the bridge opens it.
    pub async fn bridge(&self) -> Feed {
        self.feed(&self.tokens.service("sensor-bridge")).await
    }

    pub async fn feed(&self, token: &str) -> Feed {
        let (sender, receiver) = mpsc::channel(16);
        let mut client = self.client.clone();
        let batches = with(token, ReceiverStream::new(receiver));
        let acks = client.stream_readings(batches).await.unwrap().into_inner();
        Feed { sender, acks, next: 1 }
    }

    /// What the device says, heard now.
    pub fn says(&self, placed: &Placed, occupied: bool) -> proto::Reading {
        proto::Reading {
            device_id: placed.device_id.clone(),
            occupied: Some(occupied),
            receive_time: Some(to_proto(self.clock.now())),
            ..Default::default()
        }
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// The spot's facts, in the order of the stream, once there are `count` of them.
    pub async fn facts(&self, placed: &Placed, count: usize) -> Vec<Delivered> {
        eventually("facts of the spot", || async move {
            let facts = self.facts_so_far(placed).await;
            (facts.len() >= count).then_some(facts)
        })
        .await
    }

    pub async fn facts_so_far(&self, placed: &Placed) -> Vec<Delivered> {
        let spot = placed.spot_id.to_string();
        let facts = recorded(&self.bus, "SENSOR").await;
        facts.into_iter().filter(|fact| spot_of(fact) == spot).collect()
    }

    /// Waits until everything committed is published.
    pub async fn published(&self) {
        eventually("an empty outbox", || async {
            let waiting: bool =
                sqlx::query_scalar("SELECT EXISTS (SELECT FROM outbox WHERE publish_time IS NULL)")
                    .fetch_one(&self.pool)
                    .await
                    .unwrap();
            (!waiting).then_some(())
        })
        .await;
    }
}

fn spot_of(fact: &Delivered) -> String {
    match fact.fact_type.as_str() {
        proto::SpotOccupied::TYPE => fact.decode::<proto::SpotOccupied>().unwrap().spot_id,
        proto::SpotVacated::TYPE => fact.decode::<proto::SpotVacated>().unwrap().spot_id,
        proto::SensorSilent::TYPE => fact.decode::<proto::SensorSilent>().unwrap().spot_id,
        proto::SensorSuspect::TYPE => fact.decode::<proto::SensorSuspect>().unwrap().spot_id,
        // They are told of spots, and are no part of what stands there.
        proto::DiscrepancyOpened::TYPE
        | proto::DiscrepancyClosed::TYPE
        | proto::PlateRead::TYPE
        | proto::PassageAcknowledged::TYPE => String::new(),
        _ => fact.decode::<proto::SensorRecovered>().unwrap().spot_id,
    }
}

/// The last words of the facts' types.
pub fn kinds(facts: &[Delivered]) -> Vec<&str> {
    facts.iter().filter_map(|fact| fact.fact_type.rsplit('.').next()).collect()
}

pub fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// One stream of readings.
pub struct Feed {
    sender: mpsc::Sender<proto::StreamReadingsRequest>,
    acks: Streaming<proto::StreamReadingsResponse>,
    next: u64,
}

impl Feed {
    /// Sends a batch and waits until it is durable.
    pub async fn send(&mut self, readings: Vec<proto::Reading>) {
        let batch = self.next;
        self.next += 1;
        assert_eq!(self.exchange(batch, readings, Vec::new()).await.unwrap(), batch);
    }

    /// Sends a batch of this number and returns the acknowledgement.
    pub async fn exchange(
        &mut self,
        batch: u64,
        readings: Vec<proto::Reading>,
        unreadable: Vec<proto::UnreadableFrame>,
    ) -> Result<u64, Status> {
        let plates = Vec::new();
        self.ask(proto::StreamReadingsRequest { batch, readings, unreadable, plates }).await
    }

    /// Sends a batch and returns the acknowledgement.
    pub async fn ask(&mut self, request: proto::StreamReadingsRequest) -> Result<u64, Status> {
        self.sender.send(request).await.map_err(|_| Status::cancelled("the stream is over"))?;
        let ack = tokio::time::timeout(Duration::from_secs(20), self.acks.message()).await;
        Ok(ack.expect("an acknowledgement in time")?.expect("an acknowledgement").durable_batch)
    }
}
