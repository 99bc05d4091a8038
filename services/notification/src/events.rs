//! Facts of booking, payment and sensor into what there is to tell. The one translator.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::{
    BookingActivated, BookingCancelled, BookingClaimAsked, BookingCompleted, BookingExpired,
    BookingExtended, BookingHeld, BookingMoved, BookingNoShow, BookingOverstayed,
    BookingPaymentDeclined, BookingRelocated, BookingReserved, BookingSpotAssigned, BookingState,
    BookingSummary, Cause, InventoryChanged, SpotStateChanged, UserErased, WaitlistOffered,
};
use parkmesh_contracts::erasure::Erasure;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::ids::{BookingId, ErasureId, LotId, SpotId, UserId};
use parkmesh_contracts::money::Money;
use parkmesh_contracts::notification::v1::UserDataErased;
use parkmesh_contracts::payment::v1::{
    PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentStuck, PaymentStuckCause,
};
use parkmesh_contracts::sensor::v1::{DiscrepancyKind, DiscrepancyOpened, SensorSilent};
use parkmesh_contracts::time;
use parkmesh_contracts::window::Window;
use parkmesh_eventbus::outbox::Row;
use parkmesh_eventbus::{Delivered, Failure};
use parkmesh_platform::ids::Ids;

use crate::app::{Alarm, Booked, Told};
use crate::domain::reminder::Stage;
use crate::domain::{Alert, Asked, Change, Disagreement, Happening, Need, Place};

/// What we hear of booking.
pub const OF_BOOKING: &[&str] = &[
    BookingHeld::TYPE,
    BookingReserved::TYPE,
    BookingSpotAssigned::TYPE,
    BookingActivated::TYPE,
    BookingCompleted::TYPE,
    BookingCancelled::TYPE,
    BookingExpired::TYPE,
    BookingNoShow::TYPE,
    WaitlistOffered::TYPE,
    UserErased::TYPE,
    BookingExtended::TYPE,
    BookingMoved::TYPE,
    BookingRelocated::TYPE,
    BookingOverstayed::TYPE,
    BookingClaimAsked::TYPE,
    BookingPaymentDeclined::TYPE,
];

/// What we hear of payment.
pub const OF_PAYMENT: &[&str] =
    &[PaymentCaptured::TYPE, PaymentDeclined::TYPE, PaymentRefunded::TYPE, PaymentStuck::TYPE];

/// What we hear of sensor.
pub const OF_SENSOR: &[&str] = &[SensorSilent::TYPE, DiscrepancyOpened::TYPE];

/// What we hear of booking for the names of things, apart from the rest: a city that is imported holds up
/// nobody's messages.
pub const OF_NAMES: &[&str] = &[InventoryChanged::TYPE, SpotStateChanged::TYPE];

/// What we hear of booking for whose lots are.
pub const OF_OWNERS: &[&str] = &[InventoryChanged::TYPE];

/// Whose a lot is, and the version of the lot.
///
/// # Errors
/// [`Failure::Poison`] for a body that makes no sense.
pub fn owner(fact: &Delivered) -> Result<(LotId, UserId, i64), Failure> {
    let changed: InventoryChanged = fact.decode()?;
    let lot = changed.lot.ok_or_else(|| poison("lot is missing"))?;
    let lot_id = changed.lot_id.parse().map_err(poison)?;
    Ok((lot_id, lot.operator_id.parse().map_err(poison)?, changed.version))
}

/// The name of a thing.
pub enum Name {
    /// A lot's name and zone.
    Lot {
        /// Which.
        lot_id: LotId,
        /// Its name.
        lot_name: String,
        /// IANA zone.
        time_zone: String,
        /// Of the lot.
        version: i64,
    },
    /// What is painted on a spot.
    Spot {
        /// Which.
        spot_id: SpotId,
        /// Its lot.
        lot_id: LotId,
        /// What is painted there.
        spot_number: String,
        /// Of the spot.
        version: i64,
    },
}

