//! The servers for real: found on this machine or fetched, started, killed, started again, stopped.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parkmesh_servers::{Binaries, Care, Error, Kind, Options, Servers};

/// The home in which fetched servers are kept: that of `cargo xtask test`, so that they are fetched once.
#[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
fn home() -> PathBuf {
    let fallback = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.parkmesh");
    std::env::var("PARKMESH_TEST_HOME").map_or_else(|_| fallback(), PathBuf::from)
}

fn binaries() -> Binaries {
    Binaries::locate_or_fetch(&home(), &|line| println!("{line}")).unwrap()
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("parkmesh-servers-{name}-{}", std::process::id()))
}

fn redis(servers: &Servers, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", servers.port(Kind::Redis))).unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut answer = [0; 512];
    let count = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

fn exists(pid: u32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), None).is_ok()
}

#[test]
fn all_servers_start_survive_a_kill_and_end_when_stopped() {
    let data = folder("all");
    let servers = Servers::start(&binaries(), &Options::throwaway(&data)).unwrap();
    let pids: Vec<u32> = Kind::ALL.into_iter().map(|kind| servers.pid(kind).unwrap()).collect();
    assert!(servers.postgres_url().starts_with("postgres://parkmesh@127.0.0.1:"));

    assert_eq!(redis(&servers, "SET a 1"), "+OK\r\n");
    servers.kill9(Kind::Redis);
    assert!(!servers.is_running(Kind::Redis));
    let port = servers.port(Kind::Redis);
    servers.start_again(Kind::Redis).unwrap();
    assert_eq!(servers.port(Kind::Redis), port);
    assert_eq!(redis(&servers, "GET a"), "$-1\r\n", "Redis keeps nothing");

    servers.kill9(Kind::Postgres);
    servers.start_again(Kind::Postgres).unwrap();
    servers.kill9(Kind::Nats);
    servers.start_again(Kind::Nats).unwrap();

    servers.stop();
    for (kind, pid) in Kind::ALL.into_iter().zip(pids) {
        assert!(!servers.is_running(kind) && !exists(pid), "{kind} still runs");
    }
    servers.erase().unwrap();
    assert!(!data.exists(), "nothing is left behind");
}

#[test]
fn a_second_start_has_the_same_addresses_and_a_simultaneous_one_is_refused() {
    let data = folder("second");
    let binaries = binaries();
    let options = Options { care: Care::None, ..Options::durable(&data) };
    let first = Servers::start(&binaries, &options).unwrap();
    let urls = |s: &Servers| [s.postgres_url(), s.redis_url(), s.nats_url(), s.mqtt_url()];
    let before = urls(&first);
    assert!(matches!(Servers::start(&binaries, &options), Err(Error::Locked { .. })));
    drop(first);
    let second = Servers::start(&binaries, &options).unwrap();
    assert_eq!(urls(&second), before);
    second.erase().unwrap();
    assert!(!data.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn servers_end_with_a_process_that_is_killed_and_the_folder_is_usable_at_once() {
    let data = folder("orphans");
    let binaries = binaries();
    // Cargo builds examples together with tests, beside them.
    let tests = std::env::current_exe().unwrap();
    let hold = tests.parent().unwrap().with_file_name("examples").join("hold");
    let mut holder =
        Command::new(hold).arg(home()).arg(&data).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("postgres://"), "{line}");
    let pids: Vec<u32> = Kind::ALL.into_iter().map(|kind| remembered(&data, kind)).collect();
    assert!(pids.iter().all(|&pid| exists(pid)));

    holder.kill().unwrap();
    holder.wait().unwrap();
    let options = Options { care: Care::None, ..Options::durable(&data) };
    let servers = Servers::start(&binaries, &options).unwrap();
    assert_eq!(servers.postgres_url(), line.trim(), "the same address");
    let until = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|&pid| exists(pid)) {
        assert!(Instant::now() < until, "servers of a killed process live on");
        std::thread::sleep(Duration::from_millis(20));
    }
    servers.erase().unwrap();
    assert!(!data.exists(), "nothing is left behind");
}

fn remembered(data: &Path, kind: Kind) -> u32 {
    let line = std::fs::read_to_string(data.join("run").join(format!("{kind}.pid"))).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
