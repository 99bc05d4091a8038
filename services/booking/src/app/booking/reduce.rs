//! RedeemPromoCode, ValidateParking: something is taken off the price of a booking that is there.
//!
//! Uses are counted and noted under the lock of the discount's row, which is taken after the booking's: of two who want the last
//! use exactly one has it, whatever booking it is for.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{BookingId, DiscountId, LotId};
use parkmesh_platform::auth::Caller;

use super::deed::{Deed, request_of};
use super::{own, reach};
use crate::app::App;
use crate::app::inventory::Operator;
use crate::convert::inventory::id;
use crate::domain::booking::{Booking, Command, typed_code};
use crate::domain::discount::{Discount, Kind, day_start, promo_code};
use crate::error::{DiscountRefusal, Error};
use crate::store::booking::read::{self, Reach};
use crate::store::discount as store;

impl App {
    /// Takes what a promo code is worth off the price of an own hold.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn redeem_promo_code(
        &self,
        caller: &Caller,
        request: proto::RedeemPromoCodeRequest,
    ) -> Result<proto::RedeemPromoCodeResponse, Error> {
        let key = request_of(caller, &request.request_id, "RedeemPromoCode", &request)?;
        let found = self.within(&request.booking_id, &own(caller)).await?.booking;
        let code = promo_code(&request.code);
        let redeeming = self.deed(caller, &key, found.booking_id, move |deed: Deed<'_>| {
            let code = code.clone();
            Box::pin(async move {
                let lot_id = deed.kept.booking.lot_id;
                let found = match code {
                    Some(code) => store::lock_code(deed.connection, lot_id, &code).await?,
                    None => None,
                };
                reduce(deed, found.ok_or(DiscountRefusal::CodeInvalid)?).await
            })
        });
        Ok(proto::RedeemPromoCodeResponse { booking: Some(redeeming.await?) })
    }

    /// Lets a merchant take over some of what a booking of the own lot pays.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn validate_parking(
        &self,
        caller: &Caller,
        request: proto::ValidateParkingRequest,
    ) -> Result<proto::ValidateParkingResponse, Error> {
        let operator = Operator::of(caller)?;
        let key = request_of(caller, &request.request_id, "ValidateParking", &request)?;
        let discount = self.own_discount(&operator, &request.discount_id).await?;
        let Kind::Merchant { .. } = discount.kind else {
            return Err(DiscountRefusal::NotFound.into());
        };
        let (lot_id, discount_id): (LotId, DiscountId) = (discount.lot_id, discount.discount_id);
        let reach = Reach { lots: Some(vec![lot_id.as_uuid()]), ..reach(caller) };
        let booking_id = self.validated(&request, lot_id, &reach).await?;
        let validating = self.deed(caller, &key, booking_id, move |deed: Deed<'_>| {
            Box::pin(async move {
                let discount = store::lock(deed.connection, discount_id).await?;
                reduce(deed, discount).await
            })
        });
        Ok(proto::ValidateParkingResponse { booking: Some(validating.await?) })
    }

    /// The booking of the lot that a request names.
    async fn validated(
        &self,
        request: &proto::ValidateParkingRequest,
        lot_id: LotId,
        reach: &Reach,
    ) -> Result<BookingId, Error> {
        use proto::validate_parking_request::Key;
        let booking_id = match &request.key {
            Some(Key::BookingId(text)) => id("booking_id", text)?,
            Some(Key::Code(text)) => {
                let found = read::find_by_code(&self.pool, &typed_code(text), reach).await?;
                found.ok_or(Error::BookingNotFound)?
            }
            None => return Err(Error::field("key", "is required")),
        };
        let found = read::find(&self.pool, booking_id, reach).await?;
        // An operator's own booking, made as a driver, is in reach wherever it is.
        let here = found.filter(|found| found.booking.lot_id == lot_id);
        Ok(here.ok_or(Error::BookingNotFound)?.booking.booking_id)
    }
}

/// Takes what a locked discount is worth off the price of a locked booking, once, if it may be used.
async fn reduce(mut deed: Deed<'_>, discount: Discount) -> Result<Booking, Error> {
    let (booking_id, now) = (deed.kept.booking.booking_id, deed.now);
    if !discount.is_valid(now) {
        return Err(DiscountRefusal::invalid(discount.source()).into());
    }
    let command = Command::Reduce(Box::new(discount.reduction()));
    // What the booking refuses is said before what the limits do.
    let booking = deed.carry_out(&command).await?;
    check_limits(&mut deed, &discount).await?;
    store::note(deed.connection, &discount, booking_id, now).await?;
    Ok(booking)
}

async fn check_limits(deed: &mut Deed<'_>, discount: &Discount) -> Result<(), Error> {
    let (discount_id, kept) = (discount.discount_id, deed.kept);
    let limits = match &discount.kind {
        Kind::PromoCode { most_uses, most_uses_per_driver, .. } => {
            let driver = Some(&kept.booking.user_id);
            vec![
                (*most_uses, (None, None), DiscountRefusal::CodeUsedUp),
                (*most_uses_per_driver, (driver, None), DiscountRefusal::CodeUsedUpByDriver),
            ]
        }
        Kind::Merchant { most_uses_per_day, .. } => {
            let today = day_start(&kept.terms.time_zone, deed.now);
            let today = today.map_err(|error| Error::Broken(error.to_string()))?;
            vec![(*most_uses_per_day, (None, Some(today)), DiscountRefusal::ValidationUsedUp)]
        }
    };
    for (most, of, refusal) in limits.into_iter().filter(|(most, ..)| *most > 0) {
        if store::is_used(deed.connection, discount_id, most, of).await? {
            return Err(refusal.into());
        }
    }
    Ok(())
}
