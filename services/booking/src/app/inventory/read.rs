//! GetLot, GetFloor, GetSpot, ListLots, ListFloors, ListSpots. Open to everybody who may read at all.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{FloorId, LotId, UserId};
use parkmesh_platform::page::{self, List};

use crate::app::App;
use crate::convert::inventory::{id, optional_id};
use crate::error::Error;
use crate::store::inventory::{floor, lot, spot};

/// Rows of a page of lots: default and most.
const LOTS_PAGE: (usize, usize) = (50, 200);
/// Rows of a page of spots: default and most.
const SPOTS_PAGE: (usize, usize) = (200, 1_000);

impl App {
    /// Reads a lot with the tariff that holds now.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn get_lot(
        &self,
        request: proto::GetLotRequest,
    ) -> Result<proto::GetLotResponse, Error> {
        let found = lot::get(&self.pool, id("lot_id", &request.lot_id)?).await?;
        Ok(proto::GetLotResponse { lot: Some((&found).into()) })
    }

    /// Reads a floor.
    ///
    /// # Errors
    /// [`Error::FloorNotFound`], or the store's.
    pub async fn get_floor(
        &self,
        request: proto::GetFloorRequest,
    ) -> Result<proto::GetFloorResponse, Error> {
        let found = floor::get(&self.pool, id("floor_id", &request.floor_id)?).await?;
        Ok(proto::GetFloorResponse { floor: Some((&found).into()) })
    }

    /// Reads a spot.
    ///
    /// # Errors
    /// [`Error::SpotNotFound`], or the store's.
    pub async fn get_spot(
        &self,
        request: proto::GetSpotRequest,
    ) -> Result<proto::GetSpotResponse, Error> {
        let found = spot::get(&self.pool, id("spot_id", &request.spot_id)?).await?;
        Ok(proto::GetSpotResponse { spot: Some((&found).into()) })
    }

    /// Lists lots by name, then id.
    ///
    /// # Errors
    /// [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_lots(
        &self,
        caller: &UserId,
        request: proto::ListLotsRequest,
    ) -> Result<proto::ListLotsResponse, Error> {
        let list = List::of("ListLots", caller, &[]);
        let after: Option<LotId> = list.after(&request.page_token)?;
        let size = page::size(request.page_size, LOTS_PAGE.0, LOTS_PAGE.1);
        let rows = lot::list(&self.pool, after, page::limit(size)).await?;
        let (lots, next_page_token) = list.cut(rows, size, |last| last.lot_id);
        let lots = lots.iter().map(proto::Lot::from).collect();
        Ok(proto::ListLotsResponse { lots, next_page_token })
    }

    /// Lists the floors of a lot by number.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn list_floors(
        &self,
        request: proto::ListFloorsRequest,
    ) -> Result<proto::ListFloorsResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        let floors = floor::list(&self.pool, lot_id).await?;
        if floors.is_empty() {
            lot::get(&self.pool, lot_id).await?;
        }
        Ok(proto::ListFloorsResponse { floors: floors.iter().map(proto::Floor::from).collect() })
    }

    /// Lists the spots of a lot, or of one of its floors, by number.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_spots(
        &self,
        caller: &UserId,
        request: proto::ListSpotsRequest,
    ) -> Result<proto::ListSpotsResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        let floor_id: Option<FloorId> = optional_id("floor_id", &request.floor_id)?;
        let floor_text = floor_id.map(|floor| floor.to_string()).unwrap_or_default();
        let list = List::of("ListSpots", caller, &[&lot_id.to_string(), &floor_text]);
        let after: String = list.after(&request.page_token)?.unwrap_or_default();
        let size = page::size(request.page_size, SPOTS_PAGE.0, SPOTS_PAGE.1);
        let rows = spot::list(&self.pool, lot_id, floor_id, &after, page::limit(size)).await?;
        if rows.is_empty() && after.is_empty() {
            lot::get(&self.pool, lot_id).await?;
        }
        let (spots, next_page_token) = list.cut(rows, size, |last| last.spot_number.clone());
        let spots = spots.iter().map(proto::Spot::from).collect();
        Ok(proto::ListSpotsResponse { spots, next_page_token })
    }
}
