//! QuoteBooking, GetBooking, ListBookings.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{BookingId, LotId, SpotId};
use parkmesh_contracts::window::Window;
use parkmesh_platform::auth::{Caller, Role};

use super::reach;
use parkmesh_platform::page::{self, List};

use crate::app::App;
use crate::convert::booking::{quote, window};
use crate::convert::inventory::{id, optional_id};
use crate::domain::booking::{Price, check_window};
use crate::domain::inventory::Lot;
use crate::domain::rules::rules_of_lot;
use crate::error::Error;
use crate::store::booking::read::{self, Shelf};
use crate::store::inventory::{lot, spot};

/// Rows of a page when the caller names no number, and at most.
const PAGE_ROWS: (usize, usize) = (50, 200);

impl App {
    /// Prices a window that could be held, without keeping anything.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn quote_booking(
        &self,
        request: proto::QuoteBookingRequest,
    ) -> Result<proto::QuoteBookingResponse, Error> {
        let lot_id = id("lot_id", &request.lot_id)?;
        let spot_id: Option<SpotId> = optional_id("spot_id", &request.spot_id)?;
        let (window, now) = (window(request.window.as_ref())?, self.clock.now());
        check_window(&window, now)?;
        let lot = lot::get(&self.pool, lot_id).await?;
        let spot_type = match spot_id {
            Some(spot_id) => self.quoted_spot(&lot, spot_id, &window, now).await?,
            None => {
                let asked = request.spot_type();
                let unsaid = asked == SpotType::Unspecified;
                let spot_type = if unsaid { SpotType::Regular } else { asked };
                self.check_pool(&lot, spot_type, &window, now).await?;
                spot_type
            }
        };
        let price = Price::of(&lot, spot_type, &window)?;
        Ok(proto::QuoteBookingResponse { quote: Some(quote(&price, &window)) })
    }

    /// The type of a spot that could be held.
    async fn quoted_spot(
        &self,
        lot: &Lot,
        spot_id: SpotId,
        window: &Window,
        now: Timestamp,
    ) -> Result<SpotType, Error> {
        let spot = spot::get(&self.pool, spot_id).await?;
        if spot.lot_id != lot.lot_id {
            return Err(Error::SpotNotFound);
        }
        rules_of_lot(lot, Some(&spot), window, now)?;
        if spot.out_of_service { Err(Error::SpotOutOfService) } else { Ok(spot.spot_type) }
    }

    /// Looks whether the lot takes the window on some spot of the type, whoever may have it.
    async fn check_pool(
        &self,
        lot: &Lot,
        spot_type: SpotType,
        window: &Window,
        now: Timestamp,
    ) -> Result<(), Error> {
        rules_of_lot(lot, None, window, now)?;
        let spots = self.known.pool(&self.pool, lot.lot_id, spot_type).await?;
        let mut spots = spots.liked(None).iter();
        let open = spots.any(|spot| rules_of_lot(lot, Some(spot), window, now).is_ok());
        if open { Ok(()) } else { Err(Error::SoldOut) }
    }

    /// Reads a booking within the caller's reach.
    ///
    /// # Errors
    /// [`Error::BookingNotFound`], or the store's.
    pub async fn get_booking(
        &self,
        caller: &Caller,
        request: proto::GetBookingRequest,
    ) -> Result<proto::GetBookingResponse, Error> {
        let booking_id = id("booking_id", &request.booking_id)?;
        let kept = read::find(&self.pool, booking_id, &reach(caller)).await?;
        let booking = kept.ok_or(Error::BookingNotFound)?.booking;
        Ok(proto::GetBookingResponse { booking: Some((&booking).into()) })
    }

    /// Lists the caller's own bookings, or those of an operator's lot.
    ///
    /// # Errors
    /// What the proto names, [`Error::LotNotFound`] for a lot of another operator, or the store's.
    pub async fn list_bookings(
        &self,
        caller: &Caller,
        request: proto::ListBookingsRequest,
    ) -> Result<proto::ListBookingsResponse, Error> {
        let lot_id: Option<LotId> = optional_id("lot_id", &request.lot_id)?;
        let shelf = self.shelf(caller, lot_id).await?;
        let arguments = [request.lot_id.as_str(), request.state().as_str_name()];
        let list = List::of("ListBookings", &caller.subject, &arguments);
        let before: Option<BookingId> = list.after(&request.page_token)?;
        let state = Some(request.state()).filter(|state| *state != BookingState::Unspecified);
        let size = page::size(request.page_size, PAGE_ROWS.0, PAGE_ROWS.1);
        let rows = read::list(&self.pool, &shelf, state, before, page::limit(size)).await?;
        let (rows, next_page_token) = list.cut(rows, size, |last| last.booking.booking_id);
        let bookings = rows.iter().map(|kept| (&kept.booking).into()).collect();
        Ok(proto::ListBookingsResponse { bookings, next_page_token })
    }

    pub(in crate::app) async fn shelf(
        &self,
        caller: &Caller,
        lot_id: Option<LotId>,
    ) -> Result<Shelf, Error> {
        if caller.role != Role::Operator {
            return Ok(Shelf::Own(caller.subject.clone(), lot_id));
        }
        let lot_id = lot_id.ok_or_else(|| Error::field("lot_id", "is required of operators"))?;
        let lot = lot::get(&self.pool, lot_id).await?;
        if lot.operator_id != caller.subject || !caller.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        Ok(Shelf::Lot(lot_id))
    }
}
