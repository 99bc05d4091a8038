//! Named points at which a process can be told to die, for proofs that nothing is lost or done twice
//! there. In a process that nobody has armed, and so everywhere but in such a proof, a point costs
//! the look at one static.
//!
//! `PARKMESH_FAILPOINT=payment.capture.asked:2` ends the process when it comes to that point for the
//! second time, as `kill -9` would: nothing is flushed, drained or dropped.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::config::Reader;

static ARMED: OnceLock<Armed> = OnceLock::new();

#[derive(Debug)]
struct Armed {
    name: String,
    left: AtomicU32,
}

impl Armed {
    /// Of `name` or `name:times`.
    fn parse(text: &str) -> Option<Self> {
        let (name, times) = text.rsplit_once(':').unwrap_or((text, "1"));
        let times = times.parse().ok().filter(|times| *times > 0)?;
        Some(Self { name: name.to_owned(), left: AtomicU32::new(times) })
    }

    /// Whether this is the time at which it counts.
    fn is_hit(&self, name: &str) -> bool {
        self.name == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// Arms the point that the settings name, if they name one: `PARKMESH_FAILPOINT`. Only where the clock
/// may be moved too (`PARKMESH_CLOCK_OFFSET_FILE`): that is never a process that serves people.
pub fn arm(reader: &mut Reader) {
    let Some(text) = reader.find::<String>("FAILPOINT").filter(|text| !text.is_empty()) else {
        return;
    };
    if reader.find::<String>("CLOCK_OFFSET_FILE").is_none() {
        reader
            .mistake("PARKMESH_FAILPOINT is for development; it wants PARKMESH_CLOCK_OFFSET_FILE");
        return;
    }
    match Armed::parse(&text) {
        Some(armed) => {
            tracing::warn!(armed.name, "this process will die at a failpoint");
            let _armed_before = ARMED.set(armed);
        }
        None => reader.mistake("PARKMESH_FAILPOINT must be a name, or name:times"),
    }
}

/// A point. Dies here when it is told to.
pub fn hit(name: &'static str) {
    if let Some(armed) = ARMED.get()
        && armed.is_hit(name)
    {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_counts_at_its_turn_and_only_then() {
        let armed = Armed::parse("payment.capture.asked:2").expect("a point");
        let hits: Vec<_> = ["payment.capture.asked", "other", "payment.capture.asked"]
            .into_iter()
            .map(|name| armed.is_hit(name))
            .collect();
        assert_eq!(hits, [false, false, true]);
        assert!(Armed::parse("a").expect("a point").is_hit("a"));
        assert!(Armed::parse("a:0").is_none() && Armed::parse("a:b").is_none());
    }

    #[test]
    fn outside_of_development_no_point_can_be_armed() {
        let mut reader = Reader::of([("PARKMESH_FAILPOINT", "a")]);
        arm(&mut reader);
        assert!(reader.finish().is_err());
    }
}
