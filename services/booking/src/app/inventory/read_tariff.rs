//! GetTariff, ListTariffs. Open to everybody who may read at all: prices are no secret.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{LotId, UserId};
use parkmesh_platform::page::{self, List};

use crate::app::App;
use crate::convert::inventory::id;
use crate::error::Error;
use crate::store::inventory::{lot, tariff};

/// Rows of a page: default and most.
const TARIFFS_PAGE: (usize, usize) = (50, 200);

impl App {
    /// Reads a version of a lot's tariff.
    ///
    /// # Errors
    /// [`Error::TariffNotFound`], or the store's.
    pub async fn get_tariff(
        &self,
        request: proto::GetTariffRequest,
    ) -> Result<proto::GetTariffResponse, Error> {
        let lot_id = id("lot_id", &request.lot_id)?;
        let found = tariff::find(&self.pool, lot_id, request.version).await?;
        let found = found.ok_or(Error::TariffNotFound)?;
        Ok(proto::GetTariffResponse { tariff: Some((&found).into()) })
    }

    /// Lists the versions of a lot's tariff, newest first.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_tariffs(
        &self,
        caller: &UserId,
        request: proto::ListTariffsRequest,
    ) -> Result<proto::ListTariffsResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        let list = List::of("ListTariffs", caller, &[&lot_id.to_string()]);
        let before: Option<i64> = list.after(&request.page_token)?;
        let size = page::size(request.page_size, TARIFFS_PAGE.0, TARIFFS_PAGE.1);
        let rows = tariff::list(&self.pool, lot_id, before, page::limit(size)).await?;
        if rows.is_empty() {
            lot::get(&self.pool, lot_id).await?;
        }
        let (rows, next_page_token) = list.cut(rows, size, |last| last.version);
        let tariffs = rows.iter().map(proto::Tariff::from).collect();
        Ok(proto::ListTariffsResponse { tariffs, next_page_token })
    }
}
