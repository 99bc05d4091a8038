//! Booking and sensor as far as this service knows them: what is there, told as a snapshot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::booking::v1::inventory_service_server::InventoryService;
use parkmesh_contracts::booking::v1::stream_inventory_response as inventory;
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::sensor::v1::sensor_service_server::SensorService;
use parkmesh_contracts::sensor::v1::stream_occupancy_response as occupancy;
use parkmesh_eventbus::Bus;
use tokio_stream::Iter;
use tonic::{Request, Response, Status, Streaming};

/// What the owners know.
#[derive(Default)]
pub struct Known {
    pub lots: Vec<booking::Lot>,
    pub floors: Vec<booking::Floor>,
    pub spots: Vec<booking::Spot>,
    pub windows: BTreeMap<String, booking::LiveWindow>,
    pub occupancy: BTreeMap<String, sensor::SpotOccupancy>,
    /// Ends of snapshots count one spot more than was sent.
    pub broken: bool,
    /// Snapshots of the inventory that were asked for.
    pub asked: usize,
}

#[derive(Clone)]
pub struct Doubles {
    known: Arc<Mutex<Known>>,
    bus: Bus,
}

impl Doubles {
    pub fn new(bus: &Bus) -> Self {
        Self { known: Arc::default(), bus: bus.clone() }
    }

    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no test panics with it")
    }
}

type Parts<T> = Iter<std::vec::IntoIter<Result<T, Status>>>;

fn parts<T>(parts: Vec<T>) -> Response<Parts<T>> {
    Response::new(tokio_stream::iter(parts.into_iter().map(Ok).collect::<Vec<_>>()))
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).expect("few")
}

fn inventory_part(part: inventory::Part) -> booking::StreamInventoryResponse {
    booking::StreamInventoryResponse { part: Some(part) }
}

#[tonic::async_trait]
impl InventoryService for Doubles {
    type StreamInventoryStream = Parts<booking::StreamInventoryResponse>;

    async fn stream_inventory(
        &self,
        _request: Request<booking::StreamInventoryRequest>,
    ) -> Result<Response<Self::StreamInventoryStream>, Status> {
        let booking_sequence = self.bus.last_sequence("BOOKING").await.expect("BOOKING");
        let mut known = self.known();
        known.asked += 1;
        let start = inventory::Part::Start(inventory::Start { booking_sequence });
        // In two parts, windows first: the order is not promised.
        let windows: Vec<_> = known.windows.values().cloned().collect();
        let end = inventory::Part::End(inventory::End {
            lots: count(known.lots.len()),
            floors: count(known.floors.len()),
            spots: count(known.spots.len()) + i64::from(known.broken),
            windows: count(windows.len()),
        });
        let first = inventory::Part::Rows(inventory::Rows { windows, ..Default::default() });
        let second = inventory::Part::Rows(inventory::Rows {
            lots: known.lots.clone(),
            floors: known.floors.clone(),
            spots: known.spots.clone(),
            windows: Vec::new(),
        });
        Ok(parts([start, first, second, end].into_iter().map(inventory_part).collect()))
    }

