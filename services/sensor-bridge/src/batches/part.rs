//! What goes together, and what becomes of a part that is refused.

use bytes::Bytes;
use jiff::Timestamp;
use parkmesh_contracts::sensor::v1::StreamReadingsRequest;
use tonic::Status;

use crate::decode::{Cause, Unreadable};
use crate::interpret::{Raw, Said, unreadable};
use crate::mqtt::{Ack, Delivery};

/// What goes together.
#[derive(Default)]
pub struct Batch {
    /// In the order in which they came.
    pub parts: Vec<Part>,
}

/// One thing that was said, with the message that said it.
pub struct Part {
    said: Option<Said>,
    /// The last part of a message acknowledges it.
    ack: Option<Ack>,
    topic: String,
    payload: Bytes,
    receive_time: Timestamp,
}

impl Batch {
    /// As the contract says it.
    pub fn request(&self, batch: u64) -> StreamReadingsRequest {
        let mut request = StreamReadingsRequest { batch, ..Default::default() };
        for said in self.parts.iter().filter_map(|part| part.said.as_ref()) {
            match said {
                Said::Reading(reading) => request.readings.push((**reading).clone()),
                Said::Plate(plate) => request.plates.push((**plate).clone()),
                Said::Unreadable(frame) => request.unreadable.push((**frame).clone()),
            }
        }
        request
    }

    /// It is durable: tells the broker to forget its messages.
    pub fn acknowledge(self) {
        self.parts.into_iter().filter_map(|part| part.ack).for_each(Ack::send);
    }
}

impl Part {
    /// The parts of one message. One that says nothing is acknowledged all the same.
    pub fn all_of(delivery: Delivery, said: Vec<Said>) -> Vec<Self> {
        let Delivery { topic, payload, receive_time, ack, .. } = delivery;
        let part = |said: Option<Said>| Self {
            said,
            ack: None,
            topic: topic.clone(),
            payload: payload.clone(),
            receive_time,
        };
        let mut parts: Vec<Self> = said.into_iter().map(|said| part(Some(said))).collect();
        if parts.is_empty() {
            parts.push(part(None));
        }
        if let Some(last) = parts.last_mut() {
            last.ack = Some(ack);
        }
        parts
    }

    /// The device's name, for whoever looks for it.
    pub fn device_id(&self) -> &str {
        match &self.said {
            Some(Said::Reading(reading)) => &reading.device_id,
            Some(Said::Plate(plate)) => &plate.gate_id,
            Some(Said::Unreadable(frame)) => &frame.device_id,
            None => "",
        }
    }

    /// What remains of a part that the sensor service does not take: a frame for the operator, and when that is not taken
    /// either, nothing but the acknowledgement. False: nothing.
    pub fn refused(&mut self, status: &Status) -> bool {
        let frame = match self.said.take() {
            Some(Said::Reading(reading)) => {
                let raw = Raw {
                    topic: &self.topic,
                    payload: &self.payload,
                    retained: reading.retained,
                    receive_time: self.receive_time,
                };
                let (cause, detail) = (Cause::Refused, status.message().to_owned());
                unreadable(&raw, &reading.device_id, &Unreadable { cause, detail })
            }
            // The operator is told that, and not what.
            Some(Said::Plate(plate)) => {
                let raw = Raw {
                    topic: &self.topic,
                    payload: &[],
                    retained: false,
                    receive_time: self.receive_time,
                };
                let (cause, detail) = (Cause::Refused, status.message().to_owned());
                unreadable(&raw, &plate.gate_id, &Unreadable { cause, detail })
            }
            Some(Said::Unreadable(_)) | None => return false,
        };
        self.said = Some(Said::Unreadable(Box::new(frame)));
        true
    }
}
