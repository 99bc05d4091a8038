//! Watching one lot: the whole of it first, then what changed since the last answer.

use std::sync::Arc;

use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::ids::LotId;
use tokio::sync::watch;

use super::App;
use crate::convert;
use crate::domain::lot::LotPicture;
use crate::error::Error;

/// Where a watcher stands.
pub struct Watching {
    app: Arc<App>,
    lot_id: LotId,
    include_spots: bool,
    /// The revision that the watcher has seen; `None` before it has seen anything.
    seen: Option<u64>,
    told: Option<proto::GetAvailabilityResponse>,
    changed: watch::Receiver<u64>,
}

impl Watching {
    /// Begins to watch. `resume_token` is that of an earlier answer, or empty; one of another
    /// process or a later revision than ours is as good as none.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PictureNotReady`].
    pub fn start(
        app: &Arc<App>,
        lot_id: LotId,
        include_spots: bool,
        resume_token: &str,
    ) -> Result<Self, Error> {
        let mut state = app.write();
        let revision = state.lot(lot_id)?.ok_or(Error::PictureNotReady)?.revision();
        let seen = app.read_token(resume_token).filter(|seen| *seen <= revision);
        let watched = state.watched.entry(lot_id).or_insert_with(|| watch::Sender::new(revision));
        let changed = watched.subscribe();
        drop(state);
        Ok(Self { app: Arc::clone(app), lot_id, include_spots, seen, told: None, changed })
    }

    /// Waits until the lot may have changed. False when the service ends.
    pub async fn changed(&mut self) -> bool {
        self.changed.changed().await.is_ok()
    }

    /// The first answer: counts always, and the spots if they are wanted.
    ///
    /// # Errors
    /// [`Error::LotNotFound`].
    pub fn first(&mut self) -> Result<proto::WatchAvailabilityResponse, Error> {
        self.changed.mark_unchanged();
        let whole = self.seen.is_none();
        let (counts, spots) = self.look()?;
        self.told = Some(counts.clone());
        Ok(proto::WatchAvailabilityResponse {
            counts: Some(counts),
            spots,
            resume_token: self.token(),
            snapshot: whole && self.include_spots,
        })
    }

    /// What has changed since the last answer, all changes together; `None` when this watcher cares
    /// for none of them.
    ///
    /// # Errors
    /// [`Error::LotNotFound`].
    pub fn changes(&mut self) -> Result<Option<proto::WatchAvailabilityResponse>, Error> {
        self.changed.mark_unchanged();
        let (counts, spots) = self.look()?;
        if spots.is_empty() && self.told.as_ref().is_some_and(|told| same(told, &counts)) {
            return Ok(None);
        }
        self.told = Some(counts.clone());
        let resume_token = self.token();
        let counts = Some(counts);
        Ok(Some(proto::WatchAvailabilityResponse { counts, spots, resume_token, snapshot: false }))
    }

    /// Nothing but a sign of life.
    #[must_use]
    pub fn heartbeat(&self) -> proto::WatchAvailabilityResponse {
        proto::WatchAvailabilityResponse { resume_token: self.token(), ..Default::default() }
    }

    fn look(&mut self) -> Result<(proto::GetAvailabilityResponse, Vec<proto::SpotState>), Error> {
        let state = self.app.read();
        let lot = state.lot(self.lot_id)?.ok_or(Error::PictureNotReady)?;
        let mut counts = convert::counts(lot);
        let (as_of, stale) = state.freshness();
        counts.freshness = Some(convert::freshness(as_of, stale));
        let spots = if self.include_spots { self.spots(lot) } else { Vec::new() };
        self.seen = Some(lot.revision());
        Ok((counts, spots))
    }

    fn spots(&self, lot: &LotPicture) -> Vec<proto::SpotState> {
        match self.seen {
            Some(revision) => lot.changed_since(revision).map(convert::spot_state).collect(),
            None => lot.spots().map(convert::spot_state).collect(),
        }
    }

    fn token(&self) -> String {
        self.app.token(self.seen.unwrap_or_default())
    }
}

/// Whether two answers say the same, apart from when it was said.
fn same(a: &proto::GetAvailabilityResponse, b: &proto::GetAvailabilityResponse) -> bool {
    let stale = |counts: &proto::GetAvailabilityResponse| {
        counts.freshness.as_ref().is_some_and(|freshness| freshness.stale)
    };
    stale(a) == stale(b) && (a.free, a.total) == (b.free, b.total) && a.floors == b.floors
}

impl App {
    fn token(&self, revision: u64) -> String {
        format!("{:016x}-{revision}", self.incarnation)
    }

    fn read_token(&self, token: &str) -> Option<u64> {
        let (incarnation, revision) = token.split_once('-')?;
        let incarnation = u64::from_str_radix(incarnation, 16).ok()?;
        (incarnation == self.incarnation).then_some(())?;
        revision.parse().ok()
    }
}
