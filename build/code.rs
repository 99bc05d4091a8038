//! Messages, clients and servers, as prost and tonic write them.

use std::path::Path;

use prost_types::FileDescriptorSet;

use super::Mistakes;

/// Writes one file per package and `lib.rs`, which nests them as modules.
pub fn write(files: FileDescriptorSet, out_dir: &Path) -> Result<(), Mistakes> {
    tonic_prost_build::configure()
        .out_dir(out_dir)
        .include_file("lib.rs")
        .compile_fds(files)
        .map_err(|error| vec![format!("cannot generate code: {error}")])
}
