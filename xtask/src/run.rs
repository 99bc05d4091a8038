//! Commands, and where things are.

use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Why a task failed, as told to the person.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<parkmesh_servers::Error> for Failure {
    fn from(error: parkmesh_servers::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// The folder of the workspace.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Where fetched tools and servers are kept.
pub fn home() -> PathBuf {
    root().join(".parkmesh")
}

/// Where cargo puts what it builds: our own program lies in `<target>/<profile>`.
pub fn target() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(2).map_or_else(|| root().join("target"), PathBuf::from))
}

/// The cargo that runs us, in the folder of the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    forget_package(&mut command);
    command.current_dir(root());
    command
}

/// A command that calls cargo, itself or later, is not told what `cargo run` told us about our own package:
/// build scripts that look at that (ring's does) would run, and half the workspace be compiled anew, on
/// every change between `cargo xtask` and plain `cargo`.
pub fn forget_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// A variable that cargo or the person set.
#[expect(clippy::disallowed_methods, reason = "cargo's variables; this is no service")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Builds the `parkmesh` binary in the profile that compiles fast, and gives its path.
pub fn build(selection: &[&str]) -> Result<PathBuf, Failure> {
    let mut command = cargo();
    command.args(["build", "--bin", "parkmesh", "--message-format=json-render-diagnostics"]);
    let output = command.args(selection).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Failure("parkmesh does not build".to_owned()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let mut programs = said.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == "parkmesh";
        message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    });
    programs.next_back().ok_or_else(|| Failure("cargo names no program of parkmesh".to_owned()))
}

/// Runs a command in our place: Ctrl-C and the exit code are then its own.
pub fn become_program(command: &mut Command) -> Result<ExitCode, Failure> {
    let error = command.current_dir(root()).exec();
    Err(Failure(format!("{} could not be run: {error}", command.get_program().to_string_lossy())))
}

/// Runs one named step, says how long it took, and fails when it fails.
pub fn step(name: &str, command: &mut Command) -> Result<(), Failure> {
    eprintln!("== {name}");
    let begin = Instant::now();
    let status = command.status().map_err(|error| {
        Failure(format!(
            "{name}: {} could not be run: {error}",
            command.get_program().to_string_lossy()
        ))
    })?;
    eprintln!("== {name}: {:.1} s", begin.elapsed().as_secs_f32());
    if status.success() { Ok(()) } else { Err(Failure(format!("{name} failed ({status})"))) }
}

/// Runs a command to its end and gives what it printed.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| Failure(format!("{program}: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure(format!("{program} failed ({}): {said}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
