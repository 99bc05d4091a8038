//! The checker: reads the rows at the end and says what went wrong. It trusts no strategy's answer.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};

use crate::Failure;
use crate::lab::load::{Attempt, Load, PLACES_LEFT};
use crate::lab::rows::number_of;
use crate::lab::strategy::{Outcome, Want};

/// What is wrong with a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Live bookings that cross an earlier live one of their spot.
    pub double_bookings: u64,
    /// Drivers who were told that they have a place, beyond the places that there are.
    pub oversold: u64,
    /// Drivers who were refused although the place was free during their call.
    pub false_refusals: u64,
}

/// Everything that stands in the end.
pub async fn standing(db: &mut PgConnection) -> Result<Vec<Want>, Failure> {
    let rows = sqlx::query(
        "SELECT spot_id, ((extract(epoch FROM lower(during)) - 1893456000) / 60)::integer,
            ((extract(epoch FROM upper(during)) - 1893456000) / 60)::integer
         FROM booking WHERE state IN (1, 2, 3) ORDER BY spot_id, lower(during)",
    );
    let rows = rows.fetch_all(db).await?;
    let want = |row: &sqlx::postgres::PgRow| -> Result<Want, sqlx::Error> {
        let spot = number_of(row.try_get(0)?);
        Ok(Want { spot, start: row.try_get(1)?, end: row.try_get(2)? })
    };
    Ok(rows.iter().map(want).collect::<Result<_, _>>()?)
}

/// Judges a run by what stands in the end, ordered by spot and start.
pub fn judge(load: Load, standing: &[Want], attempts: &[Attempt]) -> Verdict {
    let false_refusals = match load {
        Load::LastPlaces => refused_with_places_left(attempts),
        _ => refused_while_free(attempts),
    };
    let oversold = if load == Load::LastPlaces { oversold(attempts) } else { 0 };
    Verdict { double_bookings: double_bookings(standing), oversold, false_refusals }
}

fn double_bookings(standing: &[Want]) -> u64 {
    let (mut doubles, mut reach) = (0, (u32::MAX, i32::MIN));
    for want in standing {
        let crosses = reach.0 == want.spot && want.start < reach.1;
        doubles += u64::from(crosses);
        reach = (want.spot, if reach.0 == want.spot { reach.1.max(want.end) } else { want.end });
    }
    doubles
}

fn won(attempt: &&Attempt) -> bool {
    attempt.outcome == Some(Outcome::Won)
}

fn refused(attempt: &&Attempt) -> bool {
    attempt.outcome == Some(Outcome::Refused)
}

fn oversold(attempts: &[Attempt]) -> u64 {
    let mut winners: HashMap<u32, u64> = HashMap::new();
    for attempt in attempts.iter().filter(won) {
        *winners.entry(attempt.round).or_default() += 1;
    }
    winners.values().map(|count| count.saturating_sub(u64::from(PLACES_LEFT))).sum()
}

/// Refusals for which no winner explains why: nobody who in the end has a crossing window had asked before
/// the refusal was told. Lenient: a winner counts from its question on, though it had the place later.
fn refused_while_free(attempts: &[Attempt]) -> u64 {
    let mut winners: HashMap<u32, Vec<&Attempt>> = HashMap::new();
    for attempt in attempts.iter().filter(won) {
        winners.entry(attempt.want.spot).or_default().push(attempt);
    }
    for of_spot in winners.values_mut() {
        of_spot.sort_by_key(|attempt| attempt.want.start);
    }
    let explained = |refused: &Attempt| {
        let of_spot = winners.get(&refused.want.spot).map_or(&[][..], Vec::as_slice);
        // Windows have one length: whoever begins a window's length before or later cannot cross.
        let length = refused.want.end - refused.want.start;
        let from = of_spot.partition_point(|other| other.want.start <= refused.want.start - length);
        let near = of_spot[from..].iter().take_while(|other| other.want.start < refused.want.end);
        near.into_iter().any(|other| other.asked < refused.answered)
    };
    attempts.iter().filter(refused).filter(|attempt| !explained(attempt)).count() as u64
}

/// Refusals told while fewer had asked and won than there were places.
fn refused_with_places_left(attempts: &[Attempt]) -> u64 {
    let mut rounds: HashMap<u32, Vec<&Attempt>> = HashMap::new();
    for attempt in attempts {
        rounds.entry(attempt.round).or_default().push(attempt);
    }
    let of_round = |round: &Vec<&Attempt>| {
        let full = |refused: &Attempt| {
            let before = round.iter().filter(|other| other.asked < refused.answered);
            before.copied().filter(won).count() >= PLACES_LEFT as usize
        };
        round.iter().copied().filter(refused).filter(|attempt| !full(attempt)).count() as u64
    };
    rounds.values().map(of_round).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn attempt(want: Want, (asked, answered): (u64, u64), outcome: Outcome) -> Attempt {
        let at = Duration::from_millis;
        let (asked, answered) = (at(asked), at(answered));
        Attempt { want, round: 0, asked, answered, outcome: Some(outcome) }
    }

    fn want(spot: u32, start: i32, end: i32) -> Want {
        Want { spot, start, end }
    }

    #[test]
    fn touching_windows_stand_and_crossing_ones_are_counted() {
        assert_eq!(double_bookings(&[want(1, 0, 60), want(1, 60, 120), want(2, 30, 90)]), 0);
        assert_eq!(double_bookings(&[want(1, 0, 60), want(1, 15, 75), want(1, 30, 40)]), 2);
    }

    #[test]
    fn a_refusal_is_false_when_nobody_with_a_crossing_window_had_asked() {
        let free = attempt(want(1, 0, 60), (5, 6), Outcome::Refused);
        let winner =
            |asked, start| attempt(want(1, start, start + 60), (asked, asked + 1), Outcome::Won);
        assert_eq!(refused_while_free(&[winner(1, 30), free]), 0);
        assert_eq!(refused_while_free(&[winner(1, 60), free]), 1, "touches, does not cross");
        assert_eq!(refused_while_free(&[free, winner(7, 30)]), 1, "asked after the refusal");
    }

    #[test]
    fn full_is_true_only_when_all_places_went_to_somebody() {
        let mut round: Vec<Attempt> = (0..u64::from(PLACES_LEFT) - 1)
            .map(|at| attempt(want(0, 0, 60), (at, at + 1), Outcome::Won))
            .collect();
        round.push(attempt(want(0, 0, 60), (50, 60), Outcome::Refused));
        assert_eq!(refused_with_places_left(&round), 1);
        round.push(attempt(want(0, 0, 60), (40, 70), Outcome::Won));
        assert_eq!(refused_with_places_left(&round), 0);
        round.push(attempt(want(0, 0, 60), (80, 90), Outcome::Won));
        assert_eq!(oversold(&round), 1);
    }
}
