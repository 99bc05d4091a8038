//! What is on this machine already.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Kind, Program};

/// Folders in which packages put servers, and which an ordinary PATH does not name.
const USUAL: [&str; 5] =
    ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/opt/homebrew/bin"];

/// The newest usable one on this machine.
pub(crate) fn on_machine(kind: Kind) -> Option<Program> {
    let mut found: Vec<Program> = folders(kind)
        .iter()
        .filter_map(|folder| usable(kind, &folder.join(kind.program()), &[]))
        .collect();
    found.sort_by_key(|program| program.version);
    found.pop()
}

/// The one unpacked below `root`.
pub(crate) fn unpacked(kind: Kind, root: &Path) -> Option<Program> {
    let libraries = libraries(root);
    let mut folders: Vec<PathBuf> =
        ["usr/bin", "usr/sbin", "bin"].map(|name| root.join(name)).into();
    if kind == Kind::Postgres {
        folders = versions_below(&root.join("usr/lib/postgresql"));
    }
    folders.iter().find_map(|folder| usable(kind, &folder.join(kind.program()), &libraries))
}

/// Every folder below `root` that holds shared libraries of packages.
pub(crate) fn libraries(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for top in ["lib", "usr/lib"].map(|name| root.join(name)) {
        let below = fs::read_dir(&top).into_iter().flatten().flatten().map(|entry| entry.path());
        let triplets = below.filter(|path| path.to_string_lossy().contains("-linux-"));
        found.extend(triplets.filter(|path| path.is_dir()));
    }
    found.sort();
    found
}

/// Envoy in the one version that we compare with.
pub(crate) fn envoy_on_machine() -> Option<PathBuf> {
    let mut programs = usual_folders().into_iter().map(|folder| folder.join("envoy"));
    programs.find(|program| {
        let said = Command::new(program).arg("--version").output();
        said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("/1.40."))
    })
}

fn usual_folders() -> Vec<PathBuf> {
    env::split_paths(&path()).chain(USUAL.map(PathBuf::from)).collect()
}

fn folders(kind: Kind) -> Vec<PathBuf> {
    let mut folders = usual_folders();
    if kind == Kind::Postgres {
        folders.extend(versions_below(Path::new("/usr/lib/postgresql")));
        folders.push("/usr/pgsql/bin".into());
    }
    let mut seen = Vec::new();
    folders.retain(|folder| {
        let new = folder.is_absolute() && !seen.contains(folder);
        seen.push(folder.clone());
        new
    });
    folders
}

#[expect(clippy::disallowed_methods, reason = "PATH is the machine's, not a setting of ours")]
fn path() -> String {
    env::var("PATH").unwrap_or_default()
}

fn versions_below(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect()
}

/// The program, if it runs here and is new enough.
fn usable(kind: Kind, path: &Path, libraries: &[PathBuf]) -> Option<Program> {
    if !path.is_file() || (kind == Kind::Postgres && !path.with_file_name("initdb").is_file()) {
        return None;
    }
    let mut program =
        Program { kind, path: path.to_owned(), libraries: libraries.to_vec(), version: (0, 0) };
    program.version = version(&mut program.command())?;
    (program.version >= kind.oldest()).then_some(program)
}

fn version(command: &mut Command) -> Option<(u32, u32)> {
    // mosquitto knows no --version, says its version with its help, and calls that an error.
    let mosquitto = Path::new(command.get_program()).ends_with(Kind::Mosquitto.program());
    let output = command.arg(if mosquitto { "-h" } else { "--version" }).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    parse(&String::from_utf8_lossy(&said))
}

/// The first `number.number` or, for betas of PostgreSQL, the first number alone.
fn parse(said: &str) -> Option<(u32, u32)> {
    let mut words = said.split(|c: char| c.is_whitespace() || c == '=' || c == ':');
    words.find_map(|word| {
        let mut parts = word.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
        let major = parts.next()?.parse().ok()?;
        Some((major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn versions_are_read_from_what_each_server_says() {
        assert_eq!(parse("postgres (PostgreSQL) 15.12 (Debian 15.12-0+deb12u2)"), Some((15, 12)));
        assert_eq!(parse("postgres (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(
            parse("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"),
            Some((7, 0))
        );
        assert_eq!(parse("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(parse("mosquitto version 2.0.11\n\nmosquitto is an MQTT broker"), Some((2, 0)));
        assert_eq!(parse("error while loading shared libraries: libx.so.1"), None);
    }
}
