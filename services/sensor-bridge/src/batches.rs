//! Messages become batches.

use std::time::Duration;

use parkmesh_contracts::sensor::v1::{Reading, UnreadableFrame};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::decode::Topics;
use crate::devices::Devices;
use crate::interpret::{Opened, Raw, Said, open, read};
use crate::mqtt::{Ack, Delivery};

/// What goes together, with the acknowledgements of all of it.
#[derive(Default)]
pub struct Batch {
    /// Decoded.
    pub readings: Vec<Reading>,
    /// Not to be decoded.
    pub unreadable: Vec<UnreadableFrame>,
    /// To be sent when it is durable, in this order.
    pub acks: Vec<Ack>,
}

/// Makes batches of messages.
pub struct Batcher {
    /// What topics mean.
    pub topics: Topics,
    /// Who is who.
    pub devices: Devices,
    /// Messages in a batch at most.
    pub batch_max: usize,
    /// How long a batch waits for more.
    pub linger: Duration,
}

impl Batcher {
    /// Until nobody sends or nobody takes any more.
    pub async fn run(
        mut self,
        mut deliveries: mpsc::Receiver<Delivery>,
        batches: mpsc::Sender<Batch>,
    ) {
        while let Some(first) = deliveries.recv().await {
            // While all batches are under way, this one grows.
            let Ok(place) = batches.reserve().await else { return };
            let mut taken = vec![first];
            let until = Instant::now() + self.linger;
            while taken.len() < self.batch_max {
                match timeout_at(until, deliveries.recv()).await {
                    Ok(Some(next)) => taken.push(next),
                    Ok(None) | Err(_) => break,
                }
            }
            place.send(self.batch(taken).await);
        }
    }

    async fn batch(&mut self, deliveries: Vec<Delivery>) -> Batch {
        let opened: Vec<Opened> =
            deliveries.iter().map(|delivery| open(&self.topics, &raw(delivery))).collect();
        let framed = opened.iter().filter_map(|opened| match opened {
            Opened::Frame(device_id, _) => Some(device_id.clone()),
            _ => None,
        });
        self.devices.learn(framed.collect()).await;
        let mut batch = Batch::default();
        for (delivery, opened) in deliveries.into_iter().zip(opened) {
            let device = match &opened {
                Opened::Frame(device_id, _) => self.devices.find(device_id),
                _ => None,
            };
            match read(&raw(&delivery), opened, device) {
                Said::Reading(reading) => batch.readings.push(*reading),
                Said::Unreadable(frame) => {
                    tracing::debug!(reason = %frame.reason, "a frame could not be read");
                    batch.unreadable.push(*frame);
                }
            }
            batch.acks.push(delivery.ack);
        }
        batch
    }
}

fn raw(delivery: &Delivery) -> Raw<'_> {
    Raw {
        topic: &delivery.topic,
        payload: &delivery.payload,
        retained: delivery.retained,
        receive_time: delivery.receive_time,
    }
}
