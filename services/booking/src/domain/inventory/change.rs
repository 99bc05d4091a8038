//! Changing what is there: who saw an older thing meant that one.

use super::{Floor, Lot, Spot};

/// What a change of a thing does.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<T> {
    /// It is so already: nothing changes.
    Stands,
    /// It changes to this.
    Changed(Box<T>),
    /// The caller saw an older thing, and meant that one.
    Stale,
}

/// A thing whose changes are counted.
pub trait Versioned: Clone + PartialEq {
    /// Counts up with every change.
    fn version(&mut self) -> &mut i64;
}

macro_rules! versioned {
    ($($thing:ident),+) => {$(
        impl Versioned for $thing {
            fn version(&mut self) -> &mut i64 {
                &mut self.version
            }
        }
    )+};
}
versioned!(Lot, Floor, Spot);

/// Makes what stands into what is wanted, whose version does not matter. `seen` is the version that
/// the caller saw, 0 for whatever stands.
pub fn change<T: Versioned>(stands: &T, mut wanted: T, seen: i64) -> Change<T> {
    let version = *stands.clone().version();
    if seen != 0 && seen != version {
        return Change::Stale;
    }
    *wanted.version() = version;
    if wanted == *stands {
        return Change::Stands;
    }
    *wanted.version() = version + 1;
    Change::Changed(Box::new(wanted))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn floor(name: &str, version: i64) -> Floor {
        let (floor_id, lot_id) = (Uuid::nil().into(), Uuid::nil().into());
        let name = name.to_owned();
        Floor {
            floor_id,
            lot_id,
            floor_number: 0,
            name,
            plan_width: 1.0,
            plan_height: 1.0,
            version,
        }
    }

    #[test]
    fn a_change_counts_up_from_what_stands_whatever_the_wanted_says() {
        for seen in [0, 4] {
            let changed = change(&floor("Ground", 4), floor("Street", 99), seen);
            assert_eq!(changed, Change::Changed(Box::new(floor("Street", 5))));
        }
    }

    #[test]
    fn what_is_so_already_stands() {
        assert_eq!(change(&floor("Ground", 4), floor("Ground", 1), 4), Change::Stands);
    }

    #[test]
    fn a_change_of_an_older_thing_is_stale_even_when_it_would_change_nothing() {
        for seen in [3, 5] {
            assert_eq!(change(&floor("Ground", 4), floor("Street", 4), seen), Change::Stale);
            assert_eq!(change(&floor("Ground", 4), floor("Ground", 4), seen), Change::Stale);
        }
    }
}
