//! The door of BookingService.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::booking_service_server::BookingService;
use parkmesh_contracts::validate::Validate;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::fault;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::error::Error;
use crate::grpc::plates::{self, Plates};

/// Bookings over gRPC.
#[derive(Clone)]
pub struct BookingDoor {
    app: App,
}

impl BookingDoor {
    /// A door to these use cases.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    /// The caller and the request, checked, with its plate sealed: nothing behind the door reads one.
    fn take<M: Validate + Plates>(&self, request: Request<M>) -> Result<(Caller, M), Status> {
        let (caller, mut message) = open(request)?;
        plates::seal(&self.app.sealer, &mut message)?;
        Ok((caller, message))
    }

    /// The answer, with its plates opened.
    fn give<M: Plates>(&self, mut message: M) -> Response<M> {
        plates::open(&self.app.sealer, &mut message);
        Response::new(message)
    }
}

/// The caller and the request, checked against the rules of its proto.
pub(super) fn open<M: Validate>(request: Request<M>) -> Result<(Caller, M), Status> {
    let caller = Caller::of(&request)?.clone();
    let message = request.into_inner();
    fault::check(&message).map_err(Error::from)?;
    Ok((caller, message))
}

#[tonic::async_trait]
impl BookingService for BookingDoor {
    async fn quote_booking(
        &self,
        request: Request<proto::QuoteBookingRequest>,
    ) -> Result<Response<proto::QuoteBookingResponse>, Status> {
        let (_caller, request) = open(request)?;
        Ok(Response::new(self.app.quote_booking(request).await?))
    }

    async fn hold_spot(
        &self,
        request: Request<proto::HoldSpotRequest>,
    ) -> Result<Response<proto::HoldSpotResponse>, Status> {
        let (caller, request) = self.take(request)?;
        Ok(self.give(self.app.hold_spot(&caller.subject, request).await?))
    }

    async fn reserve_ticket(
        &self,
        request: Request<proto::ReserveTicketRequest>,
    ) -> Result<Response<proto::ReserveTicketResponse>, Status> {
        let (caller, request) = self.take(request)?;
        Ok(self.give(self.app.reserve_ticket(&caller.subject, request).await?))
    }

    async fn confirm_booking(
        &self,
        request: Request<proto::ConfirmBookingRequest>,
    ) -> Result<Response<proto::ConfirmBookingResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.confirm_booking(&caller, request).await?))
    }

    async fn create_booking(
        &self,
        request: Request<proto::CreateBookingRequest>,
    ) -> Result<Response<proto::CreateBookingResponse>, Status> {
        let (caller, request) = self.take(request)?;
        Ok(self.give(self.app.create_booking(&caller, request).await?))
    }

    async fn create_booking_series(
        &self,
        request: Request<proto::CreateBookingSeriesRequest>,
    ) -> Result<Response<proto::CreateBookingSeriesResponse>, Status> {
        let (caller, request) = self.take(request)?;
        Ok(self.give(self.app.create_booking_series(&caller, request).await?))
    }

    async fn start_walk_in(
        &self,
        request: Request<proto::StartWalkInRequest>,
    ) -> Result<Response<proto::StartWalkInResponse>, Status> {
        let (caller, request) = self.take(request)?;
        Ok(self.give(self.app.start_walk_in(&caller, request).await?))
    }

    async fn cancel_booking(
        &self,
        request: Request<proto::CancelBookingRequest>,
    ) -> Result<Response<proto::CancelBookingResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.cancel_booking(&caller, request).await?))
    }

    async fn extend_booking(
        &self,
        request: Request<proto::ExtendBookingRequest>,
    ) -> Result<Response<proto::ExtendBookingResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.extend_booking(&caller, request).await?))
    }

    async fn move_booking(
        &self,
        request: Request<proto::MoveBookingRequest>,
    ) -> Result<Response<proto::MoveBookingResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.move_booking(&caller, request).await?))
    }

    async fn claim_spot(
        &self,
        request: Request<proto::ClaimSpotRequest>,
    ) -> Result<Response<proto::ClaimSpotResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.claim_spot(&caller, request).await?))
    }

    async fn check_in(
        &self,
        request: Request<proto::CheckInRequest>,
    ) -> Result<Response<proto::CheckInResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.check_in(&caller, request).await?))
    }

    async fn end_session(
        &self,
        request: Request<proto::EndSessionRequest>,
    ) -> Result<Response<proto::EndSessionResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.end_session(&caller, request).await?))
    }

    async fn erase_user(
        &self,
        request: Request<proto::EraseUserRequest>,
    ) -> Result<Response<proto::EraseUserResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(Response::new(self.app.erase_user(&caller, request).await?))
    }

    async fn get_erasure(
        &self,
        request: Request<proto::GetErasureRequest>,
    ) -> Result<Response<proto::GetErasureResponse>, Status> {
        let (_caller, request) = open(request)?;
        Ok(Response::new(self.app.get_erasure(request).await?))
    }

    async fn get_booking(
        &self,
        request: Request<proto::GetBookingRequest>,
    ) -> Result<Response<proto::GetBookingResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.get_booking(&caller, request).await?))
    }

    async fn list_bookings(
        &self,
        request: Request<proto::ListBookingsRequest>,
    ) -> Result<Response<proto::ListBookingsResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.list_bookings(&caller, request).await?))
    }

    async fn join_waitlist(
        &self,
        request: Request<proto::JoinWaitlistRequest>,
    ) -> Result<Response<proto::JoinWaitlistResponse>, Status> {
        let (caller, request) = self.take(request)?;
        Ok(self.give(self.app.join_waitlist(&caller.subject, request).await?))
    }

    async fn leave_waitlist(
        &self,
        request: Request<proto::LeaveWaitlistRequest>,
    ) -> Result<Response<proto::LeaveWaitlistResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.leave_waitlist(&caller.subject, request).await?))
    }

    async fn list_waitlist(
        &self,
        request: Request<proto::ListWaitlistRequest>,
    ) -> Result<Response<proto::ListWaitlistResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(self.give(self.app.list_waitlist(&caller, request).await?))
    }

    async fn list_spot_timeline(
        &self,
        request: Request<proto::ListSpotTimelineRequest>,
    ) -> Result<Response<proto::ListSpotTimelineResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(Response::new(self.app.list_spot_timeline(&caller, request).await?))
    }

    async fn list_booking_timeline(
        &self,
        request: Request<proto::ListBookingTimelineRequest>,
    ) -> Result<Response<proto::ListBookingTimelineResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(Response::new(self.app.list_booking_timeline(&caller, request).await?))
    }

    type WatchBookingStream = BoxStream<proto::WatchBookingResponse>;

    async fn watch_booking(
        &self,
        request: Request<proto::WatchBookingRequest>,
    ) -> Result<Response<Self::WatchBookingStream>, Status> {
        let (caller, request) = open(request)?;
        let changes = ReceiverStream::new(self.app.watch_booking(&caller, request).await?);
        let sealer = self.app.sealer.clone();
        let told = changes.map(move |change| {
            let mut change = change?;
            plates::open(&sealer, &mut change);
            Ok(change)
        });
        Ok(Response::new(Box::pin(told)))
    }
}
