//! The access log: a line of JSON for each request. Written beside the requests, never in their way: what
//! cannot be written in time is dropped and counted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parkmesh_platform::tasks::Tasks;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

/// Lines that wait to be written.
const LINES_MAX: usize = 8_192;
/// How long lines are gathered: a write for each wakes a thread, which costs as much as a call.
const GATHER: Duration = Duration::from_millis(50);

/// Where lines go.
#[derive(Debug)]
pub struct AccessLog {
    /// The file; `/dev/stdout` for the process's own output.
    pub path: PathBuf,
    lines: mpsc::Sender<String>,
    dropped: AtomicU64,
}

impl AccessLog {
    /// Opens the file and begins to write.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(path: &Path, tasks: &Tasks) -> Result<Arc<Self>, std::io::Error> {
        let file = OpenOptions::new().create(true).append(true).open(path).await?;
        let (lines, waiting) = mpsc::channel(LINES_MAX);
        // Not cut short by a stop: what was told by then is written.
        let _writes = tasks.detached(write(file, waiting, tasks.clone()));
        Ok(Arc::new(Self { path: path.to_owned(), lines, dropped: AtomicU64::new(0) }))
    }

    /// Hands a line over.
    pub fn write(&self, line: String) {
        if self.lines.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were lost.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Writes until nobody tells any more, or until the stop; then what is left.
async fn write(mut file: File, mut waiting: mpsc::Receiver<String>, tasks: Tasks) {
    let stopping = tasks.token();
    let mut lines = Vec::with_capacity(LINES_MAX);
    loop {
        let told = tokio::select! {
            biased;
            () = stopping.cancelled(), if !waiting.is_closed() => {
                waiting.close();
                continue;
            }
            told = waiting.recv_many(&mut lines, LINES_MAX) => told,
        };
        if told == 0 {
            return;
        }
        let _stops = stopping.run_until_cancelled(tasks.sleep(GATHER)).await;
        lines.extend(std::iter::from_fn(|| waiting.try_recv().ok()).take(LINES_MAX));
        let mut text = lines.join("\n");
        text.push('\n');
        lines.clear();
        let written = async {
            file.write_all(text.as_bytes()).await?;
            file.flush().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "the access log cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use parkmesh_platform::clock::Clock;

    use super::*;

    #[tokio::test]
    async fn what_was_told_before_a_stop_is_written() {
        let path = std::env::temp_dir().join(format!("parkmesh-access-log-{}", std::process::id()));
        let tasks = Tasks::new(&Clock::system());
        let log = AccessLog::open(&path, &tasks).await.expect("a file");
        log.write("one".to_owned());
        log.write("two".to_owned());
        tasks.stop().await;
        let written = std::fs::read_to_string(&path).expect("a file");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!((written.as_str(), log.dropped()), ("one\ntwo\n", 0));
    }
}
