//! buf, which checks the protos: from the PATH, or fetched from the npm registry (its packages are plain
//! archives with one program, so neither npm nor Node is needed).

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{self, Failure, home, output, root, step};

const VERSION: &str = "1.75.0";
const REGISTRY: &str = "https://registry.npmjs.org";
/// npm's name of the system, and the SHA-512 of the archive.
const ARCHIVES: [(&str, &str, &str, &str); 2] = [
    (
        "linux",
        "x86_64",
        "buf-linux-x64",
        "606189031d25a4c084eda3168cd38971fa04686fdefa26079d30b8499d0fe5e4\
         b821f7ccaf203d678fdb6f59b5c0d5c0109f004c530464e024ff9c7d544e3b8a",
    ),
    (
        "linux",
        "aarch64",
        "buf-linux-aarch64",
        "797f97ca8933243aac348168f1bd4edc306f6e792c3a8ccf257e1056c367eb52\
         6a494b56b29c9335e62ac20f254436a770c2fe6c3a9910314f0018c0b1509019",
    ),
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
    let folder = home().join("buf").join(VERSION);
    let program = folder.join("package/bin/buf");
    if !program.exists() {
        fetch(&folder)?;
    }
    Ok(program)
}

fn fetch(folder: &Path) -> Result<(), Failure> {
    let here = ARCHIVES.iter().find(|(system, machine, ..)| (*system, *machine) == (OS, ARCH));
    let Some((_, _, name, hash)) = here else {
        return Err(Failure(format!(
            "buf is not on the PATH; for {OS} on {ARCH} install it yourself"
        )));
    };
    let registry = run::variable("npm_config_registry").unwrap_or_else(|| REGISTRY.to_owned());
    let url = format!("{}/@bufbuild/{name}/-/{name}-{VERSION}.tgz", registry.trim_end_matches('/'));
    eprintln!("== fetching buf {VERSION}");
    let fresh = folder.with_extension("new");
    drop(fs::remove_dir_all(&fresh));
    fs::create_dir_all(&fresh)?;
    let archive = fresh.join("buf.tgz");
    parkmesh_servers::download(&url, &archive)?;
    let said = output(Command::new("sha512sum").arg(&archive))?;
    if said.split_whitespace().next() != Some(*hash) {
        return Err(Failure(format!("{url} is not what it was: its SHA-512 differs")));
    }
    output(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&fresh))?;
    fs::remove_file(&archive)?;
    drop(fs::remove_dir_all(folder));
    Ok(fs::rename(&fresh, folder)?)
}
