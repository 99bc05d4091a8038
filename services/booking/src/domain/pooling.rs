//! How a lot hands out the spots of its pools.

use parkmesh_contracts::booking::v1::PoolOrder;

/// What an operator chose for a lot's pools; unspecified means the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pooling {
    /// In which order the spots of a pool are filled.
    pub order: PoolOrder,
}

impl Pooling {
    /// The choice with the defaults, which the proto names, in their place.
    #[must_use]
    pub fn resolved(self) -> Self {
        match self.order {
            PoolOrder::Unspecified => Self { order: PoolOrder::Spread },
            PoolOrder::Spread | PoolOrder::Compact => self,
        }
    }

    /// Whether the spots of a pool are filled one beside the other.
    #[must_use]
    pub fn is_compact(self) -> bool {
        self.order == PoolOrder::Compact
    }
}
