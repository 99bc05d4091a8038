//! What is due is told: a hold that ends, a booking that begins or ends.

use jiff::Timestamp;
use parkmesh_platform::postgres;
use uuid::Uuid;

use super::App;
use super::write::About;
use crate::domain::Happening;
use crate::error::Error;
use crate::store;

impl App {
    /// Tells one person of what is due, and whether there was anything. Whoever takes a booking leaves the
    /// others to others; what has happened meanwhile is not told any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remind(&self, now: Timestamp) -> Result<bool, Error> {
        let app = self.clone();
        let done = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let Some(due) = store::place::next_to_remind(connection, now).await? else {
                    return Ok::<_, Error>(None);
                };
                store::place::reminded(connection, due.booking_id).await?;
                let reminder = due.reminder;
                if reminder.happens <= now {
                    return Ok(Some(None));
                }
                let happening =
                    Happening::Due(reminder.subject.due(reminder.happens, due.window, &due.code));
                let occasion = format!("{} {}", reminder.subject.word(), reminder.happens);
                let about = About {
                    booking_id: Some(due.booking_id),
                    lot_id: due.lot_id,
                    place: &due.place,
                    happening: &happening,
                    fact_id: Uuid::new_v5(&due.booking_id.as_uuid(), occasion.as_bytes()),
                };
                app.write(connection, &due.user_id, &about).await.map(|written| Some(Some(written)))
            })
        })
        .await?;
        let any = done.is_some();
        self.written(done.flatten().as_slice());
        Ok(any)
    }
}
