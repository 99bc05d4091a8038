//! HTTP/2 by hand: an attacker sends what no library would.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use crate::Failure;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The longest frame that a server takes unless it says otherwise, in bytes.
pub const FRAME_BYTES_MAX: usize = 16_384;

/// Kinds of frames.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
/// Flags of frames.
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
/// The setting of how much may be sent on a stream before it is read.
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// A connection whose answers are thrown away.
pub struct Wire {
    writer: OwnedWriteHalf,
    next_stream: u32,
    _reader: JoinSet<()>,
}

impl Wire {
    /// Connects and greets.
    pub async fn open(addr: SocketAddr) -> Result<Self, Failure> {
        let (mut reader, writer) = greet(addr, &[]).await?;
        let mut reading = JoinSet::new();
        reading.spawn(async move {
            let mut buffer = vec![0; FRAME_BYTES_MAX];
            while reader.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {}
        });
        Ok(Self { writer, next_stream: 1, _reader: reading })
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.writer.write_all(bytes).await?)
    }

    /// The number of a stream that is not open yet.
    pub fn stream(&mut self) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        stream
    }
}

/// Connects and greets with these settings.
pub async fn greet(
    addr: SocketAddr,
    settings: &[(u16, u32)],
) -> Result<(OwnedReadHalf, OwnedWriteHalf), Failure> {
    let (reader, mut writer) = TcpStream::connect(addr).await?.into_split();
    let mut payload = Vec::new();
    for (name, value) in settings {
        payload.extend_from_slice(&name.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    writer.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat()).await?;
    Ok((reader, writer))
}

/// A frame, also one that is longer than allowed.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header block of a gRPC call.
pub fn call(path: &str, token: &str) -> Vec<u8> {
    // `:method: POST` and `:scheme: http` of the static table, and the names of two others.
    let mut block = vec![0x83, 0x86, 0x04];
    block.extend(string(path.as_bytes()));
    block.push(0x01);
    block.extend(string(b"gateway"));
    let token = format!("Bearer {token}");
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", token.as_str()),
    ] {
        block.extend(field(0x00, name, value));
    }
    block
}

/// A header that is written out; `kind` is 0x00, or 0x40 for one that the server is to remember.
pub fn field(kind: u8, name: &str, value: &str) -> Vec<u8> {
    [vec![kind], string(name.as_bytes()), string(value.as_bytes())].concat()
}

/// A text of HPACK: its length in a prefix of seven bits, then its bytes.
fn string(text: &[u8]) -> Vec<u8> {
    const PREFIX_MAX: usize = 127;
    let mut bytes = Vec::with_capacity(text.len() + 4);
    if text.len() < PREFIX_MAX {
        bytes.push(text.len() as u8);
    } else {
        bytes.push(PREFIX_MAX as u8);
        let mut rest = text.len() - PREFIX_MAX;
        while rest >= 128 {
            bytes.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        bytes.push(rest as u8);
    }
    bytes.extend_from_slice(text);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{END_HEADERS, HEADERS, frame, string};

    #[test]
    fn lengths_are_written_as_the_rfcs_say() {
        assert_eq!(string(b"abc"), b"\x03abc");
        // RFC 7541, C.1.2 has 1337 in a prefix of five bits; of seven it is 127, and 1210 in two bytes.
        assert_eq!(string(&[0; 1337])[..3], [127, 0xba, 0x09]);
        let written = frame(HEADERS, END_HEADERS, 3, b"xy");
        assert_eq!(written, [0, 0, 2, 1, 4, 0, 0, 0, 3, b'x', b'y']);
    }
}