    async fn create_allotment(
        &self,
        _request: Request<booking::CreateAllotmentRequest>,
    ) -> Result<Response<booking::CreateAllotmentResponse>, Status> {
        Err(not_asked())
    }
    async fn get_allotment(
        &self,
        _request: Request<booking::GetAllotmentRequest>,
    ) -> Result<Response<booking::GetAllotmentResponse>, Status> {
        Err(not_asked())
    }
    async fn list_allotments(
        &self,
        _request: Request<booking::ListAllotmentsRequest>,
    ) -> Result<Response<booking::ListAllotmentsResponse>, Status> {
        Err(not_asked())
    }
    async fn create_lot(
        &self,
        _request: Request<booking::CreateLotRequest>,
    ) -> Result<Response<booking::CreateLotResponse>, Status> {
        Err(not_asked())
    }
    async fn get_lot(
        &self,
        _request: Request<booking::GetLotRequest>,
    ) -> Result<Response<booking::GetLotResponse>, Status> {
        Err(not_asked())
    }
    async fn get_floor(
        &self,
        _request: Request<booking::GetFloorRequest>,
    ) -> Result<Response<booking::GetFloorResponse>, Status> {
        Err(not_asked())
    }
    async fn get_spot(
        &self,
        _request: Request<booking::GetSpotRequest>,
    ) -> Result<Response<booking::GetSpotResponse>, Status> {
        Err(not_asked())
    }
    async fn update_lot(
        &self,
        _request: Request<booking::UpdateLotRequest>,
    ) -> Result<Response<booking::UpdateLotResponse>, Status> {
        Err(not_asked())
    }
    async fn update_floor(
        &self,
        _request: Request<booking::UpdateFloorRequest>,
    ) -> Result<Response<booking::UpdateFloorResponse>, Status> {
        Err(not_asked())
    }
    async fn update_spot(
        &self,
        _request: Request<booking::UpdateSpotRequest>,
    ) -> Result<Response<booking::UpdateSpotResponse>, Status> {
        Err(not_asked())
    }
    async fn create_closure(
        &self,
        _request: Request<booking::CreateClosureRequest>,
    ) -> Result<Response<booking::CreateClosureResponse>, Status> {
        Err(not_asked())
    }
    async fn list_closures(
        &self,
        _request: Request<booking::ListClosuresRequest>,
    ) -> Result<Response<booking::ListClosuresResponse>, Status> {
        Err(not_asked())
    }
    async fn delete_closure(
        &self,
        _request: Request<booking::DeleteClosureRequest>,
    ) -> Result<Response<booking::DeleteClosureResponse>, Status> {
        Err(not_asked())
    }
    async fn list_audit_entries(
        &self,
        _request: Request<booking::ListAuditEntriesRequest>,
    ) -> Result<Response<booking::ListAuditEntriesResponse>, Status> {
        Err(not_asked())
    }
    async fn import_spots(
        &self,
        _request: Request<tonic::Streaming<booking::ImportSpotsRequest>>,
    ) -> Result<Response<booking::ImportSpotsResponse>, Status> {
        Err(not_asked())
    }
    async fn list_lots(
        &self,
        _request: Request<booking::ListLotsRequest>,
    ) -> Result<Response<booking::ListLotsResponse>, Status> {
        Err(not_asked())
    }
    async fn create_tariff(
        &self,
        _request: Request<booking::CreateTariffRequest>,
    ) -> Result<Response<booking::CreateTariffResponse>, Status> {
        Err(not_asked())
    }
    async fn get_tariff(
        &self,
        _request: Request<booking::GetTariffRequest>,
    ) -> Result<Response<booking::GetTariffResponse>, Status> {
        Err(not_asked())
    }
    async fn list_tariffs(
        &self,
        _request: Request<booking::ListTariffsRequest>,
    ) -> Result<Response<booking::ListTariffsResponse>, Status> {
        Err(not_asked())
    }
    async fn create_floor(
        &self,
        _request: Request<booking::CreateFloorRequest>,
    ) -> Result<Response<booking::CreateFloorResponse>, Status> {
        Err(not_asked())
    }
    async fn list_floors(
        &self,
        _request: Request<booking::ListFloorsRequest>,
    ) -> Result<Response<booking::ListFloorsResponse>, Status> {
        Err(not_asked())
    }
    async fn batch_create_spots(
        &self,
        _request: Request<booking::BatchCreateSpotsRequest>,
    ) -> Result<Response<booking::BatchCreateSpotsResponse>, Status> {
        Err(not_asked())
    }
    async fn list_spots(
        &self,
        _request: Request<booking::ListSpotsRequest>,
    ) -> Result<Response<booking::ListSpotsResponse>, Status> {
        Err(not_asked())
    }
    async fn set_spot_status(
        &self,
        _request: Request<booking::SetSpotStatusRequest>,
    ) -> Result<Response<booking::SetSpotStatusResponse>, Status> {
        Err(not_asked())
    }
}

