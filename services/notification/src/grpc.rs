//! The door: unpack, one call, wrap. It decides nothing.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use parkmesh_contracts::ids::{DeliveryId, LotId};
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::notification::v1::notification_service_server::NotificationService;
use parkmesh_contracts::validate::Validate;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::fault::check;
use parkmesh_platform::page::{self, List};
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::convert;
use crate::error::Error;

/// Rows to a page when the caller does not say.
const PAGE_DEFAULT: usize = 50;
/// Rows to a page at most.
const PAGE_MAX: usize = 200;

/// Answers for the service.
#[derive(Clone)]
pub struct Door(pub(crate) App);

impl Door {
    /// Checks a request, and tells who calls.
    async fn enter<M: Validate>(&self, request: Request<M>) -> Result<(Caller, M), Status> {
        let caller = Caller::of(&request)?.clone();
        let message = request.into_inner();
        check(&message).map_err(Error::from)?;
        self.0.greet(&caller).await?;
        Ok((caller, message))
    }
}

#[tonic::async_trait]
impl NotificationService for Door {
    async fn list_notifications(
        &self,
        request: Request<proto::ListNotificationsRequest>,
    ) -> Result<Response<proto::ListNotificationsResponse>, Status> {
        let (caller, message) = self.enter(request).await?;
        let unread_only = message.unread_only;
        let caller = caller.subject;
        let list = List::of("ListNotifications", &caller, &[&unread_only.to_string()]);
        let below: Option<i64> = list.after(&message.page_token).map_err(Error::from)?;
        let size = page::size(message.page_size, PAGE_DEFAULT, PAGE_MAX);
        let found = self.0.list(&caller, unread_only, below, size + 1).await?;
        let (found, next_page_token) = list.cut(found, size, |last| last.sequence);
        let notifications = found.into_iter().map(Into::into).collect();
        Ok(Response::new(proto::ListNotificationsResponse { notifications, next_page_token }))
    }

    type WatchNotificationsStream =
        Pin<Box<dyn Stream<Item = Result<proto::WatchNotificationsResponse, Status>> + Send>>;

    async fn watch_notifications(
        &self,
        request: Request<proto::WatchNotificationsRequest>,
    ) -> Result<Response<Self::WatchNotificationsStream>, Status> {
        let (caller, message) = self.enter(request).await?;
        let watch = self.0.watch(caller.subject, message.after_sequence).map(|next| {
            let notification = next?.map(Into::into);
            Ok(proto::WatchNotificationsResponse { notification })
        });
        Ok(Response::new(Box::pin(watch)))
    }

    async fn mark_read(
        &self,
        request: Request<proto::MarkReadRequest>,
    ) -> Result<Response<proto::MarkReadResponse>, Status> {
        let (caller, message) = self.enter(request).await?;
        let ids = convert::ids(&message.notification_ids)?;
        let marked = self.0.mark_read(&caller.subject, &ids).await?;
        let marked = i32::try_from(marked).unwrap_or(i32::MAX);
        Ok(Response::new(proto::MarkReadResponse { marked }))
    }

    async fn get_preferences(
        &self,
        request: Request<proto::GetPreferencesRequest>,
    ) -> Result<Response<proto::GetPreferencesResponse>, Status> {
        let (caller, _nothing) = self.enter(request).await?;
        let preferences = self.0.preferences(&caller.subject).await?;
        let preferences = Some(preferences.into());
        Ok(Response::new(proto::GetPreferencesResponse { preferences }))
    }

    async fn update_preferences(
        &self,
        request: Request<proto::UpdatePreferencesRequest>,
    ) -> Result<Response<proto::UpdatePreferencesResponse>, Status> {
        let (caller, message) = self.enter(request).await?;
        let request_id = convert::id("request_id", &message.request_id)?;
        Ok(Response::new(self.0.prefer(&caller.subject, request_id, message).await?))
    }

    async fn list_deliveries(
        &self,
        request: Request<proto::ListDeliveriesRequest>,
    ) -> Result<Response<proto::ListDeliveriesResponse>, Status> {
        let (caller, message) = self.enter(request).await?;
        let state = convert::state(message.state());
        let lot_id: Option<LotId> = match message.lot_id.as_str() {
            "" => None,
            text => Some(convert::id("lot_id", text)?),
        };
        let arguments = [message.lot_id.as_str(), state.unwrap_or_default()];
        let list = List::of("ListDeliveries", &caller.subject, &arguments);
        let below: Option<DeliveryId> = list.after(&message.page_token).map_err(Error::from)?;
        let size = page::size(message.page_size, PAGE_DEFAULT, PAGE_MAX);
        let found = self.0.deliveries(&caller, lot_id, state, below, size + 1).await?;
        let (found, next_page_token) = list.cut(found, size, |last| last.delivery_id);
        let deliveries = found.into_iter().map(convert::delivery).collect();
        Ok(Response::new(proto::ListDeliveriesResponse { deliveries, next_page_token }))
    }

    async fn resend_delivery(
        &self,
        request: Request<proto::ResendDeliveryRequest>,
    ) -> Result<Response<proto::ResendDeliveryResponse>, Status> {
        let (caller, message) = self.enter(request).await?;
        let request_id = convert::id("request_id", &message.request_id)?;
        let delivery_id = convert::id("delivery_id", &message.delivery_id)?;
        Ok(Response::new(self.0.resend(&caller, request_id, delivery_id, message).await?))
    }
}
