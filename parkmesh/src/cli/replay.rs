//! Options of `replay`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Target;

/// Options of `replay`.
#[derive(Debug, Clone, Args)]
pub struct Replay {
    /// What was recorded.
    #[command(subcommand)]
    pub source: ReplaySource,
}

/// Recordings that can be replayed.
#[derive(Debug, Clone, Subcommand)]
pub enum ReplaySource {
    /// Two snapshots of the City of Melbourne's on-street bay sensors.
    Melbourne(Melbourne),
    /// A day of counts of one of Birmingham's car parks: they become cars that come and go.
    Birmingham(Birmingham),
    /// The feed of Ulm's bay sensors: some are silent, and must be known to be. Moves the clock of a `parkmesh up` by days.
    Ulm(Ulm),
    /// No recording: a car comes to every spot of a city, so many in a second, and how long each takes to be seen.
    Pulse(Pulse),
}

/// Options of `replay melbourne`.
#[derive(Debug, Clone, Args)]
pub struct Melbourne {
    /// The first snapshot, CSV: its bays become lots, spots and sensors.
    pub first: PathBuf,
    /// The second snapshot, CSV: what changed is published on top of the first.
    pub second: PathBuf,
    /// Which system.
    #[command(flatten)]
    pub target: Target,
    /// Also write the outcome to this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Seconds to wait for the picture to agree.
    #[arg(long, default_value_t = 120)]
    pub wait_seconds: u64,
}

/// Options of `replay birmingham`.
#[derive(Debug, Clone, Args)]
pub struct Birmingham {
    /// The counts, CSV: SystemCodeNumber, Capacity, Occupancy, LastUpdated.
    pub counts: PathBuf,
    /// Which car park; of at most 1,000 spaces.
    #[arg(long, default_value = "BHMEURBRD02")]
    pub park: String,
    /// Which day.
    #[arg(long, default_value = "2016-10-04")]
    pub date: String,
    /// Counts of the day to play at most.
    #[arg(long, default_value_t = 100)]
    pub counts_max: usize,
    /// Which system.
    #[command(flatten)]
    pub target: Target,
    /// Seconds to wait for the picture to agree with each count.
    #[arg(long, default_value_t = 120)]
    pub wait_seconds: u64,
}

/// Options of `replay ulm`.
#[derive(Debug, Clone, Args)]
pub struct Ulm {
    /// The feed, JSON: id, timestamp, occupied of each bay.
    pub feed: PathBuf,
    /// Which system.
    #[command(flatten)]
    pub target: Target,
    /// Seconds to wait for the product to agree.
    #[arg(long, default_value_t = 120)]
    pub wait_seconds: u64,
}

/// Options of `replay pulse`.
#[derive(Debug, Clone, Args)]
pub struct Pulse {
    /// Spots of the city.
    #[arg(long, default_value_t = 10_000)]
    pub spots: u32,
    /// Cars that come in a second.
    #[arg(long, default_value_t = 1_000)]
    pub rate: u32,
    /// Which system.
    #[command(flatten)]
    pub target: Target,
    /// Also write the outcome to this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Seconds to wait for the product to agree.
    #[arg(long, default_value_t = 120)]
    pub wait_seconds: u64,
}
