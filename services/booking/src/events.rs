//! What happened to a booking, as the fact that others read.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::erasure::Erasure;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::{DiscountId, PaymentId, SpotId};
use parkmesh_contracts::money::Money;
use parkmesh_contracts::time::to_proto;
use parkmesh_contracts::window::Window;
use parkmesh_eventbus::outbox::Row;
use parkmesh_platform::ids::Ids;

use crate::convert::booking::{PlaceWords, entry_words, line};
use crate::convert::discount::reductions;
use crate::domain::booking::{Booking, Event, Place, Terms};
use crate::domain::plate::Read;
use crate::domain::tariff::Line;

/// Every fact of a booking.
pub const FACT_TYPES: &[&str] = &[
    proto::BookingHeld::TYPE,
    proto::BookingReserved::TYPE,
    proto::BookingSpotAssigned::TYPE,
    proto::BookingActivated::TYPE,
    proto::BookingDeparted::TYPE,
    proto::BookingReturned::TYPE,
    proto::BookingCompleted::TYPE,
    proto::BookingCancelled::TYPE,
    proto::BookingExpired::TYPE,
    proto::BookingNoShow::TYPE,
    proto::BookingExtended::TYPE,
    proto::BookingMoved::TYPE,
    proto::BookingRelocated::TYPE,
    proto::BookingClaimAsked::TYPE,
    proto::BookingOverstayed::TYPE,
    proto::BookingPaymentDeclined::TYPE,
    proto::BookingPriceReduced::TYPE,
];

/// The fact that `event` made the booking what it is.
pub fn fact(ids: &Ids, now: Timestamp, booking: &Booking, terms: &Terms, event: &Event) -> Row {
    let telling = Telling { ids, now, booking, terms };
    match event {
        Event::Held => telling.row(&telling.held()),
        Event::Reserved => telling.row(&telling.reserved()),
        Event::Assigned => telling.row(&telling.spot_assigned()),
        Event::Activated(cause) => telling.row(&telling.activated(*cause)),
        Event::Departed(until, cause) => telling.row(&telling.departed(*until, *cause)),
        Event::Returned(cause) => telling.row(&telling.returned(*cause)),
        Event::Completed(cause, lines) => telling.row(&telling.completed(*cause, lines)),
        Event::Cancelled(cause) => telling.row(&telling.cancelled(*cause)),
        Event::Expired => telling.row(&telling.expired()),
        Event::NoShow => telling.row(&telling.no_show()),
        Event::Extended(end, paid) => telling.row(&telling.extended(*end, *paid)),
        Event::Moved(from, window, paid) => telling.row(&telling.moved(from, window, *paid)),
        Event::Relocated(from, block) => telling.row(&telling.relocated(from, *block)),
        Event::ClaimAsked(spot_id, number) => telling.row(&telling.claim_asked(*spot_id, number)),
        Event::Overstayed(left, lines) => telling.row(&telling.overstayed(*left, lines)),
        Event::PaymentDeclined => telling.row(&telling.payment_declined()),
        Event::PriceReduced(discount_id) => telling.row(&telling.price_reduced(*discount_id)),
    }
}

/// The fact that a hold is kept for the next in line, beside [`Event::Held`].
pub fn offered(ids: &Ids, now: Timestamp, booking: &Booking, terms: &Terms) -> Row {
    let telling = Telling { ids, now, booking, terms };
    telling.row(&telling.offered())
}

/// The fact that the car of a booking may pass the gate at which its plate was read.
pub fn passage_granted(ids: &Ids, now: Timestamp, booking: &Booking, read: &Read) -> Row {
    let fact = proto::PassageGranted {
        lot_id: booking.lot_id.to_string(),
        version: 1,
        plate_read_id: read.plate_read_id.to_string(),
        gate_id: read.gate_id.clone(),
        direction: read.direction.into(),
        booking_id: booking.booking_id.to_string(),
    };
    Row::of(ids, now, read.plate_read_id.into(), 1, &fact)
}

/// The fact that a person is to be erased.
pub fn user_erased(ids: &Ids, now: Timestamp, erasure: &Erasure) -> Row {
    Row::of(ids, now, erasure.erasure_id.into(), 1, &proto::UserErased::from(erasure))
}

struct Telling<'a> {
    ids: &'a Ids,
    now: Timestamp,
    booking: &'a Booking,
    terms: &'a Terms,
}

