//! GetAvailability of one lot, with a token, beside a bare tonic echo whose answer has the same size.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, CONTENT_TYPE, TE};
use parkmesh_contracts::availability::v1::{GetAvailabilityRequest, GetAvailabilityResponse};
use prost::Message;
use tokio::net::TcpListener;
use tonic::codegen::BoxFuture;
use tonic::server::{NamedService, UnaryService};
use tonic::{Request, Response, Status};

use crate::alone::Alone;
use crate::city::City;
use crate::lab::stats::{median, p99_ms};
use crate::proof::Figure;
use crate::{Failure, http2};

/// What is asked.
const SHARE_MIN: f64 = 0.6;
const P99_MS_MAX: f64 = 1.0;
/// Connections, and calls in flight on each.
const CALLERS: (usize, usize) = (4, 16);
const METHOD: &str = "/parkmesh.availability.v1.AvailabilityService/GetAvailability";
/// Bytes before a message: whether it is compressed, and its length.
const MESSAGE_HEAD: usize = 5;

/// How long it is measured.
#[derive(Debug, clap::Args)]
pub struct Reads {
    /// Spots of the lot.
    #[arg(long, default_value_t = 1_000)]
    spots: u32,
    /// Seconds of a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds, ours and the echo's in turn; the medians count. A machine with neighbours has moments in which all is slow.
    #[arg(long, default_value_t = 7)]
    rounds: u32,
}

/// Measures both in turn, as fast as they go and, in the same round, at half of our rate.
pub fn prove(options: &Reads) -> Result<bool, Failure> {
    let city = City::start("reads", options.spots)?;
    let time = Duration::from_secs(options.seconds);
    // Who calls takes one of the processors at most.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ours, theirs, p99, echo_p99) = runtime.block_on(async {
        let lot = city.lots().await?.into_iter().next().ok_or("there is no lot")?;
        let ours = Target::ours(&city, &lot)?;
        let answer = http2::Wire::open(ours.addr).await?;
        let answer = http2::once(answer.sender(), &ours.ask).await?;
        let echo = Target { addr: Echo::start(&answer)?, ask: ours.ask.clone() };
        let (mut rates, mut echoes) = (Vec::new(), Vec::new());
        let (mut slow, mut slow_echo) = (Vec::new(), Vec::new());
        for _round in 0..options.rounds {
            echoes.push(echo.rate(time).await?);
            let rate = ours.rate(time).await?;
            rates.push(rate);
            // Half of what it does at this moment: neighbours come and go within the minutes of all rounds.
            slow.push(ours.p99(rate / 2.0, time).await?);
            slow_echo.push(echo.p99(rate / 2.0, time).await?);
        }
        let none = || Failure::from("no round was measured");
        let (rate, echo_rate) = (median(rates).ok_or_else(none)?, median(echoes).ok_or_else(none)?);
        let (p99, echo_p99) = (median(slow), median(slow_echo));
        Ok::<_, Failure>((rate, echo_rate, p99.ok_or_else(none)?, echo_p99.ok_or_else(none)?))
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
        unit: "ms, GetAvailability at half of the round's rate, p99",
        yardstick: "reads-echo-p99",
        ask: format!("< {P99_MS_MAX}"),
        holds: p99 < P99_MS_MAX,
    };
    let (share, latency) = (share.tell()?, latency.tell()?);
    Ok(share && latency)
}

/// Who is called, and what it is asked.
struct Target {
    addr: SocketAddr,
    ask: http2::Ask,
}

impl Target {
    fn ours(city: &City, lot: &str) -> Result<Self, Failure> {
        let url = city.url("availability")?;
        let addr = url.trim_start_matches("http://").parse()?;
        let head = http::Request::post(format!("{url}{METHOD}"))
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .header(AUTHORIZATION, format!("Bearer {}", city.token("driver")?));
        let message = GetAvailabilityRequest { lot_id: lot.to_owned() }.encode_to_vec();
        let length = u32::try_from(message.len())?.to_be_bytes();
        let message = [&[0], &length[..], &message].concat().into();
        Ok(Self { addr, ask: http2::Ask { head: head.body(())?, message } })
    }

    /// Calls in a second, as many in flight as is usual.
    async fn rate(&self, time: Duration) -> Result<f64, Failure> {
        let began = Instant::now();
        let done = http2::load(self.addr, &self.ask, CALLERS, time).await?;
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }

    /// The slowest hundredth at this rate, in milliseconds: each from when it was due.
    async fn p99(&self, rate: f64, time: Duration) -> Result<f64, Failure> {
        let all = http2::paced(self.addr, &self.ask, CALLERS, rate, time).await?;
        p99_ms(all).ok_or_else(|| "nothing was measured".into())
    }
}

/// Answers every call with the same message: tonic and nothing else.
#[derive(Clone)]
struct Echo(Arc<GetAvailabilityResponse>);

impl Echo {
    /// Starts it on two threads of its own; says where it is.
    fn start(answer: &[u8]) -> Result<SocketAddr, Failure> {
        let message = answer.get(MESSAGE_HEAD..).ok_or("there is no answer")?;
        let answer = GetAvailabilityResponse::decode(message)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
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
        Ok(addr)
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
