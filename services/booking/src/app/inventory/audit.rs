//! ListAuditEntries.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{AuditEntryId, LotId, RequestId};
use parkmesh_platform::page::{self, List};

use super::Operator;
use crate::app::App;
use crate::convert::inventory::{id, optional_id};
use crate::error::Error;
use crate::store::audit;
use crate::store::inventory::lot;

/// Rows of a page: default and most.
const PAGE_ROWS: (usize, usize) = (50, 200);

impl App {
    /// Lists what operators did to an own lot, newest first.
    ///
    /// # Errors
    /// What the proto names, [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_audit_entries(
        &self,
        operator: &Operator,
        request: proto::ListAuditEntriesRequest,
    ) -> Result<proto::ListAuditEntriesResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        // Objects are of several kinds; here an id is only compared.
        let object_id: Option<RequestId> = optional_id("object_id", &request.object_id)?;
        let object_id = object_id.map(RequestId::as_uuid);
        lot::check_own(&self.pool, lot_id, &operator.subject).await?;
        let object = object_id.map(|id| id.to_string()).unwrap_or_default();
        let list = List::of("ListAuditEntries", &operator.subject, &[&lot_id.to_string(), &object]);
        let before: Option<AuditEntryId> = list.after(&request.page_token)?;
        let size = page::size(request.page_size, PAGE_ROWS.0, PAGE_ROWS.1);
        let rows = audit::list(&self.pool, lot_id, object_id, before, page::limit(size)).await?;
        let (entries, next_page_token) = list.cut(rows, size, |last| last.entry_id);
        let entries = entries.into_iter().map(Into::into).collect();
        Ok(proto::ListAuditEntriesResponse { entries, next_page_token })
    }
}
