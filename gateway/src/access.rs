//! The access log: a line of JSON for each request. Written beside the requests, never in their way: what
//! cannot be written in time is dropped and counted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parkmesh_platform::tasks::Tasks;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

/// Lines that wait to be written.
const LINES_MAX: usize = 8_192;
/// Lines written at once.
const BATCH_MAX: usize = 512;

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
        tasks.spawn("access-log", write(file, waiting));
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

async fn write(mut file: File, mut waiting: mpsc::Receiver<String>) {
    let mut lines = Vec::with_capacity(BATCH_MAX);
    while waiting.recv_many(&mut lines, BATCH_MAX).await > 0 {
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
