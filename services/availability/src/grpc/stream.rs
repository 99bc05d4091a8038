//! A watch as a stream of answers: the first at once, then changes, gathered, with signs of life
//! between them, until its life is over.

use futures_util::Stream;
use futures_util::stream::unfold;
use parkmesh_contracts::availability::v1::WatchAvailabilityResponse;
use parkmesh_platform::tasks::Tasks;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use super::WatchConfig;
use crate::app::watch::Watching;
use crate::error::Error;

struct Watch {
    watching: Watching,
    config: WatchConfig,
    tasks: Tasks,
    /// When its life is over.
    end: Instant,
    /// When something was last said; `None` before the first answer.
    said: Option<Instant>,
    over: bool,
}

/// The stream of a watch.
pub(super) fn of(
    watching: Watching,
    config: WatchConfig,
    tasks: Tasks,
) -> impl Stream<Item = Result<WatchAvailabilityResponse, Status>> + Send {
    let end = Instant::now() + config.life_max;
    let watch = Watch { watching, config, tasks, end, said: None, over: false };
    unfold(watch, |mut watch| async move {
        if watch.over {
            return None;
        }
        let answer = watch.next().await.map_err(Status::from);
        watch.over = answer.is_err();
        watch.said = Some(Instant::now());
        Some((answer, watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Result<WatchAvailabilityResponse, Error> {
        let Some(said) = self.said else { return self.watching.first() };
        let heartbeat_at = said + self.config.heartbeat;
        loop {
            match timeout_at(heartbeat_at.min(self.end), self.watching.changed()).await {
                Ok(true) => {
                    self.tasks.sleep(self.config.gather.saturating_sub(said.elapsed())).await;
                    if let Some(changes) = self.watching.changes()? {
                        return Ok(changes);
                    }
                }
                // The platform ends the streams of a stopping server with a reason of its own; this
                // is for its last moment.
                Ok(false) => return Err(Error::StreamExpired),
                Err(_) if Instant::now() >= self.end => return Err(Error::StreamExpired),
                Err(_) => return Ok(self.watching.heartbeat()),
            }
        }
    }
}
