//! A client of HTTP/1 that writes what a case says, however wrong, and reads what comes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::case::{Case, Framing, Wire};
use super::outcome::{End, Fields, Told};

/// Between pieces of a body: so that they also arrive as pieces, mostly.
const READ_BYTES: usize = 64 * 1024;

/// Sends a request and reads its answer to the end.
pub async fn ask(case: &Case, addr: SocketAddr, gateway: &str) -> Told {
    match exchange(case, addr, gateway).await {
        Ok(told) => told,
        Err(error) => Told::nothing(format!("{:?}", error.kind())),
    }
}

async fn exchange(case: &Case, addr: SocketAddr, gateway: &str) -> std::io::Result<Told> {
    let mut socket = TcpStream::connect(addr).await?;
    socket.set_nodelay(true)?;
    // The port is free at once: there are more cases than ports.
    socket.set_zero_linger()?;
    socket.write_all(&head(case, gateway)).await?;
    let (mut reading, mut writing) = socket.split();
    let write = async {
        for piece in case.body.iter().take(pieces(case)) {
            let written = match case.framing {
                Framing::Chunked if piece.is_empty() => continue,
                Framing::Chunked => {
                    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
                }
                _ => piece.clone(),
            };
            // Who refuses early reads no further.
            if writing.write_all(&written).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        if case.framing == Framing::Chunked && !case.aborts {
            let _refused_early = writing.write_all(b"0\r\n\r\n").await;
        }
    };
    if case.aborts {
        write.await;
        return Ok(Told::nothing("the client went away"));
    }
    let mut answer = Answer::default();
    let ((), read) = tokio::join!(write, answer.read(&mut reading, case.method == "HEAD"));
    match read {
        Ok(told) => Ok(told),
        Err(error) => Ok(Told::nothing(format!("{:?}", error.kind()))),
    }
}

/// How many pieces are sent: half of them by who goes away.
fn pieces(case: &Case) -> usize {
    if case.aborts { case.body.len() / 2 } else { case.body.len() }
}

fn head(case: &Case, gateway: &str) -> Vec<u8> {
    let version = if case.wire == Wire::Zero { "1.0" } else { "1.1" };
    let mut head = format!("{} {} HTTP/{version}\r\nhost: gateway\r\n", case.method, case.path);
    for (name, value) in case.headers_through(gateway) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match case.framing {
        Framing::Length => head.push_str(&format!("content-length: {}\r\n", case.bytes().len())),
        Framing::Chunked => head.push_str("transfer-encoding: chunked\r\n"),
        Framing::None => {}
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// What has come so far.
#[derive(Default)]
struct Answer {
    buffer: Vec<u8>,
    ended: bool,
}

impl Answer {
    async fn read(
        &mut self,
        from: &mut (impl AsyncReadExt + Unpin),
        bodiless: bool,
    ) -> std::io::Result<Told> {
        let (status, headers) = loop {
            let head = self.until(from, b"\r\n\r\n").await?;
            let (status, headers) = parse(&head)?;
            // 100 Continue and its like come before the answer.
            if status >= 200 {
                break (status, headers);
            }
        };
        let length = headers.get("content-length").and_then(|values| values[0].parse().ok());
        let chunked = headers.get("transfer-encoding").is_some_and(|values| values[0] == "chunked");
        let (body, end) = if bodiless || status == 204 || status == 304 {
            (Vec::new(), Ok(Fields::new()))
        } else if chunked {
            self.chunks(from).await
        } else {
            self.plain(from, length).await
        };
        let end = end.map_or_else(|error| End::Broken(format!("{:?}", error.kind())), End::Whole);
        Ok(Told { status: Some(status), headers, body, end })
    }

    async fn plain(
        &mut self,
        from: &mut (impl AsyncReadExt + Unpin),
        length: Option<usize>,
    ) -> (Vec<u8>, std::io::Result<Fields>) {
        while length.is_none_or(|length| self.buffer.len() < length) {
            match self.more(from).await {
                Ok(()) => {}
                Err(_closed) if length.is_none() => break,
                Err(error) => return (std::mem::take(&mut self.buffer), Err(error)),
            }
        }
        let length = length.unwrap_or(self.buffer.len());
        (self.buffer.drain(..length).collect(), Ok(Fields::new()))
    }

    async fn chunks(
        &mut self,
        from: &mut (impl AsyncReadExt + Unpin),
    ) -> (Vec<u8>, std::io::Result<Fields>) {
        let mut body = Vec::new();
        loop {
            let size = match self.until(from, b"\r\n").await {
                Ok(line) => usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16),
                Err(error) => return (body, Err(error)),
            };
            let Ok(size) = size else { return (body, Err(std::io::ErrorKind::InvalidData.into())) };
            if size == 0 {
                return (body, self.trailers(from).await);
            }
            while self.buffer.len() < size + 2 {
                if let Err(error) = self.more(from).await {
                    return (body, Err(error));
                }
            }
            body.extend(self.buffer.drain(..size));
            self.buffer.drain(..2);
        }
    }

    async fn trailers(
        &mut self,
        from: &mut (impl AsyncReadExt + Unpin),
    ) -> std::io::Result<Fields> {
        let mut trailers = Fields::new();
        loop {
            let line = self.until(from, b"\r\n").await?;
            if line.len() == 2 {
                return Ok(trailers);
            }
            note(&mut trailers, &line);
        }
    }

    /// The bytes up to and with this end.
    async fn until(
        &mut self,
        from: &mut (impl AsyncReadExt + Unpin),
        end: &[u8],
    ) -> std::io::Result<Vec<u8>> {
        loop {
            let found = self.buffer.windows(end.len()).position(|bytes| bytes == end);
            if let Some(at) = found {
                return Ok(self.buffer.drain(..at + end.len()).collect());
            }
            self.more(from).await?;
        }
    }

    async fn more(&mut self, from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<()> {
        let mut bytes = vec![0; READ_BYTES];
        let read = if self.ended { 0 } else { from.read(&mut bytes).await? };
        self.ended = read == 0;
        self.buffer.extend_from_slice(&bytes[..read]);
        if read == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

fn parse(head: &[u8]) -> std::io::Result<(u16, Fields)> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let code = code.ok_or(std::io::ErrorKind::InvalidData)?;
    let mut headers = Fields::new();
    lines.filter(|line| !line.trim_ascii().is_empty()).for_each(|line| note(&mut headers, line));
    Ok((code, headers))
}

fn note(fields: &mut Fields, line: &[u8]) {
    let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let name = String::from_utf8_lossy(&line[..at]).to_ascii_lowercase();
    let value = line.get(at + 1..).unwrap_or_default().trim_ascii().escape_ascii().to_string();
    fields.entry(name).or_default().push(value);
}
