//! Refusals that concern several bookings at once: SOLD_OUT, TOO_MANY_HOLDS, ARRIVAL_TOO_EARLY, and those that nothing
//! ever explains.

use std::collections::HashMap;

use super::capacity::lot_of;
use super::lives::{Life, Lives};
use super::status::Stages;
use crate::call::{Call, Id, NONE, Op, Outcome, Reason, Span};
use crate::check::{Kind, Report, told};
use crate::file::Record;

/// Looks at every refusal.
pub fn check(record: &Record, lives: &Lives, report: &mut Report) {
    let refused = record.calls.iter().filter(|call| call.outcome == Outcome::Refused);
    let mut asked: Vec<&Call> = Vec::new();
    for call in refused {
        match call.reason {
            Reason::SoldOut | Reason::TooManyHolds | Reason::TooEarly => asked.push(call),
            Reason::SpotTaken if call.spot == NONE => nothing_explains(call, report),
            Reason::Internal | Reason::Other => nothing_explains(call, report),
            Reason::WindowInvalid | Reason::ChangeLapsed if !call.moves() => {
                nothing_explains(call, report);
            }
            Reason::WindowPast
                if call.op != Op::WalkIn && call.window.start > call.ret + record.setup.skew_us =>
            {
                nothing_explains(call, report);
            }
            _ => {}
        }
    }
    asked.sort_unstable_by_key(|call| call.ret);
    let longest = asked.iter().map(|call| call.ret - call.invoke).max().unwrap_or_default();
    let mut around = Around::new(record, lives, longest);
    for call in asked {
        around.until(call.ret);
        let explained = match call.reason {
            Reason::SoldOut => around.sold_out(call),
            Reason::TooManyHolds => around.too_many(call),
            _ => around.too_early(call),
        };
        if !explained {
            nothing_explains(call, report);
        }
    }
}

fn nothing_explains(call: &Call, report: &mut Report) {
    let text = format!("{} was told {:?} and nothing explains it", told(call), call.reason);
    report.add(Kind::UnjustifiedRefusal, text);
}

/// What may stand around a moment that moves through the record.
struct Around<'a> {
    record: &'a Record,
    stages: Stages,
    /// By the earliest instant at which each may begin.
    coming: Vec<&'a Life>,
    next: usize,
    /// How far back a refusal may reach.
    longest: i64,
    by_spot: HashMap<u32, Vec<&'a Life>>,
    /// Bookings that were moved: where, and from when on.
    moved: HashMap<Id, Vec<(u32, i64)>>,
    by_user: HashMap<(u32, u16), Vec<&'a Life>>,
    /// Bookings on a spot that nobody knows.
    anywhere: Vec<&'a Life>,
    spots: HashMap<u32, Vec<u32>>,
}

impl<'a> Around<'a> {
    fn new(record: &'a Record, lives: &'a Lives, longest: i64) -> Self {
        let mut coming: Vec<&Life> = lives.all.iter().collect();
        coming.sort_unstable_by_key(|life| life.start.lo);
        let mut moved: HashMap<Id, Vec<(u32, i64)>> = HashMap::new();
        for life in lives.all.iter().filter(|life| life.stay != 0) {
            moved.entry(life.booking).or_default().push((life.spot, life.window.start));
        }
        Self {
            record,
            stages: Stages::of(&record.calls),
            coming,
            next: 0,
            longest,
            by_spot: HashMap::new(),
            moved,
            by_user: HashMap::new(),
            anywhere: Vec::new(),
            spots: HashMap::new(),
        }
    }

    fn until(&mut self, now: i64) {
        let before = now.saturating_sub(self.longest);
        while let Some(life) = self.coming.get(self.next).filter(|life| life.start.lo <= now) {
            self.next += 1;
            if life.spot == NONE {
                self.anywhere.push(life);
            } else {
                let there = self.by_spot.entry(life.spot).or_default();
                there.retain(|other| other.end.hi >= before);
                there.push(life);
            }
            if let Some(lot) = lot_of(&self.record.setup, life).filter(|_| life.stay == 0) {
                let own = self.by_user.entry((life.client, lot)).or_default();
                own.retain(|other| other.held_end.hi >= before);
                own.push(life);
            }
        }
    }

