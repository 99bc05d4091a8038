//! A deterministic mutator over the saved corpus: whatever arrives, a decoder answers, soon and within
//! bounds. `cargo xtask test` runs a little of it, `cargo xtask prove decoders` ten million executions
//! of every decoder. Overflows panic here, because tests are built with debug assertions.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::decode::{Frame, Unreadable};

use super::corpus;

/// Bytes of a mutated input at most; more than any network carries in a frame.
const BYTES_MAX: usize = 300;
/// Mutations of one input at most.
const STEPS_MAX: u64 = 6;
/// Values that sit on borders.
const INTERESTING: [u8; 12] = [0, 1, 2, 0x0f, 0x10, 0x20, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff];

/// Executions of one decoder.
pub fn executions() -> u64 {
    std::env::var_os("PARKMESH_PROOF").map_or(20_000, |_| 10_000_000)
}

/// Chance that comes the same way every time (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).expect("small")).expect("small")
    }

    fn byte(&mut self) -> u8 {
        let [byte, ..] = self.next().to_le_bytes();
        if byte & 1 == 0 { INTERESTING[self.below(INTERESTING.len())] } else { byte }
    }
}

/// Changes an input in a few places. `other` lends parts.
pub fn mutate(input: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    for _ in 0..=chance.next() % STEPS_MAX {
        let at = chance.below(input.len() + 1);
        match chance.next() % 9 {
            0 => input.insert(at, chance.byte()),
            1 => input.truncate(at),
            2 if at < input.len() => drop(input.remove(at)),
            3 if at < input.len() => input[at] ^= 1 << (chance.next() % 8),
            4 if at < input.len() => input[at] = input[at].wrapping_add(chance.byte()),
            5 => {
                let from = chance.below(other.len() + 1);
                input.extend_from_slice(&other[from..]);
            }
            6 => {
                let part = input[at..].to_vec();
                input.extend_from_slice(&part[..part.len().min(32)]);
            }
            7 => {
                let length = input.len();
                if length > 1 {
                    input.swap(at % length, chance.below(length));
                }
            }
            _ if at < input.len() => input[at] = chance.byte(),
            _ => {}
        }
        input.truncate(BYTES_MAX);
    }
}

/// What came of a run.
pub struct Outcome {
    pub executions: u64,
    /// Inputs that were read, so that the inside of the decoder was seen, too.
    pub read: u64,
}

/// Feeds mutated seeds to `execute`, which says whether it could read them.
///
/// # Errors
/// With the input that made it panic.
pub fn run(
    name: &str,
    seeds: &[Vec<u8>],
    executions: u64,
    repair: fn(&mut Vec<u8>),
    execute: impl Fn(&[u8]) -> bool,
) -> Result<Outcome, Vec<u8>> {
    let mut chance = Chance(seed_of(name));
    let (mut input, mut read) = (Vec::with_capacity(2 * BYTES_MAX), 0);
    for _ in 0..executions {
        input.clear();
        input.extend_from_slice(&seeds[chance.below(seeds.len())]);
        let other = chance.below(seeds.len());
        mutate(&mut input, &seeds[other], &mut chance);
        if chance.next().is_multiple_of(2) {
            repair(&mut input);
        }
        match catch_unwind(AssertUnwindSafe(|| execute(&input))) {
            Ok(understood) => read += u64::from(understood),
            Err(_panic) => return Err(input),
        }
    }
    Ok(Outcome { executions, read })
}

