//! Connections: taken in up to a limit, retired by age, drained or cut at the end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::ServeConfig;
use super::body::ServedBody;
use super::call;
use super::deadline::now;
use super::lanes::Lanes;
use super::stack::{Came, Stack};
use crate::auth::Peer;
use crate::ids::Ids;
use crate::tls::Mtls;

/// Between pings on a connection, so that a peer that vanished is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long a ping may go unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// What a client may send on one stream before we read it, in bytes.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// What a client may send on one connection before we read it, in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// After a failed accept, which mostly means no file descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// After streams were ended with a reason, how long the last bytes may take.
const LAST_BYTES: Duration = Duration::from_secs(5);
/// A connection's age varies by this part to either side.
const AGE_JITTER_PARTS: u64 = 10;

/// Takes connections in until the server stops, then drains them.
pub(super) async fn run(
    listener: TcpListener,
    stack: Arc<Stack>,
    mut lanes: Lanes,
    config: ServeConfig,
    ids: Ids,
) {
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(config.connections_max));
    let builder = builder(&config);
    loop {
        tokio::select! {
            biased;
            () = stack.stopping.cancelled() => break,
            Some(_ended) = connections.join_next() => {}
            accepted = accept(&listener, &room) => {
                let Some((socket, place)) = accepted else { continue };
                let age = jittered(config.connection_age, &ids);
                let connection = Connection {
                    stack: Arc::clone(&stack),
                    ending: stack.stopping.child_token(),
                    age,
                    grace: config.connection_grace,
                };
                let builder = builder.clone();
                lanes.spawn(&mut connections, socket, |socket| async move {
                    connection.take(socket, builder).await;
                    drop(place);
                });
            }
        }
    }
    // From here on nobody can connect; those who try are refused at once instead of left hanging.
    drop(listener);
    let drained = timeout(config.drain, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
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
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, _peer)) => Some((socket, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            sleep_until(now() + ACCEPT_PAUSE).await;
            None
        }
    }
}

fn builder(config: &ServeConfig) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(config.connection_streams_max)
        // One connection carries the calls of many: behind the gateway a crowd that gives up at once must not take
        // everybody else's calls with it, as it does at h2's default of 20. Open streams are bounded all the same.
        .max_pending_accept_reset_streams(usize::try_from(config.connection_streams_max).ok())
        .max_header_list_size(config.header_bytes_max);
    builder
}

/// A tenth more or less, or a fleet that started together would reconnect together for ever.
fn jittered(age: Duration, ids: &Ids) -> Duration {
    let (_, random) = ids.next::<uuid::Uuid>().as_u64_pair();
    let spread_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX) / AGE_JITTER_PARTS;
    let offset_ms = random % (spread_ms * 2 + 1);
    age.saturating_sub(Duration::from_millis(spread_ms)) + Duration::from_millis(offset_ms)
}

struct Connection {
    stack: Arc<Stack>,
    /// Cancelled when this connection's streams must end.
    ending: CancellationToken,
    age: Duration,
    grace: Duration,
}

impl Connection {
    async fn take(self, socket: TcpStream, builder: http2::Builder<TokioExecutor>) {
        // Small messages both ways: waiting to fill a packet only adds latency.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let Some(mtls) = self.stack.verifier.mtls() else {
            return self.run(socket, None, builder).await;
        };
        let stopping = self.stack.stopping.clone();
        let proving = stopping.run_until_cancelled(prove(mtls, socket));
        if let Some(Some((stream, peer))) = proving.await {
            self.run(stream, Some(peer), builder).await;
        }
    }

    async fn run<S>(self, socket: S, peer: Option<Peer>, builder: http2::Builder<TokioExecutor>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let entry = Entry { stack: Arc::clone(&self.stack), ending: self.ending.clone(), peer };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), entry));
        let born = now();
        let retire = async {
            tokio::select! {
                () = self.stack.stopping.cancelled() => {}
                () = sleep_until(born + self.age) => {}
            }
        };
        tokio::select! {
            ended = connection.as_mut() => return log_end(ended),
            () = retire => connection.as_mut().graceful_shutdown(),
        }
        // Now no new calls come in, and the client opens another connection. Streams may go on for
        // the grace, unless the whole server stops: its token is the parent of `ending`.
        tokio::select! {
            ended = connection.as_mut() => return log_end(ended),
            () = self.ending.cancelled() => {}
            () = sleep_until(now() + self.grace) => self.ending.cancel(),
        }
        // A stopping server bounds this by its drain, a retiring connection by the last bytes.
        tokio::select! {
            ended = connection.as_mut() => log_end(ended),
            () = sleep_until(now() + LAST_BYTES), if !self.stack.stopping.is_cancelled() => {}
        }
    }
}

/// Both sides say who they are.
async fn prove(mtls: &Mtls, socket: TcpStream) -> Option<(TlsStream<TcpStream>, Peer)> {
    match mtls.accept(socket).await {
        Ok((stream, service)) => Peer::of(&service).ok().map(|peer| (stream, peer)),
        Err(error) => {
            tracing::debug!(%error, "a connection did not prove whose it is");
            None
        }
    }
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// What hyper calls for each request of a connection.
#[derive(Clone)]
struct Entry {
    stack: Arc<Stack>,
    ending: CancellationToken,
    peer: Option<Peer>,
}

impl hyper::service::Service<Request<Incoming>> for Entry {
    type Response = Response<ServedBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        // Here calls still come in their order: each goes on in a task of its own, and tasks overtake one another.
        let came =
            Came { arrival: call::arrive(), ending: self.ending.clone(), peer: self.peer.clone() };
        let served = Arc::clone(&self.stack).serve(request, came);
        Box::pin(async move { Ok(served.await) })
    }
}
