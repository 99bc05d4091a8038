//! The waitlist: requests into wishes, choices into policy, entries into messages.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::WaitlistState;
use parkmesh_contracts::time;

use super::booking::{Wanted, hold_of_wish};
use crate::domain::waitlist::{Entry, Waiting};
use crate::error::Error;

impl From<&proto::LotPolicy> for Waiting {
    fn from(policy: &proto::LotPolicy) -> Self {
        Self {
            offer_ttl_seconds: policy.offer_ttl_seconds,
            max_waits_per_user: policy.max_waits_per_user,
        }
    }
}

/// Takes one field of a policy over. False when there is none of this name.
pub fn choice(waiting: &mut Waiting, field: &str, asked: &proto::LotPolicy) -> bool {
    match field {
        "offer_ttl_seconds" => waiting.offer_ttl_seconds = asked.offer_ttl_seconds,
        "max_waits_per_user" => waiting.max_waits_per_user = asked.max_waits_per_user,
        _ => return false,
    }
    true
}

impl TryFrom<&proto::JoinWaitlistRequest> for Wanted {
    type Error = Error;

    fn try_from(request: &proto::JoinWaitlistRequest) -> Result<Self, Error> {
        Self::try_from(&hold_of_wish(request))
    }
}

impl From<&Entry> for proto::WaitlistEntry {
    fn from(entry: &Entry) -> Self {
        let offered = entry.state == WaitlistState::Offered;
        let (passed_reason, passed_time) = entry.passed.unzip();
        Self {
            entry_id: entry.entry_id.to_string(),
            lot_id: entry.line.lot_id.to_string(),
            spot_type: entry.line.spot_type.into(),
            preferred_floor_id: entry.preferred.map(|id| id.to_string()).unwrap_or_default(),
            user_id: entry.user_id.to_string(),
            plate: entry.plate.clone(),
            window: Some(entry.window.into()),
            state: entry.state.into(),
            place: i32::try_from(entry.place).unwrap_or(i32::MAX),
            booking_id: entry.booking_id.map(|id| id.to_string()).unwrap_or_default(),
            offer_expire_time: entry.offer_expire_time.filter(|_| offered).map(time::to_proto),
            end_reason: entry.end_reason.into(),
            last_passed_reason: passed_reason.unwrap_or_default().into(),
            last_passed_time: passed_time.map(time::to_proto),
            join_time: Some(time::to_proto(entry.join_time)),
        }
    }
}
