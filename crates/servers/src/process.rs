//! One running server: its process, the file that remembers it, and its end.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::account::Account;
use crate::keeper::Keeper;
use crate::{Error, Kind, Program};

/// How long a server may take to end by itself.
const END_WAIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(crate) struct Process {
    kind: Kind,
    child: Child,
    pid_file: PathBuf,
}

/// The signal on which a server ends at once and in order.
fn end_signal(kind: Kind) -> Signal {
    // PostgreSQL would wait for its clients on SIGTERM.
    if kind == Kind::Postgres { Signal::SIGINT } else { Signal::SIGTERM }
}

impl Process {
    /// Starts `program` in a process group of its own, so that Ctrl-C in a terminal reaches only us, and
    /// remembers it in `<run>/<kind>.pid`.
    pub(crate) fn start(
        keeper: &Keeper,
        program: &Program,
        arguments: &[String],
        account: Option<Account>,
        log: &Path,
        run: &Path,
    ) -> Result<Self, Error> {
        let open = || File::options().create(true).append(true).open(log);
        let out = open().map_err(Error::file(log, "could not be opened"))?;
        let err = open().map_err(Error::file(log, "could not be opened"))?;
        let kind = program.kind;
        let mut command = as_account(program, account, Some(end_signal(kind)), arguments);
        command.stdin(Stdio::null()).stdout(out).stderr(err).current_dir("/").process_group(0);
        let child =
            keeper.spawn(command).map_err(Error::file(&program.path, "could not be started"))?;
        let pid_file = pid_file(run, kind);
        let process = Self { kind, child, pid_file };
        let line = format!("{} {}", process.pid(), started(process.pid()).unwrap_or(0));
        fs::write(&process.pid_file, line)
            .map_err(Error::file(&process.pid_file, "could not be written"))?;
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&mut self) {
        if self.alive() {
            send(self.pid(), end_signal(self.kind));
        }
    }

    /// Waits for its end and kills it when that takes too long.
    pub(crate) fn wait(mut self) {
        let until = Instant::now() + END_WAIT;
        while self.alive() && Instant::now() < until {
            thread::sleep(POLL);
        }
        self.kill9();
    }

    /// Ends it as a crash would.
    pub(crate) fn kill9(mut self) {
        // Both fail only when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.pid_file));
    }
}

/// A command that runs as `account`, and that is sent `death` when we die, where the machine can do that.
pub(crate) fn as_account(
    program: &Program,
    account: Option<Account>,
    death: Option<Signal>,
    arguments: &[String],
) -> Command {
    let mut command = match death {
        Some(signal) if knows_death_signals() => {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", signal.as_str().trim_start_matches("SIG")]);
            if let Some(Account { uid, gid }) = account {
                command.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
                command.arg("--clear-groups");
            }
            command.arg("--").arg(&program.path);
            command
        }
        _ => {
            let mut command = Command::new(&program.path);
            if let Some(Account { uid, gid }) = account {
                command.uid(uid).gid(gid);
            }
            command
        }
    };
    command.args(arguments).envs(program.environment());
    command
}

/// Whether util-linux's setpriv is here, recent enough. Without it a killed parent leaves servers behind,
/// which the next start ends.
fn knows_death_signals() -> bool {
    static KNOWS: OnceLock<bool> = OnceLock::new();
    *KNOWS.get_or_init(|| {
        let mut probe = Command::new("setpriv");
        probe
            .args(["--pdeathsig", "TERM", "--", "true"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    })
}

/// Ends the server that an earlier run with this folder left behind, if it is certainly that one: same
/// process id, same start, same program.
pub(crate) fn end_left_over(run: &Path, kind: Kind) {
    let path = pid_file(run, kind);
    let Ok(line) = fs::read_to_string(&path) else { return };
    let mut numbers = line.split_whitespace().map(str::parse::<u64>);
    if let (Some(Ok(pid)), Some(Ok(start))) = (numbers.next(), numbers.next())
        && let Ok(pid) = u32::try_from(pid)
        && runs_program(pid, kind)
    {
        let ours = || started(pid) == Some(start);
        for signal in [end_signal(kind), Signal::SIGKILL] {
            let until = Instant::now() + END_WAIT;
            if ours() {
                send(pid, signal);
            }
            while ours() && Instant::now() < until {
                thread::sleep(POLL);
            }
        }
    }
    drop(fs::remove_file(path));
}

fn pid_file(run: &Path, kind: Kind) -> PathBuf {
    run.join(format!("{kind}.pid"))
}

fn send(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // It may have ended in the meantime, which is what we want.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// When a live process started, in ticks since boot; `None` without such a process (or without /proc).
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // Fields 3 (state) and 22 (start) of proc(5). A zombie has ended.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn runs_program(pid: u32, kind: Kind) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).contains(kind.program())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// A process that calls itself `name`, remembered in a folder of its own.
    fn remembered(name: &str, off: u64) -> (Child, PathBuf) {
        let child = Command::new("sleep").arg0(name).arg("60").spawn().unwrap();
        let run = std::env::temp_dir().join(format!("parkmesh-process-{}", child.id()));
        fs::create_dir_all(&run).unwrap();
        let start = started(child.id()).unwrap() + off;
        fs::write(pid_file(&run, Kind::Redis), format!("{} {start}", child.id())).unwrap();
        (child, run)
    }

    fn survives(name: &str, off: u64) -> bool {
        let (mut child, run) = remembered(name, off);
        // Until it has become the other program, it still has our name.
        while !runs_program(child.id(), Kind::Redis) && name == "redis-server" {
            thread::sleep(POLL);
        }
        end_left_over(&run, Kind::Redis);
        let alive = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_dir_all(run).unwrap();
        alive
    }

    #[test]
    fn a_left_over_server_is_ended() {
        assert!(!survives("redis-server", 0));
    }

    #[test]
    fn a_process_that_is_not_ours_is_left_alone() {
        assert!(survives("something-else", 0), "another program took the process id");
        assert!(survives("redis-server", 1), "another server took the process id");
    }
}
