//! How the processes of one development machine share one moved clock: a file holds its offset.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::clock::Clock;
use crate::tasks::Tasks;

/// Between two looks at the file at least: a simulation that runs faster moves the clock fifty times a second.
const REST: Duration = Duration::from_millis(100);
/// Bytes of the system's word that something in the folder has changed; what exactly is all the same.
const WORD_BYTES: usize = 4096;

/// Follows the offset that is written, in milliseconds, in a file. A missing file leaves the clock as it is.
pub fn follow(clock: &Clock, path: PathBuf, tasks: &Tasks) {
    read(clock, &path);
    let (clock, rest) = (clock.clone(), tasks.clone());
    tasks.supervise("clock-file", move || watch(clock.clone(), path.clone(), rest.clone()));
}

/// Told by the system: nine processes that look ten times a second are heard by what is measured beside them.
async fn watch(clock: Clock, path: PathBuf, tasks: Tasks) -> io::Result<()> {
    let changes = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    // Its folder, as the file may come later and be replaced.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
    changes.add_watch(folder.unwrap_or(Path::new(".")), written)?;
    // What can be read and waited for is a pipe to the runtime.
    let mut changes = Receiver::from_owned_fd_unchecked(OwnedFd::from(changes))?;
    let mut word = [0; WORD_BYTES];
    loop {
        read(&clock, &path);
        tasks.sleep(REST).await;
        let _which = changes.read(&mut word).await?;
    }
}

fn read(clock: &Clock, path: &Path) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if let Ok(offset_ms) = text.trim().parse() {
        clock.set_offset_ms(offset_ms);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::timeout;

    use super::*;

    async fn moved(clock: &Clock, write: impl FnOnce() -> io::Result<()>) -> i64 {
        let mut moves = clock.moves();
        write().expect("a writable folder");
        timeout(Duration::from_secs(10), moves.next()).await.expect("the clock is moved");
        clock.offset_ms()
    }

    #[tokio::test]
    async fn a_clock_is_moved_when_its_file_is_made_written_and_replaced() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("parkmesh-clock-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let (file, other) = (folder.join("offset"), folder.join("other"));
        let clock = Clock::movable();
        let tasks = Tasks::new(&clock);
        follow(&clock, file.clone(), &tasks);

        assert_eq!(moved(&clock, || fs::write(&file, "1000")).await, 1_000);
        assert_eq!(moved(&clock, || fs::write(&file, "-2000\n")).await, -2_000);
        fs::write(&other, "3000")?;
        assert_eq!(moved(&clock, || fs::rename(&other, &file)).await, 3_000);
        tasks.stop().await;
        fs::remove_dir_all(&folder)
    }
}
