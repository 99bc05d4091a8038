//! Turns proto/ into the language of Parkmesh: messages, clients and servers, the descriptor set, and three tables read from
//! our options (methods, facts, validation). The work is done in build/; a mistake in a proto is a build error that names it.

use std::path::PathBuf;
use std::process::ExitCode;

#[path = "build/mod.rs"]
mod generate;

fn main() -> ExitCode {
    for input in ["build.rs", "build", "proto", FIXTURE] {
        println!("cargo::rerun-if-changed={input}");
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(mistakes) => {
            for mistake in &mistakes {
                println!("cargo::error={}", mistake.replace('\n', " "));
            }
            ExitCode::FAILURE
        }
    }
}

/// Protos of the tests, which try every rule and option of the generator, also those that no contract uses yet.
const FIXTURE: &str = "tests/contracts/fixture";

fn run() -> Result<(), generate::Mistakes> {
    let out_dir = PathBuf::from(
        std::env::var_os("OUT_DIR").ok_or_else(|| vec!["OUT_DIR is not set".to_owned()])?,
    );
    generate::generate("proto".as_ref(), &["proto".into(), THIRD_PARTY.into()], &out_dir)?;
    println!("cargo::metadata=described={}", out_dir.join(generate::DESCRIBED).display());
    generate::generate(
        FIXTURE.as_ref(),
        &[FIXTURE.into(), "proto".into(), THIRD_PARTY.into()],
        &out_dir.join("fixture"),
    )
}

const THIRD_PARTY: &str = "proto/third_party";
