//! The frames inside a gRPC body: one byte of flags, four bytes of length, the message. Bytes arrive cut
//! anywhere; what leaves here ends where a frame ends, so that a trailer frame can always follow.

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;

/// Flags and length.
pub const HEADER_BYTES: usize = 5;
/// The flag of a trailer frame in gRPC-Web.
pub const TRAILER_FLAG: u8 = 0x80;

/// A message longer than the limit was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {announced_bytes} bytes is too long")]
pub struct TooLong {
    /// Its length, as its header says.
    pub announced_bytes: usize,
}

/// Holds back what does not yet make a whole frame.
#[derive(Debug)]
pub struct Whole {
    held: BytesMut,
    message_bytes_max: usize,
}

impl Whole {
    /// Nothing seen yet. No message may be longer than the limit.
    pub fn new(message_bytes_max: usize) -> Self {
        Self { held: BytesMut::new(), message_bytes_max }
    }

    /// Takes the next bytes and gives all frames that are complete now, one after the other.
    ///
    /// # Errors
    /// When a frame announces more than the limit; nothing more is to be expected then.
    pub fn push(&mut self, bytes: Bytes) -> Result<Bytes, TooLong> {
        if self.held.is_empty() {
            // Mostly whole frames come in one piece, which is then passed on as it is.
            let end = self.boundary(&bytes)?;
            self.hold(&bytes[end..]);
            return Ok(bytes.slice(..end));
        }
        self.hold(&bytes);
        let end = self.boundary(&self.held)?;
        Ok(self.held.split_to(end).freeze())
    }

    /// Whether the bytes so far end where a frame ends.
    pub fn is_at_boundary(&self) -> bool {
        self.held.is_empty()
    }

    fn hold(&mut self, rest: &[u8]) {
        if self.held.is_empty() {
            // One allocation for a message that comes in many pieces.
            let wanted = length(rest).map_or(rest.len(), |length| HEADER_BYTES + length);
            self.held.reserve(wanted.min(self.message_bytes_max + HEADER_BYTES));
        }
        self.held.extend_from_slice(rest);
    }

    /// Where the last complete frame ends.
    fn boundary(&self, bytes: &[u8]) -> Result<usize, TooLong> {
        let mut end = 0;
        while let Some(announced_bytes) = length(&bytes[end..]) {
            if announced_bytes > self.message_bytes_max {
                return Err(TooLong { announced_bytes });
            }
            let next = end + HEADER_BYTES + announced_bytes;
            if next > bytes.len() {
                break;
            }
            end = next;
        }
        Ok(end)
    }
}

/// The length that a frame's header announces, if the header is complete.
fn length(frame: &[u8]) -> Option<usize> {
    let header = frame.get(1..HEADER_BYTES)?;
    let length = u32::from_be_bytes(header.try_into().ok()?);
    usize::try_from(length).ok()
}

/// The first frame of these bytes, which it leaves: its flags and its message.
pub fn next_frame(bytes: &mut Bytes) -> Option<(u8, Bytes)> {
    let end = HEADER_BYTES + length(bytes)?;
    if bytes.len() < end {
        return None;
    }
    let frame = bytes.split_to(end);
    Some((frame[0], frame.slice(HEADER_BYTES..)))
}

/// What the message of a trailer frame of ours says.
pub fn read_trailers(frame: &[u8]) -> HeaderMap {
    let lines = frame.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let value = line[at + 1..].trim_ascii();
        Some((line[..at].try_into().ok()?, value.try_into().ok()?))
    });
    lines.collect()
}

/// Trailers as gRPC-Web's last frame: `name: value\r\n`, names in lower case.
pub fn trailer_frame(trailers: &HeaderMap) -> Bytes {
    let lines: usize =
        trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut frame = BytesMut::with_capacity(HEADER_BYTES + lines);
    frame.put_u8(TRAILER_FLAG);
    // Header lists are bounded far below this; hyper would have refused them.
    frame.put_u32(u32::try_from(lines).unwrap_or(u32::MAX));
    for (name, value) in trailers {
        frame.put_slice(name.as_str().as_bytes());
        frame.put_slice(b": ");
        frame.put_slice(value.as_bytes());
        frame.put_slice(b"\r\n");
    }
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(flags: u8, message: &[u8]) -> Vec<u8> {
        let mut frame = vec![flags];
        frame.extend_from_slice(&u32::try_from(message.len()).expect("short").to_be_bytes());
        frame.extend_from_slice(message);
        frame
    }

    #[test]
    fn trailers_are_written_in_lower_case_with_line_ends() {
        let mut trailers = HeaderMap::new();
        trailers.insert("Grpc-Status", "0".parse().expect("a value"));
        trailers.insert("x-lot", "A 1".parse().expect("a value"));
        let written = trailer_frame(&trailers);
        let lines = b"grpc-status: 0\r\nx-lot: A 1\r\n";
        assert_eq!(written.as_ref(), frame(TRAILER_FLAG, lines));
        let mut bytes = written;
        let (flags, message) = next_frame(&mut bytes).expect("a frame");
        assert_eq!((flags, read_trailers(&message)), (TRAILER_FLAG, trailers));
        assert_eq!(next_frame(&mut bytes), None);
    }

    #[test]
    fn a_message_over_the_limit_is_refused_when_its_header_is_there() {
        let mut whole = Whole::new(10);
        assert_eq!(whole.push(Bytes::from_static(&[0, 0, 0, 0])), Ok(Bytes::new()));
        assert_eq!(whole.push(Bytes::from_static(&[11])), Err(TooLong { announced_bytes: 11 }));
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_frames(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in prop::collection::vec(1_usize..20, 1..40),
        ) {
            let all: Vec<u8> = messages.iter().flat_map(|message| frame(0, message)).collect();
            let mut whole = Whole::new(100);
            let (mut out, mut at, mut turn) = (Vec::new(), 0, 0);
            while at < all.len() {
                let end = (at + cuts[turn % cuts.len()]).min(all.len());
                let given = whole.push(Bytes::copy_from_slice(&all[at..end])).expect("short");
                // Whatever leaves consists of whole frames.
                let mut check = Whole::new(100);
                prop_assert_eq!(check.push(given.clone()).expect("short"), given.clone());
                out.extend_from_slice(&given);
                at = end;
                turn += 1;
            }
            prop_assert!(whole.is_at_boundary());
            prop_assert_eq!(out, all);
        }

        #[test]
        fn a_cut_frame_is_held_back(message in prop::collection::vec(any::<u8>(), 1..40), cut in 1_usize..44) {
            let all = frame(0, &message);
            prop_assume!(cut < all.len());
            let mut whole = Whole::new(100);
            let given = whole.push(Bytes::copy_from_slice(&all[..cut])).expect("short");
            prop_assert!(given.is_empty() && !whole.is_at_boundary());
        }
    }
}
