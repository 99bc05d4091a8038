//! `parkmesh up --mtls`: the roles know each other by their certificates, and these change while people book.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::availability::v1::GetAvailabilityRequest;
use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::booking::v1::{
    BookingState, CancelBookingRequest, GetLotRequest, ListBookingsRequest, StreamInventoryRequest,
};
use parkmesh_platform::channel::{Channel, ChannelConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::{CertificateFiles, Mtls, MtlsConfig, SpiffeId};
use tonic::{Code, Request, Status};

use crate::support::{Driver, Up, eventually, reason};

const SPOT: &str = "0-070";
/// Processes look at their files once a second.
const BETWEEN_STEPS: Duration = Duration::from_millis(2_500);
/// Two authorities, one after the other.
const STEPS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn services_prove_their_names_to_each_other_and_nobody_else_gets_in() {
    // Connections are made anew all the time, so that what changes is seen.
    let up = Up::start_set(&["--mtls"], &[("PARKMESH_GRPC_CONNECTION_AGE_SECONDS", "1")]);
    let anna = Driver::new(&up, "driver");
    books(&up, &anna).await;

    let straight = Driver::straight(up.told("/services/booking"), &up.token("driver"));
    let refused = straight.look("a-booking").await.expect_err("no certificate");
    // No word of gRPC comes back: it is our own side that says so.
    let broken = std::error::Error::source(&refused).is_some();
    assert!(broken && reason(&refused).is_empty(), "{refused:?}");
    let tasks = Tasks::new(&Clock::system());
    let caller = |name: &str| Caller::new(&up, name, &tasks);
    caller("availability").snapshot().await.expect("its own method");
    for other in ["sensor-bridge", "gateway", "payment", "booking"] {
        let refused = caller(other).snapshot().await.expect_err(other);
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::PermissionDenied, "CALLER_NOT_ALLOWED".to_owned()),
            "{other}"
        );
    }
    let lent = caller("availability").lot(&up, "driver").await.expect_err("not the gateway");
    assert_eq!(
        (lent.code(), reason(&lent)),
        (Code::PermissionDenied, "RELAY_NOT_ALLOWED".to_owned())
    );
    caller("gateway").lot(&up, "driver").await.expect("as the gateway passes it on");

    let tally = everybody_calls(&up, &tasks);
    let first = certificates(&up).join("booking/ca.crt");
    let trusted = std::fs::read_to_string(&first).expect("authorities");
    for _ in 0..STEPS {
        next_authority(&up);
        tokio::time::sleep(BETWEEN_STEPS).await;
    }
    let now_trusted = std::fs::read_to_string(&first).expect("authorities");
    assert!(!now_trusted.contains(trusted.trim()), "the first authority is not trusted any more");
    let (good, bad) = (tally.good.load(Ordering::SeqCst), tally.bad.load(Ordering::SeqCst));
    assert!(bad == 0 && good >= 200, "{good} good calls, {bad} bad ones");
    books(&up, &anna).await;
}

/// From the gateway to booking, from there to payment, and back over the picture.
async fn books(up: &Up, anna: &Driver) {
    let spot = eventually("the spot on the map", || async { anna.spot(up, SPOT).await.ok() }).await;
    let far = SignedDuration::from_hours(24 * 3);
    let wish = anna.wish(&spot, up.now() + far, SignedDuration::from_mins(30));
    let held = anna.hold(&wish).await.expect("a hold");
    let confirmed = anna.confirm(&held, "pm_card_ok", &uuid::Uuid::now_v7().to_string()).await;
    assert_eq!(confirmed.expect("a reservation").state(), BookingState::Reserved);
    let request = CancelBookingRequest {
        request_id: uuid::Uuid::now_v7().to_string(),
        booking_id: held.booking_id,
    };
    anna.booking().cancel_booking(request).await.expect("a cancellation");
}

/// Somebody with the certificate of a role, who calls booking without the gateway.
struct Caller {
    channel: Channel,
}

impl Caller {
    fn new(up: &Up, name: &str, tasks: &Tasks) -> Self {
        let mtls = mtls(up, name, tasks);
        let booking = ChannelConfig::of("booking", up.told("/services/booking"));
        Self { channel: Channel::connect(&booking, mtls, tasks).expect("an address") }
    }

    /// Availability's alone to call; the first message of the answer.
    async fn snapshot(&self) -> Result<(), Status> {
        let mut client = InventoryServiceClient::new(self.channel.clone());
        let mut stream =
            client.stream_inventory(StreamInventoryRequest::default()).await?.into_inner();
        stream.message().await.map(|_| ())
    }

    /// Somebody's call, with the token of somebody.
    async fn lot(&self, up: &Up, whose: &str) -> Result<(), Status> {
        let mut request = Request::new(GetLotRequest { lot_id: up.lot() });
        let token = format!("Bearer {}", up.token(whose)).parse().expect("a token");
        request.metadata_mut().insert("authorization", token);
        InventoryServiceClient::new(self.channel.clone()).get_lot(request).await.map(|_| ())
    }
}

/// What a role proves its name with.
fn mtls(up: &Up, name: &str, tasks: &Tasks) -> Mtls {
    let folder = certificates(up).join(name);
    let certificate = CertificateFiles {
        certificate_chain: folder.join("tls.crt"),
        private_key: folder.join("tls.key"),
    };
    let id = SpiffeId::of_service("parkmesh", name).expect("a name");
    let config = MtlsConfig::new(id, certificate, folder.join("ca.crt"));
    Mtls::open(&config, tasks).expect("certificates")
}

fn certificates(up: &Up) -> PathBuf {
    up.home().join("keys/mtls")
}

/// As an operator of a development machine would.
fn next_authority(up: &Up) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parkmesh"));
    command.args(["certificates", "--next-authority", "--out"]).arg(certificates(up));
    let output = command.output().expect("parkmesh runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[derive(Default)]
struct Tally {
    good: AtomicUsize,
    bad: AtomicUsize,
}

impl Tally {
    fn note(&self, what: &str, outcome: Result<(), Status>) {
        let counter = if outcome.is_ok() { &self.good } else { &self.bad };
        counter.fetch_add(1, Ordering::SeqCst);
        if let Err(status) = outcome {
            eprintln!("{what} failed: {status:?}");
        }
    }
}

/// Drivers through the gateway, and a service that connects anew for each call, until the tasks end.
fn everybody_calls(up: &Up, tasks: &Tasks) -> Arc<Tally> {
    let tally = Arc::new(Tally::default());
    for name in ["carla", "dora"] {
        let (driver, tally, lot) = (Driver::named(up, name), Arc::clone(&tally), up.lot());
        tasks.spawn("driver", async move {
            loop {
                let request = GetAvailabilityRequest { lot_id: lot.clone() };
                let counts = driver.availability().get_availability(request).await;
                tally.note("counting", counts.map(|_| ()));
                let request = ListBookingsRequest::default();
                let bookings = driver.booking().list_bookings(request).await;
                tally.note("listing", bookings.map(|_| ()));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
    let (mtls, url) = (mtls(up, "availability", tasks), up.told("/services/booking"));
    let (own, tally_of_service) = (tasks.clone(), Arc::clone(&tally));
    tasks.spawn("service", async move {
        loop {
            let booking = ChannelConfig::of("booking", url.clone());
            let channel = Channel::connect(&booking, mtls.clone(), &own).expect("an address");
            let mut client = InventoryServiceClient::new(channel);
            let answer = client.stream_inventory(StreamInventoryRequest::default()).await;
            tally_of_service.note("connecting anew", answer.map(|_| ()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    tally
}
