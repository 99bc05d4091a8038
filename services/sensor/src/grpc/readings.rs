//! One stream of readings: batches in, acknowledgements out. Many batches may be under way at once;
//! each is acknowledged
//! when it and all before it are durable.

use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::fault;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::app::App;
use crate::app::apply::{Committed, Writer};
use crate::convert;
use crate::domain::acks::Acks;
use crate::error::Error;

/// Batches of one stream that are taken in before their acknowledgement; then the client waits.
const UNDER_WAY_MAX: usize = 64;

type AckSender = mpsc::Sender<Result<proto::StreamReadingsResponse, Status>>;

/// A batch on its way, or why there are no more.
enum Step {
    Batch(u64, Committed),
    End(Status),
}

/// What one stream works with.
pub(super) struct Readings {
    pub app: App,
    pub writer: Writer,
    pub caller: Caller,
    pub stopping: CancellationToken,
}

impl Readings {
    /// Serves the stream to its end.
    pub async fn serve(self, batches: Streaming<proto::StreamReadingsRequest>, acks: AckSender) {
        let (steps, under_way) = mpsc::channel(UNDER_WAY_MAX);
        let stopping = self.stopping.clone();
        let intake = stopping.run_until_cancelled(self.take_in(batches, steps));
        tokio::join!(intake, acknowledge(under_way, acks));
    }

    async fn take_in(
        self,
        mut batches: Streaming<proto::StreamReadingsRequest>,
        steps: mpsc::Sender<Step>,
    ) {
        loop {
            let step = match batches.message().await {
                Ok(Some(request)) => match self.hand_over(request).await {
                    Ok((number, committed)) => Step::Batch(number, committed),
                    Err(error) => Step::End(error.into()),
                },
                Ok(None) => return,
                Err(gone) => {
                    tracing::debug!(%gone, "a stream of readings broke off");
                    return;
                }
            };
            let last = matches!(step, Step::End(_));
            if steps.send(step).await.is_err() || last {
                return;
            }
        }
    }

    async fn hand_over(
        &self,
        request: proto::StreamReadingsRequest,
    ) -> Result<(u64, Committed), Error> {
        fault::check(&request)?;
        let number = request.batch;
        let batch = convert::batch(&self.app.plate_key, &self.caller, request)?;
        self.app.check_speaker(&self.caller, &batch).await?;
        Ok((number, self.writer.submit(batch).await?))
    }
}

/// Acknowledges in the order of arrival. What came before an error is still acknowledged.
async fn acknowledge(mut under_way: mpsc::Receiver<Step>, sender: AckSender) {
    let mut acks = Acks::default();
    while let Some(step) = under_way.recv().await {
        let answer = match step {
            Step::Batch(number, committed) => {
                let committed = committed.await.unwrap_or(Err(Error::StreamEnding));
                let durable = committed
                    .and_then(|()| acks.done(number).map_err(|_too_wide| Error::BatchMissing));
                durable
                    .map(|durable_batch| proto::StreamReadingsResponse { durable_batch })
                    .map_err(Status::from)
            }
            Step::End(status) => Err(status),
        };
        let last = answer.is_err();
        if sender.send(answer).await.is_err() || last {
            return;
        }
    }
}
