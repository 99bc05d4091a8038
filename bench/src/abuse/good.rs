//! A client that calls well: at one rate, whatever the answers take.

use std::net::SocketAddr;
use std::time::Duration;

use parkmesh_contracts::notification::v1::ListNotificationsRequest;
use parkmesh_contracts::notification::v1::notification_service_client::NotificationServiceClient;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::city::bearer;
use crate::{Failure, calls};

/// Calls in a second.
const RATE: f64 = 200.0;

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
        let all = calls::offered(RATE, time, |_number, due| {
            let (mut client, token) = (self.client.clone(), self.token.clone());
            async move {
                let request = bearer(Request::new(ListNotificationsRequest::default()), &token)?;
                let answer = client.list_notifications(request).await;
                let failed = |status| format!("a call of a good client failed: {status}");
                Ok(answer.map(|_answer| due.elapsed()).map_err(failed)?)
            }
        });
        all.await.into_iter().collect()
    }
}
