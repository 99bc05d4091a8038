//! Clockwork: news that other processes wrote, reminders, deliveries, and what is too old.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parkmesh_platform::fault::chain;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::Mutex;

use crate::app::{App, Meter};
use crate::domain::Channel;
use crate::error::Error;
use crate::store;

/// How often old messages are looked for.
const FORGET_PERIOD: Duration = Duration::from_secs(600);
/// For how long first answers are kept.
const KEEP_ANSWERS: SignedDuration = SignedDuration::from_hours(48);
/// For how long preferences are kept of somebody who is told nothing any more.
const KEEP_PREFERENCES: SignedDuration = SignedDuration::from_hours(3 * 365 * 24);
/// Deliverers on each way: whoever does not answer holds up one of them.
const DELIVERERS: usize = 8;
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
    store::operator::forget(&app.pool, before).await?;
    let before = |age: SignedDuration| now.checked_sub(age).unwrap_or(Timestamp::MIN);
    store::replay::forget(&app.pool, before(KEEP_ANSWERS)).await?;
    let unused = before(KEEP_PREFERENCES);
    while store::preferences::forget(&app.pool, unused, FORGET_MAX).await? > 0 {}
    Ok(())
}

/// Tells all that is due.
///
/// # Errors
/// When the store fails.
pub async fn remind(app: &App, now: Timestamp) -> Result<(), Error> {
    while app.remind(now).await? {}
    Ok(())
}

/// One of those who deliver on a channel.
#[derive(Clone)]
struct Deliverer {
    app: App,
    tasks: Tasks,
    channel: Channel,
    /// Whoever of them has it looks for what wakes nobody here: what another process wrote, and what is to be tried again.
    turn: Arc<Mutex<()>>,
}

impl Deliverer {
    /// Delivers while there is something to deliver, then waits until there is.
    async fn run(&self) -> Result<(), Error> {
        let meter = Meter::new();
        loop {
            if self.app.deliver(self.channel, &meter).await? == 0 {
                tokio::select! {
                    () = self.app.outgoing.woken(self.channel) => {}
                    () = self.time_to_look() => {}
                }
            }
        }
    }

    async fn time_to_look(&self) {
        let _turn = self.turn.lock().await;
        self.tasks.sleep(self.app.config.deliver_period).await;
    }
}

/// Winds it up.
pub fn start(app: &App, tasks: &Tasks) {
    let looking = app.clone();
    tasks.every("notification-look", app.config.look_period, move |_now| {
        let app = looking.clone();
        async move { warn(look(&app).await) }
    });
    let reminding = app.clone();
    tasks.every("notification-remind", app.config.deliver_period, move |now| {
        let app = reminding.clone();
        async move { warn(remind(&app, now).await) }
    });
    start_delivering(app, tasks);
    let forgetting = app.clone();
    tasks.every("notification-forget", FORGET_PERIOD, move |now| {
        let app = forgetting.clone();
        async move { warn(forget(&app, now).await) }
    });
}

fn start_delivering(app: &App, tasks: &Tasks) {
    for channel in Channel::ALL {
        if channel == Channel::Email && app.mailer.is_none() {
            continue;
        }
        let deliverer =
            Deliverer { app: app.clone(), tasks: tasks.clone(), channel, turn: Arc::default() };
        for _ in 0..DELIVERERS {
            let deliverer = deliverer.clone();
            tasks.supervise("notification-deliver", move || {
                let deliverer = deliverer.clone();
                async move { deliverer.run().await }
            });
        }
    }
}

fn warn(outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        let error = chain(&error);
        tracing::warn!(error, "clockwork of notification failed; it comes round again");
    }
}
