//! A record judged part by part. What one client did is judged by itself; what is left of it then are the lives of its
//! bookings and the refusals that others may explain, and those are judged together.

use super::lives::{Life, Lives};
use super::{Kind, Report, booking, capacity, deeds, facts, lives, refusals, replay, spot, status};
use crate::call::{Call, Fact, Id, Op, Outcome, Reason};
use crate::file::Record;
use crate::setup::Setup;

/// Whether a call belongs to a part. What the operator did is looked at with everybody's calls.
pub fn belongs(call: &Call, part: u32, parts: u32) -> bool {
    call.op == Op::SpotStatus || call.client % parts == part
}

/// What is known so far.
pub struct Judging {
    /// Of the calls, those that are looked at together in the end.
    together: Record,
    lives: Vec<Life>,
    report: Report,
}

impl Judging {
    /// Nothing yet.
    pub fn of(setup: Setup) -> Self {
        let together = Record { setup, ..Record::default() };
        Self { together, lives: Vec::new(), report: Report::default() }
    }

    /// Judges all calls of some clients; [`Op::SpotStatus`] is in every part.
    pub fn part(&mut self, calls: Vec<Call>) {
        let first = self.lives.is_empty() && self.report.calls == 0;
        let report = &mut self.report;
        let part = Record { setup: self.together.setup.clone(), calls, facts: Vec::new() };
        let deeds = deeds::collect(&part.calls);
        replay::check(&part.calls, report);
        let lives = lives::collect(&part, &deeds, report);
        booking::check(&part, &deeds, &lives, report);
        status::check(&part, report);
        let counts = |call: &&Call| first || call.op != Op::SpotStatus;
        report.calls += part.calls.iter().filter(counts).count();
        self.lives.extend(lives.all);
        let kept = part.calls.iter().filter(counts).filter(|call| concerns_others(call));
        self.together.calls.extend(kept);
    }

    /// Judges what concerns several clients.
    pub fn end(mut self, facts: Vec<Fact>) -> Report {
        let (record, mut report) = (&mut self.together, self.report);
        record.facts = facts;
        let lives = Lives { all: self.lives, ..Lives::default() };
        report.facts = record.facts.len();
        report.bookings = lives.all.iter().filter(|life| life.sure && life.stay == 0).count();
        made_twice(&lives.all, &mut report);
        spot::check(record, &lives, &mut report);
        capacity::check(&record.setup, &lives, &mut report);
        refusals::check(record, &lives, &mut report);
        facts::check(record, &lives, &mut report);
        report
    }
}

fn concerns_others(call: &Call) -> bool {
    let others = matches!(
        call.reason,
        Reason::SpotTaken
            | Reason::SoldOut
            | Reason::TooManyHolds
            | Reason::TooEarly
            | Reason::WindowPast
            | Reason::WindowInvalid
            | Reason::ChangeLapsed
            | Reason::Internal
            | Reason::Other
    );
    call.op == Op::SpotStatus || (call.outcome == Outcome::Refused && others)
}

/// A booking is one request's.
fn made_twice(lives: &[Life], report: &mut Report) {
    let known = lives.iter().filter(|life| life.booking != Id::NONE && life.stay == 0);
    let mut all: Vec<(Id, u32)> = known.map(|life| (life.booking, life.client)).collect();
    all.sort_unstable();
    for two in all.windows(2).filter(|two| two[0].0 == two[1].0) {
        let ((booking, one), (_, other)) = (two[0], two[1]);
        let text = format!("booking {booking} was made twice, for clients {one} and {other}");
        report.add(Kind::DoubleBooking, text);
    }
}
