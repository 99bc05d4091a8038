//! Connections to one replica: HTTP/2, made when they are needed, shared by many calls.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parkmesh_platform::serve::Deadline;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::Towards;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tonic::body::Body;

use super::breakers::{Breakers, Place, Room};

/// Pings on a connection, also when it is idle: a peer that vanished is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// What a replica may send of one answer before it is read, in bytes. Calls are read at once; with less, large
/// answers stand still for 40 ms at a time on a machine's own address, where a packet is 64 KiB.
pub const CALL_WINDOW_BYTES: u32 = 256 * 1024;
/// The same of a stream: what a client that does not read makes us hold.
pub const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The most that HTTP/2 knows.
const CONNECTION_WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;
/// Headers of one answer, in bytes.
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoConnection {
    /// It could not be made.
    Refused,
    /// One too many, or too many wait for one.
    Full,
}

/// A connection's place for one call, until it is dropped.
pub struct Ticket {
    /// Sends the call.
    pub sender: SendRequest<Body>,
    /// Counts as load of the connection.
    pub place: Place,
}

struct Connection {
    sender: SendRequest<Body>,
    streams: Room,
}

/// How connections are made.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Where.
    pub address: SocketAddr,
    /// How long it may take.
    pub timeout: Duration,
    /// Calls on one connection.
    pub streams_max: usize,
    /// What the replica may send ahead of one answer, in bytes.
    pub window: u32,
    /// Who is meant, where names are proven.
    pub towards: Option<Towards>,
}

impl Dial {
    /// Opens one; what drives it is spawned by the caller.
    async fn open(&self) -> io::Result<(SendRequest<Body>, Driver)> {
        let socket = TcpStream::connect(self.address).await?;
        // Small messages both ways: waiting to fill a packet only adds latency.
        socket.set_nodelay(true)?;
        match &self.towards {
            Some(towards) => self.speak(towards.connect(socket).await?).await,
            None => self.speak(socket).await,
        }
    }

    async fn speak<S>(&self, socket: S) -> io::Result<(SendRequest<Body>, Driver)>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let made = builder(self.streams_max, self.window).handshake(TokioIo::new(socket)).await;
        let (sender, driver) = made.map_err(io::Error::other)?;
        Ok((sender, Box::pin(driver)))
    }
}

/// Moves a connection's bytes until its end.
type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// The connections of one replica.
pub struct Pool {
    dial: Dial,
    open: Mutex<Vec<Connection>>,
    /// One is made at a time; the others wait for it.
    making: tokio::sync::Mutex<()>,
    /// Attempts that failed: who waited while one did is told so too, instead of trying the same again.
    failures: AtomicU64,
}

impl Pool {
    /// No connections yet.
    pub fn new(dial: Dial) -> Self {
        Self {
            dial,
            open: Mutex::default(),
            making: tokio::sync::Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// Connections that are open.
    pub fn len(&self) -> usize {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|one| !one.sender.is_closed());
        open.len()
    }

    /// A place on an open connection, or on one that is made now. The flag says whether it was.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn ticket(
        &self,
        breakers: &Breakers,
        tasks: &Tasks,
    ) -> Result<(Ticket, bool), NoConnection> {
        match self.find() {
            Some(ticket) => Ok((ticket, false)),
            // In a box: hardly any call makes a connection, and all would be as large.
            None => Box::pin(self.made(breakers, tasks)).await,
        }
    }

    /// A place on a connection that is made, by this call or by another that waits for one.
    async fn made(
        &self,
        breakers: &Breakers,
        tasks: &Tasks,
    ) -> Result<(Ticket, bool), NoConnection> {
        let _waiting = breakers.waiting().ok_or(NoConnection::Full)?;
        let seen = self.failures.load(Ordering::Acquire);
        let _making = self.making.lock().await;
        if let Some(ticket) = self.find() {
            return Ok((ticket, false));
        }
        if self.failures.load(Ordering::Acquire) != seen {
            return Err(NoConnection::Refused);
        }
        let place = breakers.connection().ok_or(NoConnection::Full)?;
        match self.connect(place, tasks).await {
            Some(ticket) => Ok((ticket, true)),
            None => {
                self.failures.fetch_add(1, Ordering::Release);
                Err(NoConnection::Refused)
            }
        }
    }

    /// The least busy open connection with room.
    fn find(&self) -> Option<Ticket> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.iter().any(|one| one.sender.is_closed()) {
            open.retain(|one| !one.sender.is_closed());
        }
        let best = open.iter().min_by_key(|one| one.streams.taken())?;
        let place = best.streams.enter(self.dial.streams_max)?;
        Some(Ticket { sender: best.sender.clone(), place })
    }

    async fn connect(&self, place: Place, tasks: &Tasks) -> Option<Ticket> {
        let until = Deadline::after(self.dial.timeout).at;
        let address = self.dial.address;
        let (sender, driver) = match timeout_at(until, self.dial.open()).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                tracing::debug!(%address, %error, "no connection to a replica");
                return None;
            }
            Err(_elapsed) => return None,
        };
        tasks.spawn("cluster-connection", async move {
            let _place = place;
            if let Err(error) = driver.await {
                tracing::debug!(%address, %error, "a connection to a replica ended badly");
            }
        });
        let streams = Room::default();
        let ticket = Ticket { sender: sender.clone(), place: streams.enter(usize::MAX)? };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(Connection { sender, streams });
        Some(ticket)
    }
}

/// All streams of a connection can be full without holding up the others: it is never the connection that waits to be read.
fn builder(streams_max: usize, window: u32) -> Builder<TokioExecutor> {
    let streams_max = u32::try_from(streams_max).unwrap_or(u32::MAX);
    let all = streams_max.saturating_mul(window).min(CONNECTION_WINDOW_BYTES_MAX);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(window)
        .initial_connection_window_size(all)
        .max_header_list_size(HEADER_BYTES_MAX);
    builder
}
