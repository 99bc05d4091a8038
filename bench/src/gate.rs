//! What a gRPC-Web call costs at our gateway, with tokens, limits, metrics and an access log, beside Envoy with cors, `grpc_web` and router
//! only: processor time, p99 and memory, in turn before the same upstream.

mod http1;
mod memory;
pub mod pin;
pub mod upstream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Request};
use parkmesh_platform::auth::Role;

use crate::differential::LIST;
use crate::gates::{self, Gate};
use crate::lab::stats::{median, p99_ms};
use crate::proof::Figure;
use crate::{Failure, calls, cpu, http2, up};
use upstream::{Upstream, Watches};

/// What is asked.
const SHARE_MAX: f64 = 0.5;
const P99_SHARE_MAX: f64 = 1.0;
/// Connections of HTTP/2, and calls in flight on each.
const HTTP2: (usize, usize) = (4, 8);
/// Before a round counts.
const WARM: Duration = Duration::from_millis(500);

/// How long it is measured.
#[derive(Debug, clap::Args)]
pub struct GateOptions {
    /// Seconds of a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds, Envoy's and ours in turn; the medians count.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

/// The two versions of HTTP that browsers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

/// What is sent again and again.
pub struct Call {
    /// Of the caller.
    pub token: String,
}

impl Call {
    /// As gRPC-Web over HTTP/2.
    fn http2(&self, path: &str) -> Result<http2::Ask, Failure> {
        let head = Request::post(format!("http://gateway{path}"))
            .header(CONTENT_TYPE, "application/grpc-web+proto")
            .header("x-grpc-web", "1")
            .header(ORIGIN, HeaderValue::from_static(gates::ORIGIN))
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        Ok(http2::Ask { head: head.body(())?, message: Bytes::from_static(http1::MESSAGE) })
    }
}

/// What one round gave.
struct Round {
    rate: f64,
    /// Microseconds of the gateway's processor time a call.
    cpu_us: f64,
}

/// Both, started anew for each kind of figure.
struct House {
    program: PathBuf,
    home: PathBuf,
    upstream: Upstream,
    call: Arc<Call>,
}

/// Measures all of it.
pub fn prove(options: &GateOptions) -> Result<bool, Failure> {
    let home = up::home("gate")?;
    let program = gates::envoy_program()?;
    pin::ourselves()?;
    let held =
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let call = Arc::new(Call { token: gates::token(&home, Role::Driver)? });
            let house =
                House { program, home, upstream: Upstream::start(Watches::Silent).await?, call };
            let mut holds = true;
            for version in [Version::One, Version::Two] {
                holds &= house.speed(version, options).await?;
            }
            holds &= memory::prove(&house).await?;
            Ok::<_, Failure>(holds)
        })?;
    Ok(held)
}

impl House {
    fn envoy(&self) -> Result<Gate, Failure> {
        let gate = gates::envoy(&self.program, self.upstream.addr, &self.home)?;
        pin::gate(gate.pid()).map(|()| gate)
    }

    fn ours(&self) -> Result<Gate, Failure> {
        let gate = gates::ours(self.upstream.addr, &self.home)?;
        pin::gate(gate.pid()).map(|()| gate)
    }

