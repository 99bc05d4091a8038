//! buf, which checks the protos: from the PATH, or from the npm registry.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::npm::{self, Archive};
use crate::run::{Failure, home, output, root, step};

const VERSION: &str = "1.75.0";
const ARCHIVES: [Archive; 2] = [
    Archive {
        system: "linux",
        machine: "x86_64",
        name: "@bufbuild/buf-linux-x64",
        version: VERSION,
        sha512: "606189031d25a4c084eda3168cd38971fa04686fdefa26079d30b8499d0fe5e4\
                 b821f7ccaf203d678fdb6f59b5c0d5c0109f004c530464e024ff9c7d544e3b8a",
    },
    Archive {
        system: "linux",
        machine: "aarch64",
        name: "@bufbuild/buf-linux-aarch64",
        version: VERSION,
        sha512: "797f97ca8933243aac348168f1bd4edc306f6e792c3a8ccf257e1056c367eb52\
                 6a494b56b29c9335e62ac20f254436a770c2fe6c3a9910314f0018c0b1509019",
    },
];

/// The rules of buf.yaml.
pub fn lint() -> Result<(), Failure> {
    step("buf lint", Command::new(program()?).arg("lint").current_dir(root()))
}

/// Whether an older client still understands us.
pub fn breaking(against: Option<&str>) -> Result<(), Failure> {
    let commit = match against {
        Some(commit) => commit.to_owned(),
        None => last_commit(),
    };
    let before = home().join("buf/before");
    drop(fs::remove_dir_all(&before));
    fs::create_dir_all(&before)?;
    if git(&["cat-file", "-e", &format!("{commit}:buf.yaml")]).is_err() {
        if against.is_some() {
            return Err(Failure(format!(
                "buf breaking: there is no commit {commit} with a buf.yaml"
            )));
        }
        eprintln!("== buf breaking: no earlier commit here, nothing to compare with");
        return Ok(());
    }
    let archive = before.join("protos.tar");
    git(&["archive", "--output", &archive.display().to_string(), &commit, "proto", "buf.yaml"])?;
    output(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&before))?;
    let name = format!("buf breaking, against {commit}");
    step(
        &name,
        Command::new(program()?).arg("breaking").arg("--against").arg(&before).current_dir(root()),
    )
}

/// HEAD while the protos here differ from it; else the commit before, or nothing would be compared.
fn last_commit() -> String {
    let same = git(&["diff", "--quiet", "HEAD", "--", "proto"]).is_ok();
    if same { "HEAD~1".to_owned() } else { "HEAD".to_owned() }
}

fn git(args: &[&str]) -> Result<String, Failure> {
    output(Command::new("git").args(args).current_dir(root()).stderr(Stdio::piped()))
}

fn program() -> Result<PathBuf, Failure> {
    if output(Command::new("buf").arg("--version")).is_ok() {
        return Ok("buf".into());
    }
    Ok(npm::package("buf", &ARCHIVES, &home().join("buf"))?.join("bin/buf"))
}