impl Telling<'_> {
    fn row<F: Fact>(&self, fact: &F) -> Row {
        Row::of(self.ids, self.now, self.booking.booking_id.into(), self.booking.version, fact)
    }

    fn lot_id(&self) -> String {
        self.booking.lot_id.to_string()
    }

    fn payment_id(&self) -> String {
        self.booking.payment_id.map(|id| id.to_string()).unwrap_or_default()
    }

    /// What is owed by who gave the booking back late or did not come; often nothing.
    fn fee(&self) -> Money {
        let nothing = Money::zero(self.booking.price.amount.currency);
        self.booking.final_amount.unwrap_or(nothing)
    }

    fn summary(&self) -> proto::BookingSummary {
        let booking = self.booking;
        let words = PlaceWords::from(&booking.place);
        proto::BookingSummary {
            booking_id: booking.booking_id.to_string(),
            code: booking.code.clone(),
            lot_id: self.lot_id(),
            lot_name: self.terms.lot_name.clone(),
            time_zone: self.terms.time_zone.clone(),
            floor_id: words.floor_id,
            spot_id: words.spot_id,
            spot_number: words.spot_number,
            ticket_number: words.ticket_number,
            spot_pending: words.pending,
            spot_type: booking.spot_type().into(),
            user_id: booking.user_id.to_string(),
            window: Some(booking.window.into()),
            state: booking.state.into(),
            version: booking.version,
            waitlist_entry_id: entry_words(booking),
            turnaround_seconds: match booking.place {
                Place::Spot { .. } => self.terms.turnaround_seconds,
                Place::Ticket { .. } => 0,
            },
        }
    }

    fn held(&self) -> proto::BookingHeld {
        proto::BookingHeld {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            hold_expire_time: Some(to_proto(self.booking.hold_expire_time)),
        }
    }

    fn payment_declined(&self) -> proto::BookingPaymentDeclined {
        // A hold whose driver acts is kept beyond the end that it was made with.
        let ends = self.booking.due_time.unwrap_or(self.booking.hold_expire_time);
        let held = self.booking.state == proto::BookingState::Held;
        proto::BookingPaymentDeclined {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            hold_expire_time: held.then(|| to_proto(ends)),
            decline_code: self.booking.decline_code.clone().unwrap_or_default(),
            card_due_time: self.booking.card_due_time.map(to_proto),
        }
    }

    fn price_reduced(&self, discount_id: DiscountId) -> proto::BookingPriceReduced {
        let (booking, price) = (self.booking, &self.booking.price);
        let discount_id = discount_id.to_string();
        let held = booking.state == proto::BookingState::Held;
        let ends = booking.due_time.filter(|_| held);
        proto::BookingPriceReduced {
            lot_id: self.lot_id(),
            version: booking.version,
            booking: Some(self.summary()),
            hold_expire_time: ends.map(to_proto),
            reduction: reductions(price).into_iter().find(|one| one.discount_id == discount_id),
            amount: Some(price.amount.into()),
            payable_amount: Some(price.payable().unwrap_or(price.amount).into()),
        }
    }

    fn offered(&self) -> proto::WaitlistOffered {
        proto::WaitlistOffered {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            entry_id: entry_words(self.booking),
            offer_expire_time: Some(to_proto(self.booking.hold_expire_time)),
        }
    }

    fn reserved(&self) -> proto::BookingReserved {
        proto::BookingReserved {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            payment_id: self.payment_id(),
            amount: Some(self.booking.price.amount.into()),
        }
    }

    fn spot_assigned(&self) -> proto::BookingSpotAssigned {
        proto::BookingSpotAssigned {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
        }
    }

    fn activated(&self, cause: proto::Cause) -> proto::BookingActivated {
        proto::BookingActivated {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            arrive_time: self.booking.arrive_time.map(to_proto),
            cause: cause.into(),
        }
    }

    fn departed(&self, until: Timestamp, cause: proto::Cause) -> proto::BookingDeparted {
        proto::BookingDeparted {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            depart_time: self.booking.depart_time.map(to_proto),
            back_until_time: Some(to_proto(until)),
            cause: cause.into(),
        }
    }

    fn returned(&self, cause: proto::Cause) -> proto::BookingReturned {
        proto::BookingReturned {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            cause: cause.into(),
        }
    }

    fn completed(&self, cause: proto::Cause, lines: &[Line]) -> proto::BookingCompleted {
        proto::BookingCompleted {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            leave_time: self.booking.leave_time.map(to_proto),
            cause: cause.into(),
            amount: self.booking.final_amount.map(Into::into),
            lines: lines.iter().map(line).collect(),
            payment_id: self.payment_id(),
        }
    }

    fn cancelled(&self, cause: Option<proto::Cause>) -> proto::BookingCancelled {
        proto::BookingCancelled {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            fee: Some(self.fee().into()),
            payment_id: self.payment_id(),
            cause: cause.unwrap_or_default().into(),
        }
    }

    fn expired(&self) -> proto::BookingExpired {
        proto::BookingExpired {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
        }
    }

    fn no_show(&self) -> proto::BookingNoShow {
        proto::BookingNoShow {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            fee: Some(self.fee().into()),
            payment_id: self.payment_id(),
        }
    }

    fn extended(&self, end: Timestamp, paid: Option<PaymentId>) -> proto::BookingExtended {
        proto::BookingExtended {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            previous_end_time: Some(to_proto(end)),
            amount: Some(self.booking.price.amount.into()),
            payment_id: paid.map(|id| id.to_string()).unwrap_or_default(),
        }
    }

    fn moved(&self, from: &Place, window: &Window, paid: Option<PaymentId>) -> proto::BookingMoved {
        let from = PlaceWords::from(from);
        proto::BookingMoved {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            previous_spot_id: from.spot_id,
            previous_spot_number: from.spot_number,
            previous_window: Some((*window).into()),
            amount: Some(self.booking.price.amount.into()),
            payment_id: paid.map(|id| id.to_string()).unwrap_or_default(),
        }
    }

    fn relocated(&self, from: &Place, block: proto::SpotBlock) -> proto::BookingRelocated {
        let from = PlaceWords::from(from);
        proto::BookingRelocated {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            previous_spot_id: from.spot_id,
            previous_spot_number: from.spot_number,
            block: block.into(),
        }
    }

    fn claim_asked(&self, spot_id: SpotId, number: &str) -> proto::BookingClaimAsked {
        proto::BookingClaimAsked {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            spot_id: spot_id.to_string(),
            spot_number: number.to_owned(),
        }
    }

    fn overstayed(&self, left: Timestamp, lines: &[Line]) -> proto::BookingOverstayed {
        proto::BookingOverstayed {
            lot_id: self.lot_id(),
            version: self.booking.version,
            booking: Some(self.summary()),
            leave_time: Some(to_proto(left)),
            amount: self.booking.overstay_amount.map(Into::into),
            lines: lines.iter().map(line).collect(),
            payment_id: self.payment_id(),
        }
    }
}
