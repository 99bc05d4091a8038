//! Chance that is the same for the same seed.

/// A small generator (xorshift); good enough for wishes.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// One of many of a seed.
    pub fn new(seed: u64, number: u64) -> Self {
        let mixed = (seed ^ number.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut dice = Self((mixed ^ (mixed >> 29)) | 1);
        for _warm in 0..8 {
            dice.next();
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to just below the limit.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from((self.next() >> 16) % limit).unwrap_or_default()
    }

    /// True so often of a hundred times.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// From 0 to just below 1.
    pub fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }

    /// True in this share of all times, from 0 to 1.
    pub fn hits(&mut self, share: f64) -> bool {
        share > 0.0 && self.fraction() < share
    }

    /// From the first to just below the second.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.fraction()
    }

    /// A wait whose end is as likely in every next moment, so long on average.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.fraction().min(0.999_999)).ln() * mean
    }

    /// A UUID of the random kind.
    pub fn uuid(&mut self) -> uuid::Uuid {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

/// The first is liked best.
#[derive(Debug, Clone)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Of so many, the n-th liked 1/n^exponent as much as the first.
    pub fn new(count: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let upto = (1..=count.max(1)).map(|place| {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            sum += f64::from(place).powf(-exponent);
            sum
        });
        Self(upto.collect())
    }

    /// One of them.
    pub fn pick(&self, dice: &mut Dice) -> usize {
        let all = self.0.last().copied().unwrap_or(1.0);
        let wanted = dice.fraction() * all;
        self.0.partition_point(|upto| *upto < wanted).min(self.0.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_have_the_mean_that_was_asked_for() {
        let mut dice = Dice::new(1, 2);
        let sum: f64 = (0..100_000).map(|_| dice.exponential(5.0)).sum();
        assert!((sum / 100_000.0 - 5.0).abs() < 0.1, "{sum}");
        assert!(!dice.hits(0.0) && dice.hits(1.1));
    }

    #[test]
    fn the_first_is_liked_twice_as_much_as_the_second() {
        let (zipf, mut dice) = (Zipf::new(10, 1.0), Dice::new(3, 4));
        let mut counts = [0_i32; 10];
        (0..100_000).for_each(|_| counts[zipf.pick(&mut dice)] += 1);
        assert!((counts[0] - 2 * counts[1]).abs() < 2_000, "{counts:?}");
        assert!(counts[9] > 2_000, "{counts:?}");
    }
}
