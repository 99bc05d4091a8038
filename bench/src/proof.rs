//! A figure with what was asked of it: printed, and written to target/proof/<name>.json.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::Failure;

/// One measured figure.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// Its name, also of its file.
    pub name: &'static str,
    /// What was measured.
    pub figure: f64,
    /// Of what.
    pub unit: &'static str,
    /// What it stands beside.
    pub yardstick: &'static str,
    /// What is asked.
    pub ask: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Figure {
    /// A figure of which nothing is asked: it stands beside others.
    pub fn told(name: &'static str, figure: f64, unit: &'static str) -> Self {
        Self { name, figure, unit, yardstick: "none", ask: "told".to_owned(), holds: true }
    }

    /// Prints it and writes its file. Says whether it holds.
    pub fn tell(&self) -> Result<bool, Failure> {
        let folder = repository().join("target/proof");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.json", self.name));
        std::fs::write(&path, serde_json::to_string_pretty(self)? + "\n")?;
        let verdict = if self.holds { "holds" } else { "DOES NOT HOLD" };
        println!("{}: {:.3} {} (asked: {}) {verdict}", self.name, self.figure, self.unit, self.ask);
        println!("  {}", path.display());
        Ok(self.holds)
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Cargo in the workspace.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(repository());
    cargo
}
