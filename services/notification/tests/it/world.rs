//! A notification service of its own for every test, with its own database and streams.

use std::time::Duration;

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::{
    BookingActivated, BookingCancelled, BookingCompleted, BookingExpired, BookingHeld,
    BookingNoShow, BookingReserved, BookingSummary,
};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::ids::{BookingId, LotId};
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::notification::v1::notification_service_client::NotificationServiceClient;
use parkmesh_contracts::payment::v1::{PaymentCaptured, PaymentDeclined};
use parkmesh_contracts::time;
use parkmesh_eventbus::{Bus, outbox, relay};
use parkmesh_notification::{Config, Deps, MIGRATIONS, start};
use parkmesh_platform::auth::Verifier;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Running;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{TestDatabase, Tokens, eventually, listener, test_bus};
use sqlx::PgPool;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use uuid::Uuid;

pub type Client = NotificationServiceClient<Channel>;

/// What a test has to itself.
pub struct World {
    pub clock: Clock,
    pub ids: Ids,
    pub tokens: Tokens,
    pub bus: Bus,
    pub client: Client,
    pub pool: PgPool,
    pub lot: LotId,
    verifier: Verifier,
    config: Config,
    running: Vec<Running>,
    tasks: Tasks,
    database: TestDatabase,
}

pub fn eur(minor: i64) -> ProtoMoney {
    Money::new(minor, Currency::parse("EUR").unwrap()).into()
}

/// A request with a token.
pub fn by<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

fn at(text: &str) -> Option<prost_types::Timestamp> {
    Some(time::to_proto(text.parse::<Timestamp>().unwrap()))
}

impl World {
    pub async fn new() -> Self {
        Self::with(Self::config()).await
    }

    /// Looks often.
    pub fn config() -> Config {
        Config {
            heartbeat: Duration::from_millis(200),
            look_period: Duration::from_millis(50),
            deliver_period: Duration::from_millis(50),
            ..Config::default()
        }
    }

    pub async fn with(config: Config) -> Self {
        let (clock, ids) = (Clock::movable(), Ids::random());
        let tasks = Tasks::new(&clock);
        let database = TestDatabase::create("notification", &[&MIGRATIONS]).await;
        let (tokens, bus) = (Tokens::new(&clock, &ids), test_bus(&clock, &ids).await);
        let (pool, verifier) = (database.pool(&clock).await, tokens.verifier(&tasks).await);
        // Facts of others, published from a table that happens to be ours.
        relay::start(&bus, &pool, "test", &tasks);
        let deps = Deps {
            listener: listener().await,
            clock: clock.clone(),
            ids: ids.clone(),
            pool: pool.clone(),
            bus: bus.clone(),
            verifier: verifier.clone(),
        };
        let running = start(config.clone(), deps).await.unwrap();
        let client = Client::connect(format!("http://{}", running.addr)).await.unwrap();
        let (lot, running) = (ids.next(), vec![running]);
        let world = Self {
            clock,
            ids,
            tokens,
            bus,
            client,
            pool,
            lot,
            verifier,
            config,
            running,
            tasks,
            database,
        };
        world.run_by(world.lot, "otto").await;
        world
    }

