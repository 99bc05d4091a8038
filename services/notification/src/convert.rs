//! Messages into commands, notifications into messages. Parse once, here.

use parkmesh_contracts::ids::{NotificationId, UserId};
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::time;
use parkmesh_platform::fault::invalid;
use uuid::Uuid;

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

/// Marks of lists are names in this space.
const LISTS: Uuid = Uuid::from_u128(0x71d4_0be6_3f0a_4c52_b1d7_05a8_9e63_c2f1);

/// The mark of one list: tokens of other arguments or callers are refused, since they would
/// silently skip rows. Not a secret: whoever forges a token chooses where an own list begins.
fn mark(caller: &UserId, unread_only: bool) -> String {
    let name = format!("ListNotifications {caller} {unread_only}");
    Uuid::new_v5(&LISTS, name.as_bytes()).simple().to_string()
}

/// The token that goes on below this sequence.
pub fn page_token(caller: &UserId, unread_only: bool, last: i64) -> String {
    format!("{}{last:x}", mark(caller, unread_only))
}

/// The sequence below which to go on; `None` for the first page.
///
/// # Errors
/// [`Error::PageTokenInvalid`].
pub fn page_start(caller: &UserId, unread_only: bool, token: &str) -> Result<Option<i64>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let key = token.strip_prefix(&mark(caller, unread_only)).ok_or(Error::PageTokenInvalid)?;
    i64::from_str_radix(key, 16).map(Some).map_err(|_| Error::PageTokenInvalid)
}
