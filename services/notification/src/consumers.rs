//! Ears: one for each stream.

use parkmesh_eventbus::consumer::{self, Consumer, Handler};
use parkmesh_eventbus::{Bus, Delivered, Failure};
use parkmesh_platform::tasks::Tasks;

use crate::app::App;
use crate::events;

const BOOKING: Consumer =
    Consumer { name: "notification-booking", stream: "BOOKING", fact_types: events::OF_BOOKING };
const PAYMENT: Consumer =
    Consumer { name: "notification-payment", stream: "PAYMENT", fact_types: events::OF_PAYMENT };

struct Ear {
    app: App,
    name: &'static str,
}

impl Handler for Ear {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        if let Some(erasure) = events::erasure(&fact)? {
            let erased = self.app.erase(self.name, fact.fact_id, erasure).await;
            return erased.map_err(Failure::retry);
        }
        match events::told(&fact)? {
            Some(told) => {
                let done = self.app.tell(self.name, fact.fact_id, told).await;
                done.map_err(Failure::retry)
            }
            None => Ok(()),
        }
    }
}

/// Begins to listen.
pub fn start(bus: &Bus, app: &App, tasks: &Tasks) {
    for from in [BOOKING, PAYMENT] {
        consumer::start(bus, from, Ear { app: app.clone(), name: from.name }, tasks);
    }
}
