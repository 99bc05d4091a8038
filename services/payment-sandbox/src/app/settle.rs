//! Clockwork: outcomes that were left open, and authorisations whose time is over.

use jiff::Timestamp;
use parkmesh_platform::fault::chain;

use super::App;
use crate::domain::Command;
use crate::error::Error;
use crate::store;

/// Outcomes of one turn, of each kind.
const DUE_MAX: i64 = 200;

/// Brings to its end what is due now; tells how much that was.
pub async fn tick(app: &App, now: Timestamp) -> Result<usize, Error> {
    let due = store::due(&app.pool, now, DUE_MAX).await?;
    let settled = due.iter().map(|(authorization_id, refund_id)| {
        let authorization_id = *authorization_id;
        let command = match refund_id {
            Some(refund_id) => Command::SettleRefund { authorization_id, refund_id: *refund_id },
            None => Command::Settle { authorization_id },
        };
        app.ask(None, command)
    });
    for outcome in futures_util::future::join_all(settled).await {
        outcome?;
    }
    Ok(due.len())
}

/// Ticks once in every period.
pub fn start(app: &App, period: std::time::Duration) {
    let (app, tasks) = (app.clone(), app.tasks.clone());
    tasks.every("sandbox-settle", period, move |now| {
        let app = app.clone();
        async move {
            if let Err(error) = tick(&app, now).await {
                tracing::warn!(error = chain(&error), "open outcomes were not settled");
            }
        }
    });
}
