//! Writes what `/openapi.json` says, compressed, from the contracts and their comments: a gateway that runs holds none of
//! it in memory, and its descriptors need no comments.

#[path = "build/comments.rs"]
mod comments;
#[path = "build/openapi.rs"]
mod openapi;
#[path = "src/rest/rule.rs"]
mod rule;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost_reflect::DescriptorPool;

/// Where the build of the contracts has put its descriptors with their comments.
const DESCRIBED: &str = "DEP_PARKMESH_CONTRACTS_DESCRIBED";

fn main() -> Result<(), Box<dyn Error>> {
    for input in ["build.rs", "build", "src/rest/rule.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let path =
        |name: &str| std::env::var_os(name).map(PathBuf::from).ok_or(format!("{name} is not set"));
    let described = path(DESCRIBED)?;
    println!("cargo::rerun-if-changed={}", described.display());
    let pool = DescriptorPool::decode(fs::read(described)?.as_slice())?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    serde_json::to_writer(&mut encoder, &openapi::document(&pool))?;
    encoder.flush()?;
    fs::write(path("OUT_DIR")?.join("openapi.json.gz"), encoder.finish()?)?;
    Ok(())
}
