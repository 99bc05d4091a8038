//! The saved frames, one file per model (and firmware, after `@`): `port hex` lines.

use crate::decode::Make;

/// A model with its saved frames.
pub struct Saved {
    pub name: &'static str,
    pub make: Make,
    pub frames: Vec<(u8, Vec<u8>)>,
}

pub fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| std::str::from_utf8(pair).expect("ASCII"))
        .map(|pair| u8::from_str_radix(pair, 16).expect("hex digits"))
        .collect()
}

macro_rules! saved {
    ($($name:literal),+ $(,)?) => {
        vec![$(saved($name, include_str!(concat!("../../../corpus/", $name, ".hex")))),+]
    };
}

/// All of them.
pub fn all() -> Vec<Saved> {
    saved![
        "bosch-tps110",
        "nwave-nps405",
        "nwave-nps405@old",
        "placepod",
        "libelium-v2",
        "libelium-v3",
        "moko-lw009-sm",
        "moko-lw009-ig",
        "tekzipark",
    ]
}

fn saved(name: &'static str, text: &str) -> Saved {
    let (model, firmware) = name.split_once('@').unwrap_or((name, ""));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let frames = lines.map(|line| {
        let (port, frame) = line.split_once(' ').expect("a port and a frame");
        (port.parse().expect("a port"), hex(frame))
    });
    let make = Make::choose(model, firmware).expect("a model with a decoder");
    Saved { name, make, frames: frames.collect() }
}

#[test]
fn every_saved_frame_is_readable() {
    for saved in all() {
        assert!(saved.frames.len() >= 3 || saved.name == "moko-lw009-sm", "{}", saved.name);
        for (port, bytes) in &saved.frames {
            let read = saved.make.decode(*port, bytes);
            assert!(read.is_ok(), "{} {bytes:02x?}: {read:?}", saved.name);
        }
    }
}

#[test]
fn every_model_has_saved_frames() {
    for model in crate::decode::MODELS {
        assert!(all().iter().any(|saved| saved.name == *model), "{model}");
    }
}
