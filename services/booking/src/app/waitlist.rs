//! Waiting for a place of a pool that is sold out, and being served before everybody else.

mod join;
mod leave;
mod list;
mod serve;
mod tend;

use parkmesh_contracts::ids::FloorId;
use parkmesh_contracts::window::Window;

use crate::app::booking::repack::{On, Room};
use crate::domain::inventory::Lot;
use crate::domain::pooling::Pooling;
use crate::domain::waitlist::Line;
use crate::store::booking::search::Pool;

/// What somebody who waits in this line would keep. A car need not stand on its spot yet, and gaps are for
/// holds to fill.
fn pool_of(lot: &Lot, line: Line, preferred: Option<FloorId>, window: &Window) -> Pool {
    Pool {
        lot_id: line.lot_id,
        spot_type: line.spot_type,
        preferred,
        empty: false,
        kept: lot.kept(window),
        pooling: Pooling::default(),
    }
}

/// The room that a place of this pool needs: where a lot binds late, others may move aside for it.
fn room_in(pool: &Pool) -> Room {
    let Pool { lot_id, spot_type, kept, .. } = *pool;
    Room { lot_id, spot_type, kept, on: On::Any }
}
