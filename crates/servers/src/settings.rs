//! What each server is told.

use std::fs;
use std::path::Path;

use crate::{Care, Error, Kind};

/// The superuser of PostgreSQL.
pub(crate) const SUPERUSER: &str = "parkmesh";

/// Who may do what in Redis and NATS: without it both serve whoever comes. PostgreSQL's users are in its database, and
/// the broker serves the devices of this machine.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who may do everything: a user of this name is among both.
    pub administrator: String,
    /// Its password.
    pub password: String,
    /// Lines of redis.conf that name the users.
    pub redis: String,
    /// A block of nats.conf that names the users.
    pub nats: String,
}

/// What the settings of a server depend on.
pub(crate) struct Settings<'a> {
    pub(crate) port: u16,
    /// Its own folder: data and settings file.
    pub(crate) folder: &'a Path,
    pub(crate) care: Care,
    /// Our name for the NATS server.
    pub(crate) name: &'a str,
    pub(crate) access: Option<&'a Access>,
}

impl Settings<'_> {
    /// Writes the settings file, where there is one, and gives the arguments.
    pub(crate) fn arguments(&self, kind: Kind) -> Result<Vec<String>, Error> {
        let file = self.folder.join(format!("{kind}.conf"));
        let text = match kind {
            Kind::Postgres => return Ok(self.postgres()),
            Kind::Redis => self.redis(),
            Kind::Nats => self.nats(),
            Kind::Mosquitto => self.mosquitto(),
        };
        fs::write(&file, text).map_err(Error::file(&file, "could not be written"))?;
        let file = file.display().to_string();
        Ok(match kind {
            Kind::Redis => vec![file],
            _ => vec!["-c".to_owned(), file],
        })
    }

    fn postgres(&self) -> Vec<String> {
        let mut settings = vec![
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "max_connections=400".to_owned(),
            "shared_buffers=256MB".to_owned(),
            "max_wal_size=4GB".to_owned(),
            "checkpoint_timeout=15min".to_owned(),
            "jit=off".to_owned(),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
        ];
        let off: &[&str] = match self.care {
            Care::Durable => &[],
            Care::Hasty => &["synchronous_commit"],
            Care::None => &["fsync", "synchronous_commit", "full_page_writes"],
        };
        settings.extend(off.iter().map(|name| format!("{name}=off")));
        let data = ["-D".to_owned(), self.folder.display().to_string()];
        data.into_iter().chain(settings.into_iter().flat_map(|s| ["-c".to_owned(), s])).collect()
    }

    /// No persistence on purpose: an empty picture is safer than an old one. Never evicts: a counter that
    /// silently vanished would be believed. Its title stays, so that a left-over can be recognised. What it does by itself it
    /// does once a second, which is enough for the little in it that ends by time.
    fn redis(&self) -> String {
        format!(
            "port {}\nbind 127.0.0.1\ndir {}\nsave \"\"\nappendonly no\nmaxmemory-policy noeviction\n\
             hz 1\nset-proc-title no\ndaemonize no\n{}",
            self.port,
            quoted(self.folder),
            self.access.map_or("", |access| &access.redis),
        )
    }

    /// JetStream acknowledges before it syncs unless told otherwise: a power cut would lose what was
    /// acknowledged.
    fn nats(&self) -> String {
        let sync = match self.care {
            Care::Durable => "sync_interval: always",
            Care::Hasty | Care::None => "sync_interval: \"2m\"",
        };
        format!(
            "host: 127.0.0.1\nport: {}\nserver_name: {}\njetstream {{\n  store_dir: {}\n  {sync}\n  \
             max_file_store: 20GB\n}}\n{}",
            self.port,
            self.name,
            quoted(self.folder),
            self.access.map_or("", |access| &access.nats),
        )
    }

    /// Its defaults drop silently past 1,000 queued messages, allow 20 in flight, save every 30 minutes, and hold a message
    /// back until the one before it has arrived. `user root` matters to root only, and then keeps the files ours.
    fn mosquitto(&self) -> String {
        let user = if nix::unistd::geteuid().is_root() { "user root\n" } else { "" };
        format!(
            "listener {} 127.0.0.1\nallow_anonymous true\n{user}max_queued_messages 0\n\
             max_inflight_messages 1000\nset_tcp_nodelay true\npersistence true\npersistence_location {}/\n\
             autosave_interval 5\npersistent_client_expiration 7d\nlog_dest stderr\nlog_type error\n\
             log_type warning\n",
            self.port,
            self.folder.display(),
        )
    }
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(care: Care) -> Settings<'static> {
        Settings {
            port: 4222,
            folder: Path::new("/data/x"),
            care,
            name: "parkmesh-1",
            access: None,
        }
    }

    #[test]
    fn durable_servers_sync_before_they_acknowledge() {
        assert!(settings(Care::Durable).nats().contains("sync_interval: always"));
        assert!(!settings(Care::Durable).postgres().iter().any(|word| word.contains("fsync")));
        assert!(settings(Care::None).postgres().iter().any(|word| word == "fsync=off"));
        // Hasty servers lose what is young, and stay whole.
        assert!(!settings(Care::Hasty).postgres().iter().any(|word| word.contains("fsync")));
        assert!(!settings(Care::Hasty).nats().contains("always"));
    }

    #[test]
    fn the_broker_drops_nothing_and_the_picture_is_never_evicted() {
        assert!(settings(Care::Durable).mosquitto().contains("max_queued_messages 0\n"));
        assert!(settings(Care::Durable).redis().contains("maxmemory-policy noeviction\n"));
        assert!(settings(Care::Durable).redis().contains("save \"\"\n"));
    }
}
