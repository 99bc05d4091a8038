//! Deeds: what requests may have done. All calls with one request id and one body are one deed, done at most once.

use std::collections::HashMap;

use crate::call::{Call, Id, NEVER, Op};

/// One write that was done, or may have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub op: Op,
    /// From when on it can have been done.
    pub lo: i64,
    /// Until when it was done; [`NEVER`] when nobody knows whether it was.
    pub hi: i64,
    /// Its acknowledged call that came back first, else its first call.
    pub call: usize,
    /// The booking, where it is known.
    pub booking: Id,
}

impl Deed {
    /// Whether it was acknowledged.
    pub fn sure(&self) -> bool {
        self.hi != NEVER
    }
}

/// All deeds; in the order of their requests.
#[derive(Debug, Default)]
pub struct Deeds {
    /// Them.
    pub all: Vec<Deed>,
    /// Those that change a booking, by booking.
    pub of_booking: HashMap<Id, Vec<usize>>,
}

/// Puts the calls of each request together.
pub fn collect(calls: &[Call]) -> Deeds {
    let mut deeds = Deeds::default();
    for group in requests(calls) {
        for same in by_body(calls, &group) {
            let may = || same.iter().copied().filter(|at| calls[*at].may_have_acted());
            let Some(lo) = may().map(|at| calls[at].invoke).min() else { continue };
            let first_done = may().filter(|at| calls[*at].done()).min_by_key(|at| calls[*at].ret);
            let call = first_done.or_else(|| may().next()).unwrap_or_default();
            let deed = Deed {
                op: calls[call].op,
                lo,
                hi: first_done.map_or(NEVER, |at| calls[at].ret),
                call,
                booking: calls[call].booking,
            };
            if deed.booking != Id::NONE && !calls[call].makes() {
                deeds.of_booking.entry(deed.booking).or_default().push(deeds.all.len());
            }
            deeds.all.push(deed);
        }
    }
    deeds
}

/// The calls of each request of each client, earliest first.
pub fn requests(calls: &[Call]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> =
        (0..calls.len()).filter(|at| calls[*at].request != Id::NONE).collect();
    order.sort_unstable_by_key(|at| (calls[*at].client, calls[*at].request, calls[*at].invoke));
    let same = |a: &usize, b: &usize| {
        (calls[*a].client, calls[*a].request) == (calls[*b].client, calls[*b].request)
    };
    order.chunk_by(same).map(<[usize]>::to_vec).collect()
}

/// A request's calls, apart by body and method.
pub fn by_body(calls: &[Call], group: &[usize]) -> Vec<Vec<usize>> {
    let mut apart: Vec<Vec<usize>> = Vec::new();
    for at in group {
        let same = |others: &&mut Vec<usize>| {
            let other = &calls[others[0]];
            (other.op, other.body) == (calls[*at].op, calls[*at].body)
        };
        match apart.iter_mut().find(same) {
            Some(others) => others.push(*at),
            None => apart.push(vec![*at]),
        }
    }
    apart
}
