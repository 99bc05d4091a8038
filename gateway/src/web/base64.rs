//! Base64 of gRPC-Web's text mode: pieces that are padded each for itself and cut at any character.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Characters that stand for three bytes.
const GROUP: usize = 4;

/// What came is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not base64")]
pub struct NotBase64;

/// Decodes piece by piece.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Characters of a group that is not complete.
    held: Vec<u8>,
}

impl Decoder {
    /// Takes the next characters and gives the bytes that are complete now. A padded group may stand
    /// anywhere: a client that encodes each write for itself pads in the middle.
    ///
    /// # Errors
    /// When they are no base64.
    pub fn push(&mut self, text: &[u8]) -> Result<Bytes, NotBase64> {
        self.held.extend_from_slice(text);
        let whole = self.held.len() - self.held.len() % GROUP;
        let mut bytes = Vec::with_capacity(whole / GROUP * 3);
        let mut rest = &self.held[..whole];
        while !rest.is_empty() {
            // Up to and including the next padded group; the engine knows padding at the end only.
            let padded = rest.iter().position(|&character| character == b'=');
            let end = padded.map_or(rest.len(), |at| at - at % GROUP + GROUP);
            STANDARD.decode_vec(&rest[..end], &mut bytes).map_err(|_| NotBase64)?;
            rest = &rest[end..];
        }
        self.held.drain(..whole);
        Ok(bytes.into())
    }

    /// Ends the text.
    ///
    /// # Errors
    /// When a group is not complete.
    pub fn finish(&self) -> Result<(), NotBase64> {
        if self.held.is_empty() { Ok(()) } else { Err(NotBase64) }
    }
}

/// Encodes a piece for itself, padded: what is sent now can be read now.
pub fn encode(bytes: &[u8]) -> Bytes {
    STANDARD.encode(bytes).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn padding_in_the_middle_ends_a_piece_and_not_the_body() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(b"YQ==YmM=ZGVm").as_deref(), Ok(b"abcdef".as_slice()));
        assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        assert_eq!(Decoder::default().push(b"a*bc"), Err(NotBase64));
        assert_eq!(Decoder::default().push(b"=abc"), Err(NotBase64));
        let mut cut = Decoder::default();
        assert_eq!(cut.push(b"YWJ").as_deref(), Ok(b"".as_slice()));
        assert_eq!(cut.finish(), Err(NotBase64));
    }

    proptest! {
        #[test]
        fn pieces_encoded_each_for_itself_and_cut_anywhere_come_back(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..8),
            cuts in prop::collection::vec(1_usize..9, 1..40),
        ) {
            let text: Vec<u8> = pieces.iter().flat_map(|piece| encode(piece).to_vec()).collect();
            let mut decoder = Decoder::default();
            let (mut out, mut at, mut turn) = (Vec::new(), 0, 0);
            while at < text.len() {
                let end = (at + cuts[turn % cuts.len()]).min(text.len());
                out.extend_from_slice(&decoder.push(&text[at..end]).expect("base64"));
                at = end;
                turn += 1;
            }
            prop_assert_eq!(decoder.finish(), Ok(()));
            prop_assert_eq!(out, pieces.concat());
        }

        #[test]
        fn no_text_makes_it_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _refused_or_not = Decoder::default().push(&text);
        }
    }
}
