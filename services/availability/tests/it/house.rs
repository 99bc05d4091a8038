//! What every test here has: a lot, its owners' doubles, streams, and replicas of the service.

use jiff::SignedDuration;
use parkmesh_availability::{Config, Deps};
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::availability::v1::availability_service_client::AvailabilityServiceClient;
use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::booking::v1::inventory_service_server::InventoryServiceServer;
use parkmesh_contracts::common::v1::{SpotStatus, SpotType};
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::{BookingId, FloorId, LotId, SpotId};
use parkmesh_contracts::sensor::v1::sensor_service_server::SensorServiceServer;
use parkmesh_contracts::time;
use parkmesh_eventbus::Bus;
use parkmesh_eventbus::outbox::{self, Row};
use parkmesh_eventbus::relay::{self, Relay};
use parkmesh_platform::channel::{Channel, ChannelConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres;
use parkmesh_platform::redis::redis::AsyncCommands as _;
use parkmesh_platform::redis::{self, Pool, RedisConfig};
use parkmesh_platform::serve::{Running, ServeConfig, Server};
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{TestDatabase, Tokens, eventually, listener, redis_url, test_bus};
use sqlx::PgPool;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic::{Request, Status};

use crate::doubles::Doubles;
use crate::facts::Booking;

/// Spots of the lot; every third is for EVs, and they lie on two floors in turn.
pub const SPOTS: usize = 12;

pub struct House {
    pub clock: Clock,
    pub ids: Ids,
    pub tasks: Tasks,
    pub bus: Bus,
    pub doubles: Doubles,
    pub lot_id: LotId,
    pub floors: [FloorId; 2],
    pub spots: Vec<SpotId>,
    pub redis: Pool,
    pub config: Config,
    tokens: Tokens,
    pool: PgPool,
    relay: Relay,
    upstream: Running,
    _db: TestDatabase,
}

/// Says who calls.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub type Client = AvailabilityServiceClient<InterceptedService<tonic::transport::Channel, Bearer>>;

pub struct Replica {
    pub running: Running,
    pub client: Client,
}

impl House {
    pub async fn new() -> Self {
        let (clock, ids) = (Clock::movable(), Ids::random());
        let tasks = Tasks::new(&clock);
        let bus = test_bus(&clock, &ids).await;
        // The owners' outbox: facts come the way that they come in the house.
        let db = TestDatabase::create("booking", &[&parkmesh_eventbus::MIGRATIONS]).await;
        let pool = db.pool(&clock).await;
        let relay = relay::start(&bus, &pool, "booking", &tasks);
        let tokens = Tokens::new(&clock, &ids);
        let doubles = Doubles::new(&bus);
        let verifier = tokens.verifier(&tasks).await;
        let upstream = Server::new("owners", ServeConfig::default(), &ids, &verifier)
            .service(InventoryServiceServer::new(doubles.clone()))
            .service(SensorServiceServer::new(doubles.clone()))
            .start(listener().await)
            .await
            .expect("the doubles");
        upstream.ready().await;
        let prefix = format!("t{:x}:", u64::from_be_bytes(ids.bytes()));
        let config = Config { redis_prefix: prefix, ..Config::default() };
        let mut house = Self {
            lot_id: ids.next(),
            floors: [ids.next(), ids.next()],
            spots: (0..SPOTS).map(|_| ids.next()).collect(),
            redis: redis::connect(&RedisConfig::of(redis_url())).expect("an address of Redis"),
            clock,
            ids,
            tasks,
            bus,
            doubles,
            config,
            tokens,
            pool,
            relay,
            upstream,
            _db: db,
        };
        house.furnish();
        house
    }

    fn furnish(&mut self) {
        let lot_id = self.lot_id.to_string();
        let mut known = self.doubles.known();
        known.lots.push(booking::Lot {
            lot_id: lot_id.clone(),
            name: "Mall".to_owned(),
            version: 1,
            ..Default::default()
        });
        for (floor_number, floor_id) in (0..).zip(&self.floors) {
            let (floor_id, lot_id) = (floor_id.to_string(), lot_id.clone());
            known.floors.push(booking::Floor {
                floor_id,
                lot_id,
                floor_number,
                ..Default::default()
            });
        }
        for n in 0..SPOTS {
            known.spots.push(self.spot(n, 1, false));
        }
    }

    pub fn spot(&self, n: usize, version: i64, out_of_service: bool) -> booking::Spot {
        booking::Spot {
            spot_id: self.spots[n].to_string(),
            lot_id: self.lot_id.to_string(),
            floor_id: self.floors[n % 2].to_string(),
            spot_number: format!("{n:02}"),
            spot_type: i32::from(if n.is_multiple_of(3) {
                SpotType::Ev
            } else {
                SpotType::Regular
            }),
            out_of_service,
            version,
            ..Default::default()
        }
    }

    /// A booking of a spot that begins so many minutes from now.
    pub fn booking(&self, n: usize, minutes: i64) -> Booking {
        Booking {
            booking_id: self.ids.next::<BookingId>(),
            lot_id: self.lot_id,
            spot_id: self.spots[n],
            start: self.clock.now() + SignedDuration::from_mins(minutes),
        }
    }

    /// A replica that nobody has waited for.
    pub async fn start(&self) -> Replica {
        self.start_with(self.config.clone(), self.redis.clone(), self.bus.clone()).await
    }

    pub async fn start_with(&self, config: Config, redis: Pool, bus: Bus) -> Replica {
        let owners = ChannelConfig::of("upstream", format!("http://{}", self.upstream.addr));
        let token = self.tokens.service_token("availability");
        let channel = Channel::connect(&owners, token, &self.tasks).expect("an address");
        let deps = Deps {
            listener: listener().await,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            redis,
            bus,
            verifier: self.tokens.verifier(&self.tasks).await,
            booking: channel.clone(),
            sensor: channel,
        };
        let running = parkmesh_availability::start(config, deps).await.expect("the service");
        let client = self.client(&running);
        Replica { running, client }
    }

    fn client(&self, running: &Running) -> Client {
        self.client_with(running, &self.tokens.driver("anna"))
    }

    /// An operator who asks a replica.
    pub fn operator(&self, replica: &Replica, name: &str) -> Client {
        self.client_with(&replica.running, &self.tokens.operator(name, []))
    }

    /// Redis loses what was recorded of the lot.
    pub async fn forget_history(&self) {
        let mut connection = self.redis.get().await.expect("Redis");
        let key = format!("{}avail:{{{}}}:history", self.config.redis_prefix, self.lot_id);
        let _: () = connection.del(key).await.expect("Redis");
    }

    fn client_with(&self, running: &Running, token: &str) -> Client {
        let bearer = Bearer(MetadataValue::try_from(format!("Bearer {token}")).expect("a header"));
        let endpoint = Endpoint::from_shared(format!("http://{}", running.addr));
        let channel = endpoint.expect("an address").connect_lazy();
        AvailabilityServiceClient::with_interceptor(channel, bearer)
    }

    /// A replica whose picture stands.
    pub async fn stand(&self) -> Replica {
        let replica = self.start().await;
        replica.stands(self.lot_id).await;
        replica
    }

    /// Tells facts, in this order.
    pub async fn tell<F: Fact>(&self, facts: impl IntoIterator<Item = F>) {
        let now = self.clock.now();
        // An aggregate of its own for each: tests tell old and repeated facts, which an owner would
        // not.
        let rows = facts.into_iter().map(|fact| Row::of(&self.ids, now, self.ids.next(), 1, &fact));
        self.append(rows.collect()).await;
    }

    /// Tells facts ahead, and leaves out that they come.
    pub fn flash<F: Fact>(&self, facts: impl IntoIterator<Item = F>) {
        let now = self.clock.now();
        let rows = facts.into_iter().map(|fact| Row::of(&self.ids, now, self.ids.next(), 1, &fact));
        self.relay.flash(&rows.collect::<Vec<_>>());
    }

    /// Tells a fact of a type that this build does not know.
    pub async fn tell_unknown(&self) {
        let fact = crate::facts::occupied(self.lot_id, self.spots[0], 1);
        let row = Row::of(&self.ids, self.clock.now(), self.ids.next(), 1, &fact);
        let fact_type = "parkmesh.booking.v1.moved_house";
        self.append(vec![Row { fact_type, ..row }]).await;
    }

    async fn append(&self, rows: Vec<Row>) {
        let told: Result<(), sqlx::Error> = postgres::transaction(&self.pool, |connection| {
            Box::pin(async move { outbox::append(connection, &rows).await })
        })
        .await;
        told.expect("the outbox");
        self.relay.idle().await.expect("the relay");
    }

    pub async fn stop(self, replicas: impl IntoIterator<Item = Replica>) {
        for replica in replicas {
            replica.running.stop().await;
        }
        self.upstream.stop().await;
        self.tasks.stop().await;
    }
}

impl Replica {
    pub async fn availability(
        &self,
        lot_id: LotId,
    ) -> Result<proto::GetAvailabilityResponse, Status> {
        let request = proto::GetAvailabilityRequest { lot_id: lot_id.to_string() };
        self.client.clone().get_availability(request).await.map(tonic::Response::into_inner)
    }

    /// Waits until the picture stands and is fresh.
    pub async fn stands(&self, lot_id: LotId) -> proto::GetAvailabilityResponse {
        eventually("a picture that stands", || async {
            let counts = self.availability(lot_id).await.ok()?;
            (!stale(&counts)).then_some(counts)
        })
        .await
    }

    /// Waits until so many spots are free.
    pub async fn has_free(&self, lot_id: LotId, free: i32) -> proto::GetAvailabilityResponse {
        eventually(&format!("{free} free spots"), || async {
            let counts = self.availability(lot_id).await.expect("an answer");
            (counts.free == free).then_some(counts)
        })
        .await
    }

    /// Waits until the picture shows all that was told before.
    pub async fn has_caught_up(&self, house: &House) {
        let told_by = time::to_proto(house.clock.now());
        eventually("a picture as of now", || async {
            let counts = self.availability(house.lot_id).await.expect("an answer");
            let as_of = counts.freshness?.as_of?;
            ((as_of.seconds, as_of.nanos) >= (told_by.seconds, told_by.nanos)).then_some(())
        })
        .await;
    }

    /// Every spot's status, by the number on it, in the order of the list.
    pub async fn statuses(&self, lot_id: LotId) -> Vec<(String, SpotStatus)> {
        let spots = self.spots(lot_id, "", 5_000).await.spots;
        spots.into_iter().map(|spot| (spot.spot_number.clone(), spot.status())).collect()
    }

    pub async fn status(&self, lot_id: LotId, n: usize) -> SpotStatus {
        let statuses = self.statuses(lot_id).await;
        let name = format!("{n:02}");
        statuses.into_iter().find(|(number, _)| *number == name).expect("the spot").1
    }

    pub async fn spots(
        &self,
        lot_id: LotId,
        page_token: &str,
        page_size: i32,
    ) -> proto::ListSpotStatesResponse {
        let request = proto::ListSpotStatesRequest {
            lot_id: lot_id.to_string(),
            page_token: page_token.to_owned(),
            page_size,
            ..Default::default()
        };
        self.client.clone().list_spot_states(request).await.expect("spots").into_inner()
    }
}

pub fn stale(counts: &proto::GetAvailabilityResponse) -> bool {
    counts.freshness.as_ref().is_none_or(|freshness| freshness.stale)
}
