//! What is registered, read page by page: lots, and their sensors.

use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::booking::v1::{ListLotsRequest, Lot};
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_contracts::sensor::v1::{ListSensorsRequest, Sensor};
use tonic::Status;

use crate::client::{ANSWER_BYTES_MAX, Gateway};

/// Lots of a page.
const LOTS_PAGE_SIZE: i32 = 200;
/// Sensors of a page.
const SENSORS_PAGE_SIZE: i32 = 1_000;

/// All lots, by name.
pub async fn lots(gateway: &Gateway) -> Result<Vec<Lot>, Status> {
    let client = InventoryServiceClient::new(gateway.clone());
    let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut lots = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListLotsRequest { page_size: LOTS_PAGE_SIZE, page_token };
        let page = client.list_lots(request).await?.into_inner();
        lots.extend(page.lots);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(lots);
        }
    }
}

/// All sensors of a lot, by device id.
pub async fn sensors(gateway: &Gateway, lot_id: &str) -> Result<Vec<Sensor>, Status> {
    let client = SensorServiceClient::new(gateway.clone());
    let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut sensors = Vec::new();
    let mut page_token = String::new();
    loop {
        let lot_id = lot_id.to_owned();
        let request = ListSensorsRequest { lot_id, page_size: SENSORS_PAGE_SIZE, page_token };
        let page = client.list_sensors(request).await?.into_inner();
        sensors.extend(page.sensors);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(sensors);
        }
    }
}
