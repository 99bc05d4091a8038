//! Connections: HTTP/1.1 and HTTP/2 on one port, taken in up to a limit, retired by age, drained or cut
//! at the end.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Deadline;
use parkmesh_platform::tls::Shown;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::current::Current;
use crate::flush::Flushing;

/// Between pings on an HTTP/2 connection, so that a browser that vanished is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long a ping may go unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the head of an HTTP/1.1 request may take; hyper counts idle time between requests too, and
/// that must be longer than what balancers in front of us allow (60 s), or they would meet closed
/// connections.
const HEAD_WAIT: Duration = Duration::from_secs(75);
/// Header lines of an HTTP/1.1 request.
const HEADERS_MAX: usize = 64;
/// Smallest buffer that hyper takes, in bytes.
const BUFFER_BYTES_MIN: usize = 8 * 1024;
/// What a client may send on one stream before we read it, in bytes.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What a client may send on one connection before we read it, in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What waits on one stream to be sent, in bytes.
const SEND_BYTES_MAX: usize = 32 * 1024;
/// What waits in a socket to be sent, in bytes, beside what is on its way: whoever reads nothing would else be
/// given megabytes at once while others wait.
const UNSENT_BYTES_MAX: u32 = 64 * 1024;
/// After a failed accept, which mostly means no file descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// After streams were ended with a reason, how long the last bytes may take.
const LAST_BYTES: Duration = Duration::from_secs(5);
/// A connection's age varies by this part of it.
const AGE_SPREAD: f64 = 0.2;

/// Takes connections in until it is told to stop, then drains them.
pub async fn run(
    listener: TcpListener,
    tls: Option<Shown>,
    current: Arc<Current>,
    stopping: CancellationToken,
    ids: Ids,
) {
    let config = current.gate().config.serve.clone();
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(config.connections_max));
    let builder = Arc::new(builder(config.header_bytes_max, config.connection_streams_max));
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            Some(_ended) = connections.join_next() => {}
            accepted = accept(&listener, &room) => {
                let Some((socket, peer, place)) = accepted else { continue };
                // A tenth more or less, or browsers that came together would come back together.
                let part = 1.0 - AGE_SPREAD / 2.0 + AGE_SPREAD * ids.fraction();
                let connection = Connection {
                    current: Arc::clone(&current),
                    ending: stopping.child_token(),
                    stopping: stopping.clone(),
                    age: config.connection_age.mul_f64(part),
                    peer: peer.ip().to_canonical(),
                };
                let (builder, tls) = (Arc::clone(&builder), tls.clone());
                let counts = current.gate().downstream.clone();
                connections.spawn(async move {
                    counts.cx_total.add();
                    let _active = counts.cx_active.enter(usize::MAX);
                    connection.take(socket, tls, builder).await;
                    drop(place);
                });
            }
        }
    }
    // From here on nobody can connect; those who try are refused at once instead of left hanging.
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout_at(Deadline::after(config.drain).at, drained).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "the drain took too long; cutting the rest"
        );
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, peer)) => Some((socket, peer, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            sleep_until(Deadline::after(ACCEPT_PAUSE).at).await;
            None
        }
    }
}

/// How connections are served: HTTP/1.1 and HTTP/2.
type Ways = Builder<TokioExecutor>;

fn builder(header_bytes_max: u32, streams_max: u32) -> Ways {
    let mut builder = Builder::new(TokioExecutor::new());
    let buffer = usize::try_from(header_bytes_max).unwrap_or(BUFFER_BYTES_MIN);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(buffer.max(BUFFER_BYTES_MIN));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES_MAX)
        .max_concurrent_streams(streams_max)
        .max_header_list_size(header_bytes_max);
    builder
}

struct Connection {
    current: Arc<Current>,
    /// Cancelled when its listener stops.
    stopping: CancellationToken,
    /// Cancelled when this connection's streams must end.
    ending: CancellationToken,
    age: Duration,
    peer: IpAddr,
}

impl Connection {
    async fn take(self, socket: TcpStream, tls: Option<Shown>, builder: Arc<Ways>) {
        // Small messages both ways: waiting to fill a packet only adds latency.
        let set = socket.set_nodelay(true);
        if let Err(error) =
            set.and_then(|()| SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_BYTES_MAX))
        {
            tracing::debug!(%error, "an option of a socket was refused");
        }
        let Some(tls) = tls else { return self.run(socket, &builder).await };
        // In a box: plain connections stay small.
        Box::pin(self.take_secret(socket, tls, &builder)).await;
    }

    async fn take_secret(self, socket: TcpStream, tls: Shown, builder: &Ways) {
        let wait = Deadline::after(self.current.gate().config.first_request_wait);
        match timeout_at(wait.at, tls.accept(socket)).await {
            Ok(Ok(stream)) => self.run(stream, builder).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn run<S>(self, socket: S, builder: &Ways)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stopping = &self.stopping;
        let (first_request_wait, flush_wait, grace) = {
            let config = &self.current.gate().config;
            (config.first_request_wait, config.flush_wait, config.serve.connection_grace)
        };
        let spoke = Arc::new(AtomicBool::new(false));
        let entry = Entry {
            current: Arc::clone(&self.current),
            ending: self.ending.clone(),
            spoke: Arc::clone(&spoke),
            peer: self.peer,
        };
        let socket = Flushing::new(socket, flush_wait);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), entry));
        let retired = Deadline::after(self.age);
        // hyper waits for ever for the first bytes that tell the protocol.
        let silence = Deadline::after(first_request_wait);
        tokio::select! {
            ended = connection.as_mut() => return log_end(ended),
            () = stopping.cancelled() => {}
            () = sleep_until(silence.at) => if !spoke.load(Ordering::Relaxed) { return },
        }
        tokio::select! {
            ended = connection.as_mut() => return log_end(ended),
            () = stopping.cancelled() => {}
            () = sleep_until(retired.at) => {}
        }
        connection.as_mut().graceful_shutdown();
        // Now no new calls come in, and the client opens another connection. Streams may go on for
        // the grace, unless the whole gate stops: its token is the parent of `ending`.
        let grace = Deadline::after(grace);
        tokio::select! {
            ended = connection.as_mut() => return log_end(ended),
            () = self.ending.cancelled() => {}
            () = sleep_until(grace.at) => self.ending.cancel(),
        }
        // A stopping gate bounds this by its drain, a retiring connection by the last bytes.
        tokio::select! {
            ended = connection.as_mut() => log_end(ended),
            () = sleep_until(Deadline::after(LAST_BYTES).at), if !stopping.is_cancelled() => {}
        }
    }
}

fn log_end(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// What hyper calls for each request of a connection.
#[derive(Clone)]
struct Entry {
    current: Arc<Current>,
    ending: CancellationToken,
    /// Whether a request ever came.
    spoke: Arc<AtomicBool>,
    peer: IpAddr,
}

impl hyper::service::Service<Request<Incoming>> for Entry {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.spoke.store(true, Ordering::Relaxed);
        let (gate, peer, ending) = (self.current.gate(), self.peer, self.ending.clone());
        // Made where it stays: a future of this size is dear to move.
        Box::pin(async move { Ok(gate.serve(request, peer, ending).await) })
    }
}
