//! The clockwork: bookings whose deadline has passed become what they are to become. Any number of
//! workers may run it; it decides nothing that a call has decided before it.

use parkmesh_contracts::booking::v1::{BookingState, Cause};
use parkmesh_eventbus::outbox;
use parkmesh_platform::postgres::transaction;

use crate::app::App;
use crate::domain::booking::{Command, Event, Step};
use crate::error::Error;
use crate::events;
use crate::store::booking as store;
use crate::store::booking::{change, overstay};

/// Bookings that one transaction changes; their rows are locked for so long.
const BATCH_MAX: i64 = 100;
/// Batches of one tick: the next tick goes on, and other work gets its turn.
const BATCHES_MAX: usize = 20;

impl App {
    /// Ends holds that have lapsed, reservations whose car never came, sessions left open. Returns
    /// how many bookings changed.
    ///
    /// # Errors
    /// The store's; what was done before stays done.
    pub async fn lapse_due(&self) -> Result<usize, Error> {
        let mut changed = 0;
        for _batch in 0..BATCHES_MAX {
            let (found, done) = self.lapse_batch().await?;
            changed += done;
            if i64::try_from(found).is_ok_and(|found| found < BATCH_MAX) {
                break;
            }
        }
        Ok(changed)
    }

    async fn lapse_batch(&self) -> Result<(usize, usize), Error> {
        let ids = self.ids.clone();
        let counts = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let due = change::lock_due(connection, BATCH_MAX).await?;
                let now = store::now(&mut *connection).await?;
                let mut facts = Vec::with_capacity(due.len());
                let mut completed = Vec::new();
                for kept in &due {
                    let policy = &kept.terms.policy;
                    let step = kept.booking.transition(&Command::Lapse, policy, now)?;
                    let Step::Changed(booking, event) = step else { continue };
                    let cause = match &event {
                        Event::Completed(cause, _) => *cause,
                        _ => Cause::Deadline,
                    };
                    change::write(connection, &booking, Some(cause)).await?;
                    if booking.state == BookingState::Completed {
                        completed.push(booking.booking_id.as_uuid());
                    }
                    facts.push(events::fact(&ids, now, &booking, &kept.terms, &event));
                }
                outbox::append(connection, &facts).await?;
                if !completed.is_empty() {
                    overstay::begin(connection, &completed).await?;
                }
                Ok((due.len(), facts.len()))
            })
        })
        .await?;
        if counts.1 > 0 {
            self.relay.wake();
        }
        Ok(counts)
    }
}