/// Which name a fact tells; `None` for one that tells none.
///
/// # Errors
/// [`Failure::Poison`] for a body that makes no sense.
pub fn name(fact: &Delivered) -> Result<Option<Name>, Failure> {
    Ok(Some(match fact.fact_type.as_str() {
        InventoryChanged::TYPE => {
            let changed: InventoryChanged = fact.decode()?;
            let lot = changed.lot.ok_or_else(|| poison("lot is missing"))?;
            let lot_id = changed.lot_id.parse().map_err(poison)?;
            let (lot_name, time_zone) = (lot.name, lot.time_zone);
            Name::Lot { lot_id, lot_name, time_zone, version: changed.version }
        }
        SpotStateChanged::TYPE => {
            let changed: SpotStateChanged = fact.decode()?;
            let spot = changed.spot.ok_or_else(|| poison("spot is missing"))?;
            let spot_id = spot.spot_id.parse().map_err(poison)?;
            let lot_id = changed.lot_id.parse().map_err(poison)?;
            let (spot_number, version) = (spot.spot_number, changed.version);
            Name::Spot { spot_id, lot_id, spot_number, version }
        }
        _ => return Ok(None),
    }))
}

/// What a fact tells operators; `None` for one that tells them nothing.
///
/// # Errors
/// [`Failure::Poison`] for a body that makes no sense.
pub fn alarm(fact: &Delivered) -> Result<Option<Alarm>, Failure> {
    let (lot_id, spot_id, alert) = match fact.fact_type.as_str() {
        SensorSilent::TYPE => {
            let silent: SensorSilent = fact.decode()?;
            // Never heard: it was registered a moment ago, as thousands are when a city moves in.
            let Some(last_seen) = &silent.last_seen_time else { return Ok(None) };
            let last_seen = time::from_proto(last_seen).map_err(poison)?;
            (silent.lot_id, silent.spot_id, Alert::SensorSilent { last_seen })
        }
        DiscrepancyOpened::TYPE => {
            let opened: DiscrepancyOpened = fact.decode()?;
            let since = instant("since_time", opened.since_time.as_ref())?;
            let kind = match opened.kind() {
                DiscrepancyKind::CarWithoutSession => Disagreement::CarWithoutSession,
                DiscrepancyKind::SessionWithoutCar => Disagreement::SessionWithoutCar,
                // A kind that is newer than we are is as little known as the ground.
                DiscrepancyKind::GroundUnknown | DiscrepancyKind::Unspecified => {
                    Disagreement::GroundUnknown
                }
            };
            (opened.lot_id, opened.spot_id, Alert::Discrepancy { kind, since })
        }
        PaymentStuck::TYPE => return stuck(fact.decode()?).map(Some),
        _ => return Ok(None),
    };
    let lot_id = lot_id.parse().map_err(poison)?;
    let spot_id = Some(spot_id.parse().map_err(poison)?);
    Ok(Some(Alarm { lot_id, spot_id, booking_id: None, alert }))
}

fn stuck(fact: PaymentStuck) -> Result<Alarm, Failure> {
    let asked = match fact.cause() {
        PaymentStuckCause::Authorize => Some(Asked::Authorize),
        PaymentStuckCause::Capture => Some(Asked::Capture),
        PaymentStuckCause::Void => Some(Asked::Void),
        PaymentStuckCause::Refund => Some(Asked::Refund),
        // A cause that is newer than we are is not told.
        PaymentStuckCause::Unspecified => None,
    };
    let (amount, since) = (amount(fact.amount.as_ref())?, fact.since_time.as_ref());
    let since = instant("since_time", since)?;
    let alert = Alert::PaymentStuck { payment_id: fact.payment_id, asked, amount, since };
    Ok(Alarm {
        lot_id: fact.lot_id.parse().map_err(poison)?,
        spot_id: None,
        booking_id: Some(fact.booking_id.parse().map_err(poison)?),
        alert,
    })
}

