//! The door of InventoryService.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::inventory_service_server::InventoryService;
use parkmesh_contracts::validate::Validate;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::fault;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::app::App;
use crate::app::inventory::Operator;
use crate::convert::inventory::optional_id;
use crate::error::Error;

/// Lots, floors and spots over gRPC.
#[derive(Clone)]
pub struct InventoryDoor {
    app: App,
}

impl InventoryDoor {
    /// A door to these use cases.
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

/// The request, checked against the rules of its proto.
fn checked<M: Validate>(request: Request<M>) -> Result<M, Error> {
    let message = request.into_inner();
    fault::check(&message)?;
    Ok(message)
}

/// The operator who calls and the checked request.
pub(super) fn by_operator<M: Validate>(request: Request<M>) -> Result<(Operator, M), Status> {
    let operator = Operator::of(Caller::of(&request)?)?;
    Ok((operator, checked(request)?))
}

#[tonic::async_trait]
impl InventoryService for InventoryDoor {
    async fn create_lot(
        &self,
        request: Request<proto::CreateLotRequest>,
    ) -> Result<Response<proto::CreateLotResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.create_lot(&operator, request).await?))
    }

    async fn get_lot(
        &self,
        request: Request<proto::GetLotRequest>,
    ) -> Result<Response<proto::GetLotResponse>, Status> {
        Ok(Response::new(self.app.get_lot(checked(request)?).await?))
    }

    async fn list_lots(
        &self,
        request: Request<proto::ListLotsRequest>,
    ) -> Result<Response<proto::ListLotsResponse>, Status> {
        let caller = Caller::of(&request)?.subject.clone();
        Ok(Response::new(self.app.list_lots(&caller, checked(request)?).await?))
    }

    async fn create_tariff(
        &self,
        request: Request<proto::CreateTariffRequest>,
    ) -> Result<Response<proto::CreateTariffResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.create_tariff(&operator, request).await?))
    }

    async fn create_allotment(
        &self,
        request: Request<proto::CreateAllotmentRequest>,
    ) -> Result<Response<proto::CreateAllotmentResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.create_allotment(&operator, request).await?))
    }

    async fn get_allotment(
        &self,
        request: Request<proto::GetAllotmentRequest>,
    ) -> Result<Response<proto::GetAllotmentResponse>, Status> {
        Ok(Response::new(self.app.get_allotment(checked(request)?).await?))
    }

    async fn list_allotments(
        &self,
        request: Request<proto::ListAllotmentsRequest>,
    ) -> Result<Response<proto::ListAllotmentsResponse>, Status> {
        let caller = Caller::of(&request)?.subject.clone();
        Ok(Response::new(self.app.list_allotments(&caller, checked(request)?).await?))
    }

    async fn get_tariff(
        &self,
        request: Request<proto::GetTariffRequest>,
    ) -> Result<Response<proto::GetTariffResponse>, Status> {
        Ok(Response::new(self.app.get_tariff(checked(request)?).await?))
    }

    async fn list_tariffs(
        &self,
        request: Request<proto::ListTariffsRequest>,
    ) -> Result<Response<proto::ListTariffsResponse>, Status> {
        let caller = Caller::of(&request)?.subject.clone();
        Ok(Response::new(self.app.list_tariffs(&caller, checked(request)?).await?))
    }

    async fn create_floor(
        &self,
        request: Request<proto::CreateFloorRequest>,
    ) -> Result<Response<proto::CreateFloorResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.create_floor(&operator, request).await?))
    }

    async fn list_floors(
        &self,
        request: Request<proto::ListFloorsRequest>,
    ) -> Result<Response<proto::ListFloorsResponse>, Status> {
        Ok(Response::new(self.app.list_floors(checked(request)?).await?))
    }

    async fn batch_create_spots(
        &self,
        request: Request<proto::BatchCreateSpotsRequest>,
    ) -> Result<Response<proto::BatchCreateSpotsResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.batch_create_spots(&operator, request).await?))
    }

    async fn list_spots(
        &self,
        request: Request<proto::ListSpotsRequest>,
    ) -> Result<Response<proto::ListSpotsResponse>, Status> {
        let caller = Caller::of(&request)?.subject.clone();
        Ok(Response::new(self.app.list_spots(&caller, checked(request)?).await?))
    }

    async fn set_spot_status(
        &self,
        request: Request<proto::SetSpotStatusRequest>,
    ) -> Result<Response<proto::SetSpotStatusResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.set_spot_status(&operator, request).await?))
    }

    async fn get_floor(
        &self,
        request: Request<proto::GetFloorRequest>,
    ) -> Result<Response<proto::GetFloorResponse>, Status> {
        Ok(Response::new(self.app.get_floor(checked(request)?).await?))
    }

    async fn get_spot(
        &self,
        request: Request<proto::GetSpotRequest>,
    ) -> Result<Response<proto::GetSpotResponse>, Status> {
        Ok(Response::new(self.app.get_spot(checked(request)?).await?))
    }

    async fn update_lot(
        &self,
        request: Request<proto::UpdateLotRequest>,
    ) -> Result<Response<proto::UpdateLotResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.update_lot(&operator, request).await?))
    }

    async fn update_floor(
        &self,
        request: Request<proto::UpdateFloorRequest>,
    ) -> Result<Response<proto::UpdateFloorResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.update_floor(&operator, request).await?))
    }

    async fn update_spot(
        &self,
        request: Request<proto::UpdateSpotRequest>,
    ) -> Result<Response<proto::UpdateSpotResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.update_spot(&operator, request).await?))
    }

    async fn import_spots(
        &self,
        request: Request<Streaming<proto::ImportSpotsRequest>>,
    ) -> Result<Response<proto::ImportSpotsResponse>, Status> {
        let operator = Operator::of(Caller::of(&request)?)?;
        Ok(Response::new(self.app.import_spots(&operator, request.into_inner()).await?))
    }

    async fn create_closure(
        &self,
        request: Request<proto::CreateClosureRequest>,
    ) -> Result<Response<proto::CreateClosureResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.create_closure(&operator, request).await?))
    }

    async fn list_closures(
        &self,
        request: Request<proto::ListClosuresRequest>,
    ) -> Result<Response<proto::ListClosuresResponse>, Status> {
        let caller = Caller::of(&request)?.subject.clone();
        Ok(Response::new(self.app.list_closures(&caller, checked(request)?).await?))
    }

    async fn delete_closure(
        &self,
        request: Request<proto::DeleteClosureRequest>,
    ) -> Result<Response<proto::DeleteClosureResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.delete_closure(&operator, request).await?))
    }

    async fn list_audit_entries(
        &self,
        request: Request<proto::ListAuditEntriesRequest>,
    ) -> Result<Response<proto::ListAuditEntriesResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.list_audit_entries(&operator, request).await?))
    }

    type StreamInventoryStream = BoxStream<proto::StreamInventoryResponse>;

    async fn stream_inventory(
        &self,
        request: Request<proto::StreamInventoryRequest>,
    ) -> Result<Response<Self::StreamInventoryStream>, Status> {
        let only = optional_id("lot_id", &checked(request)?.lot_id)?;
        let parts = ReceiverStream::new(self.app.stream_inventory(only).await?);
        Ok(Response::new(Box::pin(parts.map(|part| part.map_err(Status::from)))))
    }
}
