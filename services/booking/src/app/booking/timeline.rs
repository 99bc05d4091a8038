//! ListSpotTimeline, ListBookingTimeline: why a spot or a booking is as it is.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{BookingId, SpotId};
use parkmesh_platform::auth::Caller;
use parkmesh_platform::page::{self, List};

use super::reach;
use crate::app::App;
use crate::app::inventory::Operator;
use crate::convert::inventory::id;
use crate::error::Error;
use crate::store::booking::read;
use crate::store::inventory::{lot, spot};
use crate::store::timeline::{self, Of};

/// Rows of a page: default and most.
const PAGE_ROWS: (usize, usize) = (50, 200);

impl App {
    /// Lists the story of a spot of an own lot, newest first.
    ///
    /// # Errors
    /// What the proto names, [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_spot_timeline(
        &self,
        caller: &Caller,
        request: proto::ListSpotTimelineRequest,
    ) -> Result<proto::ListSpotTimelineResponse, Error> {
        let operator = Operator::of(caller)?;
        let spot_id: SpotId = id("spot_id", &request.spot_id)?;
        let lot_id = spot::get(&self.pool, spot_id).await?.lot_id;
        if !operator.may_act_at(lot_id) {
            return Err(Error::SpotNotFound);
        }
        match lot::check_own(&self.pool, lot_id, &operator.subject).await {
            Err(Error::LotNotFound) => return Err(Error::SpotNotFound),
            outcome => outcome?,
        }
        let list = List::of("ListSpotTimeline", &caller.subject, &[&spot_id.to_string()]);
        let page = (request.page_size, request.page_token.as_str());
        let (entries, next_page_token) =
            self.timeline(Of::Spot(spot_id.as_uuid()), list, page).await?;
        Ok(proto::ListSpotTimelineResponse { entries, next_page_token })
    }

    /// Lists the story of a booking, newest first.
    ///
    /// # Errors
    /// What the proto names, [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_booking_timeline(
        &self,
        caller: &Caller,
        request: proto::ListBookingTimelineRequest,
    ) -> Result<proto::ListBookingTimelineResponse, Error> {
        let booking_id: BookingId = id("booking_id", &request.booking_id)?;
        let mut reach = reach(caller);
        reach.kiosk = false;
        read::find(&self.pool, booking_id, &reach).await?.ok_or(Error::BookingNotFound)?;
        let list = List::of("ListBookingTimeline", &caller.subject, &[&booking_id.to_string()]);
        let page = (request.page_size, request.page_token.as_str());
        let (entries, next_page_token) =
            self.timeline(Of::Booking(booking_id.as_uuid()), list, page).await?;
        Ok(proto::ListBookingTimelineResponse { entries, next_page_token })
    }

    async fn timeline(
        &self,
        of: Of,
        list: List,
        (page_size, page_token): (i32, &str),
    ) -> Result<(Vec<proto::TimelineEntry>, String), Error> {
        let before: Option<i64> = list.after(page_token)?;
        let size = page::size(page_size, PAGE_ROWS.0, PAGE_ROWS.1);
        let rows = timeline::list(&self.pool, of, before, page::limit(size)).await?;
        let (rows, next_page_token) = list.cut(rows, size, |last| last.entry_id);
        Ok((rows.into_iter().map(Into::into).collect(), next_page_token))
    }
}
