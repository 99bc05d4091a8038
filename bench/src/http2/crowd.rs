//! Many calls of one kind by one thread, several in flight on each of several connections: as fast as they go, or at a rate.
//!
//! A client made of a library's parts takes as much of a small machine as the service that it calls, and then its p99 is its own:
//! at half of a service's rate the kernel has no idle processor left to wake either on. This one takes half.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Ask;
use super::line::Line;
use crate::Failure;
use crate::calls::PACE;

/// A connection is new, and so is what the kernel knows of who wakes whom.
const WARM: Duration = Duration::from_millis(500);

/// Those who call.
pub struct Crowd {
    lines: Vec<Line>,
    /// Calls in flight on a connection, at most.
    each: usize,
    /// The connection of the call before.
    last: usize,
}

impl Crowd {
    /// So many connections, and calls on each.
    pub fn open(
        addr: SocketAddr,
        ask: &Ask,
        (lines, each): (usize, usize),
    ) -> Result<Self, Failure> {
        let lines = (0..lines).map(|_| Line::open(addr, ask)).collect::<Result<_, _>>()?;
        Ok(Self { lines, each, last: 0 })
    }

    /// Calls made in this time, as fast as they go.
    pub fn load(mut self, time: Duration) -> Result<u64, Failure> {
        let until = Instant::now() + time;
        let mut calls = 0;
        loop {
            let now = Instant::now();
            while now < until && self.ask(now)? {}
            if self.is_idle() {
                return Ok(calls);
            }
            self.flush()?;
            self.wait()?;
            self.read(|_due, _took| calls += 1)?;
        }
    }

    /// How long each call took from when it was due, at this rate, once it has gone on for [`WARM`]. What has come is looked at
    /// when calls go out, and so is told up to [`PACE`] too late: to be woken for each answer takes time from who answers.
    pub fn paced(mut self, rate: f64, time: Duration) -> Result<Vec<Duration>, Failure> {
        let period = Duration::from_secs_f64(1.0 / rate.max(1.0));
        let mut due = Instant::now();
        let (warm, until) = (due + WARM, due + WARM + time);
        let mut took = Vec::new();
        while due < until || !self.is_idle() {
            let now = Instant::now();
            while due <= now && due < until && self.ask(due)? {
                due += period;
            }
            self.flush()?;
            std::thread::sleep(PACE);
            self.read(|due, one| {
                if due >= warm {
                    took.push(one);
                }
            })?;
        }
        Ok(took)
    }

    fn is_idle(&self) -> bool {
        self.lines.iter().all(|line| line.in_flight() == 0)
    }

    /// Makes a call on the next connection that has room; false when none has.
    fn ask(&mut self, due: Instant) -> Result<bool, Failure> {
        for _ in 0..self.lines.len() {
            self.last = (self.last + 1) % self.lines.len();
            let line = &mut self.lines[self.last];
            if line.in_flight() < self.each {
                return line.ask(due).map(|()| true);
            }
        }
        Ok(false)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.lines.iter_mut().try_for_each(Line::flush)
    }

    /// Waits for an answer, or for room for what could not be sent.
    fn wait(&self) -> Result<(), Failure> {
        let looks = self.lines.iter().map(|line| {
            let send = if line.is_full() { PollFlags::POLLOUT } else { PollFlags::empty() };
            PollFd::new(line.socket.as_fd(), PollFlags::POLLIN | send)
        });
        poll(&mut looks.collect::<Vec<_>>(), PollTimeout::NONE)?;
        Ok(())
    }

    /// Takes what has come.
    fn read(&mut self, mut ended: impl FnMut(Instant, Duration)) -> Result<(), Failure> {
        self.lines.iter_mut().try_for_each(|line| line.read(&mut ended))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::AUTHORIZATION;
    use http::{Request, Response};
    use tokio::task::JoinSet;

    use super::*;

    const TOKEN: &str = "a token, and a long one: it is longer than what is said in one byte of its length, as tokens of real callers are, which have many claims";
    /// More than a connection may bring unread at first.
    const ANSWER: Bytes = Bytes::from_static(&[7; 9_000]);

    /// Answers those who say who they are; a refusal has no body.
    fn server() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let addr = listener.local_addr().expect("an address");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        std::thread::spawn(move || {
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let mut connections = JoinSet::new();
                while let Ok((socket, _)) = listener.accept().await {
                    connections.spawn(answer_all(socket));
                }
            });
        });
        addr
    }

    async fn answer_all(socket: tokio::net::TcpStream) {
        let mut connection = h2::server::handshake(socket).await.expect("a handshake");
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let known = request.uri().path() == "/asked"
                && request.headers().get(AUTHORIZATION).is_some_and(|token| token == TOKEN);
            let mut body = respond.send_response(Response::new(()), !known).expect("a head");
            if known {
                body.send_data(ANSWER, true).expect("a body");
            }
        }
    }

    fn crowd(token: &'static str) -> Result<Crowd, Failure> {
        let head = Request::post("http://server/asked").header("x-first", "1");
        let head = head.header(AUTHORIZATION, token).body(())?;
        Crowd::open(server(), &Ask { head, message: Bytes::from_static(b"asked") }, (2, 3))
    }

    #[test]
    fn calls_are_made_again_and_again() -> Result<(), Failure> {
        let calls = crowd(TOKEN)?.load(Duration::from_millis(300))?;
        assert!(calls > 20, "answers go on coming beyond the first window: {calls}");
        Ok(())
    }

    #[test]
    fn each_call_that_is_due_is_made() -> Result<(), Failure> {
        let took = crowd(TOKEN)?.paced(100.0, Duration::from_millis(200))?;
        assert_eq!(took.len(), 20);
        Ok(())
    }

    #[test]
    fn a_refusal_is_no_answer() -> Result<(), Failure> {
        let refused = crowd("another")?.load(Duration::from_millis(100));
        assert_eq!(
            refused.err().map(|error| error.to_string()).as_deref(),
            Some("a call was refused")
        );
        Ok(())
    }
}
