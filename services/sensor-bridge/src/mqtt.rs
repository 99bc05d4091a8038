//! The broker's side: one session that outlives us, and every message of it handed on with the
//! right to
//! acknowledge it.
//!
//! A connection that breaks is never repaired: the client is thrown away and a new one built. An
//! acknowledgement that belongs to the old connection then goes nowhere, as it must: the broker
//! counts
//! packets anew, and would take it for another message's.

mod broker;
mod room;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use parkmesh_platform::clock::Clock;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, Filter, Packet, Publish, RetainForwardRule, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, Transport};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::config::Config;

pub use broker::{Broker, BrokerError};
pub use room::Room;
pub use tls::{Tls, TlsError};

/// A client that has reported nothing for so many turns of the keep-alive, not even a ping, hangs (rumqttc #1056).
const STUCK_AFTER_TURNS: u32 = 3;
/// Acknowledgements that wait for the connection. The client reads ten packets for each one that it writes, so these are many more than the messages that we hold.
const ACKS_MAX: usize = 1 << 20;
/// Larger messages the broker does not send us. A sensor's has some hundred bytes, the birth of a node with all its places many
/// more.
const PACKET_BYTES_MAX: u32 = 256 * 1024;
/// Messages of ours that are under way: we only listen. The client library sets aside a place for each,
/// and for 65,535 of them by itself: more memory than all else here needs.
const PUBLISHED_MAX: u16 = 16;

/// A message with its acknowledgement.
pub struct Delivery {
    /// Where it came.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
    /// Kept by the broker from earlier.
    pub retained: bool,
    /// When it came.
    pub receive_time: Timestamp,
    /// To be sent when it is durable.
    pub ack: Ack,
}

/// The right to acknowledge one message.
pub struct Ack {
    client: AsyncClient,
    /// Without topic and payload: only its number counts.
    publish: Publish,
    /// What the message takes up, until it is durable.
    _room: OwnedSemaphorePermit,
}

impl Ack {
    /// Tells the broker to forget the message. Does nothing if the connection that brought it is gone: the broker sends it again, and the sensor service passes over it. Never waits: the connection may be waiting for us.
    pub fn send(self) {
        let _gone = self.client.try_ack(&self.publish);
    }

