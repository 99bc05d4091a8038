//! The door of SensorService: check, one call, wrap. It decides nothing.

mod readings;

use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::sensor_service_server::SensorService;
use parkmesh_contracts::validate::Validate;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::{fault, serve};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::app::App;
use crate::app::apply::Writer;
use crate::convert;
use crate::error::Error;

/// Acknowledgements that wait for a client that does not read them.
const ACKS_WAITING_MAX: usize = 64;

/// Sensors over gRPC.
#[derive(Clone)]
pub struct SensorDoor {
    app: App,
    writer: Writer,
}

impl SensorDoor {
    /// A door to these use cases.
    pub fn new(app: App, writer: Writer) -> Self {
        Self { app, writer }
    }
}

/// The caller, and the request checked against the rules of its proto.
fn checked<M: Validate>(request: Request<M>) -> Result<(Caller, M), Status> {
    let caller = Caller::of(&request)?.clone();
    let message = request.into_inner();
    fault::check(&message).map_err(Error::from)?;
    Ok((caller, message))
}

#[tonic::async_trait]
impl SensorService for SensorDoor {
    async fn register_sensors(
        &self,
        request: Request<proto::RegisterSensorsRequest>,
    ) -> Result<Response<proto::RegisterSensorsResponse>, Status> {
        let (caller, request) = checked(request)?;
        let lot_id = convert::lot_id(&request.lot_id)?;
        let new = convert::new_sensors(&self.app.models, request.sensors)?;
        let sensors = self.app.register(&caller, lot_id, new).await?;
        let agreement = self.app.agreement(&sensors).await?;
        let sensors = convert::sensors(&sensors, agreement, self.app.clock.now());
        Ok(Response::new(proto::RegisterSensorsResponse { sensors }))
    }

    async fn list_sensors(
        &self,
        request: Request<proto::ListSensorsRequest>,
    ) -> Result<Response<proto::ListSensorsResponse>, Status> {
        let (caller, request) = checked(request)?;
        let lot_id = convert::lot_id(&request.lot_id)?;
        let (size, token) = (request.page_size, &request.page_token);
        let (sensors, next_page_token) =
            self.app.list_sensors(&caller, lot_id, size, token).await?;
        let agreement = self.app.agreement(&sensors).await?;
        let sensors = convert::sensors(&sensors, agreement, self.app.clock.now());
        Ok(Response::new(proto::ListSensorsResponse { sensors, next_page_token }))
    }

    async fn resolve_devices(
        &self,
        request: Request<proto::ResolveDevicesRequest>,
    ) -> Result<Response<proto::ResolveDevicesResponse>, Status> {
        let (_bridge, mut request) = checked(request)?;
        // A name with NUL is nobody's, and Postgres would not even hear the question.
        request.device_ids.retain(|name| !name.contains('\0'));
        let sensors = self.app.resolve(&request.device_ids).await?;
        let devices = sensors.into_iter().map(convert::device).collect();
        Ok(Response::new(proto::ResolveDevicesResponse { devices }))
    }

    type StreamReadingsStream = BoxStream<proto::StreamReadingsResponse>;

