//! What a simulation tells at its end.

use std::path::Path;

use serde::Serialize;

use crate::Failure;

use super::check::Found;
use super::radio;

/// The shortest settle time of a sensor, in seconds: a spot may change once in it.
const SETTLE_SECONDS: f64 = 3.0;

/// All that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Spots, picture and bookings against the truth.
    #[serde(flatten)]
    pub found: Found,
    /// What the air did.
    pub radio: radio::Told,
    /// Cars that found no place.
    pub turned_away: u32,
    /// Seconds of the simulation in which cars moved and sensors flapped.
    pub seconds: f64,
    /// Spots whose sensor flapped.
    pub flapping_spots: usize,
    /// How often the one that changed most has changed.
    pub flapping_changes_max: i64,
}

impl Report {
    /// Changes of the most restless flapping spot to a settle window.
    fn flapping_changes_per_window(&self) -> f64 {
        let changes = u32::try_from(self.flapping_changes_max).map_or(f64::INFINITY, f64::from);
        changes / (self.seconds / SETTLE_SECONDS).max(1.0)
    }

    /// Prints it, writes it, and fails where the product does not know the truth.
    pub fn tell(&self, json: Option<&Path>) -> Result<(), Failure> {
        let Found { spots, occupied, vacant, unknown, bookings, .. } = &self.found;
        let told = &self.radio;
        println!(
            "{} words of sensors: {} lost, {} repeated, {} late; {} restarts",
            told.words, told.lost, told.repeated, told.late, told.restarts
        );
        println!(
            "{spots} spots compared ({occupied} with a car, {vacant} without, {unknown} silent): {} differ; picture and counters: {} differ; \
             known {} s after quiet",
            self.found.spots_differ, self.found.picture_differs, self.found.known_after_seconds
        );
        println!(
            "{} wishes to book, {} booked, refused {:?}; they are {:?}; {} cars came to their spot: {} charged while still there, {} still \
             open after leaving",
            bookings.asked,
            bookings.booked,
            bookings.refused,
            bookings.states,
            bookings.came,
            bookings.charged_while_there,
            bookings.open_after_leaving
        );
        println!(
            "{} sensors flapped: at most {} changes of a spot, {:.3} to a settle window",
            self.flapping_spots,
            self.flapping_changes_max,
            self.flapping_changes_per_window()
        );
        for difference in &self.found.differences {
            println!("  {difference}");
        }
        if let Some(path) = json {
            let mut report = serde_json::to_value(self)?;
            report["flapping_changes_per_window"] = self.flapping_changes_per_window().into();
            std::fs::write(path, report.to_string())?;
        }
        match self.found.holds() {
            true => Ok(()),
            false => Err("what the product says is not what stands there".into()),
        }
    }
}
