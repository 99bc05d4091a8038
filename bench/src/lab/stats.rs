//! The little statistics that the lab needs.

use std::time::Duration;

/// The value below which this share of the values lies, by nearest rank. None of none.
pub fn percentile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The slowest hundredth, in milliseconds. None of none.
pub fn p99_ms(mut values: Vec<Duration>) -> Option<f64> {
    values.sort_unstable();
    percentile(&values, 0.99).map(|slow| slow.as_secs_f64() * 1_000.0)
}

/// How far the order of success departs from the order of arrival: of all pairs in which one succeeded
/// before the other (or instead of it), the share in which that one had come later. 0 is in order, 0.5 is
/// chance, 1 is the reverse. `successes` says for each arrival, in order, when it succeeded, if it did.
pub fn departure<T: Ord>(successes: &[Option<T>]) -> Option<f64> {
    let (mut pairs, mut overtaken) = (0_u64, 0_u64);
    for (index, earlier) in successes.iter().enumerate() {
        for later in &successes[index + 1..] {
            let (told, wrong) = match (earlier, later) {
                (Some(one), Some(two)) => (true, two < one),
                (None, Some(_)) => (true, true),
                (Some(_), None) => (true, false),
                (None, None) => (false, false),
            };
            pairs += u64::from(told);
            overtaken += u64::from(wrong);
        }
    }
    (pairs > 0).then(|| overtaken as f64 / pairs as f64)
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 0.5), Some(Duration::from_millis(50)));
        assert_eq!(percentile(&values, 0.99), Some(Duration::from_millis(99)));
        assert_eq!(percentile(&values[..1], 0.99), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn departure_is_none_in_order_and_full_in_reverse() {
        assert_eq!(departure(&[Some(1), Some(2), Some(3)]), Some(0.0));
        assert_eq!(departure(&[Some(3), Some(2), Some(1)]), Some(1.0));
        assert_eq!(departure(&[Some(1), None, None]), Some(0.0), "the first has won");
        assert_eq!(departure(&[None, None, Some(1)]), Some(1.0), "the last has won");
        assert_eq!(departure::<u8>(&[None, None]), None);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }
}
