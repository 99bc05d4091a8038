//! Changes of a booking that goes on: another end, another window, another spot; and what is owed by a
//! car that did not leave.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::{BookingState, SpotBlock};
use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::window::Window;

use super::life::{Event, Refusal, Target};
use super::{Booking, Place, Price, after};
use crate::domain::discount::{Reduction, Source};
use crate::domain::inventory::Policy;

/// The longest time past a window that is charged: a car that is left behind is the operator's to
/// deal with.
pub const OVERSTAY_MAX: SignedDuration = SignedDuration::from_hours(24);

impl Booking {
    /// A later end. Whoever is there, or has booked, keeps the spot for longer; the database guards
    /// that they may.
    pub(super) fn extend(
        &self,
        end: Timestamp,
        paid: Option<PaymentId>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        self.check_may_change(now)?;
        if end <= self.window.end() {
            return Err(Refusal::NotLater);
        }
        let window = Window::try_new(self.window.start(), end).map_err(|_| Refusal::NotLater)?;
        let longer = Self { window, ..self.clone() };
        let price = self.price.of_window(&longer.booked_window())?;
        let due_time = match self.arrive_time {
            Some(_) if self.depart_time.is_some() => self.depart_deadline(end, policy),
            Some(_) => after(end, policy.overstay_grace),
            // A window that was too short for the whole wait is so no more.
            None => {
                self.due_time.max(Some(longer.no_show_time(policy, self.start_time))).unwrap_or(end)
            }
        };
        let booking = longer.covered(price, paid)?;
        let event = Event::Extended(self.window.end(), paid);
        Ok((Self { due_time: Some(due_time), ..booking }, event))
    }

    /// Another spot, another window, or both.
    pub(super) fn move_to(
        &self,
        target: &Target,
        paid: Option<PaymentId>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        self.check_may_change(now)?;
        let moved = Self {
            place: target.place.clone(),
            window: target.window,
            start_time: target.window.start(),
            ..self.clone()
        };
        // Who keeps the window waits no longer than before.
        let due_time = match target.window == self.window {
            true => self.due_time,
            false => Some(moved.no_show_time(policy, now)),
        };
        let booking = moved.covered(target.price.clone(), paid)?;
        let event = Event::Moved(self.place.clone(), self.window, paid);
        Ok((Self { due_time, ..booking }, event))
    }

    /// Another spot, for the same window at the same price.
    pub(super) fn relocate(
        &self,
        place: &Place,
        block: SpotBlock,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        self.check_may_change(now)?;
        let booking = Self { place: place.clone(), ..self.clone() };
        Ok((booking, Event::Relocated(self.place.clone(), block)))
    }

    /// What the time past the window costs, once.
    pub(super) fn overstay(&self, at: Timestamp) -> Result<Option<(Self, Event)>, Refusal> {
        if self.overstay_amount.is_some() {
            return Ok(None);
        }
        let end = self.window.end();
        let at = at.max(end).min(after(end, OVERSTAY_MAX));
        let bill = self.price.of_overstay(end, at)?;
        let booking = Self { overstay_amount: Some(bill.amount), ..self.clone() };
        Ok(Some((booking, Event::Overstayed(at, bill.lines))))
    }

    fn check_may_change(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.place {
            Place::Ticket { .. } => Err(Refusal::Ticket),
            _ if self.is_due(now) => Err(Refusal::State(self.state_when_due())),
            Place::Spot { .. } => Ok(()),
        }
    }

    /// It at another price. What was authorised stays authorised until the end, so that a cheaper
    /// window costs less at the exit, but neither fees nor a later extension forget it.
    fn covered(&self, price: Price, paid: Option<PaymentId>) -> Result<Self, Refusal> {
        let price = price.no_less_than(&self.price)?;
        Ok(Self { price, payment_id: self.payment_id.or(paid), ..self.clone() })
    }

    /// Something is taken off its price: of a hold before it is paid for by a promo code, of what is
    /// reserved or has begun by a merchant.
    pub(super) fn reduce(
        &self,
        reduction: &Reduction,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        match (reduction.source, self.state) {
            (Source::PromoCode, BookingState::Held) if self.is_due(now) => {
                return Err(Refusal::HoldExpired);
            }
            _ if self.is_due(now) => return Err(Refusal::State(self.state_when_due())),
            // What is asked for meanwhile would be authorised at the price before.
            (Source::PromoCode, BookingState::Held) if self.payment_attempt.is_some() => {
                return Err(Refusal::PaymentUnderway);
            }
            (Source::PromoCode, BookingState::Held)
            | (Source::Merchant, BookingState::Reserved | BookingState::Active) => {}
            _ => return Err(Refusal::State(self.state)),
        }
        let reductions = self.price.reductions.as_ref();
        let before = reductions.map(|reductions| &reductions.each[..]).unwrap_or_default();
        let same = |one: &Reduction| match reduction.source {
            Source::PromoCode => one.source == Source::PromoCode,
            Source::Merchant => one.discount_id == reduction.discount_id,
        };
        if before.iter().any(same) {
            return Err(Refusal::AlreadyReduced(reduction.source));
        }
        if self.price.payable()?.minor == 0 {
            return Err(Refusal::NothingToPay);
        }
        let price = self.price.reduced(reduction.clone())?;
        Ok((Self { price, ..self.clone() }, Event::PriceReduced(reduction.discount_id)))
    }
}

#[cfg(test)]
#[path = "moves_tests.rs"]
mod tests;
