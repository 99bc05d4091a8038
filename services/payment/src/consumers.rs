//! Ears: booking's facts decide what becomes of money.

use parkmesh_eventbus::access::Part;
use parkmesh_eventbus::consumer::{self, Consumer, Handler};
use parkmesh_eventbus::{Bus, Delivered, Failure};
use parkmesh_platform::tasks::Tasks;

use crate::app::App;
use crate::{events, store};

/// Who we are to the bus and in the inbox.
const BOOKING: Consumer =
    Consumer { name: "payment-booking", stream: "BOOKING", fact_types: events::HEARD };

/// What receipts say of lots, and whose they are.
const LOTS: Consumer =
    Consumer { name: "payment-lots", stream: "BOOKING", fact_types: events::OF_LOTS };

/// What payment does on the bus.
pub const BUS: Part = Part { writes: &["PAYMENT"], consumers: &[BOOKING, LOTS], follows: &[] };

struct Lots(App);

impl Handler for Lots {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let told = events::lot(&fact)?;
        let whose = (&told.seller, &told.operator_id);
        // Versions take the inbox's place.
        Ok(store::lot::keep(&self.0.pool, told.lot_id, whose, told.version).await?)
    }
}

struct FromBooking(App);

impl Handler for FromBooking {
    /// What the facts of a booking come to is the same in whatever order they arrive: the first end stays,
    /// and nothing that comes after it counts. `prove payments` tells them in the wrong order.
    const LANES: usize = 16;

    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        if let Some(erasure) = events::erasure(&fact)? {
            let erased = self.0.erase(BOOKING.name, fact.fact_id, erasure).await;
            return erased.map_err(Failure::retry);
        }
        match events::news(&fact)? {
            Some(news) => {
                let heard = self.0.hear(BOOKING.name, fact.fact_id, news).await;
                heard.map_err(Failure::retry)
            }
            None => Ok(()),
        }
    }
}

/// Begins to listen.
pub fn start(bus: &Bus, app: &App, tasks: &Tasks) {
    consumer::start(bus, LOTS, Lots(app.clone()), tasks);
    consumer::start(bus, BOOKING, FromBooking(app.clone()), tasks);
}