fn seed_of(name: &str) -> u64 {
    name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// What must hold of everything that a decoder answers.
fn bounded(answer: Result<Frame, Unreadable>, bytes: &[u8]) -> bool {
    match answer {
        Ok(frame) => {
            let numbers = [frame.temperature_celsius, frame.battery_volts];
            assert!(numbers.into_iter().flatten().all(f64::is_finite));
            assert!(frame.unknown_parts <= bytes.len());
            assert!(frame.notices.len() <= bytes.len());
            assert!(
                [frame.battery_percent, frame.humidity_percent].iter().flatten().all(|p| *p <= 100)
            );
            true
        }
        Err(error) => {
            assert!(error.detail.len() < 512);
            false
        }
    }
}

/// Marks and lengths that fit, so that mutations of the inside are reached.
fn repair_moko(bytes: &mut Vec<u8>) {
    while bytes.len() < 15 {
        bytes.push(0);
    }
    let last = bytes.len() - 1;
    (bytes[0], bytes[last], bytes[11]) = (0x7e, 0x7e, 0);
    let [high, low] = u16::try_from(bytes.len() - 15).expect("short").to_be_bytes();
    (bytes[8], bytes[9]) = (high, low);
}

fn repair_libelium(bytes: &mut Vec<u8>) {
    bytes.resize(11, 0);
}

pub fn leave(_bytes: &mut Vec<u8>) {}

/// Tells the proof what was run.
pub fn tell(name: &str, outcome: &Outcome) {
    println!("decoders: {name}, {} executions, {} read", outcome.executions, outcome.read);
}

#[test]
fn no_frame_makes_a_decoder_panic_or_answer_out_of_bounds() {
    std::thread::scope(|threads| {
        for half in 0..2 {
            threads.spawn(move || {
                corpus::all().iter().skip(half).step_by(2).for_each(survive);
            });
        }
    });
}

fn survive(saved: &corpus::Saved) {
    // The port is the first byte of the input.
    let seeds: Vec<Vec<u8>> =
        saved.frames.iter().map(|(port, bytes)| [&[*port][..], bytes].concat()).collect();
    let repair = match saved.name {
        name if name.starts_with("moko") => |input: &mut Vec<u8>| {
            let mut bytes = input.split_off(1.min(input.len()));
            repair_moko(&mut bytes);
            input.append(&mut bytes);
        },
        name if name.starts_with("libelium") => |input: &mut Vec<u8>| {
            let mut bytes = input.split_off(1.min(input.len()));
            repair_libelium(&mut bytes);
            input.append(&mut bytes);
        },
        _ => leave as fn(&mut Vec<u8>),
    };
    let make = saved.make;
    let outcome = run(saved.name, &seeds, executions(), repair, |input| {
        let (port, bytes) = input.split_first().map_or((0, input), |(port, bytes)| (*port, bytes));
        bounded(make.decode(port, bytes), bytes)
    });
    let outcome = outcome.unwrap_or_else(|input| panic!("{} panics at {input:02x?}", saved.name));
    tell(saved.name, &outcome);
    let share = outcome.read * 100 / outcome.executions;
    assert!((5..=95).contains(&share), "{}: {share} % read; the mutator sees one side", saved.name);
}

#[test]
fn the_instrument_finds_a_decoder_that_trusts_a_length() {
    // A mistake as real decoders have it: a length from the frame, believed.
    let trusting = |bytes: &[u8]| match bytes {
        [0x15, 0x66, length, rest @ ..] => rest[usize::from(*length)] == 1,
        _ => false,
    };
    let seeds = vec![vec![0x15, 0x66, 0x00, 0x01, 0x01]];
    let found = run("trusting", &seeds, 20_000, leave, trusting);
    assert!(found.is_err(), "planted, and not found");
    let overflowing = |bytes: &[u8]| bytes.iter().sum::<u8>() > 3;
    assert!(run("overflowing", &seeds, 20_000, leave, overflowing).is_err());
}

#[test]
fn the_same_mutations_come_every_time() {
    let seeds = vec![vec![1, 2, 3], vec![4, 5]];
    let sum = || {
        let total = std::cell::Cell::new(0_u64);
        let outcome = run("same", &seeds, 1_000, leave, |bytes| {
            let add = |sum: u64, byte: &u8| sum.wrapping_mul(31).wrapping_add(u64::from(*byte));
            total.set(bytes.iter().fold(total.get(), add));
            true
        });
        (outcome.map(|outcome| outcome.read), total.get())
    };
    assert_eq!(sum(), sum());
}
