//! How a lot hands out the spots of its pools: requests into choices. Numbers that the proto does not know are refused at the
//! door.

use parkmesh_contracts::booking::v1::LotPolicy;

use crate::domain::pooling::Pooling;

impl From<&LotPolicy> for Pooling {
    fn from(policy: &LotPolicy) -> Self {
        Self {
            order: policy.pool_order(),
            promise: policy.spot_promise(),
            assign_before_seconds: policy.assign_before_seconds,
        }
    }
}

/// Takes one field of a policy over. False when there is none of this name.
pub fn choice(pooling: &mut Pooling, field: &str, asked: &LotPolicy) -> bool {
    let asked = Pooling::from(asked);
    match field {
        "pool_order" => pooling.order = asked.order,
        "spot_promise" => pooling.promise = asked.promise,
        "assign_before_seconds" => pooling.assign_before_seconds = asked.assign_before_seconds,
        _ => return false,
    }
    true
}
