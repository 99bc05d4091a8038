//! How the processes of one development machine share one moved clock: a file holds its offset.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Clock;
use crate::tasks::Tasks;

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_millis(100);

/// Follows the offset that is written, in milliseconds, in a file. A missing file leaves the clock as it is.
pub fn follow(clock: &Clock, path: PathBuf, tasks: &Tasks) {
    let clock = clock.clone();
    read(&clock, &path);
    tasks.every("clock-file", PERIOD, move |_now| {
        read(&clock, &path);
        std::future::ready(())
    });
}

fn read(clock: &Clock, path: &Path) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if let Ok(offset_ms) = text.trim().parse() {
        clock.set_offset_ms(offset_ms);
    }
}