    /// Sends a command over the connection that brought the message, at most once and without waiting: who needs it asks again.
    pub fn command(&self, topic: String, payload: Vec<u8>) {
        let sent = self.client.try_publish(topic, QoS::AtMostOnce, false, payload);
        if let Err(error) = sent {
            tracing::debug!(%error, "a command was not sent");
        }
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The address cannot be used.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The connection broke, or was refused.
    #[error("the connection to the broker is lost: {0}")]
    Connection(#[from] Box<ConnectionError>),
    /// The client hangs.
    #[error("the MQTT client has been silent for {0:?}")]
    Stuck(Duration),
    /// The broker does not let us listen.
    #[error("the broker refuses our subscription: {0}")]
    Refused(String),
    /// Nobody takes messages any more.
    #[error("the bridge stops")]
    Stopping,
}

/// Connects and hands on messages until the connection ends.
///
/// # Errors
/// Always, in the end.
pub async fn session(
    config: &Config,
    clock: &Clock,
    deliveries: &mpsc::Sender<Delivery>,
    room: &Room,
) -> Result<(), SessionError> {
    let topics = config.topics();
    let (client, mut events) = AsyncClient::new(options(config)?, ACKS_MAX);
    loop {
        match next(&mut events, config.keep_alive * STUCK_AFTER_TURNS).await? {
            Packet::ConnAck(told) => {
                tracing::info!(kept = told.session_present, "connected to the broker");
                // Also to a kept session: the topics may have changed since. This must not wait,
                // because
                // only the next poll would make room (rumqttc #1025); the queue is empty now.
                let subscribed =
                    client.try_subscribe_many(topics.filters().into_iter().map(filter));
                subscribed.map_err(|error| SessionError::Refused(error.to_string()))?;
            }
            Packet::SubAck(told) => {
                let refused = told
                    .return_codes
                    .iter()
                    .find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
                if let Some(code) = refused {
                    return Err(SessionError::Refused(format!("{code:?}")));
                }
            }
            Packet::Publish(publish) => {
                hand_on(&client, publish, clock.now(), deliveries, room).await?;
            }
            _ => {}
        }
    }
}

/// The next packet from the broker.
async fn next(events: &mut EventLoop, stuck_after: Duration) -> Result<Packet, SessionError> {
    loop {
        let polled = tokio::time::timeout(stuck_after, events.poll()).await;
        let event = polled.map_err(|_elapsed| SessionError::Stuck(stuck_after))?;
        if let Event::Incoming(packet) = event.map_err(Box::new)? {
            return Ok(packet);
        }
    }
}

/// Hands a message on. Without room it waits, and with it the connection, so that the broker keeps what we cannot take: what it may send ahead is no limit (mosquitto 2.0.11 sends as much again after every acknowledgement). This is no deadlock (rumqttc #1025): those who make room never wait for the connection.
async fn hand_on(
    client: &AsyncClient,
    publish: Publish,
    now: Timestamp,
    deliveries: &mpsc::Sender<Delivery>,
    room: &Room,
) -> Result<(), SessionError> {
    let promised = publish.qos != QoS::AtMostOnce;
    let Publish { topic, payload, retain, .. } = publish;
    let taken = match room.find(topic.len() + payload.len()) {
        Some(taken) => taken,
        None if promised => room.wait(topic.len() + payload.len()).await?,
        None => return dropped(),
    };
    let publish =
        Publish { topic: Bytes::new(), payload: Bytes::new(), properties: None, ..publish };
    let delivery = Delivery {
        topic: String::from_utf8_lossy(&topic).into_owned(),
        payload,
        retained: retain,
        receive_time: now,
        ack: Ack { client: client.clone(), publish, _room: taken },
    };
    match deliveries.try_send(delivery) {
        Ok(()) => Ok(()),
        Err(TrySendError::Closed(_)) => Err(SessionError::Stopping),
        Err(TrySendError::Full(delivery)) if promised => {
            let waited = deliveries.send(delivery).await;
            waited.map_err(|_closed| SessionError::Stopping)
        }
        Err(TrySendError::Full(_)) => dropped(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the session goes on")]
fn dropped() -> Result<(), SessionError> {
    tracing::warn!("a message of QoS 0, which promises nothing, was dropped");
    Ok(())
}

fn filter(path: String) -> Filter {
    // What the broker has kept comes once, and not with every reconnection.
    let retain_forward_rule = RetainForwardRule::OnNewSubscribe;
    Filter { retain_forward_rule, ..Filter::new(path, QoS::AtLeastOnce) }
}

fn options(config: &Config) -> Result<MqttOptions, SessionError> {
    let broker = Broker::parse(&config.mqtt_url)?;
    let mut options = MqttOptions::new(&config.client_id, &broker.host, broker.port);
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = Some(config.session_expiry_seconds);
    properties.receive_maximum = Some(config.receive_maximum);
    properties.max_packet_size = Some(PACKET_BYTES_MAX);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options
        .set_network_options(network)
        .set_keep_alive(config.keep_alive)
        .set_clean_start(false)
        .set_manual_acks(true)
        .set_outgoing_inflight_upper_limit(PUBLISHED_MAX)
        .set_connect_properties(properties);
    if let Some((user, password)) = broker.credentials {
        options.set_credentials(user, password);
    }
    if broker.tls {
        // Read anew for every connection: certificates are renewed while we run.
        let transport = match &config.tls {
            Some(tls) => Transport::tls_with_config(tls.load()?),
            None => Transport::tls_with_default_config(),
        };
        options.set_transport(transport);
    }
    Ok(options)
}
