//! Messages become batches. Nobody waits for more: what has come while the batches before are under way goes together.

mod part;

use std::collections::HashMap;
use std::time::Duration;

use parkmesh_platform::clock::Clock;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::decode::sparkplug::{Address, rebirth};
use crate::devices::Devices;
use crate::interpret::{Interpreter, Opened, Raw};
use crate::metrics::Metrics;
use crate::mqtt::Delivery;

pub use part::{Batch, Part};

/// A node is not asked for its birth more often.
const REBIRTH_PERIOD: Duration = Duration::from_secs(10);
/// Nodes that were asked; then the memory begins anew.
const ASKED_MAX: usize = 10_000;

/// Makes batches of messages.
pub struct Batcher {
    /// What messages mean.
    pub interpreter: Interpreter,
    /// Who is who.
    pub devices: Devices,
    /// The time, for commands.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// Messages in a batch at most.
    pub batch_max: usize,
    /// When which node was asked for its birth.
    pub asked: HashMap<String, Instant>,
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
            while taken.len() < self.batch_max {
                let Ok(next) = deliveries.try_recv() else { break };
                taken.push(next);
            }
            let mut made = self.batches(taken).await.into_iter();
            if let Some(batch) = made.next() {
                place.send(batch);
            }
            // One message of a node may speak for a thousand places.
            for batch in made {
                if batches.send(batch).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn batches(&mut self, deliveries: Vec<Delivery>) -> Vec<Batch> {
        let opened: Vec<Opened> =
            deliveries.iter().map(|delivery| self.interpreter.open(&raw(delivery))).collect();
        let named = opened.iter().filter_map(Opened::device);
        self.devices.learn(named.map(str::to_owned).collect()).await;
        let mut parts = Vec::with_capacity(deliveries.len());
        for (delivery, opened) in deliveries.into_iter().zip(opened) {
            if let Some(node) = opened.reborn() {
                self.ask_rebirth(&delivery, node);
            }
            let device = opened.device().and_then(|name| self.devices.find(name));
            let said = self.interpreter.read(&raw(&delivery), opened, device);
            said.iter().for_each(|said| self.metrics.said(said));
            parts.extend(Part::all_of(delivery, said));
        }
        let mut batches = Vec::new();
        let mut parts = parts.into_iter().peekable();
        while parts.peek().is_some() {
            batches.push(Batch { parts: parts.by_ref().take(self.batch_max).collect() });
        }
        batches
    }

    fn ask_rebirth(&mut self, delivery: &Delivery, node: &Address) {
        let name = node.node_name();
        if self.asked.get(&name).is_some_and(|asked| asked.elapsed() < REBIRTH_PERIOD) {
            return;
        }
        if self.asked.len() >= ASKED_MAX {
            self.asked.clear();
        }
        self.asked.insert(name, Instant::now());
        let payload = rebirth(self.clock.now()).encode_to_vec();
        delivery.ack.command(self.interpreter.command_topic(node), payload);
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
