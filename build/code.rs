//! Messages, clients and servers, as prost and tonic write them.

use std::path::Path;

use prost_types::FileDescriptorSet;

use super::Mistakes;

/// Writes one file per package and `lib.rs`, which nests them as modules.
pub fn write(files: FileDescriptorSet, out_dir: &Path) -> Result<(), Mistakes> {
    // Names let a message travel in a `google.protobuf.Any`, as the details of an error do.
    let mut config = prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .out_dir(out_dir)
        .include_file("lib.rs")
        .compile_fds_with_config(files, config)
        .map_err(|error| vec![format!("cannot generate code: {error}")])
}
