//! Whether a server answers, and is the one that we started: each check asks for something that only
//! ours can say, since another server may have taken the port.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::{Access, Kind};

const PATIENCE: Duration = Duration::from_millis(500);
/// MQTT 3.1.1 CONNECT: no client id, clean session, 60 s.
const MQTT_CONNECT: [u8; 14] = *b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
const MQTT_CONNACK: [u8; 4] = [0x20, 2, 0, 0];

/// What is asked of one server.
pub(crate) struct Check<'a> {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) pid: u32,
    /// Our name for the NATS server.
    pub(crate) name: &'a str,
    /// PostgreSQL's data.
    pub(crate) postgres: &'a Path,
    pub(crate) access: Option<&'a Access>,
}

impl Check<'_> {
    /// Whether it is ready now.
    pub(crate) fn passes(&self) -> bool {
        match self.kind {
            Kind::Postgres => self.postgres_is_ready() && self.connect().is_some(),
            Kind::Redis => self.redis_is_ready().is_some(),
            Kind::Nats => self.nats_is_ready().is_some(),
            Kind::Mosquitto => self.mosquitto_is_ready().is_some(),
        }
    }

    /// As pg_ctl does it: the first line is the process, the eighth its state.
    fn postgres_is_ready(&self) -> bool {
        let text = fs::read_to_string(self.postgres.join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        lines.next().is_some_and(|pid| pid == self.pid.to_string())
            && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    fn redis_is_ready(&self) -> Option<()> {
        let mut stream = self.connect()?;
        if let Some(Access { administrator, password, .. }) = self.access {
            write!(stream, "AUTH {administrator} {password}\r\n").ok()?;
            read_until(&mut stream, |said| said.starts_with("+OK"))?;
        }
        stream.write_all(b"PING\r\nINFO server\r\n").ok()?;
        let ours = format!("process_id:{}\r\n", self.pid);
        read_until(&mut stream, |said| said.starts_with("+PONG") && said.contains(&ours))
    }

    fn nats_is_ready(&self) -> Option<()> {
        let mut stream = self.connect()?;
        read_until(&mut stream, |said| {
            said.contains(self.name) && said.contains("\"jetstream\":true")
        })?;
        let user = self.access.map_or_else(String::new, |access| {
            format!(",\"user\":\"{}\",\"pass\":\"{}\"", access.administrator, access.password)
        });
        write!(stream, "CONNECT {{\"verbose\":false{user}}}\r\nPING\r\n").ok()?;
        read_until(&mut stream, |said| said.contains("PONG"))
    }

    fn mosquitto_is_ready(&self) -> Option<()> {
        let mut stream = self.connect()?;
        stream.write_all(&MQTT_CONNECT).ok()?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).ok()?;
        (answer == MQTT_CONNACK).then_some(())
    }

    fn connect(&self) -> Option<TcpStream> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        Some(stream)
    }
}

/// Reads until the text passes, at most 64 KiB.
fn read_until(stream: &mut TcpStream, passes: impl Fn(&str) -> bool) -> Option<()> {
    let mut said = Vec::new();
    let mut part = [0; 4096];
    while said.len() < 64 * 1024 {
        let count = stream.read(&mut part).ok().filter(|&count| count > 0)?;
        said.extend_from_slice(&part[..count]);
        if passes(&String::from_utf8_lossy(&said)) {
            return Some(());
        }
    }
    None
}
