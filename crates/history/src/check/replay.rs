//! The same request has one answer; another request under its id is refused.

use crate::call::{Call, Outcome, Reason};
use crate::check::deeds::{by_body, requests};
use crate::check::{Kind, Report, told};

/// Looks at every request that was made more than once, and at every refusal of a reused id.
pub fn check(calls: &[Call], report: &mut Report) {
    for group in requests(calls) {
        let alone = group.len() == 1 && calls[group[0]].reason != Reason::RequestIdReused;
        if !alone {
            one(calls, &group, report);
        }
    }
}

fn one(calls: &[Call], group: &[usize], report: &mut Report) {
    let bodies = by_body(calls, group);
    let first =
        group.iter().copied().filter(|at| calls[*at].done()).min_by_key(|at| calls[*at].ret);
    for at in group {
        let call = &calls[*at];
        if call.outcome == Outcome::Refused && call.reason == Reason::RequestIdReused {
            let others = bodies.iter().flatten().map(|other| &calls[*other]);
            let explained = others
                .filter(|other| (other.op, other.body) != (call.op, call.body))
                .any(|other| other.may_have_acted() && other.invoke <= call.ret);
            if !explained {
                let text = format!("{}: its id was never used for anything else", told(call));
                report.add(Kind::UnjustifiedRefusal, text);
            }
            continue;
        }
        let Some(first) = first.map(|first| &calls[first]) else { continue };
        let same_body = (first.op, first.body) == (call.op, call.body);
        let later = call.invoke > first.ret;
        let broken = match (call.outcome, same_body) {
            (Outcome::Done, true) if call.answer != first.answer => "had another answer",
            (Outcome::Done, false) => "was granted although its id stands for another request",
            (Outcome::Refused, true) if later => "was refused after it had been granted",
            (Outcome::Refused, false) if later => "was refused, but not because of its reused id",
            _ => continue,
        };
        let text = format!("{} ({:?}) {broken}; first: {}", told(call), call.reason, told(first));
        report.add(Kind::UnequalReplay, text);
    }
}
