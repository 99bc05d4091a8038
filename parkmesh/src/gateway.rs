//! `parkmesh gateway --mode validate`: whether a file of settings would be taken.

use parkmesh_gateway::Config;

use crate::Failure;
use crate::cli::Gateway;

/// Reads the file as the gateway does, and tells every mistake with its line.
pub fn run(options: &Gateway) -> Result<(), Failure> {
    let config = Config::from_file(Config::default(), &options.config_path)?;
    println!(
        "{}: good; {} listeners, {} routes, {} clusters",
        options.config_path.display(),
        config.listeners.len(),
        config.routes.len(),
        config.clusters.len()
    );
    Ok(())
}
