//! What the operator said of spots: who was granted or refused something because of it.

use std::collections::HashMap;

use crate::call::{Call, NEVER, NONE, Op, Outcome, Reason};
use crate::check::{Kind, Report, told};
use crate::file::Record;

/// The version that a spot is made with.
const FIRST_VERSION: u32 = 1;

/// What a spot may have been, and when.
#[derive(Debug, Clone, Copy)]
struct Stage {
    from: i64,
    until: i64,
    version: u32,
    out: bool,
}

/// What each spot was when.
pub(super) struct Stages(HashMap<u32, Vec<Stage>>);

impl Stages {
    /// From the operator's calls.
    pub(super) fn of(calls: &[Call]) -> Self {
        let mut by_spot: HashMap<u32, Vec<&Call>> = HashMap::new();
        for call in calls.iter().filter(|call| call.op == Op::SpotStatus && call.done()) {
            by_spot.entry(call.spot).or_default().push(call);
        }
        let stages = by_spot.into_iter().map(|(spot, mut changes)| {
            changes.sort_unstable_by_key(|call| call.seen);
            changes.dedup_by_key(|call| call.seen);
            let first = Stage { from: i64::MIN, until: NEVER, version: FIRST_VERSION, out: false };
            let mut stages = vec![first];
            for call in changes {
                if let Some(last) = stages.last_mut() {
                    last.until = call.ret;
                }
                let out = call.got_spot == 1;
                stages.push(Stage { from: call.invoke, until: NEVER, version: call.seen, out });
            }
            (spot, stages)
        });
        Self(stages.collect())
    }

    fn during(&self, spot: u32, from: i64, until: i64) -> impl Iterator<Item = &Stage> {
        let all = self.0.get(&spot).map_or(&[][..], Vec::as_slice);
        all.iter().filter(move |stage| stage.from <= until && from <= stage.until)
    }

    /// Whether the spot may have been out of service at some moment.
    pub(super) fn may_be_out(&self, spot: u32, from: i64, until: i64) -> bool {
        self.out_from(spot, from, until).is_some()
    }

    /// The first moment at which it may have been.
    pub(super) fn out_from(&self, spot: u32, from: i64, until: i64) -> Option<i64> {
        let out = self.during(spot, from, until).filter(|stage| stage.out);
        out.map(|stage| stage.from.max(from)).min()
    }

    fn may_be_in(&self, spot: u32, from: i64, until: i64) -> bool {
        !self.0.contains_key(&spot) || self.during(spot, from, until).any(|stage| !stage.out)
    }

    fn may_be_other(&self, spot: u32, seen: u32, from: i64, until: i64) -> bool {
        let known = self.0.contains_key(&spot);
        self.during(spot, from, until).any(|stage| stage.version != seen)
            || (!known && seen != FIRST_VERSION)
    }

    fn may_be(&self, spot: u32, seen: u32, from: i64, until: i64) -> bool {
        let known = self.0.contains_key(&spot);
        self.during(spot, from, until).any(|stage| stage.version == seen)
            || (!known && seen == FIRST_VERSION)
    }
}

/// Looks at every hold that was granted or refused because of a spot's version or service.
pub fn check(record: &Record, report: &mut Report) {
    let stages = Stages::of(&record.calls);
    // An extension is for the spot that a booking has, which its driver need not know.
    let named = |call: &&Call| call.makes() || call.op == Op::Move;
    for call in record.calls.iter().filter(named) {
        let (from, until) = (call.invoke, call.ret);
        match (call.outcome, call.reason) {
            (Outcome::Refused, Reason::SpotVersionStale)
                if call.seen == 0 || !stages.may_be_other(call.spot, call.seen, from, until) =>
            {
                let text = format!("{}: the spot's version was as seen", told(call));
                report.add(Kind::UnjustifiedRefusal, text);
            }
            (Outcome::Refused, Reason::SpotOutOfService)
                if !stages.may_be_out(call.spot, from, until) =>
            {
                let text = format!("{}: the spot was in service", told(call));
                report.add(Kind::UnjustifiedRefusal, text);
            }
            _ => {}
        }
    }
    granted(record, &stages, report);
}

fn granted(record: &Record, stages: &Stages, report: &mut Report) {
    // A repeated request gets its first answer, whatever has happened since.
    for group in super::deeds::requests(&record.calls) {
        let done = group.iter().map(|at| &record.calls[*at]).filter(|call| call.done());
        let grants = |call: &&Call| call.makes() || call.moves();
        let Some(call) = done.min_by_key(|call| call.ret).filter(grants) else {
            continue;
        };
        let from = group.iter().map(|at| record.calls[*at].invoke).min().unwrap_or(call.invoke);
        let asked_version = call.spot != NONE && call.seen != 0;
        if asked_version && !stages.may_be(call.spot, call.seen, from, call.ret) {
            let text = format!("{}: granted for version {} of the spot", told(call), call.seen);
            report.add(Kind::WrongGrant, text);
        }
        if !stages.may_be_in(call.got_spot, from, call.ret) {
            report.add(Kind::WrongGrant, format!("{}: the spot was out of service", told(call)));
        }
    }
}
