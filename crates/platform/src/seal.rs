//! Sealing: what names a person is kept in databases as nobody can read without the key, and found again by
//! a keyed hash.
//!
//! AES-256-GCM with a random nonce, bound to what the value is (`booking.plate`), so that a sealed value put
//! into another column does not open. The first key seals; older ones still open, so that a key is changed
//! without an instant at which all values change. A key is good for some four thousand million values.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, Mac};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

use crate::config::Reader;
use crate::ids::Ids;

/// Letters of a secret at least.
const SECRET_LETTERS_MIN: usize = 16;
/// How sealed bytes begin.
const FORMAT: u8 = 1;
/// Bytes that tell keys apart.
const KEY_ID_BYTES: usize = 4;
/// How a sealed text begins.
const TEXT_PREFIX: &str = "sealed:";
/// Keys that may open at most.
const KEYS_MAX: usize = 8;

/// A keyed hash by which a value is found without keeping it readable.
pub type Mark = [u8; 16];

/// The value does not open: another key, another kind of value, or damage. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with the keys that are known")]
pub struct Unopened;

struct Key {
    id: [u8; KEY_ID_BYTES],
    cipher: LessSafeKey,
}

/// Seals and opens. Clones share the keys.
#[derive(Clone)]
pub struct Sealer {
    /// The first one seals.
    keys: Arc<Vec<Key>>,
    marks: Hmac<Sha256>,
    ids: Ids,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Default for Sealer {
    /// With a key that everybody knows: for development and tests.
    fn default() -> Self {
        Self::of(&["parkmesh, on a developer's machine"])
    }
}

impl Sealer {
    /// Reads `PARKMESH_DATA_KEY`, and `PARKMESH_DATA_KEYS_OLD`, a list of those that still open. The marks
    /// are made with `PARKMESH_MARK_KEY`, which stays when the data key changes; without it with the data key.
    pub fn read(reader: &mut Reader) -> Self {
        let Some(secret) = reader.find::<String>("DATA_KEY") else {
            tracing::warn!(
                "PARKMESH_DATA_KEY is not set: personal data is sealed with a key that everybody knows"
            );
            return Self::default();
        };
        let marks: Option<String> = reader.find("MARK_KEY");
        let mut secrets = vec![secret];
        secrets.extend(reader.list("DATA_KEYS_OLD"));
        if secrets.iter().chain(&marks).any(|secret| secret.len() < SECRET_LETTERS_MIN) {
            reader.mistake("PARKMESH_DATA_KEY and its like have at least 16 letters each");
        }
        if secrets.len() > KEYS_MAX {
            reader.mistake("PARKMESH_DATA_KEYS_OLD has too many keys");
        }
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let sealer = Self::of(&secrets);
        match marks {
            Some(secret) => Self { marks: mac(&secret), ..sealer },
            None => sealer,
        }
    }

    /// With these secrets; the first one seals.
    pub fn of(secrets: &[&str]) -> Self {
        let keys = secrets.iter().filter_map(|secret| key(secret)).collect();
        let first = secrets.first().copied().unwrap_or_default();
        Self { keys: Arc::new(keys), marks: mac(first), ids: Ids::random() }
    }

    /// Seals a value of this kind. Equal values differ sealed.
    pub fn seal(&self, kind: &str, value: &[u8]) -> Vec<u8> {
        self.seal_with(self.ids.bytes(), kind, value)
    }

    fn seal_with(&self, nonce: [u8; NONCE_LEN], kind: &str, value: &[u8]) -> Vec<u8> {
        let mut sealed = value.to_vec();
        let Some(key) = self.keys.first() else { return Vec::new() };
        let aad = Aad::from(kind.as_bytes());
        // Fails for values of 64 GiB and more.
        let Ok(()) = key.cipher.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            aad,
            &mut sealed,
        ) else {
            return Vec::new();
        };
        let mut whole = Vec::with_capacity(1 + KEY_ID_BYTES + NONCE_LEN + sealed.len());
        whole.push(FORMAT);
        whole.extend_from_slice(&key.id);
        whole.extend_from_slice(&nonce);
        whole.extend_from_slice(&sealed);
        whole
    }

