//! Clockwork: news that other processes wrote, and messages that are too old.

use std::time::Duration;

use jiff::Timestamp;
use parkmesh_platform::fault::chain;
use parkmesh_platform::tasks::Tasks;

use crate::app::App;
use crate::error::Error;
use crate::store;

/// How often old messages are looked for.
const FORGET_PERIOD: Duration = Duration::from_secs(600);
/// Rows forgotten in one statement.
const FORGET_MAX: i64 = 1_000;

/// Tells the watches of this process what others have written: one statement for all of them.
///
/// # Errors
/// When the store fails.
pub async fn look(app: &App) -> Result<(), Error> {
    let waiting = app.hub.waiting();
    if waiting.is_empty() {
        return Ok(());
    }
    for (user_id, last) in store::notification::last_sequences(&app.pool, &waiting).await? {
        app.hub.news(&user_id, last);
    }
    Ok(())
}

/// Forgets what is older than messages are kept.
///
/// # Errors
/// When the store fails.
pub async fn forget(app: &App, now: Timestamp) -> Result<(), Error> {
    let Ok(before) = now.checked_sub(app.config.keep) else { return Ok(()) };
    while store::notification::forget(&app.pool, before, FORGET_MAX).await? > 0 {}
    while store::place::forget(&app.pool, before, FORGET_MAX).await? > 0 {}
    Ok(())
}

/// Winds it up.
pub fn start(app: &App, tasks: &Tasks) {
    let looking = app.clone();
    tasks.every("notification-look", app.config.look_period, move |_now| {
        let app = looking.clone();
        async move { warn(look(&app).await) }
    });
    let forgetting = app.clone();
    tasks.every("notification-forget", FORGET_PERIOD, move |now| {
        let app = forgetting.clone();
        async move { warn(forget(&app, now).await) }
    });
}

fn warn(outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        let error = chain(&error);
        tracing::warn!(error, "clockwork of notification failed; it comes round again");
    }
}
