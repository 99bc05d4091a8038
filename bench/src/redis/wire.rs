//! As much of Redis's protocol as it takes to empty it and to give it back what it held.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::Failure;

/// A Redis; each command has a connection of its own, because the server is killed in between.
pub struct Redis {
    address: String,
    /// Name and password, where it asks for one.
    user: Option<(String, String)>,
}

/// What it answers.
enum Reply {
    Bytes(Vec<u8>),
    List(Vec<Vec<u8>>),
}

impl Redis {
    /// The one at this `redis://[name:password@]host:port`.
    pub fn at(url: &str) -> Self {
        let rest = url.trim_start_matches("redis://").trim_end_matches('/');
        let (user, address) = match rest.split_once('@') {
            Some((user, address)) => (user.split_once(':'), address),
            None => (None, rest),
        };
        let user = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
        Self { address: address.to_owned(), user }
    }

    /// Empties it.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.ask(&[b"FLUSHALL"]).map(drop)
    }

    fn ask(&mut self, words: &[&[u8]]) -> Result<Reply, Failure> {
        let mut stream = BufReader::new(TcpStream::connect(&self.address)?);
        if let Some((name, password)) = &self.user {
            send(stream.get_mut(), &[b"AUTH", name.as_bytes(), password.as_bytes()])?;
            read(&mut stream)?;
        }
        send(stream.get_mut(), words)?;
        read(&mut stream)
    }
}

fn send(stream: &mut TcpStream, words: &[&[u8]]) -> Result<(), Failure> {
    let mut command = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        command.extend(format!("${}\r\n", word.len()).into_bytes());
        command.extend(*word);
        command.extend(b"\r\n");
    }
    Ok(stream.write_all(&command)?)
}

fn read(stream: &mut impl BufRead) -> Result<Reply, Failure> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    let (kind, rest) = line.split_at_checked(1).ok_or("Redis said nothing")?;
    match kind {
        "+" | ":" => Ok(Reply::Bytes(rest.as_bytes().to_vec())),
        "$" => {
            let length: usize = rest.parse().map_err(|_| "Redis knows no such key")?;
            let mut bytes = vec![0; length + 2];
            stream.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(Reply::Bytes(bytes))
        }
        "*" => {
            let items = (0..rest.parse::<usize>()?).map(|_| match read(stream)? {
                Reply::Bytes(bytes) => Ok(bytes),
                Reply::List(_) => Err(Failure::from("a list in a list")),
            });
            Ok(Reply::List(items.collect::<Result<_, _>>()?))
        }
        _ => Err(format!("Redis refused: {line}").into()),
    }
}

/// The key with which a picture is trusted.
const TRUSTED: &[u8] = b"avail:epoch";

/// All that it held at one time.
pub struct Image(Vec<(Vec<u8>, Vec<u8>)>);

impl Image {
    /// Takes it; there must be a picture in it.
    pub fn take(redis: &mut Redis) -> Result<Self, Failure> {
        let Reply::List(keys) = redis.ask(&[b"KEYS", b"*"])? else {
            return Err("Redis lists no keys".into());
        };
        let mut held = Vec::new();
        for key in keys {
            // A key that went meanwhile is none of the image's.
            if let Ok(Reply::Bytes(bytes)) = redis.ask(&[b"DUMP", &key]) {
                held.push((key, bytes));
            }
        }
        // Whoever starts from an image without it starts from nothing.
        match held.iter().any(|(key, _bytes)| key == TRUSTED) {
            true => Ok(Self(held)),
            false => Err("Redis holds no picture that is trusted".into()),
        }
    }

    /// Gives it back, in place of all that is there now.
    pub fn restore(&self, redis: &mut Redis) -> Result<(), Failure> {
        redis.flush()?;
        for (key, bytes) in &self.0 {
            redis.ask(&[b"RESTORE", key, b"0", bytes, b"REPLACE"])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_the_protocol_says() {
        let mut said: &[u8] = b"+OK\r\n$3\r\na\r\n\r\n*2\r\n$1\r\nb\r\n$0\r\n\r\n-ERR no\r\n";
        assert!(matches!(read(&mut said), Ok(Reply::Bytes(bytes)) if bytes == b"OK"));
        assert!(matches!(read(&mut said), Ok(Reply::Bytes(bytes)) if bytes == b"a\r\n"));
        let Ok(Reply::List(list)) = read(&mut said) else { panic!("a list") };
        assert_eq!(list, [b"b".to_vec(), Vec::new()]);
        assert!(read(&mut said).is_err());
    }
}
