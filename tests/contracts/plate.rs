//! Plates are told by marks that name no car, and are known again although a camera misreads.

use parkmesh_contracts::plate::Likeness::{Exact, Near, Shape};
use parkmesh_contracts::plate::{Likeness, PlateKey, letters};

/// The surest likeness of a plate that was read to a known one.
fn likeness(read: &str, known: &str) -> Option<Likeness> {
    let key = PlateKey::default();
    let marks = key.marks(read).expect("a plate");
    [Exact, Shape, Near].into_iter().find(|likeness| key.is_like(*likeness, &marks, known))
}

#[test]
fn spaces_dashes_and_small_letters_say_nothing() {
    assert_eq!(likeness("b pm-123", "B-PM 123"), Some(Exact));
    assert_eq!(letters(" m\u{fc}-k 7 ").as_deref(), Some("M\u{dc}K7"));
}

#[test]
fn letters_that_look_alike_are_one_shape() {
    for read in ["8PM123", "BPM1Z3", "BPMI23"] {
        assert_eq!(likeness(read, "BPM123"), Some(Shape), "{read}");
    }
}

#[test]
fn a_letter_that_is_wrong_missing_or_too_many_is_near_and_two_are_not() {
    for read in ["BPM173", "BPM13", "BPM1273", "BMP123", "8PM173"] {
        assert_eq!(likeness(read, "BPM123"), Some(Near), "{read}");
    }
    for read in ["BPM177", "BPM", "XPM173", "HHXY99"] {
        assert_eq!(likeness(read, "BPM123"), None, "{read}");
    }
}

#[test]
fn short_plates_are_near_to_none() {
    assert_eq!(likeness("AB1", "AB7"), None);
    assert_eq!(likeness("AB1", "ABI"), Some(Shape));
}

#[test]
fn what_is_no_plate_has_no_marks() {
    let key = PlateKey::default();
    for text in ["", "-", "A", "ABCDEFGHIJKLM"] {
        assert_eq!(key.marks(text), None, "{text}");
    }
}

#[test]
fn marks_are_of_their_key_and_nothing_shows_a_key() {
    let (ours, theirs) = (PlateKey::default(), "another key of plates".parse::<PlateKey>());
    let theirs = theirs.expect("a key");
    let (mine, other) = (ours.marks("BPM123"), theirs.marks("BPM123"));
    assert_ne!(mine, other);
    assert_eq!(format!("{ours:?}"), "PlateKey");
    assert!("short".parse::<PlateKey>().is_err());
}
