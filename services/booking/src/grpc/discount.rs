//! The door of DiscountService.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::discount_service_server::DiscountService;
use tonic::{Request, Response, Status};

use super::booking::open;
use super::inventory::by_operator;
use super::plates;
use crate::app::App;

/// What reduces prices, over gRPC.
#[derive(Clone)]
pub struct DiscountDoor {
    app: App,
}

impl DiscountDoor {
    /// A door to these use cases.
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl DiscountService for DiscountDoor {
    async fn create_discount(
        &self,
        request: Request<proto::CreateDiscountRequest>,
    ) -> Result<Response<proto::CreateDiscountResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.create_discount(&operator, request).await?))
    }

    async fn list_discounts(
        &self,
        request: Request<proto::ListDiscountsRequest>,
    ) -> Result<Response<proto::ListDiscountsResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.list_discounts(&operator, request).await?))
    }

    async fn end_discount(
        &self,
        request: Request<proto::EndDiscountRequest>,
    ) -> Result<Response<proto::EndDiscountResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.end_discount(&operator, request).await?))
    }

    async fn list_reductions(
        &self,
        request: Request<proto::ListReductionsRequest>,
    ) -> Result<Response<proto::ListReductionsResponse>, Status> {
        let (operator, request) = by_operator(request)?;
        Ok(Response::new(self.app.list_reductions(&operator, request).await?))
    }

    async fn redeem_promo_code(
        &self,
        request: Request<proto::RedeemPromoCodeRequest>,
    ) -> Result<Response<proto::RedeemPromoCodeResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut answer = self.app.redeem_promo_code(&caller, request).await?;
        plates::open(&self.app.sealer, &mut answer);
        Ok(Response::new(answer))
    }

    async fn validate_parking(
        &self,
        request: Request<proto::ValidateParkingRequest>,
    ) -> Result<Response<proto::ValidateParkingResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut answer = self.app.validate_parking(&caller, request).await?;
        plates::open(&self.app.sealer, &mut answer);
        Ok(Response::new(answer))
    }
}