    async fn stream_readings(
        &self,
        request: Request<Streaming<proto::StreamReadingsRequest>>,
    ) -> Result<Response<Self::StreamReadingsStream>, Status> {
        let caller = Caller::of(&request)?.clone();
        let (acks, receiver) = mpsc::channel(ACKS_WAITING_MAX);
        let stream = readings::Readings {
            app: self.app.clone(),
            writer: self.writer.clone(),
            caller,
            stopping: serve::stopping(),
        };
        self.app.tasks.spawn("readings", stream.serve(request.into_inner(), acks));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_spot_occupancy(
        &self,
        request: Request<proto::GetSpotOccupancyRequest>,
    ) -> Result<Response<proto::GetSpotOccupancyResponse>, Status> {
        let (caller, request) = checked(request)?;
        let spot_id = convert::spot_id(&request.spot_id)?;
        let sensor = self.app.get_spot(&caller, spot_id).await?;
        let agreement = self.app.agreement(std::slice::from_ref(&sensor)).await?;
        let agreement = agreement.first().copied().flatten();
        Ok(Response::new(proto::GetSpotOccupancyResponse {
            occupancy: Some(convert::occupancy(&sensor)),
            sensor: Some(convert::sensor(&sensor, agreement, self.app.clock.now())),
        }))
    }

    type WatchOccupancyStream = BoxStream<proto::WatchOccupancyResponse>;

    async fn watch_occupancy(
        &self,
        request: Request<proto::WatchOccupancyRequest>,
    ) -> Result<Response<Self::WatchOccupancyStream>, Status> {
        let (caller, request) = checked(request)?;
        let lot_id = convert::lot_id(&request.lot_id)?;
        let watched = self.app.watch_occupancy(&caller, lot_id, &request.resume_token).await?;
        let changes = ReceiverStream::new(watched);
        Ok(Response::new(Box::pin(changes.map(|change| change.map_err(Status::from)))))
    }

    type StreamOccupancyStream = BoxStream<proto::StreamOccupancyResponse>;

    async fn stream_occupancy(
        &self,
        request: Request<proto::StreamOccupancyRequest>,
    ) -> Result<Response<Self::StreamOccupancyStream>, Status> {
        let (_reader, request) = checked(request)?;
        let only = match request.lot_id.as_str() {
            "" => None,
            text => Some(convert::lot_id(text)?),
        };
        let parts = ReceiverStream::new(self.app.stream_occupancy(only).await?);
        Ok(Response::new(Box::pin(parts.map(|part| part.map_err(Status::from)))))
    }

    async fn list_quarantine(
        &self,
        request: Request<proto::ListQuarantineRequest>,
    ) -> Result<Response<proto::ListQuarantineResponse>, Status> {
        let (caller, request) = checked(request)?;
        let (size, token) = (request.page_size, &request.page_token);
        let (devices, next_page_token) = self.app.list_quarantine(&caller, size, token).await?;
        let devices = devices.into_iter().map(convert::quarantined).collect();
        Ok(Response::new(proto::ListQuarantineResponse { devices, next_page_token }))
    }

    async fn list_discrepancies(
        &self,
        request: Request<proto::ListDiscrepanciesRequest>,
    ) -> Result<Response<proto::ListDiscrepanciesResponse>, Status> {
        let (caller, request) = checked(request)?;
        let lot_id = convert::lot_id(&request.lot_id)?;
        let page = (request.page_size, request.page_token.as_str());
        let listed =
            self.app.list_discrepancies(&caller, lot_id, request.include_closed, page).await?;
        let (now, (found, next_page_token)) = (self.app.clock.now(), listed);
        let discrepancies = found.iter().map(|one| convert::discrepancy(one, now)).collect();
        Ok(Response::new(proto::ListDiscrepanciesResponse { discrepancies, next_page_token }))
    }

    async fn submit_plate_read(
        &self,
        request: Request<proto::SubmitPlateReadRequest>,
    ) -> Result<Response<proto::SubmitPlateReadResponse>, Status> {
        let (caller, request) = checked(request)?;
        let (asked, read) = convert::plate_read(&self.app.plate_key, &caller, request)?;
        let plate_read_id = self.app.read_plate(&caller, asked, read).await?.to_string();
        Ok(Response::new(proto::SubmitPlateReadResponse { plate_read_id }))
    }

    type WatchPassagesStream = BoxStream<proto::WatchPassagesResponse>;

    async fn watch_passages(
        &self,
        request: Request<proto::WatchPassagesRequest>,
    ) -> Result<Response<Self::WatchPassagesStream>, Status> {
        let (caller, request) = checked(request)?;
        let lot_id = convert::lot_id(&request.lot_id)?;
        let watched = self.app.watch_passages(&caller, lot_id, request.gate_id).await?;
        let passages = ReceiverStream::new(watched);
        Ok(Response::new(Box::pin(passages.map(|passage| passage.map_err(Status::from)))))
    }

    async fn acknowledge_passage(
        &self,
        request: Request<proto::AcknowledgePassageRequest>,
    ) -> Result<Response<proto::AcknowledgePassageResponse>, Status> {
        let (caller, request) = checked(request)?;
        let lot_id = convert::lot_id(&request.lot_id)?;
        let plate_read_id = convert::plate_read_id(&request.plate_read_id)?;
        let acknowledging =
            self.app.acknowledge_passage(&caller, lot_id, plate_read_id, request.opened);
        Ok(Response::new(convert::acknowledged(&acknowledging.await?)))
    }
}