    /// Opens what was sealed as this kind.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open(&self, kind: &str, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        let (format, rest) = sealed.split_first().ok_or(Unopened)?;
        let (id, rest) = rest.split_at_checked(KEY_ID_BYTES).ok_or(Unopened)?;
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN).ok_or(Unopened)?;
        let key = self.keys.iter().find(|key| key.id == id).filter(|_| *format == FORMAT);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened)?;
        let mut value = rest.to_vec();
        let aad = Aad::from(kind.as_bytes());
        let opened = key.ok_or(Unopened)?.cipher.open_in_place(nonce, aad, &mut value);
        let length = opened.map_err(|_| Unopened)?.len();
        value.truncate(length);
        Ok(value)
    }

    /// Seals a text into a text, for columns that are text. Equal texts are equal sealed, as long as the key
    /// stays: whoever has the table learns which are equal, and no more. The empty text stays empty.
    pub fn seal_text(&self, kind: &str, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        // A nonce that follows from the value is used twice for the same value alone.
        let mark = self.mark(kind, text.as_bytes());
        let mut nonce = [0; NONCE_LEN];
        for (to, from) in nonce.iter_mut().zip(mark) {
            *to = from;
        }
        let sealed = self.seal_with(nonce, kind, text.as_bytes());
        format!("{TEXT_PREFIX}{}", STANDARD_NO_PAD.encode(sealed))
    }

    /// Whether a text is sealed.
    pub fn is_sealed(text: &str) -> bool {
        text.starts_with(TEXT_PREFIX)
    }

    /// Opens such a text. One that was written before anything was sealed is given as it is.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open_text(&self, kind: &str, text: &str) -> Result<String, Unopened> {
        let Some(sealed) = text.strip_prefix(TEXT_PREFIX) else { return Ok(text.to_owned()) };
        let sealed = STANDARD_NO_PAD.decode(sealed).map_err(|_| Unopened)?;
        String::from_utf8(self.open(kind, &sealed)?).map_err(|_| Unopened)
    }

    /// The mark of a value of this kind.
    pub fn mark(&self, kind: &str, value: &[u8]) -> Mark {
        let mut mac = self.marks.clone();
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(value);
        let mut mark = [0; 16];
        for (to, from) in mark.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        mark
    }
}

fn key(secret: &str) -> Option<Key> {
    let bytes = digest("seal", secret);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?);
    let mut id = [0; KEY_ID_BYTES];
    for (to, from) in id.iter_mut().zip(digest("id", secret)) {
        *to = from;
    }
    Some(Key { id, cipher })
}

fn mac(secret: &str) -> Hmac<Sha256> {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(digest("mark", secret)) {
        *to = from;
    }
    Hmac::new(&block.into())
}

/// One secret gives several keys that tell nothing of each other.
fn digest(what: &str, secret: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(what.as_bytes());
    hash.update([0]);
    hash.update(secret.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_as_what_it_was_sealed_as_and_as_nothing_else() {
        let sealer = Sealer::default();
        let sealed = sealer.seal("person.email", b"anna@example.com");
        assert!(!sealed.windows(4).any(|bytes| bytes == b"anna"));
        assert_eq!(sealer.open("person.email", &sealed), Ok(b"anna@example.com".to_vec()));
        assert_eq!(sealer.open("booking.plate", &sealed), Err(Unopened));
        assert_ne!(sealer.seal("person.email", b"anna@example.com"), sealed, "equal values differ");
    }

    #[test]
    fn damage_is_noticed() {
        let sealer = Sealer::default();
        let sealed = sealer.seal("a", b"B-XY 1");
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert_eq!(sealer.open("a", &other), Err(Unopened), "byte {at}");
            assert_eq!(sealer.open("a", &sealed[..at]), Err(Unopened));
        }
    }

    #[test]
    fn an_older_key_still_opens_and_the_new_one_seals() {
        let (old, new) = (Sealer::of(&["the first secret"]), Sealer::of(&["the second secret"]));
        let both = Sealer::of(&["the second secret", "the first secret"]);
        let sealed = old.seal("a", b"x");
        assert_eq!(new.open("a", &sealed), Err(Unopened));
        assert_eq!(both.open("a", &sealed), Ok(b"x".to_vec()));
        assert_eq!(new.open("a", &both.seal("a", b"y")), Ok(b"y".to_vec()));
    }

    #[test]
    fn texts_stay_texts_and_what_was_never_sealed_is_read_as_it_is() {
        let sealer = Sealer::default();
        let sealed = sealer.seal_text("a", "B-XY 1");
        assert!(!sealed.contains("XY"));
        assert_eq!(sealer.open_text("a", &sealed).as_deref(), Ok("B-XY 1"));
        assert_eq!(sealer.open_text("a", "B-XY 1").as_deref(), Ok("B-XY 1"));
        assert_eq!(sealer.seal_text("a", ""), "");
        assert_eq!(sealer.seal_text("a", "B-XY 1"), sealed, "equal texts are found by each other");
        assert_ne!(sealer.seal_text("b", "B-XY 1"), sealed);
        assert!(Sealer::is_sealed(&sealed) && !Sealer::is_sealed("B-XY 1"));
    }

    #[test]
    fn marks_are_of_a_key_and_a_kind() {
        let sealer = Sealer::default();
        assert_eq!(sealer.mark("a", b"x"), sealer.mark("a", b"x"));
        assert_ne!(sealer.mark("a", b"x"), sealer.mark("b", b"x"));
        assert_ne!(sealer.mark("a", b"x"), Sealer::of(&["another secret of ours"]).mark("a", b"x"));
    }

    #[test]
    fn short_secrets_are_a_mistake_and_are_not_repeated() {
        let mut reader = Reader::of([("PARKMESH_DATA_KEY", "too short")]);
        let _sealer = Sealer::read(&mut reader);
        let error = reader.finish().expect_err("a mistake");
        assert!(!error.to_string().contains("too short"), "{error}");
    }
}
