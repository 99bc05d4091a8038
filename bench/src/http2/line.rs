//! A connection in frames (RFC 9113): calls go out, and whatever comes is read for the ends of calls alone.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Ask, hpack};
use crate::Failure;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes before a frame: its length, kind, flags and stream.
const HEAD: usize = 9;
/// Kinds of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW: u8 = 8;
/// Flags.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
/// Settings: pushes are not wanted, and what may come unread on a stream is never too much.
const OURS: [u8; 12] = [0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff];
/// What may come unread on the connection, once that much has been given, in bytes.
const WINDOW_BYTES: u32 = 1 << 24;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// A connection.
pub struct Line {
    /// Never waits.
    pub socket: TcpStream,
    out: Vec<u8>,
    come: Vec<u8>,
    room: Box<[u8]>,
    head: Vec<u8>,
    head_again: Vec<u8>,
    message: Vec<u8>,
    stream: u32,
    /// When each call was due, and what has come of its answer, in bytes.
    open: HashMap<u32, (Instant, usize)>,
    unread: u32,
}

impl Line {
    /// Opens it.
    pub fn open(addr: SocketAddr, ask: &Ask) -> Result<Self, Failure> {
        let socket = TcpStream::connect(addr)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let (head, head_again) = hpack::heads(&ask.head);
        let mut line = Self {
            socket,
            out: PREFACE.to_vec(),
            come: Vec::new(),
            room: vec![0; READ_BYTES].into(),
            head,
            head_again,
            message: ask.message.to_vec(),
            stream: 1,
            open: HashMap::new(),
            unread: WINDOW_BYTES,
        };
        frame(&mut line.out, SETTINGS, 0, 0, &OURS)?;
        line.give_window()?;
        Ok(line)
    }

    /// Calls that have no end yet.
    pub fn in_flight(&self) -> usize {
        self.open.len()
    }

    /// Whether there is something that could not be sent yet.
    pub fn is_full(&self) -> bool {
        !self.out.is_empty()
    }

    /// Puts a call among what is to be sent. Few are in flight, and their messages are small: the other side's windows need no look.
    pub fn ask(&mut self, due: Instant) -> Result<(), Failure> {
        frame(&mut self.out, HEADERS, END_HEADERS, self.stream, &self.head)?;
        frame(&mut self.out, DATA, END_STREAM, self.stream, &self.message)?;
        if self.stream == 1 {
            self.head = std::mem::take(&mut self.head_again);
        }
        self.open.insert(self.stream, (due, 0));
        self.stream += 2;
        Ok(())
    }

    /// Sends what can be sent.
    pub fn flush(&mut self) -> Result<(), Failure> {
        while !self.out.is_empty() {
            match self.socket.write(&self.out) {
                Ok(sent) => drop(self.out.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what has come; tells of each call that has ended when it was due, and how long it took from then.
    pub fn read(&mut self, mut ended: impl FnMut(Instant, Duration)) -> Result<(), Failure> {
        match self.socket.read(&mut self.room) {
            Ok(0) => return Err("a connection was closed".into()),
            Ok(read) => self.come.extend_from_slice(&self.room[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let now = Instant::now();
        let come = std::mem::take(&mut self.come);
        let mut rest = come.as_slice();
        while let Some((head, after)) = rest.split_first_chunk::<HEAD>() {
            let [a, b, c, kind, flags, stream @ ..] = *head;
            let length = u32::from_be_bytes([0, a, b, c]);
            let Some((body, after)) = after.split_at_checked(usize::try_from(length)?) else {
                break;
            };
            rest = after;
            if let Some(due) = self.take(kind, flags, u32::from_be_bytes(stream), body)? {
                ended(due, now - due);
            }
        }
        self.come = rest.to_vec();
        if self.unread >= WINDOW_BYTES / 2 { self.give_window() } else { Ok(()) }
    }

    /// Takes a frame; when the call was due that it ends.
    fn take(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        body: &[u8],
    ) -> Result<Option<Instant>, Failure> {
        match kind {
            DATA | HEADERS => {}
            SETTINGS if flags & ACK == 0 => frame(&mut self.out, SETTINGS, ACK, 0, &[])?,
            PING if flags & ACK == 0 => frame(&mut self.out, PING, ACK, 0, body)?,
            RESET | GO_AWAY => return Err(format!("a call was cut off: {body:?}").into()),
            _ => {}
        }
        let Some((_due, bytes)) = self.open.get_mut(&stream).filter(|_| kind <= HEADERS) else {
            return Ok(None);
        };
        if kind == DATA {
            *bytes += body.len();
            self.unread += u32::try_from(body.len())?;
        }
        if flags & END_STREAM == 0 {
            return Ok(None);
        }
        // A refusal has no body, or a short one.
        match self.open.remove(&stream) {
            Some((due, bytes)) if bytes > self.message.len() => Ok(Some(due)),
            _ => Err("a call was refused".into()),
        }
    }

    fn give_window(&mut self) -> Result<(), Failure> {
        let bytes = std::mem::take(&mut self.unread).to_be_bytes();
        frame(&mut self.out, WINDOW, 0, 0, &bytes)
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, body: &[u8]) -> Result<(), Failure> {
    let [_, length @ ..] = u32::try_from(body.len())?.to_be_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(body);
    Ok(())
}
