//! One generated request: all that a client decides, and how the upstream is told to answer.

use std::fmt;

use super::upstream::{ANSWER, CASE};

/// Which HTTP the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// HTTP/1.1.
    One,
    /// HTTP/1.0, as far as it can be told from it.
    Zero,
    /// HTTP/2.
    Two,
}

/// How an HTTP/1 body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length.
    Length,
    /// In chunks.
    Chunked,
    /// Not at all: no body is announced.
    None,
}

/// What a header says.
pub type Header = (String, String);

/// One generated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its number; with the seed it makes the case again.
    pub number: u64,
    /// Which HTTP.
    pub wire: Wire,
    /// `POST`, mostly.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// Headers beside the host and those that name the case.
    pub headers: Vec<Header>,
    /// The body in the pieces in which it is written.
    pub body: Vec<Vec<u8>>,
    /// How HTTP/1 delimits it.
    pub framing: Framing,
    /// Whether the client goes away in the middle of the body.
    pub aborts: bool,
    /// How the upstream is to answer.
    pub answer: &'static str,
    /// How often it was tried before: each try has a name of its own.
    pub tries: u32,
}

impl Case {
    /// Its headers as they are sent through this gateway.
    pub fn headers_through(&self, gateway: &str) -> Vec<Header> {
        let mut headers = self.headers.clone();
        headers.push((CASE.to_owned(), self.name_through(gateway)));
        headers.push((ANSWER.to_owned(), self.answer.to_owned()));
        headers
    }

    /// The name by which the upstream notes it.
    pub fn name_through(&self, gateway: &str) -> String {
        format!("{}-{}-{gateway}", self.number, self.tries)
    }

    /// The first header of this name, in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub fn values<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c str> {
        let of_name = move |header: &&Header| header.0.eq_ignore_ascii_case(name);
        self.headers.iter().filter(of_name).map(|(_, value)| value.as_str())
    }

    /// The whole body.
    pub fn bytes(&self) -> Vec<u8> {
        self.body.concat()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, wire, method, path, framing, answer, .. } = self;
        writeln!(
            f,
            "case {number}: {wire:?} {method} {} {framing:?}, upstream: {answer}",
            short(path.as_bytes())
        )?;
        for (name, value) in &self.headers {
            writeln!(f, "    {name}: {}", short(value.as_bytes()))?;
        }
        for piece in &self.body {
            writeln!(f, "    > {}", short(piece))?;
        }
        if self.aborts { writeln!(f, "    and goes away") } else { Ok(()) }
    }
}

/// Bytes as text, the middle of long ones left out.
pub fn short(bytes: &[u8]) -> String {
    const SHOWN: usize = 160;
    if bytes.len() <= SHOWN {
        return bytes.escape_ascii().to_string();
    }
    let (begin, end) = (&bytes[..SHOWN / 2], &bytes[bytes.len() - SHOWN / 4..]);
    format!("{}…{} ({} bytes)", begin.escape_ascii(), end.escape_ascii(), bytes.len())
}
