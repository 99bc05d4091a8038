//! Every change of a booking was told: versions 1 to n are in the stream, each once or several times alike.

use std::collections::HashMap;

use crate::call::{Fact, Id};
use crate::check::lives::Lives;
use crate::check::{Kind, Report};
use crate::file::Record;

/// Looks at the facts of every booking that surely exists. Says nothing when no facts were recorded.
pub fn check(record: &mut Record, lives: &Lives, report: &mut Report) {
    if record.facts.is_empty() {
        return;
    }
    record.facts.sort_unstable();
    record.facts.dedup();
    let facts = &record.facts;
    let mut places: HashMap<Id, (usize, usize)> = HashMap::new();
    let mut at = 0;
    for same in facts.chunk_by(|a, b| a.booking == b.booking) {
        places.insert(same[0].booking, (at, at + same.len()));
        at += same.len();
    }
    for life in lives.all.iter().filter(|life| life.sure && life.stay == 0) {
        let (from, to) = places.get(&life.booking).copied().unwrap_or_default();
        if let Some(text) = one(&facts[from..to], life.version) {
            report.add(Kind::LostFact, format!("booking {}: {text}", life.booking));
        }
    }
}

fn one(facts: &[Fact], version: u32) -> Option<String> {
    if let Some(two) = facts.windows(2).find(|two| two[0].version == two[1].version) {
        return Some(format!("version {} is told in two ways", two[0].version));
    }
    let missing = (1..=version).find(|wanted| facts.iter().all(|fact| fact.version != *wanted));
    if let Some(missing) = missing {
        return Some(format!("version {missing} of {version} is not in the stream"));
    }
    let last = u32::try_from(facts.len()).unwrap_or(u32::MAX);
    let gap = facts.last().is_some_and(|fact| fact.version != last);
    gap.then(|| "its versions have a gap".to_owned())
}
