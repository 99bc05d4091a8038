//! The door: unpack, one call, wrap. It decides nothing.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use parkmesh_contracts::ids::UserId;
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

/// Checks a request, and tells who calls.
fn enter<M: Validate>(request: Request<M>) -> Result<(UserId, M), Status> {
    let caller = Caller::of(&request)?.subject.clone();
    let message = request.into_inner();
    check(&message).map_err(Error::from)?;
    Ok((caller, message))
}

#[tonic::async_trait]
impl NotificationService for Door {
    async fn list_notifications(
        &self,
        request: Request<proto::ListNotificationsRequest>,
    ) -> Result<Response<proto::ListNotificationsResponse>, Status> {
        let (caller, message) = enter(request)?;
        let unread_only = message.unread_only;
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
        let (caller, message) = enter(request)?;
        let watch = self.0.watch(caller, message.after_sequence).map(|next| {
            let notification = next?.map(Into::into);
            Ok(proto::WatchNotificationsResponse { notification })
        });
        Ok(Response::new(Box::pin(watch)))
    }

    async fn mark_read(
        &self,
        request: Request<proto::MarkReadRequest>,
    ) -> Result<Response<proto::MarkReadResponse>, Status> {
        let (caller, message) = enter(request)?;
        let ids = convert::ids(&message.notification_ids)?;
        let marked = self.0.mark_read(&caller, &ids).await?;
        let marked = i32::try_from(marked).unwrap_or(i32::MAX);
        Ok(Response::new(proto::MarkReadResponse { marked }))
    }
}
