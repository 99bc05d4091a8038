//! Watching: what was written after a sequence, then what is being written, with heartbeats and a
//! bounded life.
//!
//! The stream reads the store only when its reader asks for more, so that a slow reader holds
//! nothing but its place.

use std::collections::VecDeque;

use futures_util::stream::{self, Stream};
use parkmesh_contracts::ids::UserId;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout_at};

use super::App;
use crate::domain::Notification;
use crate::error::Error;
use crate::store;

/// Messages read at a time.
const READ_MAX: usize = 100;

struct Watch {
    app: App,
    user_id: UserId,
    /// The last sequence read.
    after: i64,
    /// Read and not yet handed on.
    ready: VecDeque<Notification>,
    /// Whether there may be more in the store.
    look: bool,
    news: watch::Receiver<i64>,
    heartbeat: Interval,
    ends: Instant,
    ended: bool,
}

impl App {
    /// The person's messages after a sequence, then every new one; `None` is a heartbeat. Ends with
    /// [`Error::StreamExpired`].
    pub fn watch(
        &self,
        user_id: UserId,
        after: i64,
    ) -> impl Stream<Item = Result<Option<Notification>, Error>> + Send + 'static {
        let now = Instant::now();
        let mut heartbeat = interval_at(now + self.config.heartbeat, self.config.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watch = Watch {
            news: self.hub.watch(user_id.as_str()),
            app: self.clone(),
            user_id,
            after,
            ready: VecDeque::new(),
            look: true,
            heartbeat,
            ends: now + self.config.watch_life,
            ended: false,
        };
        stream::unfold(watch, |mut watch| async move {
            let next = watch.next().await?;
            watch.ended = next.is_err();
            Some((next, watch))
        })
    }
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Option<Notification>, Error>> {
        if self.ended {
            return None;
        }
        loop {
            // Also while there is always something ready: a life is bounded for everybody.
            if Instant::now() >= self.ends {
                return Some(Err(Error::StreamExpired));
            }
            if let Some(ready) = self.ready.pop_front() {
                return Some(Ok(Some(ready)));
            }
            if self.look {
                if let Err(error) = self.read().await {
                    return Some(Err(error));
                }
                continue;
            }
            match timeout_at(self.ends, self.wait()).await {
                Ok(true) => self.look = true,
                Ok(false) => return Some(Ok(None)),
                Err(_) => {}
            }
        }
    }

    /// Reads what is next. What is written from here on changes `news` again.
    async fn read(&mut self) -> Result<(), Error> {
        self.news.borrow_and_update();
        let pool = &self.app.pool;
        let read =
            store::notification::list_after(pool, &self.user_id, self.after, READ_MAX).await?;
        self.look = read.len() == READ_MAX;
        self.after = read.last().map_or(self.after, |last| last.sequence);
        self.ready = read.into();
        Ok(())
    }

    /// True: there is news. False: it is time for a heartbeat.
    async fn wait(&mut self) -> bool {
        tokio::select! {
            changed = self.news.changed() => changed.is_ok(),
            _ = self.heartbeat.tick() => false,
        }
    }
}
