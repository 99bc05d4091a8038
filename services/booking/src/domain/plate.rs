//! Whose car it is whose plate was read at a gate.

use jiff::Timestamp;
use parkmesh_contracts::common::v1::GateDirection;
use parkmesh_contracts::ids::{LotId, PlateReadId};
use parkmesh_contracts::plate::{Likeness, PlateMarks, letters};

/// What a plate is sealed as.
pub const SEALED_AS: &str = "booking.plate";
/// A camera that is less sure than that may have read anything.
const CONFIDENCE_MIN: i32 = 40;
/// A camera that is so sure has read no letter wrong.
const CONFIDENCE_SURE: i32 = 95;
/// What a camera is taken to be that does not say how sure it is.
const CONFIDENCE_UNSAID: i32 = 80;

/// A plate that was read, by its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The reading.
    pub plate_read_id: PlateReadId,
    /// The lot.
    pub lot_id: LotId,
    /// The gate, as the lot names it.
    pub gate_id: String,
    /// Which way the car goes.
    pub direction: GateDirection,
    /// The marks.
    pub marks: PlateMarks,
    /// How sure the camera is.
    pub confidence_percent: Option<i32>,
    /// When.
    pub read_time: Timestamp,
}

/// Who may be meant, and the plate that is known of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<T> {
    /// Who.
    pub who: T,
    /// Their car's plate.
    pub plate: String,
}

/// How unlike a plate may be read and still be meant, the surest first. A stay is never ended by a plate with
/// a letter too many: it would be somebody else's money.
fn tolerated(direction: GateDirection, confidence_percent: Option<i32>) -> &'static [Likeness] {
    use Likeness::{Exact, Near, Shape};
    match (confidence_percent.unwrap_or(CONFIDENCE_UNSAID), direction) {
        (..CONFIDENCE_MIN, _) => &[Exact],
        (CONFIDENCE_SURE.., _) | (_, GateDirection::Exit) => &[Exact, Shape],
        (_, GateDirection::Entry | GateDirection::Unspecified) => &[Exact, Shape, Near],
    }
}

/// The one who is meant: the first of the car that is most like what was read. None when no car is like it, or
/// when several are so alike, because then it is nobody for certain.
pub fn meant<T>(
    candidates: Vec<Candidate<T>>,
    direction: GateDirection,
    confidence_percent: Option<i32>,
    is_like: impl Fn(Likeness, &str) -> bool,
) -> Option<T> {
    for likeness in tolerated(direction, confidence_percent) {
        let like = |one: &&Candidate<T>| is_like(*likeness, &one.plate);
        let mut cars: Vec<_> =
            candidates.iter().filter(like).map(|one| letters(&one.plate)).collect();
        cars.sort_unstable();
        cars.dedup();
        match cars.len() {
            0 => {}
            1 => {
                let mut found = candidates.into_iter();
                return found.find(|one| like(&one)).map(|one| one.who);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use GateDirection::{Entry, Exit};
    use parkmesh_contracts::plate::PlateKey;

    use super::*;

    fn found(
        read: &str,
        plates: &[&str],
        direction: GateDirection,
        sure: Option<i32>,
    ) -> Option<usize> {
        let key = PlateKey::default();
        let marks = key.marks(read).expect("a plate");
        let candidate =
            |(who, plate): (usize, &&str)| Candidate { who, plate: (*plate).to_owned() };
        let candidates = plates.iter().enumerate().map(candidate).collect();
        meant(candidates, direction, sure, |likeness, plate| key.is_like(likeness, &marks, plate))
    }

    #[test]
    fn the_surest_likeness_wins_over_any_number_of_others() {
        let plates = ["B-PM 128", "8-PM 123", "B PM 123", ""];
        assert_eq!(found("BPM123", &plates, Entry, None), Some(2));
        assert_eq!(found("8PMI23", &["B-PM 128", "B PM 123"], Entry, None), Some(1));
    }

    #[test]
    fn several_cars_that_are_as_alike_are_none_and_two_bookings_of_one_car_are_the_first() {
        assert_eq!(found("BPM129", &["B-PM 128", "B-PM 123"], Entry, None), None);
        assert_eq!(found("BPM123", &["b pm 123", "B-PM 123"], Entry, None), Some(0));
        assert_eq!(found("BPM129", &["b pm 123", "B-PM 123"], Entry, None), Some(0));
        assert_eq!(found("BPM129", &[], Entry, None), None);
    }

    #[test]
    fn what_a_camera_may_have_misread_depends_on_how_sure_it_is() {
        let near = |sure| found("BPM129", &["B-PM 123"], Entry, sure);
        assert_eq!((near(None), near(Some(94))), (Some(0), Some(0)));
        assert_eq!((near(Some(95)), near(Some(39))), (None, None));
        let shape = |sure| found("8PM123", &["B-PM 123"], Entry, sure);
        assert_eq!((shape(Some(100)), shape(Some(39))), (Some(0), None));
        assert_eq!(found("BPM123", &["B-PM 123"], Entry, Some(0)), Some(0));
    }

    #[test]
    fn nobody_is_let_out_on_a_plate_with_a_wrong_letter() {
        assert_eq!(found("BPM129", &["B-PM 123"], Exit, None), None);
        assert_eq!(found("8PM123", &["B-PM 123"], Exit, None), Some(0));
    }
}
