//! The source files of the workspace.

use std::path::{Path, PathBuf};

/// A Rust file of ours.
pub struct Source {
    /// From the root of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Lines that count: without the tests at its end.
    pub fn lines(&self) -> usize {
        self.code().lines().count()
    }

    /// Its text without the tests at its end.
    pub fn code(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file in `src` folders and `build`, tests left out.
pub fn all() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["src", "build", "crates", "services", "gateway", "parkmesh", "xtask", "bench"] {
        walk(&root().join(folder), &mut found);
    }
    assert!(found.len() > 100, "only {} files found: is this the repository?", found.len());
    found
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "tests" && name != "target" {
            walk(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("_tests.rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let path = path.strip_prefix(root()).expect("below the root").display().to_string();
            found.push(Source { path, text });
        }
    }
}