/// What a fact tells; `None` for one that we do not know.
///
/// # Errors
/// [`Failure::Poison`] for a body that makes no sense.
pub fn told(fact: &Delivered) -> Result<Option<Told>, Failure> {
    let told = match fact.fact_type.as_str() {
        BookingHeld::TYPE => {
            let held: BookingHeld = fact.decode()?;
            let until = held.hold_expire_time.as_ref().map(time::from_proto);
            let until = until.transpose().map_err(poison)?;
            with_hold(of_booking(held.booking, |_| Ok(None))?, until)
        }
        BookingReserved::TYPE => {
            of_booking(fact.decode::<BookingReserved>()?.booking, |booking| {
                let (window, code) = (window(booking)?, booking.code.clone());
                Ok(Some(Happening::Reserved { window, code }))
            })?
        }
        BookingSpotAssigned::TYPE => {
            of_booking(fact.decode::<BookingSpotAssigned>()?.booking, |booking| {
                let (window, code) = (window(booking)?, booking.code.clone());
                Ok(Some(Happening::SpotGiven { window, code }))
            })?
        }
        WaitlistOffered::TYPE => {
            let offered: WaitlistOffered = fact.decode()?;
            let until = instant("offer_expire_time", offered.offer_expire_time.as_ref())?;
            let told = of_booking(offered.booking, |booking| {
                Ok(Some(Happening::Offered { window: window(booking)?, until }))
            })?;
            with_hold(told, Some(until))
        }
        BookingActivated::TYPE => {
            let activated: BookingActivated = fact.decode()?;
            let at = instant("arrive_time", activated.arrive_time.as_ref())?;
            of_booking(activated.booking, |booking| {
                Ok(Some(Happening::Arrived { at, window: window(booking)? }))
            })?
        }
        BookingCompleted::TYPE => {
            let completed: BookingCompleted = fact.decode()?;
            let left = instant("leave_time", completed.leave_time.as_ref())?;
            let amount = amount(completed.amount.as_ref())?;
            of_booking(completed.booking, |_| Ok(Some(Happening::Completed { left, amount })))?
        }
        BookingCancelled::TYPE => {
            let cancelled: BookingCancelled = fact.decode()?;
            let fee = amount(cancelled.fee.as_ref())?;
            let why = match cancelled.cause() {
                Cause::SpotBlocked => Some(Need::SpotBlocked),
                Cause::Payment => Some(Need::Unpaid),
                _ => None,
            };
            of_booking(cancelled.booking, |booking| {
                Ok(Some(Happening::Cancelled { window: window(booking)?, fee, why }))
            })?
        }
        BookingExpired::TYPE => {
            of_booking(fact.decode::<BookingExpired>()?.booking, |_| Ok(Some(Happening::Expired)))?
        }
        BookingNoShow::TYPE => {
            let no_show: BookingNoShow = fact.decode()?;
            let fee = amount(no_show.fee.as_ref())?;
            of_booking(no_show.booking, |booking| {
                Ok(Some(Happening::NoShow { window: window(booking)?, fee }))
            })?
        }
        PaymentCaptured::TYPE => {
            let captured: PaymentCaptured = fact.decode()?;
            // Of several captures of one stay the last one brings the receipt, of all of them.
            let total = captured.receipt_total.or(captured.amount);
            let receipt_number = captured.receipt_number;
            let amount = amount(total.as_ref())?.filter(|_| !receipt_number.is_empty());
            let happening = amount.map(|amount| Happening::Charged { amount, receipt_number });
            of_payment(&captured.booking_id, &captured.user_id, happening)?
        }
        PaymentRefunded::TYPE => {
            let refunded: PaymentRefunded = fact.decode()?;
            let amount = amount(refunded.amount.as_ref())?;
            let happening = amount.map(|amount| Happening::Refunded { amount });
            of_payment(&refunded.booking_id, &refunded.user_id, happening)?
        }
        PaymentDeclined::TYPE => {
            let declined: PaymentDeclined = fact.decode()?;
            // Of what is promised booking tells, with the time until which it waits.
            let happening = (!declined.promised)
                .then_some(Happening::Declined { code: declined.decline_code, until: None });
            of_payment(&declined.booking_id, &declined.user_id, happening)?
        }
        _ => return changed(fact),
    };
    Ok(Some(told))
}

/// What facts tell of a booking that goes on somewhere else or for longer, or has gone on for too long.
fn changed(fact: &Delivered) -> Result<Option<Told>, Failure> {
    let told = match fact.fact_type.as_str() {
        BookingExtended::TYPE => {
            of_booking(fact.decode::<BookingExtended>()?.booking, |booking| {
                Ok(Some(Happening::Changed(Change::Extended { end: window(booking)?.end() })))
            })?
        }
        BookingMoved::TYPE => of_booking(fact.decode::<BookingMoved>()?.booking, |booking| {
            Ok(Some(Happening::Changed(Change::Moved { window: window(booking)? })))
        })?,
        BookingRelocated::TYPE => {
            let relocated: BookingRelocated = fact.decode()?;
            let from = relocated.previous_spot_number;
            of_booking(relocated.booking, |booking| {
                Ok(Some(Happening::Changed(Change::Relocated { from, window: window(booking)? })))
            })?
        }
        BookingOverstayed::TYPE => {
            let overstayed: BookingOverstayed = fact.decode()?;
            let left = instant("leave_time", overstayed.leave_time.as_ref())?;
            let amount = amount(overstayed.amount.as_ref())?;
            of_booking(overstayed.booking, |_| {
                Ok(Some(Happening::Changed(Change::Overstayed { left, amount })))
            })?
        }
        BookingPaymentDeclined::TYPE => {
            let declined: BookingPaymentDeclined = fact.decode()?;
            let until = declined.card_due_time.as_ref();
            let until = until.map(|until| instant("card_due_time", Some(until))).transpose()?;
            let held = declined.hold_expire_time.is_some();
            // Whoever holds a spot is at their screen, and payment has told them.
            let happening =
                (!held).then_some(Happening::Declined { code: declined.decline_code, until });
            of_booking(declined.booking, |_| Ok(happening.clone()))?
        }
        BookingClaimAsked::TYPE => {
            let asked: BookingClaimAsked = fact.decode()?;
            let spot_number = asked.spot_number;
            of_booking(asked.booking, |_| {
                Ok(Some(Happening::Changed(Change::ClaimAsked { spot_number })))
            })?
        }
        _ => return Ok(None),
    };
    Ok(Some(told))
}

