//! Messages into commands, notifications into messages. Parse once, here.

use parkmesh_contracts::ids::NotificationId;
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::time;
use parkmesh_platform::fault::invalid;

use crate::domain::{Kind, Notification};
use crate::error::Error;

/// The ids of messages.
///
/// # Errors
/// [`Error::Invalid`] that names the first that is none.
pub fn ids(texts: &[String]) -> Result<Vec<NotificationId>, Error> {
    let id = |(place, text): (usize, &String)| {
        text.parse().map_err(|_| {
            Error::Invalid(vec![invalid(format!("notification_ids[{place}]"), "must be a UUID")])
        })
    };
    texts.iter().enumerate().map(id).collect()
}

impl From<Notification> for proto::Notification {
    fn from(notification: Notification) -> Self {
        let kind = match notification.message.kind {
            Kind::Reserved => proto::NotificationKind::Reserved,
            Kind::Arrived => proto::NotificationKind::Arrived,
            Kind::Completed => proto::NotificationKind::Completed,
            Kind::Receipt => proto::NotificationKind::Receipt,
            Kind::Cancelled => proto::NotificationKind::Cancelled,
            Kind::Expired => proto::NotificationKind::Expired,
            Kind::NoShow => proto::NotificationKind::NoShow,
            Kind::PaymentDeclined => proto::NotificationKind::PaymentDeclined,
            Kind::WaitlistOffered => proto::NotificationKind::WaitlistOffered,
            Kind::Extended => proto::NotificationKind::Extended,
            Kind::Moved => proto::NotificationKind::Moved,
            Kind::Relocated => proto::NotificationKind::Relocated,
            Kind::Overstayed => proto::NotificationKind::Overstayed,
            Kind::ClaimAsked => proto::NotificationKind::ClaimAsked,
        };
        Self {
            notification_id: notification.notification_id.to_string(),
            kind: kind.into(),
            title: notification.message.title,
            body: notification.message.body,
            booking_id: notification.booking_id.to_string(),
            create_time: Some(time::to_proto(notification.create_time)),
            read_time: notification.read_time.map(time::to_proto),
            sequence: notification.sequence,
        }
    }
}
