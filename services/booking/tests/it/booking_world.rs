//! Drivers, spots and a stand-in for payment: what the tests of bookings share.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use parkmesh_booking::Config;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::money::Money;
use parkmesh_contracts::payment::v1 as payment;
use parkmesh_contracts::payment::v1::payment_service_server::{
    PaymentService, PaymentServiceServer,
};
use parkmesh_contracts::time::to_proto;
use parkmesh_platform::fault::reason_of;
use parkmesh_testkit::listener;
use sqlx::Row;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

use crate::world::{Line, Place, World, make_place, request_id};

/// A client of BookingService.
pub type Bookings = BookingServiceClient<Line>;

/// What the stand-in has been asked and has said.
#[derive(Clone, Default)]
pub struct Till {
    /// Request id, booking and method of every authorisation asked for.
    pub asked: Arc<Mutex<Vec<(String, String, String)>>>,
    /// Minor units and payment of every authorisation that was asked for beside what covered its
    /// booking.
    pub beside: Arc<Mutex<Vec<(i64, String)>>>,
    /// Minor units of every authorisation asked for.
    pub amounts: Arc<Mutex<Vec<i64>>>,
    /// Payments given back.
    pub voided: Arc<Mutex<Vec<String>>>,
    /// When that begins for which an amount was asked for, where that was told.
    pub starts: Arc<Mutex<Vec<Option<prost_types::Timestamp>>>>,
    /// What comes of `acts`: until when the driver may act, and what they did.
    pub acts: Arc<Mutex<(Timestamp, Acted)>>,
}

/// What a driver did at their bank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acted {
    #[default]
    NotYet,
    Accepted,
    Refused,
}

/// Refuses a card.
fn decline(code: &str) -> Status {
    let metadata = [("decline_code".to_owned(), code.to_owned())];
    let details = ErrorDetails::with_error_info("PAYMENT_DECLINED", "payment.parkmesh", metadata);
    Status::with_error_details(Code::FailedPrecondition, "declined", details)
}

/// A payment service that answers by the method's token: `ok`, `declined`, `lost` (authorised, but
/// the first answer never comes), `gate` (waits until the test opens it), `acts` (the driver acts first).
#[derive(Clone)]
pub struct Payment {
    pub till: Till,
    pub gate: Arc<Semaphore>,
    pub address: String,
}

