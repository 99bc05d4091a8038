//! Allotments: places of a lot that are sold by number for one window.

use jiff::Timestamp;
use parkmesh_contracts::ids::{AllotmentId, LotId};
use parkmesh_contracts::money::Money;
use parkmesh_contracts::window::Window;

/// So many places for a window. Never changed once it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allotment {
    /// Its id.
    pub allotment_id: AllotmentId,
    /// The lot.
    pub lot_id: LotId,
    /// Name that drivers see.
    pub name: String,
    /// When its tickets are good.
    pub window: Window,
    /// Ticket numbers are 1 to this.
    pub capacity: i32,
    /// Price of one.
    pub ticket_price: Money,
    /// When it was made.
    pub create_time: Timestamp,
}
