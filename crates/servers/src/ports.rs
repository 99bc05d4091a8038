//! Ports: free ones, remembered beside the data, so that a second start has the same addresses.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::{Error, Kind};

/// Below the range from which systems take the ports of outgoing connections.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
/// Looks at a port before it counts as taken: a process that is being started has the sockets of whoever starts it
/// until it runs.
const LOOKS: u32 = 5;
const LOOK_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Ports {
    file: PathBuf,
    chosen: BTreeMap<String, u16>,
}

impl Ports {
    /// The ports of the last start where they are still free, new ones where not.
    pub(crate) fn choose(folder: &Path) -> Result<Self, Error> {
        let file = folder.join("ports.json");
        // A file that cannot be read or understood costs the same addresses, nothing else.
        let before = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let mut ports = Self { file, chosen: before.unwrap_or_default() };
        let mut held = Vec::new();
        for kind in Kind::ALL {
            let listener = match ports.chosen.get(kind.name()).and_then(|&port| listen_soon(port)) {
                Some(listener) => listener,
                None => free(folder)?,
            };
            let address = listener.local_addr().map_err(Error::file(&ports.file, "has no port"))?;
            ports.chosen.insert(kind.name().to_owned(), address.port());
            held.push(listener);
        }
        ports.save()?;
        Ok(ports)
    }

    pub(crate) fn of(&self, kind: Kind) -> u16 {
        self.chosen.get(kind.name()).copied().unwrap_or_default()
    }

    /// Another port for a server whose port was taken away before it could listen; `false` when its port
    /// is free, so that the port was not its trouble.
    pub(crate) fn replace_if_taken(&mut self, kind: Kind) -> Result<bool, Error> {
        if listen_soon(self.of(kind)).is_some() {
            return Ok(false);
        }
        let listener = free(self.file.parent().unwrap_or(Path::new("/")))?;
        let address = listener.local_addr().map_err(Error::file(&self.file, "has no port"))?;
        self.chosen.insert(kind.name().to_owned(), address.port());
        self.save()?;
        Ok(true)
    }

    fn save(&self) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(&self.chosen)
            .map_err(|error| Error::file(&self.file, "could not be written")(error.into()))?;
        fs::write(&self.file, text).map_err(Error::file(&self.file, "could not be written"))
    }
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

/// The same with a few looks.
fn listen_soon(port: u16) -> Option<TcpListener> {
    (0..LOOKS).find_map(|look| {
        if look > 0 {
            thread::sleep(LOOK_PAUSE);
        }
        listen(port)
    })
}

/// Starts looking at a place of this process and folder, so that two starts at once rarely meet.
fn free(folder: &Path) -> Result<TcpListener, Error> {
    let mut hasher = DefaultHasher::new();
    (folder, std::process::id()).hash(&mut hasher);
    let offset = (hasher.finish() % u64::from(COUNT)) as u16;
    let ports = (0..COUNT).map(|step| FIRST + (offset + step) % COUNT);
    ports.filter_map(listen).next().ok_or(Error::NoPort { from: FIRST, to: FIRST + COUNT - 1 })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn ports_are_remembered_and_given_up_when_taken() {
        let folder = std::env::temp_dir().join(format!("parkmesh-ports-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let first = Ports::choose(&folder).unwrap();
        let second = Ports::choose(&folder).unwrap();
        assert_eq!(first.chosen, second.chosen);
        let distinct: std::collections::BTreeSet<_> = first.chosen.values().collect();
        assert_eq!(distinct.len(), 4);

        // As by a process that is being started, and has our sockets until it runs.
        let held = listen(first.of(Kind::Nats)).unwrap();
        let holder = thread::spawn(move || {
            thread::sleep(LOOK_PAUSE);
            drop(held);
        });
        assert_eq!(Ports::choose(&folder).unwrap().chosen, first.chosen);
        holder.join().unwrap();

        let thief = listen(first.of(Kind::Nats)).unwrap();
        let mut third = Ports::choose(&folder).unwrap();
        assert_ne!(third.of(Kind::Nats), first.of(Kind::Nats));
        assert_eq!(third.of(Kind::Redis), first.of(Kind::Redis));
        assert!(!third.replace_if_taken(Kind::Redis).unwrap());
        drop(thief);
        fs::remove_dir_all(&folder).unwrap();
    }
}
