//! What is left of the service when ten times as many calls come as it can do: how much it still does, whether what matters still gets through,
//! and how soon the others know.
//!
//! The gateway is the built binary. Behind it is a server of the platform, with everything that a service has before its handlers (token,
//! deadline, shedding by the method table); its handlers do nothing but hold one of a few places for a while, so that its capacity is known
//! and does not depend on the machine. Its room for calls is what it does in half a second: an operator sets it so (`PARKMESH_GRPC_CALLS_MAX`).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use parkmesh_platform::auth::{Issuer, Role, Verifier};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{Running, ServeConfig, Server};
use parkmesh_platform::tasks::Tasks;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tonic::client::Grpc as Client;
use tonic::codegen::BoxFuture;
use tonic::server::{NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use crate::alone::Alone;
use crate::city::bearer;
use crate::lab::stats::p99_ms;
use crate::proof::Figure;
use crate::{Failure, calls, gates, pause, up};

/// Calls at work at the same time, and how long each takes: 400 calls a second.
const PLACES: usize = 4;
const WORK: Duration = Duration::from_millis(10);
const CAPACITY: f64 = 400.0;
/// Calls that may be inside, waiting or at work: half a second of work.
const ROOM: usize = 200;
/// What is asked.
const TIMES: f64 = 10.0;
const GOODPUT_MIN: f64 = 0.9;
const CRITICAL_MIN: f64 = 0.99;
const REFUSAL_MS_MAX: f64 = 10.0;
const NORMAL_AFTER: Duration = Duration::from_secs(5);
/// The first moments of a load do not count.
const WARM: Duration = Duration::from_secs(2);
/// In flight while the capacity is measured.
const BUSY: usize = 32;
/// Connections of the crowd.
const CONNECTIONS: usize = 4;

/// In every hundred calls: 5 are of what must get through, 45 are holds, 50 are quotes.
const CRITICAL: [&str; 5] = [
    "/parkmesh.booking.v1.BookingService/ConfirmBooking",
    "/parkmesh.booking.v1.BookingService/CancelBooking",
    "/parkmesh.booking.v1.BookingService/EndSession",
    "/parkmesh.booking.v1.BookingService/CheckIn",
    "/parkmesh.booking.v1.BookingService/EndSession",
];
const HOLD: &str = "/parkmesh.booking.v1.BookingService/HoldSpot";
const QUOTE: &str = "/parkmesh.booking.v1.BookingService/QuoteBooking";

/// How long it is measured.
#[derive(Debug, clap::Args)]
pub struct Overload {
    /// Seconds of the load.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

/// Measures the peak, the load, and what comes after.
pub fn prove(options: &Overload) -> Result<bool, Failure> {
    let home = up::home("overload")?;
    let seconds = Duration::from_secs(options.seconds);
    let (peak, load, after) = crate::runtime()?.block_on(async {
        let (_upstream, addr) = upstream(&home).await?;
        let gate = gates::ours(addr, &home)?;
        let crowd = Arc::new(Crowd::of(&gate, &home)?);
        crowd.until_served().await?;
        let peak = crowd.peak(WARM + NORMAL_AFTER).await?;
        println!("  the peak is {peak:.0} calls/s; {:.0}/s are offered", CAPACITY * TIMES);
        let load = crowd.offer(CAPACITY * TIMES, WARM + seconds).await;
        pause(NORMAL_AFTER).await;
        let after = crowd.offer(CAPACITY / 2.0, NORMAL_AFTER).await;
        Ok::<_, Failure>((peak, load, after))
    })?;
    report(peak, &load, seconds, &after)
}

fn report(peak: f64, load: &[Ended], seconds: Duration, after: &[Ended]) -> Result<bool, Failure> {
    let counted: Vec<&Ended> = load.iter().filter(|one| one.at >= WARM).collect();
    // By when they ended: what was still to come when the load was over is none of its goodput.
    let ended = |one: &&Ended| (WARM..WARM + seconds).contains(&(one.at + one.took));
    let done = load.iter().filter(ended).filter(|one| one.outcome == Outcome::Done).count();
    let critical: Vec<_> = counted.iter().filter(|one| one.critical).collect();
    let through = critical.iter().filter(|one| one.outcome == Outcome::Done).count();
    let refusals =
        counted.iter().filter(|one| one.outcome == Outcome::Refused).map(|one| one.took).collect();
    let refusal = p99_ms(refusals).ok_or("nobody was refused")?;
    let odd = counted.iter().filter(|one| one.outcome == Outcome::Odd).count();
    let missed = after.iter().filter(|one| one.outcome != Outcome::Done).count();
    let goodput = done as f64 / seconds.as_secs_f64() / peak;
    let through = through as f64 / critical.len().max(1) as f64;
    let figures = [
        (
            "overload-goodput",
            goodput,
            "of the peak, at ten times the capacity",
            goodput >= GOODPUT_MIN,
            format!("≥ {GOODPUT_MIN}"),
        ),
        (
            "overload-critical",
            through,
            "of confirmations, cancellations, arrivals and exits succeed",
            through >= CRITICAL_MIN,
            format!("≥ {CRITICAL_MIN}"),
        ),
        (
            "overload-refusal",
            refusal,
            "ms until a refusal, p99",
            refusal < REFUSAL_MS_MAX,
            format!("< {REFUSAL_MS_MAX}"),
        ),
        (
            "overload-odd",
            odd as f64,
            "calls that are neither done nor refused with a time to come back",
            odd == 0,
            "0".to_owned(),
        ),
        (
            "overload-after",
            missed as f64,
            "calls not done, 5 s after the end, at half of the capacity",
            missed == 0,
            "0".to_owned(),
        ),
    ];
    let mut holds = true;
    for (name, figure, unit, held, ask) in figures {
        holds &= Figure { name, figure, unit, yardstick: "none", ask, holds: held }.tell()?;
    }
    Ok(holds)
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// UNAVAILABLE or RESOURCE_EXHAUSTED, with a time to come back.
    Refused,
    Odd,
}

struct Ended {
    /// When it was due, from the beginning.
    at: Duration,
    took: Duration,
    critical: bool,
    outcome: Outcome,
}

/// Those who call.
struct Crowd {
    ways: Vec<Channel>,
    token: String,
}

impl Crowd {
    fn of(gate: &gates::Gate, home: &Path) -> Result<Self, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://{}", gate.addr))?.tcp_nodelay(true);
        let ways = (0..CONNECTIONS).map(|_| endpoint.connect_lazy()).collect();
        Ok(Self { ways, token: gates::token(home, Role::Driver)? })
    }

    /// The gateway has to find its replica first.
    async fn until_served(&self) -> Result<(), Failure> {
        let began = Instant::now();
        while self.call(0, QUOTE).await.is_err() {
            if began.elapsed() > NORMAL_AFTER {
                return Err("the gateway serves nobody".into());
            }
            pause(WORK).await;
        }
        Ok(())
    }

    async fn call(&self, number: usize, path: &'static str) -> Result<(), Status> {
        let mut client = Client::new(self.ways[number % self.ways.len()].clone());
        client.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let request = bearer(Request::new(()), &self.token)
            .map_err(|error| Status::unknown(error.to_string()))?;
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        let path = PathAndQuery::from_static(path);
        client.unary(request, path, codec).await.map(|_answer| ())
    }

    /// Calls done in a second by as many as keep all places busy.
    async fn peak(&self, time: Duration) -> Result<f64, Failure> {
        let callers = (0..BUSY).map(|number| async move || Ok(self.call(number, HOLD).await?));
        let began = Instant::now();
        let done = calls::load(callers.collect(), time).await?;
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }

    /// Calls that come at this rate, whatever becomes of those before.
    async fn offer(self: &Arc<Self>, rate: f64, time: Duration) -> Vec<Ended> {
        let began = Instant::now();
        let calls = calls::offered(rate, time, |number, due| {
            let (crowd, (path, critical)) = (Arc::clone(self), wish(number));
            async move {
                let outcome = outcome(crowd.call(number, path).await);
                Ended { at: due - began, took: due.elapsed(), critical, outcome }
            }
        });
        calls.await
    }
}

/// What the call of this number asks for.
fn wish(number: usize) -> (&'static str, bool) {
    match number % 100 {
        place @ (0 | 20 | 40 | 60 | 80) => (CRITICAL[place / 20], true),
        place if place % 20 < 10 => (HOLD, false),
        _ => (QUOTE, false),
    }
}

fn outcome(answer: Result<(), Status>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Done,
        Err(status) => {
            let refused = matches!(status.code(), Code::Unavailable | Code::ResourceExhausted);
            let told = refused && status.get_details_retry_info().is_some();
            if told { Outcome::Refused } else { Outcome::Odd }
        }
    }
}

/// The server behind the gateway.
async fn upstream(home: &Path) -> Result<(Running, std::net::SocketAddr), Failure> {
    let (clock, ids) = (Clock::system(), Ids::random());
    let issuer = Issuer::open(&home.join("issuer.pem"), &clock, &ids)?;
    let tasks = Tasks::new(&clock);
    let verifier = Verifier::start(&issuer.verifier_config(), &clock, &tasks).await?;
    let config = ServeConfig { calls_max: ROOM, ..ServeConfig::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let work = Alone::of(Work(Arc::new(Semaphore::new(PLACES))));
    let server = Server::new("booking", config, &ids, &verifier).service(work);
    let running = server.start(listener).await?;
    running.health().ok_or("the server tells no health")?.serving().await;
    Ok((running, addr))
}

/// Does nothing, for a while, in one of a few places.
#[derive(Clone)]
struct Work(Arc<Semaphore>);

impl NamedService for Work {
    const NAME: &'static str = "parkmesh.booking.v1.BookingService";
}

impl UnaryService<()> for Work {
    type Response = ();
    type Future = BoxFuture<Response<()>, Status>;

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            let _place = places.acquire().await;
            pause(WORK).await;
            Ok(Response::new(()))
        })
    }
}
