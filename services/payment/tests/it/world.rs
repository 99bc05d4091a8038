//! A payment service of its own for every test, with its own database, streams and provider.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::{
    BookingActivated, BookingCancelled, BookingCompleted, BookingExpired, BookingNoShow,
    BookingSummary, QuoteLine,
};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::ids::{BookingId, LotId, RequestId};
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::payment::v1 as proto;
use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use parkmesh_contracts::time;
use parkmesh_eventbus::{Bus, BusConfig, Delivered, outbox};
use parkmesh_payment::{Config, Deps, ProviderChoice, Secret};
use parkmesh_platform::auth::{Claims, Role};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::fault::reason_of;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::{self, PostgresConfig};
use parkmesh_platform::serve::Running;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{TestDatabase, Tokens, eventually, listener, nats_url, recorded, test_bus};
use serde_json::Value;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// What a test has to itself.
pub struct World {
    pub clock: Clock,
    pub ids: Ids,
    pub tokens: Tokens,
    pub pool: PgPool,
    pub bus: Bus,
    pub client: PaymentServiceClient<Channel>,
    pub lot: LotId,
    pub provider_url: String,
    pub payment: Running,
    pub sandbox: Running,
    database: TestDatabase,
}

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_test";

/// Impatient, so that tests are not slow.
fn config(provider_url: &str) -> Config {
    Config {
        provider_url: provider_url.to_owned(),
        webhook_secret: Some(Secret(WEBHOOK_SECRET.to_owned())),
        provider_timeout: Duration::from_secs(1),
        rescue_period: Duration::from_millis(50),
        reconcile_period: Duration::from_millis(200),
        stuck_period: Duration::from_millis(100),
        app_url: Some("https://park.example".to_owned()),
        ..Config::default()
    }
}

/// A second process of the service, which can be killed: it lives in a runtime of its own.
pub struct Doomed {
    pub client: PaymentServiceClient<Channel>,
    kill: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Doomed {
    /// Ends everything it does at whatever point it is.
    pub fn kill(self) {
        self.kill.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// Twelve euros fifty and the like.
pub fn eur(minor: i64) -> ProtoMoney {
    Money::new(minor, Currency::parse("EUR").unwrap()).into()
}

/// A request with a token.
pub fn by<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    reason_of(&answer.unwrap_err()).unwrap()
}

/// This operator runs the lot from now on.
pub async fn run_by(pool: &PgPool, lot: LotId, operator: &str) {
    sqlx::query(
        "INSERT INTO lot (lot_id, address, vat_basis_points, version, operator_id)
         VALUES ($1, '', 0, 0, $2)",
    )
    .bind(lot.as_uuid())
    .bind(operator)
    .execute(pool)
    .await
    .unwrap();
}

impl World {
    pub async fn new() -> Self {
        Self::with(ProviderChoice::Sandbox).await
    }

    /// The same with Stripe; the sandbox stands by and is not asked.
    pub async fn with_stripe(url: &str, secret_key: &str) -> Self {
        let (base_url, secret_key) = (url.to_owned(), Secret(secret_key.to_owned()));
        Self::with(ProviderChoice::Stripe { base_url, secret_key }).await
    }

    async fn with(provider: ProviderChoice) -> Self {
        let (clock, ids) = (Clock::movable(), Ids::random());
        let database = TestDatabase::create_many(&[
            ("payment", &[&parkmesh_payment::MIGRATIONS]),
            ("payment_sandbox", &[&parkmesh_payment_sandbox::MIGRATIONS]),
        ])
        .await;
        let sandbox_pool = database.pool_of("payment_sandbox", &clock).await;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let sandbox = Self::start_sandbox_at(any, &clock, &ids, sandbox_pool).await;
        let provider_url = format!("http://{}", sandbox.addr);
        let (tokens, bus) = (Tokens::new(&clock, &ids), test_bus(&clock, &ids).await);
        let pool = database.pool_of("payment", &clock).await;
        let deps = Deps {
            listener: listener().await,
            clock: clock.clone(),
            ids: ids.clone(),
            pool: pool.clone(),
            bus: bus.clone(),
            verifier: tokens.verifier(&Tasks::new(&clock)).await,
        };
        let config = Config { provider, ..config(&provider_url) };
        let payment = parkmesh_payment::start(config, deps).await.unwrap();
        let client =
            PaymentServiceClient::connect(format!("http://{}", payment.addr)).await.unwrap();
        let lot = ids.next();
        run_by(&pool, lot, "op").await;
        Self {
            clock,
            ids,
            tokens,
            pool,
            bus,
            client,
            lot,
            provider_url,
            payment,
            sandbox,
            database,
        }
    }

    pub async fn start_sandbox_at(
        address: SocketAddr,
        clock: &Clock,
        ids: &Ids,
        pool: PgPool,
    ) -> Running {
        let listener = TcpListener::bind(address).await.unwrap();
        let deps = parkmesh_payment_sandbox::Deps {
            listener,
            clock: clock.clone(),
            ids: ids.clone(),
            pool,
        };
        parkmesh_payment_sandbox::start(parkmesh_payment_sandbox::Config::default(), deps)
            .await
            .unwrap()
    }

    /// Starts a process that is going to be killed.
    pub async fn doomed(&self) -> Doomed {
        let bus_config =
            BusConfig { url: nats_url(), prefix: self.bus.name(""), ..BusConfig::default() };
        let (clock, ids, tokens) = (self.clock.clone(), self.ids.clone(), self.tokens.clone());
        let (url, provider_url) = (self.database.url_of("payment"), self.provider_url.clone());
        let (kill, killed) = std::sync::mpsc::channel();
        let (ready, started) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let running = runtime.block_on(async move {
                let deps = Deps {
                    listener: listener().await,
                    clock: clock.clone(),
                    ids: ids.clone(),
                    pool: postgres::connect(&PostgresConfig::of(url), &clock).unwrap(),
                    bus: Bus::connect(&bus_config, &clock, &ids).await.unwrap(),
                    verifier: tokens.verifier(&Tasks::new(&clock)).await,
                };
                parkmesh_payment::start(config(&provider_url), deps).await.unwrap()
            });
            ready.send(running.addr).unwrap();
            killed.recv().unwrap();
            runtime.shutdown_background();
        });
        let address = started.await.unwrap();
        let client = PaymentServiceClient::connect(format!("http://{address}")).await.unwrap();
        Doomed { client, kill, thread }
    }

