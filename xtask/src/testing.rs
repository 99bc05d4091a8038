//! Tests, and the servers that they run against.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use parkmesh_servers::{Binaries, Error, Kind, Options, Servers};

use crate::app;
use crate::browser::Browser;
use crate::node::Node;
use crate::run::{self, Failure};

/// How many commands may run tests on one target folder at once.
const FOLDERS_MAX: u32 = 16;

/// Packages whose tests run the built binary: those of tests/ belong to the root package.
const BINARY_USERS: [&str; 3] = ["parkmesh-contracts", "parkmesh", "parkmesh-bench"];
/// The package whose tests play the stories of the web app.
const PLAYERS: [&str; 1] = ["parkmesh"];
/// Packages whose tests need a browser.
const BROWSERS: [&str; 2] = ["parkmesh", "parkmesh-gateway"];

/// Runs `cargo test` with servers of its own.
pub fn test(args: &[String]) -> Result<ExitCode, Failure> {
    test_with(args, &[])
}

fn test_with(args: &[String], more: &[(&str, String)]) -> Result<ExitCode, Failure> {
    let begin = Instant::now();
    let chosen = chooses_packages(args);
    let binary = match (chosen, meant(args, &BINARY_USERS)) {
        // With the workspace's selection of features, so that the tests compile nothing twice.
        (false, _) => Some(run::build(&["--workspace"])?),
        (true, true) => Some(run::build(&["--package", "parkmesh"])?),
        // Tests of one crate need not wait for all the others.
        (true, false) => None,
    };
    let servers = start()?;
    eprintln!("== built, servers ready: {:.1} s", begin.elapsed().as_secs_f32());
    let mut command = run::cargo();
    command.arg("test");
    if !chosen {
        command.arg("--workspace");
    }
    command
        .args(args)
        .envs(variables(&servers))
        .envs(more.iter().map(|(name, value)| (name, value)));
    if let Some(binary) = binary {
        command.env("PARKMESH_TEST_BIN", binary);
    }
    if !chosen || meant(args, &PLAYERS) {
        command.envs(playing()?);
    }
    if !chosen || meant(args, &BROWSERS) {
        command.envs(browsing()?);
    }
    let begin = Instant::now();
    let status = command.status()?;
    eprintln!("== cargo test: {:.1} s", begin.elapsed().as_secs_f32());
    told_if_dead(&servers);
    servers.erase()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// The test that plays the stories of the web app.
const STORIES: [&str; 7] =
    ["--package", "parkmesh", "--test", "journeys", "app::", "--", "--nocapture"];

/// Plays every story of the web app, and not only the short ones; pictures of the views go to docs/app. With
/// arguments it plays only those of files with the first in their name, and of these only those whose name fits the second.
pub fn prove_app(args: &[String]) -> Result<ExitCode, Failure> {
    let stories = STORIES.map(str::to_owned);
    if !args.is_empty() {
        let names = ["PARKMESH_TEST_STORIES", "PARKMESH_TEST_STORY"];
        let some: Vec<_> = names.into_iter().zip(args.iter().cloned()).collect();
        return test_with(&stories, &some);
    }
    let (pictures, proofs) = (run::root().join("docs/app"), run::root().join("target/proof"));
    fs::create_dir_all(&pictures)?;
    fs::create_dir_all(&proofs)?;
    let more = [
        ("PARKMESH_TEST_STORIES", "all".to_owned()),
        ("PARKMESH_STORIES_PICTURES", pictures.display().to_string()),
        ("PARKMESH_STORIES_REPORT", proofs.join("app.json").display().to_string()),
    ];
    test_with(&stories, &more)
}

/// Starts servers and waits for Ctrl-C, on which they end with us.
pub fn servers() -> Result<ExitCode, Failure> {
    let servers = start()?;
    for (name, value) in variables(&servers) {
        println!("export {name}='{value}'");
    }
    match run::build(&["--workspace"]) {
        Ok(binary) => {
            println!("export PARKMESH_TEST_BIN='{}'", binary.display());
            for (name, value) in playing()?.into_iter().chain(browsing()?) {
                println!("export {name}='{value}'");
            }
        }
        Err(failure) => eprintln!("== {failure}: the tests that run it will fail"),
    }
    io::stdout().flush()?;
    eprintln!("ready; Ctrl-C ends them");
    loop {
        thread::park();
    }
}

fn start() -> Result<Servers, Failure> {
    let binaries = Binaries::locate_or_fetch(&run::home(), &|line| eprintln!("   {line}"))?;
    let target = run::target()?;
    for number in 1..=FOLDERS_MAX {
        let folder = target.join("test-servers").join(number.to_string());
        match Servers::start(&binaries, &Options::throwaway(&folder)) {
            Err(Error::Locked { .. }) => {}
            outcome => return Ok(outcome?),
        }
    }
    Err(Failure(format!("{FOLDERS_MAX} other commands run tests on {} already", target.display())))
}

/// What tests read, see `crates/testkit`.
fn variables(servers: &Servers) -> [(&'static str, String); 5] {
    [
        ("PARKMESH_TEST_POSTGRES_URL", servers.postgres_url()),
        ("PARKMESH_TEST_REDIS_URL", servers.redis_url()),
        ("PARKMESH_TEST_NATS_URL", servers.nats_url()),
        ("PARKMESH_TEST_MQTT_URL", servers.mqtt_url()),
        ("PARKMESH_TEST_HOME", run::home().display().to_string()),
    ]
}

/// What the stories of the web app need beside a browser, see `tests/journeys/app.rs`: the app and Node.
fn playing() -> Result<[(&'static str, String); 2], Failure> {
    let app = app::build()?;
    let node = Node::locate_or_fetch()?;
    app::install(&node, &run::root().join("tests/e2e"))?;
    Ok([
        ("PARKMESH_TEST_APP_DIR", app.display().to_string()),
        ("PARKMESH_TEST_NODE", node.program().display().to_string()),
    ])
}

/// A browser with its variables.
fn browsing() -> Result<[(&'static str, String); 2], Failure> {
    let browser = Browser::locate_or_fetch()?;
    let variables = browser.variables.iter().map(|(name, value)| format!("{name}={value}"));
    Ok([
        ("PARKMESH_TEST_CHROMIUM", browser.program.display().to_string()),
        ("PARKMESH_TEST_CHROMIUM_ENV", variables.collect::<Vec<_>>().join("\n")),
    ])
}

/// Whether the arguments of cargo, before `--`, say which packages are meant.
fn chooses_packages(args: &[String]) -> bool {
    let own = args.iter().take_while(|arg| *arg != "--");
    own.into_iter().any(|arg| {
        let long = arg.split('=').next().unwrap_or(arg);
        ["--package", "--workspace", "--all", "--manifest-path"].contains(&long)
            || (arg.starts_with("-p") && !arg.starts_with("--"))
    })
}

/// Whether all packages are meant, or one of these is named.
fn meant(args: &[String], packages: &[&str]) -> bool {
    let named = |arg: &String| packages.contains(&arg.rsplit('=').next().unwrap_or(arg));
    args.iter().any(|arg| arg == "--workspace" || arg == "--all" || named(arg))
}

/// A server that died explains failures better than the failures do.
fn told_if_dead(servers: &Servers) {
    for kind in Kind::ALL.into_iter().filter(|&kind| !servers.is_running(kind)) {
        let log = fs::read_to_string(servers.log(kind)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        eprintln!("== {kind} has died during the tests; its log ends with:\n{tail}");
    }
}

#[cfg(test)]
mod tests {
    use super::chooses_packages;

    #[test]
    fn a_filter_does_not_choose_packages_but_p_does() {
        let says = |text: &str| {
            chooses_packages(&text.split(' ').map(str::to_owned).collect::<Vec<String>>())
        };
        assert!(says("-p parkmesh-booking"));
        assert!(says("--package=parkmesh-booking overlap"));
        assert!(!says("second_driver -- --nocapture"));
        assert!(!says("hold -- -p"));
    }
}