    /// This operator runs the lot from now on, as a fact of booking has told.
    pub async fn run_by(&self, lot: LotId, operator: &str) {
        sqlx::query("INSERT INTO lot_operator (lot_id, operator_id, version) VALUES ($1, $2, 0)")
            .bind(lot.as_uuid())
            .bind(operator)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Another process of the same service.
    pub async fn replica(&mut self) -> Client {
        let deps = Deps {
            listener: listener().await,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pool: self.database.pool(&self.clock).await,
            bus: self.bus.clone(),
            verifier: self.verifier.clone(),
        };
        let running = start(self.config.clone(), deps).await.unwrap();
        let client = Client::connect(format!("http://{}", running.addr)).await.unwrap();
        self.running.push(running);
        client
    }

    /// Stops everything, in good order.
    pub async fn stop(self) {
        for running in self.running {
            running.stop().await;
        }
        self.tasks.stop().await;
    }

    pub async fn list(&self, user: &str) -> Vec<proto::Notification> {
        let request = by(&self.tokens.driver(user), proto::ListNotificationsRequest::default());
        let answer = self.client.clone().list_notifications(request).await.unwrap();
        answer.into_inner().notifications
    }

    pub async fn preferences(&self, user: &str) -> proto::Preferences {
        let request = by(&self.tokens.driver(user), proto::GetPreferencesRequest {});
        let answer = self.client.clone().get_preferences(request).await.unwrap();
        answer.into_inner().preferences.unwrap()
    }

    /// Changes how somebody is told.
    pub async fn prefer(
        &self,
        user: &str,
        mask: &[&str],
        preferences: proto::Preferences,
    ) -> proto::Preferences {
        let request = by(&self.tokens.driver(user), crate::preferring::masked(mask, preferences));
        let answer = self.client.clone().update_preferences(request).await.unwrap();
        answer.into_inner().preferences.unwrap()
    }

    /// A person's deliveries, newest first.
    pub async fn deliveries(&self, user: &str) -> Vec<proto::Delivery> {
        let request = by(&self.tokens.driver(user), proto::ListDeliveriesRequest::default());
        let answer = self.client.clone().list_deliveries(request).await.unwrap();
        answer.into_inner().deliveries
    }

    /// A person's messages, oldest first, once there are so many.
    pub async fn messages(&self, user: &str, count: usize) -> Vec<proto::Notification> {
        eventually("messages", || async {
            let mut found = self.list(user).await;
            found.reverse();
            Some(found).filter(|found| found.len() >= count)
        })
        .await
    }

    pub async fn watch(
        &self,
        client: &Client,
        user: &str,
        after_sequence: i64,
    ) -> Streaming<proto::WatchNotificationsResponse> {
        let request = proto::WatchNotificationsRequest { after_sequence };
        let request = by(&self.tokens.driver(user), request);
        client.clone().watch_notifications(request).await.unwrap().into_inner()
    }

    /// Publishes a fact.
    pub async fn tell<F: Fact>(&self, aggregate: Uuid, version: i64, fact: &F) {
        let row = outbox::Row::of(&self.ids, self.clock.now(), aggregate, version, fact);
        let mut connection = self.pool.acquire().await.unwrap();
        outbox::append(&mut connection, &[row]).await.unwrap();
    }

    pub fn summary(&self, booking: BookingId, version: i64) -> Option<BookingSummary> {
        Some(BookingSummary {
            booking_id: booking.to_string(),
            code: "K7P2".to_owned(),
            lot_id: self.lot.to_string(),
            lot_name: "Harbour".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            spot_number: "A-12".to_owned(),
            user_id: "anna".to_owned(),
            window: Some(Window {
                start_time: at("2026-11-20T13:00:00Z"),
                end_time: at("2026-11-20T15:00:00Z"),
            }),
            version,
            ..BookingSummary::default()
        })
    }

    pub async fn held(&self, id: BookingId) {
        let booking = self.summary(id, 1);
        let fact = BookingHeld { booking, version: 1, ..BookingHeld::default() };
        self.tell(id.as_uuid(), 1, &fact).await;
    }

    pub async fn reserved(&self, id: BookingId) {
        let booking = self.summary(id, 2);
        let fact = BookingReserved { booking, version: 2, ..BookingReserved::default() };
        self.tell(id.as_uuid(), 2, &fact).await;
    }

    pub async fn activated(&self, id: BookingId) {
        let (booking, arrive_time) = (self.summary(id, 3), at("2026-11-20T13:01:00Z"));
        let fact = BookingActivated { booking, arrive_time, ..BookingActivated::default() };
        self.tell(id.as_uuid(), 3, &fact).await;
    }

    pub async fn completed(&self, id: BookingId) {
        let fact = BookingCompleted {
            booking: self.summary(id, 4),
            leave_time: at("2026-11-20T14:35:00Z"),
            amount: Some(eur(850)),
            ..BookingCompleted::default()
        };
        self.tell(id.as_uuid(), 4, &fact).await;
    }

    pub async fn cancelled(&self, id: BookingId, fee_minor: i64) {
        let (booking, fee) = (self.summary(id, 3), Some(eur(fee_minor)));
        let fact = BookingCancelled { booking, fee, ..BookingCancelled::default() };
        self.tell(id.as_uuid(), 3, &fact).await;
    }

    pub async fn no_show(&self, id: BookingId, fee_minor: i64) {
        let (booking, fee) = (self.summary(id, 3), Some(eur(fee_minor)));
        let fact = BookingNoShow { booking, fee, ..BookingNoShow::default() };
        self.tell(id.as_uuid(), 3, &fact).await;
    }

    pub async fn expired(&self, id: BookingId) {
        let fact = BookingExpired { booking: self.summary(id, 2), ..BookingExpired::default() };
        self.tell(id.as_uuid(), 2, &fact).await;
    }

    pub async fn captured(&self, id: BookingId) {
        let fact = PaymentCaptured {
            booking_id: id.to_string(),
            user_id: "anna".to_owned(),
            amount: Some(eur(850)),
            receipt_number: "00000042".to_owned(),
            ..PaymentCaptured::default()
        };
        self.tell(self.ids.next(), 3, &fact).await;
    }

    pub async fn declined(&self, id: BookingId) {
        let fact = PaymentDeclined {
            booking_id: id.to_string(),
            user_id: "anna".to_owned(),
            decline_code: "insufficient_funds".to_owned(),
            ..PaymentDeclined::default()
        };
        self.tell(self.ids.next(), 2, &fact).await;
    }
}

/// The next message of a watch; heartbeats are passed over.
pub async fn next_message(
    watch: &mut Streaming<proto::WatchNotificationsResponse>,
) -> Result<proto::Notification, Status> {
    let read = async {
        loop {
            let next = watch.message().await?.expect("a watch ends with a reason");
            if let Some(notification) = next.notification {
                return Ok(notification);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("a message in 20 seconds")
}
