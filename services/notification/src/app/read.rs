//! Reading and marking, by the person alone.

use parkmesh_contracts::ids::{NotificationId, UserId};

use super::App;
use crate::domain::Notification;
use crate::error::Error;
use crate::store;

impl App {
    /// A person's messages, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        user_id: &UserId,
        unread_only: bool,
        below: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Notification>, Error> {
        Ok(store::notification::list(&self.pool, user_id, unread_only, below, limit).await?)
    }

    /// Marks messages as read; tells how many were not before. Others' are passed over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn mark_read(&self, user_id: &UserId, ids: &[NotificationId]) -> Result<u64, Error> {
        Ok(store::notification::mark_read(&self.pool, user_id, ids, self.clock.now()).await?)
    }
}
