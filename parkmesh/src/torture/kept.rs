//! What is kept of a run between two sittings, so that a long one need not be made at once.

use std::path::{Path, PathBuf};

use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_history::Span;
use serde::{Deserialize, Serialize};

use super::Run;
use super::faults::Faults;
use super::wish::Mine;
use super::world::Place;
use crate::Failure;
use crate::cli::Torture;

/// Where a run stands; at its beginning nothing is kept yet.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Kept {
    /// Sittings that were ended.
    pub sittings: u32,
    /// The server's time when the record began, in microseconds.
    pub base_us: i64,
    /// How long the sittings took.
    pub seconds: f64,
    /// What went wrong in them.
    pub faults: Faults,
    /// All spots.
    pub places: Vec<Place>,
    clients: Vec<Vec<Booked>>,
    options: Options,
}

/// What stays as it was at the beginning.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Options {
    seed: u64,
    clients: u32,
    spots: u32,
    replicas: u32,
}

impl Options {
    fn of(options: &Torture) -> Self {
        let Torture { seed, clients, spots, replicas, .. } = *options;
        Self { seed, clients, spots, replicas }
    }
}

/// A booking that a client knows to be its own.
#[derive(Debug, Serialize, Deserialize)]
struct Booked {
    booking_id: String,
    spot: u32,
    start_us: i64,
    end_us: i64,
    state: i32,
}

impl Kept {
    /// What the sitting before has kept in this folder.
    pub fn read(folder: &Path, options: &Torture) -> Result<Self, Failure> {
        let path = file(folder);
        if !path.exists() {
            return match record(folder).exists() {
                false => Ok(Self::default()),
                true => Err(format!(
                    "the run in {} is over, or its last sitting was not ended in order; remove the folder to begin anew",
                    folder.display()
                )
                .into()),
            };
        }
        let kept: Self = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        if kept.options != Options::of(options) {
            return Err(format!(
                "--seed, --clients, --spots and --replicas must be as the run in {} began: {:?}",
                folder.display(),
                kept.options
            )
            .into());
        }
        Ok(kept)
    }

    /// Takes it out of this folder, when the next sitting begins: one that is not ended in order cannot be gone on from,
    /// because its record lacks what was under way.
    pub fn spend(folder: &Path) -> Result<(), Failure> {
        match std::fs::remove_file(file(folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _gone => Ok(()),
        }
    }

    /// Where a run stands whose sitting ends now: what went wrong in all sittings, and what each client has booked.
    pub fn of(run: &Run, faults: Faults, booked: &[Vec<Mine>]) -> Self {
        let kept = |one: &Mine| Booked {
            booking_id: one.booking_id.clone(),
            spot: one.spot,
            start_us: one.window.start,
            end_us: one.window.end,
            state: one.state.into(),
        };
        Self {
            sittings: run.before.sittings + 1,
            base_us: run.recorder.base_us(),
            seconds: run.seconds(),
            faults,
            places: run.world.places.clone(),
            clients: booked.iter().map(|mine| mine.iter().map(kept).collect()).collect(),
            options: Options::of(&run.options),
        }
    }

    /// Keeps it in this folder.
    pub fn put(&self, folder: &Path) -> Result<(), Failure> {
        Ok(std::fs::write(file(folder), serde_json::to_string(self)?)?)
    }

    /// What a client had booked when the last sitting ended.
    pub fn of_client(&self, number: u32) -> Vec<Mine> {
        let kept = usize::try_from(number).ok().and_then(|number| self.clients.get(number));
        let mine = |one: &Booked| Mine {
            booking_id: one.booking_id.clone(),
            spot: one.spot,
            window: Span::new(one.start_us, one.end_us),
            state: BookingState::try_from(one.state).unwrap_or_default(),
        };
        kept.map_or_else(Vec::new, |kept| kept.iter().map(mine).collect())
    }
}

/// The record in such a folder.
pub fn record(folder: &Path) -> PathBuf {
    folder.join("history.bin")
}

fn file(folder: &Path) -> PathBuf {
    folder.join("kept.json")
}