    /// Processor time at full speed, then p99 at half of Envoy's.
    async fn speed(&self, version: Version, options: &GateOptions) -> Result<bool, Failure> {
        let (envoy, ours) = (self.envoy()?, self.ours()?);
        let time = Duration::from_secs(options.seconds);
        let (mut theirs, mut own) = (Vec::new(), Vec::new());
        for _round in 0..options.rounds {
            theirs.push(self.round(&envoy, version, time).await?);
            own.push(self.round(&ours, version, time).await?);
        }
        let rate = middle(&theirs, |round| round.rate)?;
        let (mut their_p99, mut our_p99) = (Vec::new(), Vec::new());
        for _round in 0..options.rounds {
            their_p99.push(self.p99(&envoy, version, rate / 2.0, time).await?);
            our_p99.push(self.p99(&ours, version, rate / 2.0, time).await?);
        }
        let names = names(version);
        println!(
            "  {}: Envoy {rate:.0}/s, ours {:.0}/s",
            names.http,
            middle(&own, |round| round.rate)?
        );
        let cpu = (middle(&theirs, |round| round.cpu_us)?, middle(&own, |round| round.cpu_us)?);
        let cpu = beside(names.cpu, cpu, SHARE_MAX, "µs of processor time a call")?;
        let none = || Failure::from("no round was measured");
        let p99 = (median(their_p99).ok_or_else(none)?, median(our_p99).ok_or_else(none)?);
        let p99 = beside(names.p99, p99, P99_SHARE_MAX, "ms, p99 at half of Envoy's rate")?;
        Ok(cpu && p99)
    }

    async fn round(&self, gate: &Gate, version: Version, time: Duration) -> Result<Round, Failure> {
        self.load(gate, version, WARM).await?;
        let (began, before) = (Instant::now(), cpu::seconds_of(&[gate.pid()], &[])?);
        let calls = self.load(gate, version, time).await?;
        let used = cpu::seconds_of(&[gate.pid()], &[])? - before;
        let rate = calls as f64 / began.elapsed().as_secs_f64();
        Ok(Round { rate, cpu_us: used * 1e6 / calls as f64 })
    }

    /// Calls made as fast as they go.
    async fn load(&self, gate: &Gate, version: Version, time: Duration) -> Result<u64, Failure> {
        match version {
            Version::One => calls::load(http1::callers(gate.addr, &self.call).await?, time).await,
            Version::Two => http2::load(gate.addr, &self.call.http2(LIST)?, HTTP2, time).await,
        }
    }

    /// Calls made at this rate; milliseconds from when each was due.
    async fn p99(
        &self,
        gate: &Gate,
        version: Version,
        rate: f64,
        time: Duration,
    ) -> Result<f64, Failure> {
        let all = match version {
            Version::One => {
                let callers = http1::callers(gate.addr, &self.call).await?;
                calls::paced(callers, rate, time).await?
            }
            Version::Two => {
                http2::paced(gate.addr, &self.call.http2(LIST)?, HTTP2, rate, time).await?
            }
        };
        p99_ms(all).ok_or_else(|| "nothing was measured".into())
    }
}

/// The figures of a version of HTTP.
struct Names {
    http: &'static str,
    cpu: [&'static str; 3],
    p99: [&'static str; 3],
}

fn names(version: Version) -> Names {
    match version {
        Version::One => Names {
            http: "HTTP/1.1",
            cpu: ["gate-cpu-h1", "gate-cpu-h1-envoy", "gate-cpu-h1-ours"],
            p99: ["gate-p99-h1", "gate-p99-h1-envoy", "gate-p99-h1-ours"],
        },
        Version::Two => Names {
            http: "HTTP/2",
            cpu: ["gate-cpu-h2", "gate-cpu-h2-envoy", "gate-cpu-h2-ours"],
            p99: ["gate-p99-h2", "gate-p99-h2-envoy", "gate-p99-h2-ours"],
        },
    }
}

/// Our figure as a share of Envoy's, with both beside it.
fn beside(
    [name, envoys, ours]: [&'static str; 3],
    (theirs, own): (f64, f64),
    share_max: f64,
    unit: &'static str,
) -> Result<bool, Failure> {
    Figure::told(envoys, theirs, unit).tell()?;
    Figure::told(ours, own, unit).tell()?;
    Figure {
        name,
        figure: own / theirs,
        unit: "× Envoy's",
        yardstick: envoys,
        ask: format!("≤ {share_max}"),
        holds: own / theirs <= share_max,
    }
    .tell()
}

fn middle(rounds: &[Round], of: fn(&Round) -> f64) -> Result<f64, Failure> {
    median(rounds.iter().map(of).collect()).ok_or_else(|| "no round was measured".into())
}
