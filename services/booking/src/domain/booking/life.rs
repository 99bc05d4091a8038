//! A booking's life: commands, the table, and what each step does to the booking. The time is
//! given, never asked.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::{BookingState, Cause, SpotBlock};
use parkmesh_contracts::ids::{DiscountId, PaymentId, SpotId};
use parkmesh_contracts::money::{Money, MoneyError};
use parkmesh_contracts::window::Window;

use super::table::{Next, Verb, next};
use super::{Booking, Place, Price, after};
use crate::domain::discount::{Reduction, Source};
use crate::domain::inventory::Policy;
use crate::domain::tariff::Line;

/// How long a reservation whose card is refused waits for another at most.
const CARD_WAIT_MAX: SignedDuration = SignedDuration::from_hours(24);

/// What is asked of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The money is authorised; no payment where nothing is to be paid.
    Confirm(Option<PaymentId>),
    /// Given back by its driver, because of this decline if there was one.
    Cancel(Option<String>),
    /// Taken back by the lot, which costs its driver nothing.
    Withdraw,
    /// A car that has not booked is there, and the money is authorised; no payment where nothing is
    /// to be paid.
    Start(Option<PaymentId>, Cause),
    /// Its spot is given: this one.
    Assign(Place),
    /// The car came at that moment, which is not in the future.
    Arrive(Timestamp, Cause),
    /// The car left at that moment, which is not in the future.
    Leave(Timestamp, Cause),
    /// The car was seen to leave at the first moment, which is not in the future, and may be back until the
    /// second.
    Depart(Timestamp, Timestamp, Cause),
    /// It is back.
    Return(Cause),
    /// Look whether the deadline has passed.
    Lapse,
    /// The window ends later, and this payment covers the difference.
    Extend(Timestamp, Option<PaymentId>),
    /// It goes there, and this payment covers the difference.
    Move(Box<Target>, Option<PaymentId>),
    /// It goes there, because of this; the price stays.
    Relocate(Place, SpotBlock),
    /// The lot gives it up: its spot is blocked and no other is free.
    GiveUp,
    /// Ask its driver about the car on this spot.
    AskClaim(SpotId, String),
    /// The car that had stayed past the window left at that moment, which is not in the future.
    Overstay(Timestamp),
    /// Its card is refused, by this code, after its driver has acted at their bank: another may be used.
    Decline(String),
    /// The same, by payment itself, of what is promised already: another card is to be given until then; `None`:
    /// it is there, and its end asks for what it owes.
    AskCard(String, Option<Timestamp>),
    /// No other card was given.
    Unpaid,
    /// This is taken off its price.
    Reduce(Box<Reduction>),
}

/// Where a booking is to go, and when it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The place.
    pub place: Place,
    /// The window.
    pub window: Window,
    /// What that costs at the frozen tariff.
    pub price: Price,
}

impl Command {
    /// The row of the table.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Confirm(_) => Verb::Confirm,
            Self::Cancel(_) => Verb::Cancel,
            Self::Withdraw | Self::GiveUp | Self::Unpaid => Verb::Withdraw,
            Self::Start(..) => Verb::Start,
            Self::Assign(_) => Verb::Assign,
            Self::Arrive(..) => Verb::Arrive,
            Self::Leave(..) => Verb::Leave,
            Self::Depart(..) => Verb::Depart,
            Self::Return(_) => Verb::Return,
            Self::Lapse => Verb::Lapse,
            Self::Extend(..) => Verb::Extend,
            Self::Move(..) => Verb::Move,
            Self::Relocate(..) => Verb::Relocate,
            Self::AskClaim(..) => Verb::AskClaim,
            Self::Overstay(_) => Verb::Overstay,
            Self::Decline(_) | Self::AskCard(..) => Verb::Decline,
            Self::Reduce(_) => Verb::Reduce,
        }
    }
}

