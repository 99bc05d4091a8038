//! A car, as the sensor under it tells.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::time;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, MqttOptions};

use super::{Office, Up, eventually};

/// Speaks over MQTT as the sensor of one spot.
pub struct Car {
    client: AsyncClient,
    device_id: String,
}

impl Car {
    /// A car that will park on a spot of the demo mall.
    pub fn at(up: &Up, spot_number: &str) -> Self {
        let url = format!("{}?client_id=car-{}", up.told("/servers/mqtt"), uuid::Uuid::now_v7());
        let options = MqttOptions::parse_url(url).expect("the broker's address");
        Self::over(options, &format!("demo-{}", spot_number.to_ascii_lowercase()))
    }

    /// The same over any connection.
    pub fn over(options: MqttOptions, device_id: &str) -> Self {
        let (client, mut events) = AsyncClient::new(options, 16);
        tokio::spawn(async move {
            loop {
                if events.poll().await.is_err() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        });
        Self { client, device_id: device_id.to_owned() }
    }

    /// It stands there.
    pub async fn stands(&self, up: &Up) {
        self.says(up, true).await;
    }

    /// It stands there as before, and its sensor has been heard: one that misses two heartbeats knows of no car.
    pub async fn still_stands(&self, up: &Up, spot_id: &str) {
        self.stands(up).await;
        let spoke = up.now() - SignedDuration::from_mins(1);
        eventually("the sensor is heard", || async {
            let sensor = Office::new(up).sensor(spot_id).await.ok()?;
            let seen = time::from_proto(sensor.last_seen_time.as_ref()?).ok()?;
            (seen > spoke).then_some(())
        })
        .await;
    }

    /// It is gone.
    pub async fn gone(&self, up: &Up) {
        self.says(up, false).await;
    }

    async fn says(&self, up: &Up, occupied: bool) {
        let body = serde_json::json!({ "occupied": occupied, "time": up.now().to_string() });
        let topic = format!("parkmesh/devices/{}/up", self.device_id);
        let sent = self.client.publish(topic, QoS::AtLeastOnce, false, body.to_string()).await;
        sent.expect("the client takes it");
    }
}
