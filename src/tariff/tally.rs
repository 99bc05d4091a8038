//! Counting the begun steps of a span by the rate that holds for them.
//!
//! Steps are not looked at one by one: between two moments at which something can change (a rate
//! begins or ends, a day ends, the clocks are changed) all of them cost the same, and are counted by
//! a division.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::common::v1::SpotType;
use crate::money::MoneyError;

use super::rules::{DAY_MINUTES, Rules};

/// What a span comes to, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Minutes at the beginning that were free.
    pub free_minutes: i64,
    /// Begun steps of each rate of the rules, those of the plain rate last.
    pub steps: Vec<i64>,
    /// Beyond the daily cap, of all days together.
    pub beyond_daily_cap: i64,
    /// Days that came to more than the daily cap.
    pub capped_days: i64,
    /// From what it came to up to the minimum.
    pub up_to_minimum: i64,
    /// Beyond the cap of the stay.
    pub beyond_stay_cap: i64,
    /// What is charged.
    pub total: i64,
}

/// What is to be charged of a span.
#[derive(Clone, Copy)]
pub struct Charging<'a> {
    /// By these rules.
    pub rules: &'a Rules,
    /// In this zone.
    pub zone: &'a TimeZone,
    /// A spot of this type.
    pub spot_type: SpotType,
}

impl Charging<'_> {
    /// All of the definition, 1 to 6.
    ///
    /// # Errors
    /// When it does not fit, which the limits of prices and windows rule out.
    pub fn span(&self, from: Timestamp, to: Timestamp) -> Result<Tally, MoneyError> {
        let rules = self.rules;
        let free = SignedDuration::from_mins(rules.free_minutes);
        let laid_from = from.checked_add(free).map_err(|_| MoneyError::Overflow)?;
        if rules.free_minutes > 0 && to <= laid_from {
            return Ok(Tally { free_minutes: rules.free_minutes, ..Tally::default() });
        }
        let mut tally = self.steps(laid_from, to)?;
        tally.free_minutes = rules.free_minutes;
        tally.up_to_minimum = rules.minimum_minor.saturating_sub(tally.total).max(0);
        tally.total += tally.up_to_minimum;
        if let Some(cap) = rules.stay_cap_minor {
            tally.beyond_stay_cap = (tally.total - cap).max(0);
            tally.total -= tally.beyond_stay_cap;
        }
        Ok(tally)
    }

    /// Of the definition 2 to 4.
    ///
    /// # Errors
    /// As [`Charging::span`].
    pub fn steps(&self, from: Timestamp, to: Timestamp) -> Result<Tally, MoneyError> {
        let length = SignedDuration::from_mins(self.rules.step_minutes);
        let begun = begun(to.duration_since(from), length).max(1);
        let mut sum = Sum::of(self.rules);
        if self.rules.needs_calendar(self.spot_type) {
            self.by_calendar(from, length, begun, &mut sum)?;
        } else {
            sum.add(Date::ZERO, self.rules.rates.len(), begun)?;
        }
        Ok(sum.tally())
    }

    fn by_calendar(
        &self,
        from: Timestamp,
        length: SignedDuration,
        begun_steps: i64,
        sum: &mut Sum<'_>,
    ) -> Result<(), MoneyError> {
        let mut done = 0;
        let mut clock_change = self.clock_change_after(from);
        while done < begun_steps {
            let passed = i32::try_from(done).ok().and_then(|done| length.checked_mul(done));
            let at = passed.and_then(|passed| from.checked_add(passed).ok());
            let at = at.ok_or(MoneyError::Overflow)?;
            if clock_change.is_some_and(|change| change <= at) {
                clock_change = self.clock_change_after(at);
            }
            let local = self.zone.to_datetime(at);
            let mut steady = self.steady_for(local);
            if let Some(change) = clock_change {
                steady = steady.min(change.duration_since(at));
            }
            let same = begun(steady, length).min(begun_steps - done);
            sum.add(local.date(), self.rate_at(local), same)?;
            done += same;
        }
        Ok(())
    }

    fn clock_change_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.zone.following(at).next().map(|change| change.timestamp())
    }

    /// Which rate holds: its place in the list, or the place after all for the plain one.
    fn rate_at(&self, local: DateTime) -> usize {
        let rates = &self.rules.rates;
        let holds =
            rates.iter().position(|rate| rate.is_for(self.spot_type) && rate.holds_at(local));
        holds.unwrap_or(rates.len())
    }

    /// How long the date and the rate stay as they are while clocks are not changed: until the next
    /// time of the day at which any rate begins or ends, or until midnight.
    fn steady_for(&self, local: DateTime) -> SignedDuration {
        let since_midnight = local.time().duration_since(Time::midnight());
        let edges = self.rules.rates.iter().flat_map(|rate| [rate.from_minute, rate.to_minute]);
        let edges = edges.chain([DAY_MINUTES]).map(SignedDuration::from_mins);
        let next = edges.filter(|edge| *edge > since_midnight).min();
        next.map_or(SignedDuration::ZERO, |next| next - since_midnight)
    }
}

/// Steps begun in a time: every started one counts.
fn begun(time: SignedDuration, length: SignedDuration) -> i64 {
    let (time, length) = (time.as_nanos().max(0), length.as_nanos().max(1));
    i64::try_from((time + length - 1) / length).unwrap_or(i64::MAX)
}

/// Steps by rate, and what they come to by day.
struct Sum<'a> {
    rules: &'a Rules,
    steps: Vec<i64>,
    days: Vec<(Date, i64)>,
}

impl<'a> Sum<'a> {
    fn of(rules: &'a Rules) -> Self {
        Self { rules, steps: vec![0; rules.rates.len() + 1], days: Vec::new() }
    }

    fn add(&mut self, date: Date, rate: usize, steps: i64) -> Result<(), MoneyError> {
        let price =
            self.rules.rates.get(rate).map_or(self.rules.step_minor, |rate| rate.step_minor);
        let amount = price.checked_mul(steps).ok_or(MoneyError::Overflow)?;
        self.steps[rate] += steps;
        // A clock that is put back over midnight comes to the day before once more.
        match self.days.iter_mut().rev().find(|(day, _)| *day == date) {
            Some((_, sum)) => *sum = sum.checked_add(amount).ok_or(MoneyError::Overflow)?,
            None => self.days.push((date, amount)),
        }
        Ok(())
    }

    fn tally(self) -> Tally {
        let mut tally = Tally { steps: self.steps, ..Tally::default() };
        for (_, sum) in self.days {
            let beyond = self.rules.daily_cap_minor.map_or(0, |cap| (sum - cap).max(0));
            tally.beyond_daily_cap += beyond;
            tally.capped_days += i64::from(beyond > 0);
            tally.total += sum - beyond;
        }
        tally
    }
}
