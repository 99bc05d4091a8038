//! ListWaitlist.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::WaitlistState;
use parkmesh_contracts::ids::{LotId, WaitlistEntryId};
use parkmesh_platform::auth::Caller;
use parkmesh_platform::page::{self, List};

use crate::app::App;
use crate::convert::inventory::optional_id;
use crate::error::Error;
use crate::store::waitlist as store;

/// Rows of a page when the caller names no number, and at most.
const PAGE_ROWS: (usize, usize) = (50, 200);

impl App {
    /// Lists the caller's own entries, or those of an operator's lot.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn list_waitlist(
        &self,
        caller: &Caller,
        request: proto::ListWaitlistRequest,
    ) -> Result<proto::ListWaitlistResponse, Error> {
        let lot_id: Option<LotId> = optional_id("lot_id", &request.lot_id)?;
        let shelf = self.shelf(caller, lot_id).await?;
        let arguments = [request.lot_id.as_str(), request.state().as_str_name()];
        let list = List::of("ListWaitlist", &caller.subject, &arguments);
        let before: Option<WaitlistEntryId> = list.after(&request.page_token)?;
        let state = Some(request.state()).filter(|state| *state != WaitlistState::Unspecified);
        let size = page::size(request.page_size, PAGE_ROWS.0, PAGE_ROWS.1);
        let rows = store::list(&self.pool, &shelf, state, before, page::limit(size)).await?;
        let (rows, next_page_token) = list.cut(rows, size, |last| last.entry_id);
        let entries = rows.iter().map(Into::into).collect();
        Ok(proto::ListWaitlistResponse { entries, next_page_token })
    }
}
