//! Histories of a few lines, written by hand.

use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_history::file::Record;
use parkmesh_history::setup::{Lot, Pool, Setup};
use parkmesh_history::{Call, Id, Op, Outcome, Reason, Span};

use crate::model::{MINUTE, SECOND};

/// A record on two spots.
pub fn record(calls: Vec<Call>) -> Record {
    let setup = Setup {
        skew_us: 0,
        confirm_max_us: 30 * SECOND,
        lots: vec![Lot { max_holds: 2, early_arrival_us: 0 }],
        pools: vec![Pool { lot: 0 }],
        spots: vec![0, 0],
    };
    Record { setup, calls, facts: Vec::new() }
}

/// From minute to minute.
pub fn minutes(from: i64, to: i64) -> Span {
    Span::new(from * MINUTE, to * MINUTE)
}

/// A call of a client from millisecond to millisecond; the request's id is its moment.
pub fn call(client: u32, op: Op, (from, to): (i64, i64)) -> Call {
    let mut call = Call::new(client, op, from * 1_000);
    call.ret = to * 1_000;
    call.request = Id(u64::from(client), from.cast_unsigned().wrapping_add(1));
    call.body = call.request.1;
    call
}

/// A hold that was granted for an hour.
pub fn held(client: u32, booking: u64, spot: u32, window: Span, time: (i64, i64)) -> Call {
    let hold = call(client, Op::Hold, time);
    Call {
        outcome: Outcome::Done,
        booking: Id(1, booking),
        spot,
        got_spot: spot,
        window,
        kept: window,
        hold_end: hold.ret + 3_600 * SECOND,
        state: BookingState::Held,
        version: 1,
        ..hold
    }
}

/// A hold that was refused.
pub fn refused(client: u32, spot: u32, window: Span, time: (i64, i64), reason: Reason) -> Call {
    let hold = call(client, Op::Hold, time);
    Call { outcome: Outcome::Refused, reason, spot, window, ..hold }
}

/// What became of a booking.
pub fn became(of: &Call, op: Op, state: BookingState, version: u32, time: (i64, i64)) -> Call {
    let change = call(of.client, op, time);
    let request = if op == Op::Get { Id::NONE } else { change.request };
    Call {
        outcome: Outcome::Done,
        request,
        booking: of.booking,
        spot: of.spot,
        got_spot: of.spot,
        window: of.window,
        kept: of.window,
        state,
        version,
        ..change
    }
}
