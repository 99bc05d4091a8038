//! How a lot hands out the spots of its pools.

use parkmesh_contracts::booking::v1::{PoolOrder, SpotPromise};

/// What an operator chose for a lot's pools; unspecified and 0 mean the defaults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Pooling {
    /// In which order the spots of a pool are filled.
    pub order: PoolOrder,
    /// When the spot of a booking of a pool is promised.
    pub promise: SpotPromise,
    /// Seconds before the start at which the spot is given at the latest; 0: on arrival.
    pub assign_before_seconds: i32,
}

impl Pooling {
    /// The choice with the defaults, which the proto names, in their place.
    pub fn resolved(self) -> Self {
        let order = match self.order {
            PoolOrder::Unspecified => PoolOrder::Spread,
            chosen => chosen,
        };
        let promise = match self.promise {
            SpotPromise::Unspecified => SpotPromise::AtBooking,
            chosen => chosen,
        };
        Self { order, promise, ..self }
    }

    /// Whether the spots of a pool are filled one beside the other.
    pub fn is_compact(self) -> bool {
        self.order == PoolOrder::Compact
    }

    /// Whether a booking of a pool is a promise of capacity, whose spot is given later.
    pub fn binds_late(self) -> bool {
        self.promise == SpotPromise::OnArrival
    }
}
