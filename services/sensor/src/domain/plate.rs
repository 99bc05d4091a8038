//! Plates that were read, as far as this service knows them: by their marks.

use jiff::Timestamp;
use parkmesh_contracts::common::v1::GateDirection;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::plate::PlateMarks;

/// A plate that was read, without the plate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlateRead {
    /// The lot.
    pub lot_id: LotId,
    /// The gate, as the lot names it.
    pub gate_id: String,
    /// Which way the car goes.
    pub direction: GateDirection,
    /// What tells the plate to who has the key and knows it.
    pub marks: PlateMarks,
    /// How sure the camera is.
    pub confidence_percent: Option<i32>,
    /// When; None for now.
    pub read_time: Option<Timestamp>,
}
