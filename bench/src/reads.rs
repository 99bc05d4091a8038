//! GetAvailability of one lot, with a token, beside a bare tonic echo whose answer has the same size.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parkmesh_contracts::availability::v1::availability_service_client::AvailabilityServiceClient;
use parkmesh_contracts::availability::v1::{GetAvailabilityRequest, GetAvailabilityResponse};
use tokio::net::TcpListener;
use tonic::codegen::BoxFuture;
use tonic::server::{NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use crate::alone::Alone;
use crate::city::{City, bearer};
use crate::lab::stats::{median, p99_ms};
use crate::proof::Figure;
use crate::{Failure, calls};

/// What is asked.
const SHARE_MIN: f64 = 0.6;
const P99_MS_MAX: f64 = 1.0;
/// Connections, and calls in flight on each.
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 16;

/// How long it is measured.
#[derive(Debug, clap::Args)]
pub struct Reads {
    /// Spots of the lot.
    #[arg(long, default_value_t = 1_000)]
    spots: u32,
    /// Seconds of a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds, ours and the echo's in turn; the medians count.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// Measures both in turn, as fast as they go and then at half of our rate.
pub fn prove(options: &Reads) -> Result<bool, Failure> {
    let city = City::start("reads", options.spots)?;
    let time = Duration::from_secs(options.seconds);
    let (ours, theirs, p99, echo_p99) = crate::runtime()?.block_on(async {
        let lot = city.lots().await?.into_iter().next().ok_or("there is no lot")?;
        let ask = Ask { lot, token: city.token("driver")? };
        let ours = (0..CONNECTIONS).map(|_| city.channel("availability"));
        let ours = ours.collect::<Result<Vec<_>, _>>()?;
        let answer = ask.once(&ours[0]).await?;
        let echo_ways = Echo::start(answer)?;
        let (mut rates, mut echoes) = (Vec::new(), Vec::new());
        for _round in 0..options.rounds {
            rates.push(ask.rate(&ours, time).await?);
            echoes.push(ask.rate(&echo_ways, time).await?);
        }
        let none = || Failure::from("no round was measured");
        let (rate, echo) = (median(rates).ok_or_else(none)?, median(echoes).ok_or_else(none)?);
        let (mut slow, mut slow_echo) = (Vec::new(), Vec::new());
        for _round in 0..options.rounds {
            slow.push(ask.p99(&ours, rate / 2.0, time).await?);
            slow_echo.push(ask.p99(&echo_ways, rate / 2.0, time).await?);
        }
        let (p99, echo_p99) = (median(slow), median(slow_echo));
        Ok::<_, Failure>((rate, echo, p99.ok_or_else(none)?, echo_p99.ok_or_else(none)?))
    })?;
    Figure::told("reads-rate", ours, "GetAvailability/s of one lot, with a token").tell()?;
    Figure::told("reads-echo", theirs, "calls/s of a bare tonic echo with the same answer")
        .tell()?;
    let unit = "ms, a bare tonic echo at the rate of reads-p99, p99";
    Figure::told("reads-echo-p99", echo_p99, unit).tell()?;
    let share = Figure {
        name: "reads",
        figure: ours / theirs,
        unit: "× the rate of a bare tonic echo with the same answer",
        yardstick: "reads-echo",
        ask: format!("≥ {SHARE_MIN}"),
        holds: ours / theirs >= SHARE_MIN,
    };
    let latency = Figure {
        name: "reads-p99",
        figure: p99,
        unit: "ms, GetAvailability at half of its rate, p99",
        yardstick: "reads-echo-p99",
        ask: format!("< {P99_MS_MAX}"),
        holds: p99 < P99_MS_MAX,
    };
    let (share, latency) = (share.tell()?, latency.tell()?);
    Ok(share && latency)
}

/// The call.
#[derive(Clone)]
struct Ask {
    lot: String,
    token: String,
}

impl Ask {
    async fn once(&self, way: &Channel) -> Result<GetAvailabilityResponse, Failure> {
        let request = Request::new(GetAvailabilityRequest { lot_id: self.lot.clone() });
        let mut client = AvailabilityServiceClient::new(way.clone());
        Ok(client.get_availability(bearer(request, &self.token)?).await?.into_inner())
    }

    /// Calls in a second, as many in flight as is usual.
    async fn rate(&self, ways: &[Channel], time: Duration) -> Result<f64, Failure> {
        let callers = ways.iter().flat_map(|way| (0..IN_FLIGHT).map(move |_| way));
        let callers = callers.map(|way| async move || self.once(way).await.map(drop)).collect();
        let began = Instant::now();
        let done = calls::load(callers, time).await?;
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }

    /// The slowest hundredth at this rate, in milliseconds: each from when it was due.
    async fn p99(&self, ways: &[Channel], rate: f64, time: Duration) -> Result<f64, Failure> {
        let all = calls::offered(rate, time, |number, due| {
            let (ask, way) = (self.clone(), ways[number % ways.len()].clone());
            async move { ask.once(&way).await.map(|_answer| due.elapsed()) }
        });
        let all = all.await.into_iter().collect::<Result<Vec<_>, _>>();
        p99_ms(all?).ok_or_else(|| "nothing was measured".into())
    }
}

/// Answers every call with the same message: tonic and nothing else.
#[derive(Clone)]
struct Echo(Arc<GetAvailabilityResponse>);

impl Echo {
    /// Starts it on two threads of its own; gives the ways to it.
    fn start(answer: GetAvailabilityResponse) -> Result<Vec<Channel>, Failure> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let echo = Alone::of(Self(Arc::new(answer)));
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                let incoming = tonic::transport::server::TcpIncoming::from(listener);
                let server = tonic::transport::Server::builder().add_service(echo);
                let served = server.serve_with_incoming(incoming.with_nodelay(Some(true))).await;
                if let Err(error) = served {
                    eprintln!("  the echo ended: {error}");
                }
            });
        });
        let way = || Ok(Endpoint::from_shared(url.clone())?.tcp_nodelay(true).connect_lazy());
        (0..CONNECTIONS).map(|_| way()).collect()
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "parkmesh.availability.v1.AvailabilityService";
}

impl UnaryService<GetAvailabilityRequest> for Echo {
    type Response = GetAvailabilityResponse;
    type Future = BoxFuture<Response<GetAvailabilityResponse>, Status>;

    fn call(&mut self, _request: Request<GetAvailabilityRequest>) -> Self::Future {
        let answer = GetAvailabilityResponse::clone(&self.0);
        Box::pin(async move { Ok(Response::new(answer)) })
    }
}