    /// Another pool of the provider's schema.
    pub async fn sandbox_pool(&self) -> PgPool {
        self.database.pool_of("payment_sandbox", &self.clock).await
    }

    /// Something that runs nothing.
    pub fn nothing() -> Running {
        Running::new(SocketAddr::from(([127, 0, 0, 1], 0)), None, CancellationToken::new())
    }

    /// Twelve euros for anna by this card, for a booking.
    pub fn asking(&self, booking: BookingId, card: &str) -> proto::AuthorizePaymentRequest {
        proto::AuthorizePaymentRequest {
            request_id: self.ids.next::<RequestId>().to_string(),
            booking_id: booking.to_string(),
            lot_id: self.lot.to_string(),
            user_id: "anna".to_owned(),
            amount: Some(eur(1_200)),
            payment_method: card.to_owned(),
            ..Default::default()
        }
    }

    pub async fn authorize(
        &self,
        request: proto::AuthorizePaymentRequest,
    ) -> Result<proto::Payment, Status> {
        let token = self.tokens.service("booking");
        let answer = self.client.clone().authorize_payment(by(&token, request)).await?;
        Ok(answer.into_inner().payment.unwrap())
    }

    pub async fn get(&self, payment_id: &str) -> proto::Payment {
        let request = proto::GetPaymentRequest { payment_id: payment_id.to_owned() };
        let token = self.tokens.driver("anna");
        let answer = self.client.clone().get_payment(by(&token, request)).await.unwrap();
        answer.into_inner().payment.unwrap()
    }

    pub async fn receipt(&self, booking: BookingId) -> Result<proto::Receipt, Status> {
        Ok(self.receipts(booking).await?.receipt.unwrap())
    }

    pub async fn overstay_receipt(&self, booking: BookingId) -> Option<proto::Receipt> {
        self.receipts(booking).await.unwrap().overstay_receipt
    }

    async fn receipts(&self, booking: BookingId) -> Result<proto::GetReceiptResponse, Status> {
        let request = proto::GetReceiptRequest {
            booking_id: booking.to_string(),
            ..proto::GetReceiptRequest::default()
        };
        let token = self.tokens.driver("anna");
        Ok(self.client.clone().get_receipt(by(&token, request)).await?.into_inner())
    }

