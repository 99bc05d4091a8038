//! The smallest request that still differs without a reason: what it does not need is taken away, part by part.

use std::time::{Duration, Instant};

use super::House;
use super::case::{Case, Framing, Wire};
use super::compare::Trial;
use super::explained;
use super::outcome::framed;

/// How long it may take: some cases wait by design.
const SHRINK_MAX: Duration = Duration::from_secs(4);
/// A frame without a message.
const EMPTY_MESSAGE_BYTES: usize = 5;

/// Simpler cases of one.
fn simpler(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    for at in (0..case.headers.len()).rev() {
        let mut without = case.clone();
        without.headers.remove(at);
        all.push(without);
    }
    let mut with = |change: fn(&mut Case)| {
        let mut changed = case.clone();
        change(&mut changed);
        if changed != *case {
            all.push(changed);
        }
    };
    with(|case| case.answer = "ok");
    with(|case| case.aborts = false);
    with(|case| case.body = vec![case.bytes()]);
    // Each is smaller than what it replaces, or this would never end.
    if case.bytes().len() > EMPTY_MESSAGE_BYTES {
        with(|case| case.body = vec![framed(0, b"")]);
    }
    with(|case| case.framing = Framing::Length);
    with(|case| case.wire = Wire::One);
    all
}

/// Takes away as long as something unexplained is left that was there at first.
pub async fn shrink(house: &House, case: Case) -> Trial {
    let mut tries = case.tries + 1;
    let mut best = house.run(Case { tries, ..case }).await;
    let wanted: Vec<_> = explained::split(&best).1.into_iter().map(|one| one.what).collect();
    let began = Instant::now();
    'smaller: loop {
        for case in simpler(&best.case) {
            if began.elapsed() > SHRINK_MAX {
                return best;
            }
            tries += 1;
            let trial = house.run(Case { tries, ..case }).await;
            let left = explained::split(&trial).1;
            if left.iter().any(|one| wanted.contains(&one.what)) {
                best = trial;
                continue 'smaller;
            }
        }
        return best;
    }
}
