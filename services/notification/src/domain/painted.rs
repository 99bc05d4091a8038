//! What is painted on spots, as this process has last heard it: of the facts of a spot nearly all tell its state, and
//! its number again.

use std::collections::HashMap;

use parkmesh_contracts::ids::SpotId;

/// Spots that are remembered; then the memory begins anew.
const SPOTS_MAX: usize = 50_000;

/// By spot, the last version that was heard and what it said.
#[derive(Debug, Default)]
pub struct Painted {
    known: HashMap<SpotId, (i64, Box<str>)>,
}

impl Painted {
    /// Whether this only repeats what the version just before it said, which is kept. Then it counts as kept too. A
    /// version in between, that somebody else may be keeping at this moment, could have said something else.
    pub fn repeats(&mut self, spot_id: SpotId, version: i64, spot_number: &str) -> bool {
        let Some((known, number)) = self.known.get_mut(&spot_id) else { return false };
        let repeats = known.saturating_add(1) == version && **number == *spot_number;
        if repeats {
            *known = version;
        }
        repeats
    }

    /// This is kept.
    pub fn kept(&mut self, spot_id: SpotId, version: i64, spot_number: &str) {
        if self.known.len() >= SPOTS_MAX && !self.known.contains_key(&spot_id) {
            self.known.clear();
        }
        let newest = self.known.entry(spot_id).or_insert_with(|| (version, spot_number.into()));
        if newest.0 < version {
            *newest = (version, spot_number.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use parkmesh_platform::ids::Ids;

    use super::*;

    #[test]
    fn only_the_next_version_with_the_same_number_is_a_repetition() {
        let (mut painted, spot) = (Painted::default(), Ids::random().next());
        assert!(!painted.repeats(spot, 1, "A-12"), "nothing is known yet");
        painted.kept(spot, 1, "A-12");
        assert!(painted.repeats(spot, 2, "A-12") && painted.repeats(spot, 3, "A-12"));
        assert!(!painted.repeats(spot, 3, "A-12"), "told again, as after a restart");
        assert!(!painted.repeats(spot, 5, "A-12"), "4 may say something else, and come later");
        assert!(!painted.repeats(spot, 4, "B-1"), "renamed");
        painted.kept(spot, 4, "B-1");
        painted.kept(spot, 2, "A-12");
        assert!(painted.repeats(spot, 5, "B-1"), "an older one changes nothing");
    }
}
