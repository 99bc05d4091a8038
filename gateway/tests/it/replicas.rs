//! Replicas that can be killed, hung, slowed and told to stop, and that count what they are asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What a replica does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers.
    Good,
    /// Takes calls and never says anything, also of its health.
    Hung,
    /// Answers late; says at once that it is well.
    Slow(Duration),
    /// Never says anything to the first so many calls of its life; answers all others.
    HungAtFirst(usize),
    /// Answers the first call of its life when its mood changes, and no other.
    FirstIsLate,
    /// Says UNAVAILABLE, and that it is well.
    Stopping,
    /// Breaks the stream after the answer's head.
    CutsAnswers,
}

/// One replica.
pub struct Replica {
    pub addr: SocketAddr,
    /// Calls that came, health apart.
    pub asked: Arc<AtomicUsize>,
    /// Calls that were cancelled before they were answered.
    pub cancelled: Arc<AtomicUsize>,
    mood: watch::Sender<Mood>,
    life: Tasks,
}

impl Replica {
    pub async fn new() -> Self {
        let listener = parkmesh_testkit::listener().await;
        let addr = listener.local_addr().unwrap();
        let (mood, _) = watch::channel(Mood::Good);
        let mut replica = Self {
            addr,
            asked: Arc::default(),
            cancelled: Arc::default(),
            mood,
            life: Tasks::new(&Clock::system()),
        };
        replica.live(listener);
        replica
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn cancelled(&self) -> usize {
        self.cancelled.load(Ordering::SeqCst)
    }

    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Its port is closed and its connections are cut.
    pub async fn kill(&self) {
        self.life.stop().await;
    }

    /// The next process on the same port.
    pub async fn start_again(&mut self) {
        let listener = parkmesh_testkit::eventually("the port is free", || async {
            TcpListener::bind(self.addr).await.ok()
        });
        let listener = listener.await;
        self.life = Tasks::new(&Clock::system());
        self.live(listener);
    }

    fn live(&mut self, listener: TcpListener) {
        let (asked, mood, life) = (self.asked.clone(), self.mood.subscribe(), self.life.clone());
        let cancelled = self.cancelled.clone();
        self.life.spawn("replica", async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (asked, mood, cancelled) = (asked.clone(), mood.clone(), cancelled.clone());
                let service = hyper::service::service_fn(move |request| {
                    let unanswered = Unanswered(Some(cancelled.clone()));
                    let answer = answer(request, asked.clone(), mood.clone());
                    async move { answer.await.inspect(|_| unanswered.answered()) }
                });
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                life.spawn("replica-connection", async move {
                    drop(builder.serve_connection(TokioIo::new(socket), service).await);
                });
            }
        });
    }
}

/// Counts itself when it is dropped before there was an answer.
struct Unanswered(Option<Arc<AtomicUsize>>);

impl Unanswered {
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

type Frames = StreamBody<futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Cut>>>>;

#[derive(Debug, thiserror::Error)]
#[error("cut")]
pub struct Cut;

async fn answer(
    request: Request<Incoming>,
    asked: Arc<AtomicUsize>,
    mut mood: watch::Receiver<Mood>,
) -> Result<Response<Frames>, Infallible> {
    let health = request.uri().path().contains("Health");
    let before =
        if health { asked.load(Ordering::SeqCst) } else { asked.fetch_add(1, Ordering::SeqCst) };
    let now = *mood.borrow();
    match now {
        Mood::Hung => std::future::pending().await,
        Mood::FirstIsLate if !health && before > 0 => std::future::pending().await,
        Mood::FirstIsLate if !health => drop(mood.wait_for(|mood| *mood != now).await),
        Mood::HungAtFirst(calls) if !health && before < calls => std::future::pending().await,
        Mood::Slow(late) if !health => {
            // Ends when the mood changes: what is told to be quick again is.
            let changed = mood.wait_for(|mood| *mood != now);
            drop(tokio::time::timeout(late, changed).await);
        }
        _ => {}
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let message: &[u8] = if health { b"\0\0\0\0\x02\x08\x01" } else { b"\0\0\0\0\0" };
    let frames = match now {
        Mood::CutsAnswers if !health => vec![Ok(Frame::data(message.into())), Err(Cut)],
        _ => vec![Ok(Frame::data(message.into())), Ok(Frame::trailers(trailers))],
    };
    let response = Response::builder().header("content-type", "application/grpc");
    if now == Mood::Stopping && !health {
        let refused = response.header("grpc-status", "14");
        return Ok(refused.body(StreamBody::new(futures_util::stream::iter(vec![]))).unwrap());
    }
    Ok(response.body(StreamBody::new(futures_util::stream::iter(frames))).unwrap())
}

/// How calls of a crowd ended, by grpc-status.
#[derive(Default)]
pub struct Tally {
    pub good: AtomicU64,
    pub bad: AtomicU64,
}
