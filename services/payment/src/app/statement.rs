//! What an operator is paid out for some days.

use std::collections::HashMap;

use jiff::SignedDuration;
use parkmesh_contracts::money::Currency;

use super::{Access, App};
use crate::domain::Statement;
use crate::domain::days::Days;
use crate::domain::statement::payouts;
use crate::error::Error;
use crate::store;

/// So long after its end a time is closed: the database refuses whatever would be written into it
/// (`ledger_time_open`, which refuses what is half as old).
const CLOSED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// What is asked of a statement.
#[derive(Clone, Debug)]
pub struct AskStatement {
    /// Of all amounts.
    pub currency: Currency,
    /// Which days.
    pub days: Days,
}

impl App {
    /// The statement of the lots that the operator reaches.
    ///
    /// # Errors
    /// [`Error::OperatorRequired`], [`Error::Invalid`], or when the store fails.
    pub async fn statement(
        &self,
        access: &Access,
        asked: AskStatement,
    ) -> Result<Statement, Error> {
        let Access::Lots(lots) = access else { return Err(Error::OperatorRequired) };
        let AskStatement { currency, days } = asked;
        let span = days.span().map_err(|(field, text)| Error::field(field, text))?;
        let lots: Vec<_> = lots.iter().copied().collect();
        // Looked at before the ledger: what is closed now cannot change while it is read.
        let closed = self.clock.now().duration_since(span.1) >= CLOSED_AFTER;
        let summed = store::statement::summed(&self.pool, &lots, currency, span).await?;
        let written = store::statement::debts_written(&self.pool, &lots, currency, span).await?;
        let mut addresses: HashMap<_, _> =
            store::statement::addresses(&self.pool, &lots).await?.into_iter().collect();
        let (lots, total) = payouts(&summed, &written);
        let addressed =
            |(lot_id, line)| (lot_id, addresses.remove(&lot_id).unwrap_or_default(), line);
        let lots = lots.into_iter().map(addressed).collect();
        Ok(Statement { currency, days, span, closed, lots, total })
    }
}