/// The fact that what was kept of a person is erased.
pub fn user_data_erased(ids: &Ids, now: Timestamp, erasure_id: ErasureId) -> Row {
    let (lot_id, version) = (String::new(), 1);
    let fact = UserDataErased { lot_id, version, erasure_id: erasure_id.to_string() };
    Row::of(ids, now, erasure_id.into(), version, &fact)
}

/// Whom a fact asks to erase; `None` when it is no such fact.
///
/// # Errors
/// [`Failure::Poison`] for a body that makes no sense.
pub fn erasure(fact: &Delivered) -> Result<Option<Erasure>, Failure> {
    let told = (fact.fact_type == UserErased::TYPE).then(|| fact.decode::<UserErased>());
    told.transpose()?.map(Erasure::try_from).transpose().map_err(poison)
}

fn of_booking(
    booking: Option<BookingSummary>,
    happening: impl FnOnce(&BookingSummary) -> Result<Option<Happening>, Failure>,
) -> Result<Told, Failure> {
    let booking = booking.ok_or_else(|| poison("booking is missing"))?;
    let happening = happening(&booking)?;
    let told = of_payment(&booking.booking_id, &booking.user_id, happening)?;
    let stage = match booking.state() {
        BookingState::Reserved => Some(Stage::Reserved),
        BookingState::Active => Some(Stage::Active),
        // Until when a hold is kept only some facts say.
        BookingState::Held | BookingState::Unspecified => None,
        _ => Some(Stage::Over),
    };
    let booked = Booked {
        lot_id: booking.lot_id.parse().ok(),
        stage,
        window: booking.window.as_ref().map(Window::try_from).transpose().map_err(poison)?,
        version: booking.version,
        code: booking.code,
        place: Place {
            lot_name: booking.lot_name,
            spot_number: booking.spot_number,
            ticket_number: booking.ticket_number,
            time_zone: booking.time_zone,
        },
    };
    Ok(Told { booked: Some(booked), ..told })
}

/// With the end of a hold, where the booking is one.
fn with_hold(mut told: Told, until: Option<Timestamp>) -> Told {
    if let (Some(booked), Some(until)) = (&mut told.booked, until) {
        booked.stage = booked.stage.or(Some(Stage::Held { until }));
    }
    told
}

fn of_payment(
    booking_id: &str,
    user_id: &str,
    happening: Option<Happening>,
) -> Result<Told, Failure> {
    let booking_id: BookingId = booking_id.parse().map_err(poison)?;
    let user_id = match user_id {
        "" => None,
        text => Some(UserId::parse(text).map_err(poison)?),
    };
    Ok(Told { booking_id, user_id, booked: None, happening })
}

fn window(booking: &BookingSummary) -> Result<Window, Failure> {
    let window = booking.window.as_ref().ok_or_else(|| poison("window is missing"))?;
    Window::try_from(window).map_err(poison)
}

fn instant(name: &str, time: Option<&prost_types::Timestamp>) -> Result<Timestamp, Failure> {
    let time = time.ok_or_else(|| poison(format!("{name} is missing")))?;
    time::from_proto(time).map_err(poison)
}

/// More than nothing, or `None`.
fn amount(money: Option<&ProtoMoney>) -> Result<Option<Money>, Failure> {
    // An amount that nobody filled in is nothing, whatever its currency.
    let money = money.filter(|money| money.units != 0 || money.nanos != 0);
    money.map(Money::try_from).transpose().map_err(poison)
}

fn poison(error: impl ToString) -> Failure {
    Failure::Poison(error.to_string())
}