/// What has happened to a booking: the particulars of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A spot is kept.
    Held,
    /// It is promised.
    Reserved,
    /// Its spot is given.
    Assigned,
    /// The car is there.
    Activated(Cause),
    /// The car was seen to leave, and may be back until then.
    Departed(Timestamp, Cause),
    /// It is back.
    Returned(Cause),
    /// The car has left, and this is how the price adds up.
    Completed(Cause, Vec<Line>),
    /// Given back, because of this where it was not its driver.
    Cancelled(Option<Cause>),
    /// The hold ran out.
    Expired,
    /// No car came.
    NoShow,
    /// The window ends later than this; what covers the difference.
    Extended(Timestamp, Option<PaymentId>),
    /// It was there, for this window; what covers the difference.
    Moved(Place, Window, Option<PaymentId>),
    /// It was there until something kept the spot from it.
    Relocated(Place, SpotBlock),
    /// Its driver is asked about the car on this spot.
    ClaimAsked(SpotId, String),
    /// The car has left; until when that is charged, and how it adds up.
    Overstayed(Timestamp, Vec<Line>),
    /// Its card was refused; it stands for another.
    PaymentDeclined,
    /// This discount takes something off its price.
    PriceReduced(DiscountId),
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is so already, or not due yet.
    Stands,
    /// The booking becomes this.
    Changed(Box<Booking>, Event),
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The state that stands, or that the clockwork is about to write down, does not allow it.
    #[error("the state does not allow it")]
    State(BookingState),
    /// The hold has ended.
    #[error("the hold has ended")]
    HoldExpired,
    /// An arrival counts from this moment on.
    #[error("too early")]
    TooEarly(Timestamp),
    /// It ends then already, or later.
    #[error("no later end")]
    NotLater,
    /// A ticket is good for the window of its allotment.
    #[error("a ticket stays as it is")]
    Ticket,
    /// It has a promo code, or the merchant has validated it.
    #[error("the price is reduced already")]
    AlreadyReduced(Source),
    /// There is nothing that could be taken off.
    #[error("there is nothing to pay")]
    NothingToPay,
    /// A card is asked for what it costs now.
    #[error("a payment is under way")]
    PaymentUnderway,
    /// A price that does not fit.
    #[error(transparent)]
    Price(#[from] MoneyError),
}