#[tonic::async_trait]
impl SensorService for Doubles {
    type StreamOccupancyStream = Parts<sensor::StreamOccupancyResponse>;

    async fn stream_occupancy(
        &self,
        _request: Request<sensor::StreamOccupancyRequest>,
    ) -> Result<Response<Self::StreamOccupancyStream>, Status> {
        let sensor_sequence = self.bus.last_sequence("SENSOR").await.expect("SENSOR");
        let spots: Vec<_> = self.known().occupancy.values().cloned().collect();
        let end = occupancy::End { spots: count(spots.len()) };
        let all = [
            occupancy::Part::Start(occupancy::Start { sensor_sequence }),
            occupancy::Part::Rows(occupancy::Rows { spots }),
            occupancy::Part::End(end),
        ];
        let part = |part| sensor::StreamOccupancyResponse { part: Some(part) };
        Ok(parts(all.into_iter().map(part).collect()))
    }

    async fn register_sensors(
        &self,
        _request: Request<sensor::RegisterSensorsRequest>,
    ) -> Result<Response<sensor::RegisterSensorsResponse>, Status> {
        Err(not_asked())
    }
    async fn list_sensors(
        &self,
        _request: Request<sensor::ListSensorsRequest>,
    ) -> Result<Response<sensor::ListSensorsResponse>, Status> {
        Err(not_asked())
    }
    async fn resolve_devices(
        &self,
        _request: Request<sensor::ResolveDevicesRequest>,
    ) -> Result<Response<sensor::ResolveDevicesResponse>, Status> {
        Err(not_asked())
    }
    type StreamReadingsStream = Parts<sensor::StreamReadingsResponse>;
    async fn stream_readings(
        &self,
        _request: Request<Streaming<sensor::StreamReadingsRequest>>,
    ) -> Result<Response<Self::StreamReadingsStream>, Status> {
        Err(not_asked())
    }
    async fn get_spot_occupancy(
        &self,
        _request: Request<sensor::GetSpotOccupancyRequest>,
    ) -> Result<Response<sensor::GetSpotOccupancyResponse>, Status> {
        Err(not_asked())
    }
    type WatchOccupancyStream = Parts<sensor::WatchOccupancyResponse>;
    async fn watch_occupancy(
        &self,
        _request: Request<sensor::WatchOccupancyRequest>,
    ) -> Result<Response<Self::WatchOccupancyStream>, Status> {
        Err(not_asked())
    }
    type WatchPassagesStream = Parts<sensor::WatchPassagesResponse>;

    async fn watch_passages(
        &self,
        _request: Request<sensor::WatchPassagesRequest>,
    ) -> Result<Response<Self::WatchPassagesStream>, Status> {
        Err(not_asked())
    }

    async fn acknowledge_passage(
        &self,
        _request: Request<sensor::AcknowledgePassageRequest>,
    ) -> Result<Response<sensor::AcknowledgePassageResponse>, Status> {
        Err(not_asked())
    }

    async fn submit_plate_read(
        &self,
        _request: Request<sensor::SubmitPlateReadRequest>,
    ) -> Result<Response<sensor::SubmitPlateReadResponse>, Status> {
        Err(not_asked())
    }

    async fn list_discrepancies(
        &self,
        _request: Request<sensor::ListDiscrepanciesRequest>,
    ) -> Result<Response<sensor::ListDiscrepanciesResponse>, Status> {
        Err(not_asked())
    }
    async fn list_quarantine(
        &self,
        _request: Request<sensor::ListQuarantineRequest>,
    ) -> Result<Response<sensor::ListQuarantineResponse>, Status> {
        Err(not_asked())
    }
}

fn not_asked() -> Status {
    Status::unimplemented("availability never asks for this")
}
