//! What is made of files, and made anew when they change.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use tokio::time::interval;

use super::TlsError;
use crate::fault;
use crate::tasks::Tasks;
use crate::telemetry;

/// Between two looks at the files: what renews them gives no better sign.
pub(super) const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// What some files mean, as they are now. It stays as it was while they mean nothing.
#[derive(Debug)]
pub(super) struct Followed<T> {
    current: RwLock<Arc<T>>,
    renewals: AtomicU64,
}

/// The texts of the files, in their order.
type Texts = Vec<Vec<u8>>;

impl<T: Send + Sync + 'static> Followed<T> {
    /// Reads the files, and follows them until `tasks` ends or nobody holds this any more.
    ///
    /// # Errors
    /// What is wrong with them now.
    pub fn start<M>(
        paths: &[&Path],
        period: Duration,
        tasks: &Tasks,
        make: M,
    ) -> Result<Arc<Self>, TlsError>
    where
        M: Fn(&[Vec<u8>]) -> Result<T, TlsError> + Send + 'static,
    {
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
        let texts = read(&paths)?;
        let followed = Arc::new(Self {
            current: RwLock::new(Arc::new(make(&texts)?)),
            renewals: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&followed);
        tasks.spawn("certificates", async move {
            let (mut looks, mut last) = (interval(period), texts);
            loop {
                looks.tick().await;
                let Some(followed) = weak.upgrade() else { return };
                let Some(texts) = read(&paths).ok().filter(|texts| *texts != last) else {
                    continue;
                };
                followed.take(&paths, make(&texts));
                last = texts;
            }
        });
        Ok(followed)
    }

    /// What the files mean now.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often they have changed and still meant something.
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Acquire)
    }

    /// Files that are written one after the other do not fit for a moment: that is looked at again.
    fn take(&self, paths: &[PathBuf], made: Result<T, TlsError>) {
        let path = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
        let outcome = if made.is_ok() { "taken" } else { "refused" };
        telemetry::meter()
            .u64_counter("parkmesh.certificates.renewed")
            .with_description("Certificates that were read anew, by whether they could be used")
            .build()
            .add(1, &[KeyValue::new("outcome", outcome)]);
        match made {
            Ok(made) => {
                tracing::info!(path, "new certificates are taken");
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
                self.renewals.fetch_add(1, Ordering::Release);
            }
            Err(error) => {
                let error = fault::chain(&error);
                tracing::warn!(
                    path,
                    error,
                    "the new certificates are not taken; the old ones stay"
                );
            }
        }
    }
}

fn read(paths: &[PathBuf]) -> Result<Texts, TlsError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.clone(), source })
    };
    paths.iter().map(read).collect()
}

/// Reads files once.
pub(super) fn look<T>(
    paths: &[&Path],
    make: impl Fn(&[Vec<u8>]) -> Result<T, TlsError>,
) -> Result<T, TlsError> {
    make(&read(&paths.iter().map(|path| path.to_path_buf()).collect::<Vec<_>>())?)
}
