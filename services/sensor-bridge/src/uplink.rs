//! The sensor service's side: batches go out numbered, several at once, and stay here until they
//! are durable. When the
//! stream breaks they go out again on the next one; the service passes over what it already has.

use std::collections::VecDeque;
use std::time::Duration;

use parkmesh_contracts::sensor::v1::StreamReadingsRequest;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_platform::channel::Channel;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::batches::Batch;
use crate::mqtt::Ack;

/// First wait before the stream is opened again; doubles.
const AGAIN_MIN: Duration = Duration::from_millis(50);
/// Longest wait before the stream is opened again.
const AGAIN_MAX: Duration = Duration::from_secs(2);
/// A stream is given up when it does not open, or acknowledges nothing of what is under way, for so
/// long.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Why a stream ended.
enum End {
    /// It broke; another one may do better.
    Broken(Status),
    /// No more batches will come.
    Stopping,
}

/// Carries batches to the sensor service.
pub struct Uplink {
    client: SensorServiceClient<Channel>,
    /// Batches under way at most.
    window: usize,
    /// Sent and not yet durable, oldest first.
    under_way: VecDeque<Batch>,
    /// Whether the present stream has acknowledged anything.
    progressed: bool,
}

impl Uplink {
    /// Nothing under way yet.
    pub fn new(client: SensorServiceClient<Channel>, window: usize) -> Self {
        let window = window.max(1);
        Self { client, window, under_way: VecDeque::new(), progressed: false }
    }

    /// Until no more batches come.
    pub async fn run(mut self, mut batches: mpsc::Receiver<Batch>, tasks: Tasks) {
        let mut wait = AGAIN_MIN;
        loop {
            match self.stream(&mut batches).await {
                End::Stopping => return,
                End::Broken(status) => {
                    let batches = self.under_way.len();
                    tracing::warn!(%status, batches, "the stream of readings ended; opening it again");
                }
            }
            if self.progressed {
                wait = AGAIN_MIN;
            }
            tasks.sleep(wait).await;
            wait = (wait * 2).min(AGAIN_MAX);
        }
    }

    async fn stream(&mut self, batches: &mut mpsc::Receiver<Batch>) -> End {
        self.progressed = false;
        // Room for everything that can be under way: sending never waits.
        let (sender, requests) = mpsc::channel(self.window + 1);
        let opening = self.client.stream_readings(ReceiverStream::new(requests));
        let mut acks = match timeout(SILENCE_MAX, opening).await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return End::Broken(status),
            Err(_elapsed) => return End::Broken(Status::deadline_exceeded("not opened in time")),
        };
        let (mut oldest, mut next) = (1, 1);
        for batch in &self.under_way {
            if sender.send(request(next, batch)).await.is_err() {
                return End::Broken(Status::unavailable("closed"));
            }
            next += 1;
        }
        loop {
            let full = self.under_way.len() >= self.window;
            let idle = self.under_way.is_empty();
            tokio::select! {
                ack = acks.message() => match ack {
                    Ok(Some(told)) => {
                        while oldest <= told.durable_batch {
                            let Some(batch) = self.under_way.pop_front() else { break };
                            oldest += 1;
                            self.progressed = true;
                            batch.acks.into_iter().for_each(Ack::send);
                        }
                    }
                    Ok(None) => return End::Broken(Status::unavailable("ended by the service")),
                    Err(status) => return End::Broken(status),
                },
                batch = batches.recv(), if !full => {
                    let Some(batch) = batch else { return End::Stopping };
                    let sent = sender.send(request(next, &batch)).await;
                    self.under_way.push_back(batch);
                    next += 1;
                    if sent.is_err() {
                        return End::Broken(Status::unavailable("closed"));
                    }
                }
                () = silence(), if !idle => {
                    return End::Broken(Status::deadline_exceeded("nothing acknowledged in time"));
                }
            }
        }
    }
}

/// Every event starts it anew.
async fn silence() {
    let _elapsed = timeout(SILENCE_MAX, std::future::pending::<()>()).await;
}

fn request(batch: u64, of: &Batch) -> StreamReadingsRequest {
    let (readings, unreadable) = (of.readings.clone(), of.unreadable.clone());
    StreamReadingsRequest { batch, readings, unreadable }
}
