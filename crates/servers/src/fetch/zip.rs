//! One file out of a zip archive, with nothing but gzip: a machine with Rust alone may have neither
//! unzip nor Python. A zip's deflated bytes between a gzip head and tail are a gzip file.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Error;

const END: u32 = 0x0605_4b50;
const ENTRY: u32 = 0x0201_4b50;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

struct Entry<'a> {
    method: u16,
    crc: u32,
    size: u32,
    data: &'a [u8],
}

/// Writes the entry whose name ends with `suffix` into the file `to`; gzip checks its checksum.
pub(crate) fn extract(archive: &Path, suffix: &str, to: &Path) -> Result<(), Error> {
    let bytes = fs::read(archive).map_err(Error::file(archive, "could not be read"))?;
    let invalid = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    let entry = find(&bytes, suffix).ok_or_else(|| {
        Error::file(archive, "holds no such file, or is no zip archive")(invalid())
    })?;
    match entry.method {
        STORED => fs::write(to, entry.data).map_err(Error::file(to, "could not be written")),
        DEFLATED => inflate(&entry, to),
        _ => Err(Error::file(archive, "is packed in a way that is not known here")(invalid())),
    }
}

fn inflate(entry: &Entry<'_>, to: &Path) -> Result<(), Error> {
    let refused = |error: std::io::Error| Error::Command {
        command: "gzip -dc".to_owned(),
        output: error.to_string(),
    };
    let out = File::create(to).map_err(Error::file(to, "could not be created"))?;
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(out)
        .spawn()
        .map_err(refused)?;
    // Dropping the pipe at the end of this block is what ends gzip's input.
    let written = gzip.stdin.take().map_or(Ok(()), |mut pipe| {
        pipe.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])?;
        pipe.write_all(entry.data)?;
        pipe.write_all(&entry.crc.to_le_bytes())?;
        pipe.write_all(&entry.size.to_le_bytes())
    });
    let status = gzip.wait().map_err(refused)?;
    written.map_err(refused)?;
    if status.success() { Ok(()) } else { Err(refused(std::io::ErrorKind::InvalidData.into())) }
}

fn find<'a>(bytes: &'a [u8], suffix: &str) -> Option<Entry<'a>> {
    let end = (0..bytes.len().checked_sub(21)?).rev().find(|&at| u32_at(bytes, at) == Some(END))?;
    let count = u16_at(bytes, end + 10)?;
    let mut at = u32_at(bytes, end + 16)? as usize;
    for _ in 0..count {
        if u32_at(bytes, at)? != ENTRY {
            return None;
        }
        let lengths = [28, 30, 32].map(|field| u16_at(bytes, at + field).map(usize::from));
        let [name, extra, comment] = [lengths[0]?, lengths[1]?, lengths[2]?];
        if bytes.get(at + 46..at + 46 + name)?.ends_with(suffix.as_bytes()) {
            let packed = u32_at(bytes, at + 20)? as usize;
            let local = u32_at(bytes, at + 42)? as usize;
            let start = local
                + 30
                + usize::from(u16_at(bytes, local + 26)?)
                + usize::from(u16_at(bytes, local + 28)?);
            return Some(Entry {
                method: u16_at(bytes, at + 10)?,
                crc: u32_at(bytes, at + 16)?,
                size: u32_at(bytes, at + 24)?,
                data: bytes.get(start..start.checked_add(packed)?)?,
            });
        }
        at += 46 + name + extra + comment;
    }
    None
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
