//! Faults on purpose, by rate and by script.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No effect, and no answer in time.
    TimeoutBefore,
    /// The effect, and no answer in time.
    TimeoutAfter,
    /// No effect, and 500.
    ErrorBefore,
    /// The effect, and 500.
    ErrorAfter,
    /// The effect and the answer, after `slow_ms`.
    Slow,
}

/// What kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An amount is to be set aside.
    Authorize,
    /// More is.
    Increase,
    /// An amount is to be taken.
    Capture,
    /// Everything is to be given back.
    Void,
    /// A part of what was taken is.
    Refund,
    /// Something is looked up.
    Read,
}

/// How often what goes wrong: shares of all calls, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Of [`Fault::TimeoutBefore`].
    pub timeout_before: f64,
    /// Of [`Fault::TimeoutAfter`].
    pub timeout_after: f64,
    /// Of [`Fault::ErrorBefore`].
    pub error_before: f64,
    /// Of [`Fault::ErrorAfter`].
    pub error_after: f64,
    /// Of [`Fault::Slow`].
    pub slow: f64,
    /// Webhooks that are delivered twice.
    pub webhook_twice: f64,
    /// Webhooks that are held back, up to `late_ms`: late, and after newer ones.
    pub webhook_late: f64,
}

/// The next calls that go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Only of this kind; any otherwise.
    pub on: Option<Kind>,
    /// What goes wrong.
    pub fault: Fault,
    /// With how many calls still.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

/// All faults on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// By chance.
    pub rates: Rates,
    /// Before chance: the first step that fits a call is used up by it.
    pub script: Vec<Step>,
    /// How slow a slow call is, in milliseconds.
    pub slow_ms: u64,
    /// How late a late webhook is at most, in milliseconds.
    pub late_ms: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self { rates: Rates::default(), script: Vec::new(), slow_ms: 500, late_ms: 5_000 }
    }
}

impl Faults {
    /// What goes wrong with this call. `chance`: a number from 0 to below 1.
    pub fn next(&mut self, kind: Kind, chance: f64) -> Option<Fault> {
        let fits = |step: &Step| step.on.is_none_or(|on| on == kind) && step.times > 0;
        if let Some(place) = self.script.iter().position(fits) {
            let step = &mut self.script[place];
            step.times -= 1;
            let fault = step.fault;
            if step.times == 0 {
                self.script.remove(place);
            }
            return Some(fault);
        }
        let Rates { timeout_before, timeout_after, error_before, error_after, slow, .. } =
            self.rates;
        let mut below = 0.0;
        [
            (timeout_before, Fault::TimeoutBefore),
            (timeout_after, Fault::TimeoutAfter),
            (error_before, Fault::ErrorBefore),
            (error_after, Fault::ErrorAfter),
            (slow, Fault::Slow),
        ]
        .into_iter()
        .find_map(|(rate, fault)| {
            below += rate;
            (chance < below).then_some(fault)
        })
    }

    /// How often an event is delivered, and after how many milliseconds.
    pub fn delivery(&self, event_id: Uuid) -> (u32, u64) {
        // The id's random bits are the dice.
        let dice = |bits: u128| ((event_id.as_u128() >> bits) & 0xffff) as f64 / 65_536.0;
        let copies = if dice(0) < self.rates.webhook_twice { 2 } else { 1 };
        let late = dice(16) < self.rates.webhook_late;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to late_ms")]
        let wait_ms = if late { (self.late_ms as f64 * dice(32)) as u64 } else { 0 };
        (copies, wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_used_up_in_its_order_by_the_calls_that_fit() {
        let step = |on, fault, times| Step { on, fault, times };
        let mut faults = Faults {
            script: vec![
                step(Some(Kind::Capture), Fault::TimeoutAfter, 2),
                step(None, Fault::ErrorBefore, 1),
            ],
            ..Faults::default()
        };
        let mut next = |kind| faults.next(kind, 0.5);
        assert_eq!(next(Kind::Authorize), Some(Fault::ErrorBefore));
        assert_eq!(next(Kind::Authorize), None);
        assert_eq!(next(Kind::Capture), Some(Fault::TimeoutAfter));
        assert_eq!(next(Kind::Capture), Some(Fault::TimeoutAfter));
        assert_eq!(next(Kind::Capture), None);
    }

    #[test]
    fn chance_falls_into_the_shares_one_after_the_other() {
        let rates = Rates { timeout_before: 0.1, error_after: 0.2, ..Rates::default() };
        let mut faults = Faults { rates, ..Faults::default() };
        assert_eq!(faults.next(Kind::Void, 0.05), Some(Fault::TimeoutBefore));
        assert_eq!(faults.next(Kind::Void, 0.25), Some(Fault::ErrorAfter));
        assert_eq!(faults.next(Kind::Void, 0.35), None);
    }

    #[test]
    fn a_webhook_is_delivered_once_and_at_once_unless_it_is_to_be_otherwise() {
        let faults = Faults::default();
        assert_eq!(faults.delivery(Uuid::from_u128(0)), (1, 0));
        let rates = Rates { webhook_twice: 1.0, webhook_late: 1.0, ..Rates::default() };
        let faults = Faults { rates, ..Faults::default() };
        assert_eq!(faults.delivery(Uuid::from_u128(0x8000_0000_0000)), (2, 2_500));
    }
}
