//! Whether the product knows what really stands where: every spot as its sensor tells it, the picture with its counters, and
//! that nobody was charged whose car is still there.

mod bookings;
mod picture;
mod spots;

use std::collections::BTreeMap;
use std::time::Duration;

use parkmesh_contracts::sensor::v1::SpotOccupancy;
use parkmesh_platform::tasks::Tasks;
use serde::Serialize;

use crate::Failure;
use crate::client::Gateway;

use super::city::City;
use super::drivers::Told;
use super::ground::Stay;
use super::pace::Pace;
use super::people::Trip;
use super::world::Truth;

pub use bookings::Booked;
pub use spots::occupancies;

/// Between two looks at what is not yet as it should be.
const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// Differences that are named.
const NAMED_MAX: usize = 10;

/// The truth, at rest.
pub struct Expected<'a> {
    /// All spots.
    pub city: &'a City,
    /// What should be known of each.
    pub truths: Vec<Truth>,
    /// All bookings that were asked for.
    pub trips: Vec<(Trip, Option<Stay>)>,
    /// What became of them.
    pub told: BTreeMap<u32, Told>,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// Spots compared.
    pub spots: usize,
    /// Of them with a car, without, and with a sensor that is silent.
    pub occupied: usize,
    /// See `occupied`.
    pub vacant: usize,
    /// See `occupied`.
    pub unknown: usize,
    /// Spots of which GetSpotOccupancy says something else.
    pub spots_differ: usize,
    /// Spots and counters of which the picture says something else.
    pub picture_differs: usize,
    /// Seconds of the simulation until all was known.
    pub known_after_seconds: i64,
    /// What became of bookings.
    pub bookings: Booked,
    /// The first differences, in words.
    pub differences: Vec<String>,
}

impl Found {
    /// Whether the product knows the truth and charged nobody too early.
    pub fn holds(&self) -> bool {
        self.spots_differ == 0
            && self.picture_differs == 0
            && self.bookings.charged_while_there == 0
    }
}

/// Waits until everything is known, as long as `wait`, and compares.
pub async fn compare(
    gateway: &Gateway,
    expected: &Expected<'_>,
    wait: Duration,
    pace: &Pace,
    tasks: &Tasks,
) -> Result<Found, Failure> {
    let began_ms = pace.now_ms();
    let wait_ms = i64::try_from(wait.as_millis())?;
    let count = |truth| expected.truths.iter().filter(|one| **one == truth).count();
    let mut found = Found {
        spots: expected.truths.len(),
        occupied: count(Truth::Occupied),
        vacant: count(Truth::Vacant),
        unknown: count(Truth::Unknown),
        ..Found::default()
    };
    loop {
        let spots = spots::differences(gateway, expected).await?;
        let picture = match spots.is_empty() {
            true => picture::differences(gateway, expected).await?,
            false => Vec::new(),
        };
        let equal = spots.is_empty() && picture.is_empty();
        let waited_ms = pace.now_ms() - began_ms;
        if equal || waited_ms > wait_ms {
            found.known_after_seconds = waited_ms / 1_000;
            (found.spots_differ, found.picture_differs) = (spots.len(), picture.len());
            found.differences = spots.into_iter().chain(picture).take(NAMED_MAX).collect();
            break;
        }
        tasks.sleep(LOOK_PERIOD).await;
    }
    let (booked, differences) = bookings::look(gateway, expected, pace).await?;
    found.bookings = booked;
    found.differences.extend(differences.into_iter().take(NAMED_MAX));
    Ok(found)
}

/// How often each spot has changed between two looks.
pub fn changes(before: &[SpotOccupancy], after: &[SpotOccupancy]) -> Vec<i64> {
    let version = |all: &[SpotOccupancy]| -> BTreeMap<String, i64> {
        all.iter().map(|one| (one.spot_id.clone(), one.version)).collect()
    };
    let (before, after) = (version(before), version(after));
    let change = |(spot, version): (&String, &i64)| version - before.get(spot).unwrap_or(version);
    after.iter().map(change).collect()
}