    /// An operator of the lot with these scopes.
    pub fn operator(&self, scopes: &[&str]) -> String {
        let mut claims = Claims::new("op", Role::Operator, 3_600).at([self.lot]);
        claims.scopes = Some(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        self.tokens.mint(&claims)
    }

    /// A driver, anna, with scopes that drivers do not have.
    pub fn driver_with(&self, scopes: &[&str]) -> String {
        let mut claims = Claims::new("anna", Role::Driver, 3_600);
        claims.scopes = Some(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        self.tokens.mint(&claims)
    }

    /// A payment of which so much has been captured.
    pub async fn captured(&self, minor: i64) -> String {
        let booking = self.ids.next();
        let asked = self.asking(booking, "pm_card_ok");
        let id = self.authorize(asked).await.unwrap().payment_id;
        self.completed(booking, minor, self.in_hours(2)).await;
        self.comes_to(&id, proto::PaymentStatus::Captured).await;
        id
    }

    /// So much back, or all that is left.
    pub fn asking_back(&self, payment_id: &str, minor: Option<i64>) -> proto::RefundPaymentRequest {
        proto::RefundPaymentRequest {
            request_id: self.ids.next::<RequestId>().to_string(),
            payment_id: payment_id.to_owned(),
            amount: minor.map(eur),
            reason: "the barrier stayed shut".to_owned(),
        }
    }

    pub async fn refund(
        &self,
        request: &proto::RefundPaymentRequest,
    ) -> Result<proto::Refund, Status> {
        let op = self.operator(&["payment.write"]);
        let answer = self.client.clone().refund_payment(by(&op, request.clone())).await?;
        Ok(answer.into_inner().refund.unwrap())
    }

    /// Newest first.
    pub async fn refunds(&self, payment_id: &str) -> Vec<proto::Refund> {
        let request = proto::GetPaymentRequest { payment_id: payment_id.to_owned() };
        let token = self.tokens.driver("anna");
        let answer = self.client.clone().get_payment(by(&token, request)).await.unwrap();
        answer.into_inner().refunds
    }

    /// What each kind of account holds.
    pub async fn account_sums(&self) -> String {
        let sums: Vec<(String, i64)> = sqlx::query_as(
            "SELECT split_part(account, ':', 1), sum(amount_minor)::bigint
             FROM ledger_entry GROUP BY 1 ORDER BY 1",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        sums.iter().map(|(name, sum)| format!("{name} {sum}")).collect::<Vec<_>>().join(", ")
    }

    /// The card of a payment is lost: what was set aside stays, and no more is.
    pub async fn loses_card(&self, payment_id: &str) {
        let lost = "UPDATE payment SET payment_method = 'pm_card_lost' WHERE payment_id = $1::uuid";
        sqlx::query(lost).bind(payment_id).execute(&self.pool).await.unwrap();
    }

    /// Waits until a payment stands so.
    pub async fn comes_to(&self, payment_id: &str, status: proto::PaymentStatus) -> proto::Payment {
        eventually(status.as_str_name(), || async {
            Some(self.get(payment_id).await).filter(|found| found.status() == status)
        })
        .await
    }

    /// Tells the sandbox, as an admin.
    pub async fn admin(&self, put: bool, path: &str, body: Value) {
        let (client, url) = (reqwest::Client::new(), format!("{}/admin/{path}", self.provider_url));
        let request = if put { client.put(url) } else { client.post(url) };
        request.json(&body).send().await.unwrap().error_for_status().unwrap();
    }

    /// All that the provider knows under our reference.
    pub async fn at_provider(&self, payment_id: &str) -> Vec<Value> {
        let path = format!("/v1/authorizations?reference={payment_id}");
        self.ask_provider(&path).await["authorizations"].as_array().unwrap().clone()
    }

    /// How often the provider did a thing, in all.
    pub async fn provider_did(&self, kind: &str) -> usize {
        let entries = self.ask_provider("/v1/ledger").await["entries"].as_array().unwrap().clone();
        entries.iter().filter(|e| e["kind"] == kind && e["account"] == "held").count()
    }

    async fn ask_provider(&self, path: &str) -> Value {
        reqwest::get(format!("{}{path}", self.provider_url)).await.unwrap().json().await.unwrap()
    }

    /// Publishes a fact of booking.
    pub async fn tell<F: Fact>(&self, booking: BookingId, version: i64, fact: &F) {
        let row = outbox::Row::of(&self.ids, self.clock.now(), booking.as_uuid(), version, fact);
        let mut connection = self.pool.acquire().await.unwrap();
        outbox::append(&mut connection, &[row]).await.unwrap();
    }

    /// Facts of a payment, by their last word.
    pub async fn facts(&self, payment_id: &str, wanted: usize) -> Vec<(String, Delivered)> {
        eventually("facts of payment", || async {
            let facts = recorded(&self.bus, "PAYMENT").await.into_iter();
            // Each has it in its third field; in others it is named as well, as what they replace.
            let id = [&[0x1a, 36], payment_id.as_bytes()].concat();
            let ours = facts.filter(|fact| fact.body.windows(id.len()).any(|part| part == id));
            let named = |fact: Delivered| (fact.fact_type.rsplit('.').next().unwrap().into(), fact);
            Some(ours.map(named).collect::<Vec<_>>()).filter(|found| found.len() >= wanted)
        })
        .await
    }

    pub fn summary(&self, booking: BookingId, version: i64) -> Option<BookingSummary> {
        Some(BookingSummary {
            booking_id: booking.to_string(),
            lot_id: self.lot.to_string(),
            lot_name: "Harbour".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            spot_number: "A-12".to_owned(),
            user_id: "anna".to_owned(),
            window: Some(Window {
                start_time: Some(time::to_proto(self.in_hours(1))),
                end_time: Some(time::to_proto(self.in_hours(3))),
            }),
            version,
            ..BookingSummary::default()
        })
    }

    /// Whole hours from now.
    pub fn in_hours(&self, hours: i64) -> Timestamp {
        self.clock.now() + SignedDuration::from_hours(hours)
    }

    pub async fn activated(&self, booking: BookingId, at: Timestamp) {
        let fact = BookingActivated {
            lot_id: self.lot.to_string(),
            version: 3,
            booking: self.summary(booking, 3),
            arrive_time: Some(time::to_proto(at)),
            ..BookingActivated::default()
        };
        self.tell(booking, 3, &fact).await;
    }

    /// The stay is over and costs this: two hours, and the rest.
    pub async fn completed(&self, booking: BookingId, amount_minor: i64, left: Timestamp) {
        let line = |description: &str, quantity, unit| QuoteLine {
            description: description.to_owned(),
            quantity,
            unit_amount: Some(eur(unit)),
            amount: Some(eur(quantity * unit)),
        };
        let fact = BookingCompleted {
            lot_id: self.lot.to_string(),
            version: 4,
            booking: self.summary(booking, 4),
            leave_time: Some(time::to_proto(left)),
            amount: Some(eur(amount_minor)),
            lines: vec![line("Hours", 2, 200), line("Rest", 1, amount_minor - 400)],
            ..BookingCompleted::default()
        };
        self.tell(booking, 4, &fact).await;
    }

    pub async fn expired(&self, booking: BookingId) {
        let fact = BookingExpired {
            lot_id: self.lot.to_string(),
            version: 2,
            booking: self.summary(booking, 2),
        };
        self.tell(booking, 2, &fact).await;
    }

    pub async fn cancelled(&self, booking: BookingId, fee_minor: i64) {
        let fact = BookingCancelled {
            lot_id: self.lot.to_string(),
            version: 3,
            booking: self.summary(booking, 3),
            fee: Some(eur(fee_minor)),
            ..BookingCancelled::default()
        };
        self.tell(booking, 3, &fact).await;
    }

    pub async fn no_show(&self, booking: BookingId, fee_minor: i64) {
        let fact = BookingNoShow {
            lot_id: self.lot.to_string(),
            version: 3,
            booking: self.summary(booking, 3),
            fee: Some(eur(fee_minor)),
            ..BookingNoShow::default()
        };
        self.tell(booking, 3, &fact).await;
    }

    /// Waits until the tombstone of a booking stands.
    pub async fn closed(&self, booking: BookingId) {
        eventually("the tombstone of the booking", || async {
            let row: Option<(bool,)> = sqlx::query_as(
                "SELECT true FROM booking_money WHERE booking_id = $1 AND settle_time IS NOT NULL",
            )
            .bind(booking.as_uuid())
            .fetch_optional(&self.pool)
            .await
            .unwrap();
            row
        })
        .await;
    }
}
