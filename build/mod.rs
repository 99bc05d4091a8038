//! The generator behind build.rs: protos in, Rust out. tests/contracts includes it as well, to try the mistakes it must refuse.
//!
//! Start at [`generate`]. Each of the three tables is a function from the descriptor pool to Rust text; each collects all its
//! mistakes before it gives up, so that one build names them all.

use std::fs;
use std::path::{Path, PathBuf};

mod code;
pub mod descriptors;
pub mod facts;
pub mod methods;
mod names;
mod options;
pub mod validation;

/// What is wrong in the protos, one sentence each, with the name of the thing.
pub type Mistakes = Vec<String>;

/// What errors carry: no message of ours holds them, and whoever reads our descriptors wants to read errors too.
const DETAILS: [&str; 2] = ["google/rpc/error_details.proto", "google/rpc/status.proto"];

/// The descriptors with their comments, for builds that describe the contracts to people.
pub const DESCRIBED: &str = "described.binpb";

/// Compiles every `<root>/parkmesh/**/*.proto` and writes to `out_dir`: `lib.rs` (the module tree of the messages),
/// `descriptors.binpb`, `described.binpb`, `methods.rs`, `facts.rs` and `validation.rs`.
pub fn generate(root: &Path, includes: &[PathBuf], out_dir: &Path) -> Result<(), Mistakes> {
    let files = descriptors::proto_files(root, "parkmesh")?;
    let compiled =
        descriptors::compile(&[&files[..], &DETAILS.map(str::to_owned)].concat(), includes)?;
    let own = compiled.own_files(&files);

    let mut mistakes = Mistakes::new();
    let methods = methods::table(&own, &mut mistakes);
    let facts = facts::table(&own, &mut mistakes);
    let validation = validation::impls(&own, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }

    fs::create_dir_all(out_dir).map_err(|error| vec![format!("{}: {error}", out_dir.display())])?;
    write(&out_dir.join("descriptors.binpb"), &compiled.encoded)?;
    write(&out_dir.join(DESCRIBED), &compiled.described)?;
    write(&out_dir.join("methods.rs"), methods.as_bytes())?;
    write(&out_dir.join("facts.rs"), facts.as_bytes())?;
    write(&out_dir.join("validation.rs"), validation.as_bytes())?;
    code::write(compiled.to_generate(&files), out_dir)
}

/// Leaves an unchanged file alone, so that what depends on it is not built again.
fn write(path: &Path, content: &[u8]) -> Result<(), Mistakes> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(path, content).map_err(|error| vec![format!("{}: {error}", path.display())])
}
