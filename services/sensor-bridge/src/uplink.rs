//! The sensor service's side: batches go out numbered, several at once, and stay here until they
//! are durable. When the
//! stream breaks they go out again on the next one; the service passes over what it already has.

use std::collections::VecDeque;
use std::time::Duration;

use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_platform::channel::Channel;
use parkmesh_platform::fault::reason_of;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::batches::Batch;
use crate::metrics::Metrics;

/// First wait before the stream is opened again; doubles.
const AGAIN_MIN: Duration = Duration::from_millis(50);
/// Longest wait before the stream is opened again.
const AGAIN_MAX: Duration = Duration::from_secs(2);
/// A stream is given up when it does not open, or acknowledges nothing of what is under way, for so
/// long.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The reason of a batch that breaks a rule: sent again it would be refused again.
const REFUSED: &str = "ARGUMENT_INVALID";

/// Why a stream ended.
enum End {
    /// It broke; another one may do better.
    Broken(Status),
    /// The service does not take the oldest batch, and never will.
    Refused(Status),
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
    metrics: Metrics,
}

impl Uplink {
    /// Nothing under way yet.
    pub fn new(client: SensorServiceClient<Channel>, window: usize, metrics: Metrics) -> Self {
        let window = window.max(1);
        Self { client, window, under_way: VecDeque::new(), progressed: false, metrics }
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
                End::Refused(status) => {
                    self.set_aside(&status);
                    // Not the stream's fault, and the batches behind it have waited long enough.
                    wait = AGAIN_MIN;
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
        let (sender, requests) = mpsc::channel(self.under_way.len() + self.window + 1);
        let opening = self.client.stream_readings(ReceiverStream::new(requests));
        let mut acks = match timeout(SILENCE_MAX, opening).await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return End::Broken(status),
            Err(_elapsed) => return End::Broken(Status::deadline_exceeded("not opened in time")),
        };
        let (mut oldest, mut next) = (1, 1);
        for batch in &self.under_way {
            if sender.send(batch.request(next)).await.is_err() {
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
                            batch.acknowledge();
                        }
                    }
                    Ok(None) => return End::Broken(Status::unavailable("ended by the service")),
                    // All before the refused one have been acknowledged: it is the oldest.
                    Err(status) if reason_of(&status).as_deref() == Some(REFUSED) => {
                        return End::Refused(status);
                    }
                    Err(status) => return End::Broken(status),
                },
                batch = batches.recv(), if !full => {
                    let Some(batch) = batch else { return End::Stopping };
                    let sent = sender.send(batch.request(next)).await;
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

    /// Takes the oldest batch apart, so that next time only the part that is refused stands in its own way; that part alone goes
    /// to the quarantine.
    fn set_aside(&mut self, status: &Status) {
        let Some(batch) = self.under_way.pop_front() else { return };
        let alone = batch.parts.len() == 1;
        for mut part in batch.parts.into_iter().rev() {
            if alone {
                let device_id = part.device_id().to_owned();
                let kept = part.refused(status);
                tracing::error!(%status, device_id, kept, "the sensor service refuses a reading");
                self.metrics.refused(kept);
            }
            self.under_way.push_front(Batch { parts: vec![part] });
        }
    }
}

/// Every event starts it anew.
async fn silence() {
    let _elapsed = timeout(SILENCE_MAX, std::future::pending::<()>()).await;
}
