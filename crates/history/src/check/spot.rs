//! One spot: is there an order of all that was asked for it in which no booking was made while another stood in its way,
//! and every refusal came while one did? Whatever did not overlap in time keeps its order.
//!
//! The search puts an event in order only when its call returns ("just in time"), together with whatever else was under
//! way; a refusal changes nothing and so is put in order at the first moment that explains it.

mod search;

use std::collections::HashMap;

use super::lives::{Life, Lives};
use crate::call::{Call, Id, NEVER, NONE, Op, Outcome, Reason, Span};
use crate::check::{Kind, Report, told};
use crate::file::Record;

use search::{Event, Verdict, What};

/// Looks at every spot.
pub fn check(record: &Record, lives: &Lives, report: &mut Report) {
    let mut by_spot: HashMap<u32, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (at, life) in lives.all.iter().enumerate() {
        if life.spot != NONE {
            by_spot.entry(life.spot).or_default().0.push(at);
        } else if life.pool != NONE && !life.wanders {
            // It may be on any of them.
            let pool = u16::try_from(life.pool).unwrap_or(u16::MAX);
            for spot in record.setup.spots_of(pool) {
                by_spot.entry(spot).or_default().0.push(at);
            }
        }
    }
    for (at, call) in record.calls.iter().enumerate() {
        if (call.makes() || call.moves()) && call.spot != NONE && refused(call) {
            by_spot.entry(call.spot).or_default().1.push(at);
        }
    }
    let wanted = Wanted::of(record, lives);
    let mut spots: Vec<_> = by_spot.into_iter().collect();
    spots.sort_unstable_by_key(|(spot, _)| *spot);
    for (spot, (there, refusals)) in spots {
        let there: Vec<Life> = there.iter().flat_map(|at| kept(&lives.all[*at])).collect();
        let before = report.violations_total;
        surely_apart(spot, &there, report);
        let apart = report.violations_total == before;
        let refusals = refusals.iter().filter_map(|at| Some((*at, wanted.by(&record.calls[*at])?)));
        let pool = record.setup.pool_of(spot).map_or(NONE, u32::from);
        // To try them on each spot would be too many orders.
        let wanderers = lives.all.iter().filter(|l| l.wanders && l.spot == NONE && l.pool == pool);
        in_order(record, (spot, wanderers), &there, refusals, apart, report);
    }
}

/// What calls on bookings wanted: a request that is repeated finds its booking perhaps elsewhere than it was.
struct Wanted<'a> {
    skew_us: i64,
    lives: HashMap<Id, Vec<&'a Life>>,
}

impl<'a> Wanted<'a> {
    fn of(record: &Record, lives: &'a Lives) -> Self {
        let moves = record.calls.iter().filter(|call| call.moves() && refused(call));
        let mut by_booking: HashMap<Id, Vec<&Life>> =
            moves.map(|call| (call.booking, Vec::new())).collect();
        for life in &lives.all {
            if let Some(stays) = by_booking.get_mut(&life.booking) {
                stays.push(life);
            }
        }
        Self { skew_us: record.setup.skew_us, lives: by_booking }
    }

    /// The window that was refused; none where nobody can say on which spot.
    fn by(&self, call: &Call) -> Option<Span> {
        let window = call.wanted(self.skew_us);
        let stays = self.lives.get(&call.booking).map_or(&[][..], Vec::as_slice);
        let Some(widest) = stays.first().map(|life| life.widest) else { return Some(window) };
        match call.op {
            Op::Extend => {
                let stayed = stays.iter().all(|life| life.spot == call.spot);
                stayed.then(|| Span::new(widest.start, window.end))
            }
            Op::Claim => Some(Span::new(widest.start.min(window.start), widest.end)),
            _ => Some(window),
        }
    }
}

fn refused(call: &Call) -> bool {
    call.outcome == Outcome::Refused && call.reason == Reason::SpotTaken
}

/// What a booking keeps: its window, and the time before it when the car came early.
fn kept(life: &Life) -> impl Iterator<Item = Life> {
    let early = life.early.map(|(start, window)| {
        let sure = life.sure && start.hi != NEVER;
        Life { start, window, sure, ..*life }
    });
    std::iter::once(*life).chain(early)
}

/// No two bookings with overlapping windows stood surely at the same time.
fn surely_apart(spot: u32, there: &[Life], report: &mut Report) {
    let mut sure: Vec<(Span, &Life)> =
        there.iter().filter_map(|life| Some((life.surely()?, life))).collect();
    sure.sort_unstable_by_key(|(span, life)| (*span, life.booking));
    let mut standing: Vec<(Span, &Life)> = Vec::new();
    for (span, life) in sure {
        standing.retain(|(other, _)| other.end > span.start);
        for (_, other) in &standing {
            if other.booking != life.booking && other.window.overlaps(&life.window) {
                let text = format!(
                    "spot {spot}: bookings {} and {} both stood at {} s with overlapping windows",
                    other.booking,
                    life.booking,
                    crate::check::seconds(span.start)
                );
                report.add(Kind::DoubleBooking, text);
            }
        }
        standing.push((span, life));
    }
}

fn in_order<'a>(
    record: &Record,
    (spot, wanderers): (u32, impl Iterator<Item = &'a Life> + Clone),
    there: &[Life],
    refusals: impl Iterator<Item = (usize, Span)>,
    apart: bool,
    report: &mut Report,
) {
    let mut events = Vec::with_capacity(there.len() * 2);
    for (at, life) in there.iter().enumerate() {
        let place = u32::try_from(at).unwrap_or(NONE);
        let hi = if life.sure { life.start.hi } else { NEVER };
        events.push(Event { what: What::Start(place), lo: life.start.lo, hi });
        if life.end.lo != NEVER {
            events.push(Event { what: What::End(place), lo: life.end.lo, hi: life.end.hi });
        }
    }
    for (at, window) in refusals {
        let call = &record.calls[at];
        // What a booking has itself is not in its way.
        let what = What::Refused { call: at, window, own: call.booking };
        events.push(Event { what, lo: call.invoke, hi: call.ret });
    }
    for verdict in search::run(there, &events) {
        match verdict {
            Verdict::Undecided => report.undecided += 1,
            Verdict::Broken(What::Refused { call, window, .. }) => {
                let call = &record.calls[call];
                let in_the_way = |life: &Life| {
                    life.booking != call.booking
                        && life.window.overlaps(&window)
                        && life.may_stand(call)
                };
                if !wanderers.clone().any(in_the_way) {
                    let call = told(call);
                    let text = format!(
                        "spot {spot}: {call} was told SPOT_TAKEN and nobody can have had it"
                    );
                    report.add(Kind::UnjustifiedRefusal, text);
                }
            }
            Verdict::Broken(What::Start(at)) if apart => {
                let life = &there[at as usize];
                let text = format!("spot {spot}: no order allows booking {}", life.booking);
                report.add(Kind::DoubleBooking, text);
            }
            // Told already, or the end of what could not begin.
            Verdict::Broken(_) => {}
        }
    }
}