impl Booking {
    /// What a command does to the booking as it stands now. A booking whose deadline has passed is
    /// treated as what its end will be, whether the clockwork has been there or not.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn transition(
        &self,
        command: &Command,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        if let (Command::Arrive(_, cause), Some(_)) = (command, self.depart_time) {
            return self.transition(&Command::Return(*cause), policy, now);
        }
        let state = match next(self.state, command.verb()) {
            Next::To(state) => state,
            Next::Stands => return Ok(Step::Stands),
            Next::Refused => return Err(Refusal::State(self.state)),
        };
        let (booking, event) = match command {
            Command::Confirm(payment_id) => self.confirm(*payment_id, policy, now)?,
            Command::Cancel(decline_code) => self.cancel(decline_code.as_deref(), now)?,
            Command::Withdraw => self.withdraw(Cause::Operator, now)?,
            Command::GiveUp => self.withdraw(Cause::SpotBlocked, now)?,
            Command::Start(payment_id, cause) => self.start(*payment_id, *cause, policy, now)?,
            Command::Assign(_) if !self.is_pending() => return Ok(Step::Stands),
            Command::Assign(place) => self.assign(place, now)?,
            Command::Arrive(at, cause) => self.arrive(*at, *cause, policy)?,
            Command::Leave(at, cause) => self.leave(*at, *cause)?,
            Command::Depart(..) if self.depart_time.is_some() => return Ok(Step::Stands),
            Command::Depart(at, until, cause) => self.depart(*at, *until, *cause, now)?,
            Command::Return(_) if self.depart_time.is_none() => return Ok(Step::Stands),
            Command::Return(cause) => self.come_back(*cause, policy, now)?,
            Command::Lapse if !self.is_due(now) => return Ok(Step::Stands),
            Command::Lapse => self.lapse(now)?,
            Command::Extend(end, paid) => self.extend(*end, *paid, policy, now)?,
            Command::Move(target, paid) => self.move_to(target, *paid, policy, now)?,
            Command::Relocate(place, block) => self.relocate(place, *block, now)?,
            Command::AskClaim(spot_id, number) => {
                (self.clone(), Event::ClaimAsked(*spot_id, number.clone()))
            }
            Command::Overstay(at) => match self.overstay(*at)? {
                Some(over) => over,
                None => return Ok(Step::Stands),
            },
            Command::Decline(code) => self.decline(code, None, now)?,
            Command::AskCard(code, until) => self.decline(code, *until, now)?,
            Command::Unpaid => self.withdraw(Cause::Payment, now)?,
            Command::Reduce(reduction) => self.reduce(reduction, now)?,
        };
        let version = self.version + 1;
        Ok(Step::Changed(Box::new(Self { state, version, ..booking }), event))
    }

    /// Whether the deadline has passed.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_time.is_some_and(|due| due <= now)
    }

    fn confirm(
        &self,
        payment_id: Option<PaymentId>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        if self.is_due(now) || now >= self.window.end() {
            return Err(Refusal::HoldExpired);
        }
        let no_show = Some(self.no_show_time(policy, now));
        let booking = Self { payment_id, payment_attempt: None, due_time: no_show, ..self.clone() };
        Ok((booking, Event::Reserved))
    }

    /// When a driver who begins to come now has not come.
    pub(super) fn no_show_time(&self, policy: &Policy, now: Timestamp) -> Timestamp {
        // Whoever confirms after the start has the whole time from now to come; but nobody can come
        // after the end.
        // A ticket keeps no spot from others, so that its driver may come as late as they like.
        let no_show = match self.place {
            Place::Spot { .. } => after(self.start_time.max(now), policy.no_show),
            Place::Ticket { .. } => self.window.end(),
        };
        no_show.min(self.window.end())
    }

    /// A walk-in goes from hold to session in one step: nobody waits for its car, so that it never is
    /// a reservation.
    fn start(
        &self,
        payment_id: Option<PaymentId>,
        cause: Cause,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        if self.is_due(now) || now >= self.window.end() {
            return Err(Refusal::HoldExpired);
        }
        let due_time = Some(after(self.window.end(), policy.overstay_grace));
        let arrive_time = Some(now.max(self.start_time));
        let booking =
            Self { payment_id, payment_attempt: None, arrive_time, due_time, ..self.clone() };
        Ok((booking, Event::Activated(cause)))
    }

    fn cancel(&self, decline: Option<&str>, now: Timestamp) -> Result<(Self, Event), Refusal> {
        if self.is_due(now) {
            return Err(Refusal::State(self.state_when_due()));
        }
        // Nothing is authorised for a hold, and nothing owed.
        let fee = match self.state {
            BookingState::Reserved => Some(self.price.cancellation_fee(self.start_time, now)?),
            _ => None,
        };
        let decline_code = decline.map(str::to_owned).or_else(|| self.decline_code.clone());
        let booking = Self {
            due_time: None,
            payment_attempt: None,
            decline_code,
            final_amount: owed(fee),
            ..self.clone()
        };
        Ok((booking, Event::Cancelled(decline.map(|_| Cause::Payment))))
    }

    fn withdraw(&self, cause: Cause, now: Timestamp) -> Result<(Self, Event), Refusal> {
        if self.is_due(now) {
            return Err(Refusal::State(self.state_when_due()));
        }
        let booking = Self { due_time: None, payment_attempt: None, ..self.clone() };
        Ok((booking, Event::Cancelled(Some(cause))))
    }

    fn decline(
        &self,
        code: &str,
        card_due_time: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        if self.is_due(now) {
            return Err(Refusal::State(self.state_when_due()));
        }
        let decline_code = Some(code.to_owned());
        let booking = Self { payment_attempt: None, decline_code, card_due_time, ..self.clone() };
        Ok((booking, Event::PaymentDeclined))
    }

    fn assign(&self, place: &Place, now: Timestamp) -> Result<(Self, Event), Refusal> {
        if self.is_due(now) {
            return Err(Refusal::State(self.state_when_due()));
        }
        Ok((Self { place: place.clone(), ..self.clone() }, Event::Assigned))
    }

    fn arrive(
        &self,
        at: Timestamp,
        cause: Cause,
        policy: &Policy,
    ) -> Result<(Self, Event), Refusal> {
        let from = self.arrival_from(policy);
        if at < from {
            return Err(Refusal::TooEarly(from));
        }
        if self.is_due(at) {
            return Err(Refusal::State(self.state_when_due()));
        }
        // An early arrival keeps the spot from its moment on; the database guards that it may.
        let window = Window::try_new(at.min(self.window.start()), self.window.end())
            .map_err(|_| Refusal::State(self.state_when_due()))?;
        let due_time = Some(after(window.end(), policy.overstay_grace));
        let booking = Self { window, arrive_time: Some(at), due_time, ..self.clone() };
        Ok((booking, Event::Activated(cause)))
    }

    pub(super) fn leave(&self, at: Timestamp, cause: Cause) -> Result<(Self, Event), Refusal> {
        let arrived = self.arrive_time.unwrap_or(self.start_time);
        // However its end was noticed: a car that was seen to leave left then.
        let at = self.depart_time.unwrap_or(at).max(arrived);
        let booked = self.booked_window();
        let bill = self.price.of_stay(&booked, arrived, at)?;
        let booking = Self {
            price: self.price.after_stay(&booked, arrived, at)?,
            leave_time: Some(at),
            depart_time: None,
            final_amount: Some(bill.amount),
            due_time: None,
            ..self.clone()
        };
        Ok((booking, Event::Completed(cause, bill.lines)))
    }

    fn lapse(&self, now: Timestamp) -> Result<(Self, Event), Refusal> {
        let booking = Self { due_time: None, payment_attempt: None, ..self.clone() };
        match self.state {
            BookingState::Held => Ok((booking, Event::Expired)),
            BookingState::Reserved => {
                let fee = Some(self.price.no_show_fee()?);
                let price = self.price.after_no_show()?;
                Ok((Self { final_amount: owed(fee), price, ..booking }, Event::NoShow))
            }
            _ if self.depart_time.is_some() => self.leave(now, Cause::Sensor),
            // A late clockwork must not make the stay longer.
            _ => self.leave(self.due_time.unwrap_or(now), Cause::Deadline),
        }
    }

    /// Until when another card can be given for what begins then, before it is given up: half the time that
    /// is left, a day at most. `None`: it has begun.
    pub fn card_time(&self, now: Timestamp) -> Option<Timestamp> {
        let left = self.start_time.duration_since(now);
        let waits = self.state == BookingState::Reserved && left > SignedDuration::ZERO;
        waits.then(|| after(now, (left / 2).min(CARD_WAIT_MAX)))
    }

    /// From when on an arrival is an arrival of this booking.
    pub fn arrival_from(&self, policy: &Policy) -> Timestamp {
        let before = self.start_time.checked_sub(policy.early_arrival);
        before.unwrap_or(Timestamp::MIN).min(self.window.start())
    }

    /// What the clockwork makes of it when the deadline has passed.
    pub(super) fn state_when_due(&self) -> BookingState {
        match next(self.state, Verb::Lapse) {
            Next::To(state) => state,
            _ => self.state,
        }
    }
}

/// A fee that is due; none when it is nothing.
fn owed(fee: Option<Money>) -> Option<Money> {
    fee.filter(|fee| fee.minor > 0)
}

#[cfg(test)]
#[path = "life_tests.rs"]
pub(super) mod tests;
