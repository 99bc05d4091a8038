//! A client that calls well: at one rate, whatever the answers take.

use std::net::SocketAddr;
use std::time::Duration;

use parkmesh_contracts::notification::v1::ListNotificationsRequest;
use parkmesh_contracts::notification::v1::notification_service_client::NotificationServiceClient;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::Failure;
use crate::city::bearer;

/// Between two calls: 200 a second.
const PERIOD: Duration = Duration::from_millis(5);

/// The client.
pub struct Good {
    client: NotificationServiceClient<Channel>,
    token: String,
}

impl Good {
    /// One connection, as most clients have.
    pub async fn connect(addr: SocketAddr, token: &str) -> Result<Self, Failure> {
        let channel = Endpoint::from_shared(format!("http://{addr}"))?.connect().await?;
        Ok(Self { client: NotificationServiceClient::new(channel), token: token.to_owned() })
    }

    /// How long each call took from when it was due. Fails when one does.
    pub async fn calls(&self, time: Duration) -> Result<Vec<Duration>, Failure> {
        let (mut ticks, mut calls) = (interval(PERIOD), JoinSet::new());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let until = Instant::now() + time;
        loop {
            let due = ticks.tick().await;
            if due >= until {
                break;
            }
            let mut client = self.client.clone();
            let request = bearer(Request::new(ListNotificationsRequest::default()), &self.token)?;
            calls.spawn(async move {
                let answer = client.list_notifications(request).await;
                answer.map(|_answer| due.elapsed())
            });
        }
        let all = calls.join_all().await.into_iter().collect::<Result<_, _>>();
        all.map_err(|status| format!("a call of a good client failed: {status}").into())
    }
}