impl Payment {
    /// A stand-in at a port of its own, until the runtime ends.
    #[expect(clippy::disallowed_methods, reason = "a server of the test")]
    pub async fn start() -> Self {
        let listener = listener().await;
        let address = format!("http://{}", listener.local_addr().unwrap());
        let payment = Self { till: Till::default(), gate: Arc::new(Semaphore::new(0)), address };
        let server = tonic::transport::Server::builder()
            .add_service(PaymentServiceServer::new(payment.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        payment
    }

    /// How many authorisations were asked for.
    pub fn asked(&self) -> usize {
        self.till.asked.lock().unwrap().len()
    }

    /// Minor units of every authorisation asked for.
    pub fn amounts(&self) -> Vec<i64> {
        self.till.amounts.lock().unwrap().clone()
    }

    /// Minor units and payment of what was asked for beside.
    pub fn beside(&self) -> Vec<(i64, String)> {
        self.till.beside.lock().unwrap().clone()
    }

    /// The payments given back.
    pub fn voided(&self) -> Vec<String> {
        self.till.voided.lock().unwrap().clone()
    }
}

/// The payment that an authorisation makes: the same for the same request.
fn payment_of(request: &payment::AuthorizePaymentRequest) -> payment::Payment {
    let payment_id = Uuid::new_v5(&Uuid::nil(), request.request_id.as_bytes());
    payment::Payment {
        payment_id: payment_id.to_string(),
        booking_id: request.booking_id.clone(),
        authorized_amount: request.amount.clone(),
        status: payment::PaymentStatus::Authorized.into(),
        ..Default::default()
    }
}

#[tonic::async_trait]
impl PaymentService for Payment {
    async fn authorize_payment(
        &self,
        request: Request<payment::AuthorizePaymentRequest>,
    ) -> Result<Response<payment::AuthorizePaymentResponse>, Status> {
        let request = request.into_inner();
        let line = (
            request.request_id.clone(),
            request.booking_id.clone(),
            request.payment_method.clone(),
        );
        let minor = Money::try_from(request.amount.as_ref().unwrap()).unwrap().minor;
        self.till.amounts.lock().unwrap().push(minor);
        let times = {
            self.till.starts.lock().unwrap().push(request.start_time);
            let mut asked = self.till.asked.lock().unwrap();
            asked.push(line.clone());
            asked.iter().filter(|asked| **asked == line).count()
        };
        match request.payment_method.as_str() {
            "declined" => return Err(decline("insufficient_funds")),
            "acts" if !request.action_allowed => {
                return Err(decline("authentication_required"));
            }
            "acts" => {
                let (until, acted) = *self.till.acts.lock().unwrap();
                match acted {
                    Acted::Accepted => {}
                    Acted::Refused => return Err(decline("authentication_failed")),
                    Acted::NotYet => {
                        let payment = Some(payment::Payment {
                            status: payment::PaymentStatus::ActionRequired.into(),
                            action_url: "https://bank.example/act".to_owned(),
                            action_expire_time: Some(to_proto(until)),
                            ..payment_of(&request)
                        });
                        return Ok(Response::new(payment::AuthorizePaymentResponse { payment }));
                    }
                }
            }
            "4242424242424242" => {
                let details = ErrorDetails::with_error_info(
                    "CARD_NUMBER_REFUSED",
                    "payment.parkmesh",
                    std::collections::HashMap::<String, String>::new(),
                );
                return Err(Status::with_error_details(Code::InvalidArgument, "card", details));
            }
            "lost" if times == 1 => return Err(Status::deadline_exceeded("lost on the way")),
            "gate" => self.gate.acquire().await.unwrap().forget(),
            _ => {}
        }
        let payment = payment_of(&request);
        if request.additional {
            self.till.beside.lock().unwrap().push((minor, payment.payment_id.clone()));
        }
        let payment = Some(payment);
        Ok(Response::new(payment::AuthorizePaymentResponse { payment }))
    }

    async fn void_payment(
        &self,
        request: Request<payment::VoidPaymentRequest>,
    ) -> Result<Response<payment::VoidPaymentResponse>, Status> {
        self.till.voided.lock().unwrap().push(request.into_inner().payment_id);
        Ok(Response::new(payment::VoidPaymentResponse::default()))
    }

    async fn capture_payment(
        &self,
        _request: Request<payment::CapturePaymentRequest>,
    ) -> Result<Response<payment::CapturePaymentResponse>, Status> {
        Err(Status::unimplemented("booking never captures"))
    }

    async fn refund_payment(
        &self,
        _request: Request<payment::RefundPaymentRequest>,
    ) -> Result<Response<payment::RefundPaymentResponse>, Status> {
        Err(Status::unimplemented("booking never gives back"))
    }

    async fn retry_payment(
        &self,
        _request: Request<payment::RetryPaymentRequest>,
    ) -> Result<Response<payment::RetryPaymentResponse>, Status> {
        Err(Status::unimplemented("drivers give another card themselves"))
    }

    async fn create_payment_method(
        &self,
        _request: Request<payment::CreatePaymentMethodRequest>,
    ) -> Result<Response<payment::CreatePaymentMethodResponse>, Status> {
        Err(Status::unimplemented("booking keeps no cards"))
    }

    async fn list_payment_methods(
        &self,
        _request: Request<payment::ListPaymentMethodsRequest>,
    ) -> Result<Response<payment::ListPaymentMethodsResponse>, Status> {
        Err(Status::unimplemented("booking keeps no cards"))
    }

    async fn delete_payment_method(
        &self,
        _request: Request<payment::DeletePaymentMethodRequest>,
    ) -> Result<Response<payment::DeletePaymentMethodResponse>, Status> {
        Err(Status::unimplemented("booking keeps no cards"))
    }

    async fn get_revenue_report(
        &self,
        _request: Request<payment::GetRevenueReportRequest>,
    ) -> Result<Response<payment::GetRevenueReportResponse>, Status> {
        Err(Status::unimplemented("booking asks for no report"))
    }

    async fn get_payout_statement(
        &self,
        _request: Request<payment::GetPayoutStatementRequest>,
    ) -> Result<Response<payment::GetPayoutStatementResponse>, Status> {
        Err(Status::unimplemented("booking asks for no statement"))
    }

    async fn get_payment(
        &self,
        _request: Request<payment::GetPaymentRequest>,
    ) -> Result<Response<payment::GetPaymentResponse>, Status> {
        Err(Status::unimplemented("booking never asks"))
    }

    async fn list_payments(
        &self,
        _request: Request<payment::ListPaymentsRequest>,
    ) -> Result<Response<payment::ListPaymentsResponse>, Status> {
        Err(Status::unimplemented("booking never asks"))
    }

    async fn get_receipt(
        &self,
        _request: Request<payment::GetReceiptRequest>,
    ) -> Result<Response<payment::GetReceiptResponse>, Status> {
        Err(Status::unimplemented("booking never asks"))
    }

    async fn get_ledger(
        &self,
        _request: Request<payment::GetLedgerRequest>,
    ) -> Result<Response<payment::GetLedgerResponse>, Status> {
        Err(Status::unimplemented("booking never asks"))
    }
}

/// A world with spots and payment.
pub struct Town {
    pub world: World,
    pub payment: Payment,
    pub place: Place,
}

impl Town {
    /// Ten spots and a running clockwork.
    pub async fn start() -> Self {
        Self::with(10, true).await
    }

    /// So many spots; the clockwork runs or stands still.
    pub async fn with(spots: usize, clockwork: bool) -> Self {
        Self::with_config(spots, Config { clockwork, ..Config::default() }).await
    }

    /// So many spots and these settings.
    pub async fn with_config(spots: usize, config: Config) -> Self {
        let payment = Payment::start().await;
        let world = World::with(&payment.address, config).await;
        let place = make_place(&mut world.operator("op").await, "Mall", spots).await;
        let until = world.clock.now() + SignedDuration::from_mins(10);
        payment.till.acts.lock().unwrap().0 = until;
        Self { world, payment, place }
    }

    /// A driver's client.
    pub async fn driver(&self, name: &str) -> Bookings {
        self.client(&self.world.tokens.driver(name)).await
    }

    /// A client with this token.
    pub async fn client(&self, token: &str) -> Bookings {
        BookingServiceClient::new(self.world.line(token).await)
    }

    /// A window so many minutes from now.
    pub fn window(&self, start: i64, end: i64) -> Window {
        self.window_from(self.world.clock.now(), start, end)
    }

    /// A window so many minutes from a moment.
    pub fn window_from(&self, zero: Timestamp, start: i64, end: i64) -> Window {
        let at = |minutes| Some(to_proto(zero + SignedDuration::from_mins(minutes)));
        Window { start_time: at(start), end_time: at(end) }
    }

    /// A request for the spot of this index, from `start` to `end` minutes from now.
    pub fn hold(&self, spot: usize, start: i64, end: i64) -> proto::HoldSpotRequest {
        self.hold_in(spot, self.window(start, end))
    }

    /// A request for the spot of this index in a window.
    pub fn hold_in(&self, spot: usize, window: Window) -> proto::HoldSpotRequest {
        use proto::hold_spot_request::Choice;
        let spot = &self.place.spots[spot];
        let (spot_id, spot_version) = (spot.spot_id.clone(), spot.version);
        proto::HoldSpotRequest {
            request_id: request_id(),
            choice: Some(Choice::Spot(proto::SpotChoice { spot_id, spot_version })),
            window: Some(window),
            plate: "b-pm 1".to_owned(),
            disability_permit: false,
        }
    }

    /// Holds and confirms the spot of this index.
    pub async fn reserve(
        &self,
        driver: &mut Bookings,
        spot: usize,
        start: i64,
        end: i64,
    ) -> proto::Booking {
        let held = held(driver.hold_spot(self.hold(spot, start, end)).await);
        let confirmed = driver.confirm_booking(confirm(&held, "ok")).await;
        confirmed.unwrap().into_inner().booking.unwrap()
    }

    /// Moves the clock and lets the pools follow.
    pub fn advance(&self, minutes: i64) {
        self.world.clock.advance(SignedDuration::from_mins(minutes));
    }

    /// Bookings that overlap another live one on their spot: never any.
    pub async fn double_bookings(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM booking AS a JOIN booking AS b ON a.spot_id = b.spot_id
                 AND a.booking_id < b.booking_id AND a.during && b.during
             WHERE a.state IN (1, 2, 3) AND b.state IN (1, 2, 3)",
        )
        .fetch_one(&self.world.pool)
        .await
        .unwrap()
    }

    /// Deadlocks that the test's database has seen. Sessions report them a second late.
    #[expect(clippy::disallowed_methods, reason = "the server's own rhythm")]
    pub async fn deadlocks(&self) -> i64 {
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        let row = sqlx::query(
            "SELECT pg_stat_clear_snapshot(),
                    deadlocks FROM pg_stat_database WHERE datname = current_database()",
        );
        row.fetch_one(&self.world.pool).await.unwrap().get("deadlocks")
    }

    /// Types of the facts of a booking, in their order, once there are so many.
    pub async fn facts_of(&self, booking_id: &str, count: usize) -> Vec<(i64, String)> {
        let found = parkmesh_testkit::eventually("the booking's facts", || async {
            let rows = sqlx::query(
                "SELECT version, fact_type FROM outbox
                 WHERE aggregate_id = $1 AND publish_time IS NOT NULL ORDER BY stream_sequence",
            )
            .bind(Uuid::parse_str(booking_id).unwrap())
            .fetch_all(&self.world.pool)
            .await
            .unwrap();
            (rows.len() >= count).then_some(rows)
        });
        let rows = found.await;
        let name = |text: String| text.rsplit('.').next().unwrap().to_owned();
        rows.iter().map(|row| (row.get(0), name(row.get(1)))).collect()
    }
}

/// Asks until there is an answer about the spot: on a busy machine a call of a herd may pass its
/// deadline, and repeating it with its id is what a driver's app does.
pub async fn insist(
    driver: &mut Bookings,
    request: proto::HoldSpotRequest,
) -> Result<Response<proto::HoldSpotResponse>, Status> {
    for _again in 0..5 {
        match driver.hold_spot(request.clone()).await {
            Err(status) if status.code() == Code::DeadlineExceeded => {}
            Err(status) if status.code() == Code::Unavailable => {}
            answer => return answer,
        }
    }
    driver.hold_spot(request).await
}

/// A request to confirm.
pub fn confirm(booking: &proto::Booking, payment_method: &str) -> proto::ConfirmBookingRequest {
    proto::ConfirmBookingRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
        payment_method: payment_method.to_owned(),
    }
}

/// The booking in the answer to a hold.
pub fn held(answer: Result<Response<proto::HoldSpotResponse>, Status>) -> proto::Booking {
    answer.unwrap().into_inner().booking.unwrap()
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    reason_of(&answer.unwrap_err()).unwrap_or_default()
}

/// The columns of a table that a statement writes: all but those that Postgres makes of the others.
pub async fn written_columns(pool: &sqlx::PgPool, table: &str) -> String {
    sqlx::query_scalar(
        "SELECT string_agg(column_name, ', ') FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER'",
    )
    .bind(table)
    .fetch_one(pool)
    .await
    .unwrap()
}
