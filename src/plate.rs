//! Plates of cars, as one service tells another which one was read without telling it: by keyed marks.
//!
//! A mark is a keyed hash, so that nobody without the key can try plates until one fits, and nothing that is
//! published or stored names a car. Cameras misread: letters that look alike count as one in a plate's
//! *shape*, and its *near* marks are those of the shape with a letter left out, so that two plates of which one
//! has a letter wrong, missing or too many have a near mark in common.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Letters and digits that a plate has at least.
pub const LETTERS_MIN: usize = 2;
/// Letters and digits that a plate has at most.
pub const LETTERS_MAX: usize = 12;
/// Shorter plates have no near marks: too many others are near.
const NEAR_LETTERS_MIN: usize = 5;
/// Bytes of a mark.
const MARK_BYTES: usize = 16;
/// Letters of a key at least.
const KEY_LETTERS_MIN: usize = 16;

/// A keyed hash of something about a plate.
pub type Mark = [u8; MARK_BYTES];

/// What marks are made with. The services that make and compare them are given the same.
#[derive(Clone)]
pub struct PlateKey(Hmac<Sha256>);

/// All marks of a plate that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlateMarks {
    /// Of its letters and digits.
    pub exact: Mark,
    /// Of its shape.
    pub shape: Mark,
    /// Of its shape, and of its shape without each one of its letters; empty for a short plate.
    pub near: Vec<Mark>,
}

/// How much a plate that was read is like one that is known; the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Letter for letter.
    Exact,
    /// But for letters that look alike.
    Shape,
    /// But for a letter that is wrong, missing, or too many.
    Near,
}

impl fmt::Debug for PlateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlateKey")
    }
}

impl Default for PlateKey {
    /// A key that everybody knows: for development and tests.
    fn default() -> Self {
        Self::of(b"parkmesh, on a developer's machine")
    }
}

impl FromStr for PlateKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() < KEY_LETTERS_MIN {
            return Err("a key of plates has at least 16 letters");
        }
        Ok(Self::of(text.as_bytes()))
    }
}

impl PlateKey {
    fn of(secret: &[u8]) -> Self {
        // A key longer than a block is hashed first; so no length fails.
        let mut block = [0; 64];
        let digest = <Sha256 as sha2::Digest>::digest(secret);
        for (to, from) in block.iter_mut().zip(digest) {
            *to = from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// A keyed hash of any bytes, for telling two requests apart without keeping them.
    pub fn mark(&self, what: &str, bytes: &[u8]) -> Mark {
        let mut mac = self.0.clone();
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        let mut mark = [0; MARK_BYTES];
        for (to, from) in mark.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        mark
    }

    /// The marks of a plate as it was read; None when it is none.
    pub fn marks(&self, plate: &str) -> Option<PlateMarks> {
        let letters = letters(plate)?;
        let shape = shape(&letters);
        let exact = self.mark("exact", letters.as_bytes());
        Some(PlateMarks {
            exact,
            shape: self.mark("shape", shape.as_bytes()),
            near: self.near(&shape),
        })
    }

    /// Whether a plate that was read is so much like a known one.
    pub fn is_like(&self, likeness: Likeness, read: &PlateMarks, known: &str) -> bool {
        let Some(letters) = letters(known) else { return false };
        match likeness {
            Likeness::Exact => self.mark("exact", letters.as_bytes()) == read.exact,
            Likeness::Shape => self.mark("shape", shape(&letters).as_bytes()) == read.shape,
            Likeness::Near => {
                self.near(&shape(&letters)).iter().any(|mark| read.near.contains(mark))
            }
        }
    }

    fn near(&self, shape: &str) -> Vec<Mark> {
        let letters: Vec<char> = shape.chars().collect();
        if letters.len() < NEAR_LETTERS_MIN {
            return Vec::new();
        }
        let without = (0..letters.len()).map(|gap| {
            let kept = letters.iter().enumerate().filter(|(at, _)| *at != gap);
            kept.map(|(_, letter)| *letter).collect::<String>()
        });
        let all = std::iter::once(shape.to_owned()).chain(without);
        let mut marks: Vec<Mark> = all.map(|text| self.mark("near", text.as_bytes())).collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }
}

/// The letters and digits of a plate, in capitals; None when there are too few or too many.
pub fn letters(plate: &str) -> Option<String> {
    let capitals = plate.chars().filter(|letter| letter.is_alphanumeric());
    let letters: String = capitals.flat_map(char::to_uppercase).collect();
    (LETTERS_MIN..=LETTERS_MAX).contains(&letters.chars().count()).then_some(letters)
}

/// A plate with one letter for all that look alike.
fn shape(letters: &str) -> String {
    let alike = |letter: char| match letter {
        'O' | 'Q' | 'D' => '0',
        'I' | 'L' => '1',
        'Z' => '2',
        'S' => '5',
        'G' => '6',
        'B' => '8',
        'V' => 'U',
        other => other,
    };
    letters.chars().map(alike).collect()
}
