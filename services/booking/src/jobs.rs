//! What booking does by itself, in its own rhythm.

use std::time::Duration;

use parkmesh_platform::fault::chain;

use crate::app::App;
use crate::app::booking::{action, difference};

/// How often deadlines are looked at. A lapsed hold blocks nobody meanwhile; only its fact waits.
const LAPSE_PERIOD: Duration = Duration::from_millis(500);
/// How often opened windows are compared with what stands on their spots.
const WAITING_PERIOD: Duration = Duration::from_secs(2);
/// How often bookings that start soon are compared with what keeps their spots from them.
const RELOCATE_PERIOD: Duration = Duration::from_secs(5);

/// How often reservations are looked at whose drivers are soon to know their spot.
const ASSIGN_PERIOD: Duration = Duration::from_secs(1);
/// How often bookings are looked for that stand provisionally on closed spots. Whoever closes a spot has looked.
const LEAVE_PERIOD: Duration = Duration::from_secs(20);
/// How often what has become free is offered to those who wait; nobody else gets it meanwhile.
const SERVE_PERIOD: Duration = Duration::from_secs(1);
/// How often the lines are looked after.
const TEND_PERIOD: Duration = Duration::from_secs(1);
/// How often lots are looked for that nobody has heard of for long; at each start, too.
const RETELL_PERIOD: Duration = Duration::from_secs(10);

/// Starts the clockwork; it ends with the service.
pub fn start(app: &App) {
    let lapsing = app.clone();
    app.tasks.every("clockwork", LAPSE_PERIOD, move |_now| {
        let app = lapsing.clone();
        async move {
            if let Err(error) = app.lapse_due().await {
                tracing::warn!(error = %chain(&error), "the clockwork stands still");
            }
        }
    });
    let relocating = app.clone();
    app.tasks.every("relocation", RELOCATE_PERIOD, move |_now| {
        let app = relocating.clone();
        async move {
            if let Err(error) = app.relocate_blocked().await {
                tracing::warn!(error = %chain(&error), "blocked spots are not looked after");
            }
            if let Err(error) = app.end_long_overstays().await {
                tracing::warn!(error = %chain(&error), "overstays are not looked after");
            }
        }
    });
    let dropping = app.clone();
    app.tasks.every("price-differences", difference::PERIOD, move |now| {
        let app = dropping.clone();
        async move {
            if let Err(error) = app.drop_differences(now).await {
                tracing::warn!(error = %chain(&error), "price differences are not looked after");
            }
        }
    });
    let acting = app.clone();
    app.tasks.every("payment-actions", action::PERIOD, move |_now| {
        let app = acting.clone();
        async move {
            if let Err(error) = app.finish_actions().await {
                tracing::warn!(error = %chain(&error), "what drivers did at their banks is not looked after");
            }
            if let Err(error) = app.end_unpaid().await {
                tracing::warn!(error = %chain(&error), "bookings without a card are not looked after");
            }
        }
    });
    let admitting = app.clone();
    app.tasks.every("waiting-cars", WAITING_PERIOD, move |_now| {
        let app = admitting.clone();
        async move {
            if let Err(error) = app.admit_waiting_cars().await {
                tracing::warn!(error = %chain(&error), "waiting cars are not admitted");
            }
        }
    });
    let assigning = app.clone();
    app.tasks.every("spots-given", ASSIGN_PERIOD, move |_now| {
        let app = assigning.clone();
        async move {
            if let Err(error) = app.assign_due().await {
                tracing::warn!(error = %chain(&error), "spots are not given");
            }
        }
    });
    let leaving = app.clone();
    app.tasks.every("closed-spots-left", LEAVE_PERIOD, move |_now| {
        let app = leaving.clone();
        async move {
            if let Err(error) = app.leave_closed_spots(None).await {
                tracing::warn!(error = %chain(&error), "closed spots are not left");
            }
        }
    });
    let serving = app.clone();
    app.tasks.every("waitlist-serve", SERVE_PERIOD, move |_now| {
        let app = serving.clone();
        async move {
            if let Err(error) = app.serve_lines().await {
                tracing::warn!(error = %chain(&error), "nothing is offered to those who wait");
            }
        }
    });
    let tending = app.clone();
    app.tasks.every("waitlist-tend", TEND_PERIOD, move |_now| {
        let app = tending.clone();
        async move {
            if let Err(error) = app.tend_lines().await {
                tracing::warn!(error = %chain(&error), "the waitlist is not looked after");
            }
        }
    });
    let retelling = app.clone();
    app.tasks.every("lots-retold", RETELL_PERIOD, move |_now| {
        let app = retelling.clone();
        async move {
            if let Err(error) = app.retell_lots().await {
                tracing::warn!(error = %chain(&error), "lots are not told once more");
            }
        }
    });
}