    /// Whether there is one moment of the call at which every spot of the pool may have been taken.
    fn sold_out(&mut self, call: &Call) -> bool {
        let setup = &self.record.setup;
        let pool = u16::try_from(call.pool).unwrap_or(u16::MAX);
        let spots = self.spots.entry(call.pool).or_insert_with(|| setup.spots_of(pool));
        let wanted = call.wanted(setup.skew_us);
        let mut possible = vec![Span::new(call.invoke, call.ret + 1)];
        // Each of these may have been on any of the spots.
        let of_pool = self.anywhere.iter().filter(|life| life.pool == call.pool);
        let of_pool = of_pool.filter(|life| life.may_stand(call));
        let mut unknown = of_pool.filter(|life| life.window.overlaps(&wanted)).count();
        for spot in spots.iter() {
            if self.stages.may_be_out(*spot, call.invoke, call.ret) {
                continue;
            }
            let there = self.by_spot.get(spot).map_or(&[][..], Vec::as_slice);
            let standing = there.iter().filter(|life| stands_in_the_way(life, &wanted));
            let times =
                standing.map(|life| Span::new(life.start.lo, life.end.hi.saturating_add(1)));
            let left = common(&possible, times);
            if !left.is_empty() {
                possible = left;
            } else if unknown > 0 {
                unknown -= 1;
            } else {
                return false;
            }
        }
        true
    }

    /// Whether there is one moment of the call at which the user may have had as many holds as the lot allows.
    fn too_many(&self, call: &Call) -> bool {
        let setup = &self.record.setup;
        let pool = if call.pool == NONE {
            setup.pool_of(call.spot)
        } else {
            u16::try_from(call.pool).ok()
        };
        let Some(lot) = pool.and_then(|pool| setup.lot_of(pool)) else { return false };
        let cap = setup.lots.get(usize::from(lot)).map_or(0, |lot| lot.max_holds as usize);
        let own = self.by_user.get(&(call.client, lot)).map_or(&[][..], Vec::as_slice);
        let during = own
            .iter()
            .filter(|life| life.start.lo <= call.ret && call.invoke <= life.held_end.hi)
            .map(|life| (life.start.lo.max(call.invoke), life.held_end.hi.min(call.ret)));
        let spans: Vec<(i64, i64)> = during.collect();
        let together = |at: i64| spans.iter().filter(|(lo, hi)| *lo <= at && at <= *hi).count();
        spans.iter().any(|(lo, _)| together(*lo) >= cap)
    }

    /// Whether it was too early, or somebody else may have had the spot until the start.
    fn too_early(&self, call: &Call) -> bool {
        let setup = &self.record.setup;
        let lot = setup.pool_of(call.spot).and_then(|pool| setup.lot_of(pool));
        let lot = lot.and_then(|lot| setup.lots.get(usize::from(lot)));
        let early = lot.map_or(0, |lot| lot.early_arrival_us);
        let elsewhere = self.moved.get(&call.booking).map_or(&[][..], Vec::as_slice);
        let places = elsewhere.iter().copied().chain([(call.spot, call.window.start)]);
        // Who knows who else was where it was.
        let wanders = elsewhere.iter().any(|(spot, _)| *spot == NONE);
        wanders
            || places.into_iter().any(|(spot, start)| {
                call.invoke < start - early + setup.skew_us
                    || self.was_kept(call, spot, &Span::new(call.invoke - setup.skew_us, start))
            })
    }

    /// Whether somebody else may have had the spot at that time.
    fn was_kept(&self, call: &Call, spot: u32, time: &Span) -> bool {
        let there = self.by_spot.get(&spot).map_or(&[][..], Vec::as_slice);
        there.iter().chain(&self.anywhere).any(|life| {
            life.booking != call.booking && stands_in_the_way(life, time) && life.may_stand(call)
        })
    }
}

fn stands_in_the_way(life: &Life, window: &Span) -> bool {
    life.window.overlaps(window) || life.early.is_some_and(|(_, early)| early.overlaps(window))
}

/// What of these spans is also in one of those.
fn common(these: &[Span], those: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    for that in those {
        for this in these {
            let both = Span::new(this.start.max(that.start), this.end.min(that.end));
            if both.start < both.end {
                found.push(both);
            }
        }
    }
    found.sort_unstable();
    // Overlapping ones become one, or many bookings would multiply them.
    found.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    found
}
