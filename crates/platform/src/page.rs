//! Page tokens: where a list goes on. Opaque to callers, and bound to the list that they came from:
//! a token given with other arguments or by another caller is refused, since it would silently skip
//! rows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parkmesh_contracts::ids::UserId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// A token that the list has not given: of other arguments, of another caller, or nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("page_token is not of this list; begin again without one")]
pub struct PageTokenInvalid;

/// Bytes of the list's mark in front of every token. Not a secret and not a signature: whoever
/// forges a token chooses where an own list begins, and nothing else.
const MARK_BYTES: usize = 12;

/// One list: its name, its arguments and who asks. Its tokens go on with it and with no other list.
#[derive(Debug, Clone, Copy)]
pub struct List([u8; MARK_BYTES]);

impl List {
    /// The list `name` (`ListSpots`) of these arguments for this caller. Page size and token are no
    /// arguments: a caller may change the size from page to page.
    pub fn of(name: &str, caller: &UserId, arguments: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in [&[name, caller.as_str()], arguments].concat() {
            // With its length in front, no two lists of parts run together.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut mark = [0; MARK_BYTES];
        mark.copy_from_slice(&digest[..MARK_BYTES]);
        Self(mark)
    }

    /// The token that goes on after the row with this key. The key must be short: a token has at
    /// most 512 characters.
    pub fn token<K: Serialize>(&self, key: &K) -> String {
        let mut bytes = self.0.to_vec();
        // A key that JSON cannot say would be our mistake: the token of it is refused when it comes
        // back, rather than ending the list early.
        bytes.extend(serde_json::to_vec(key).unwrap_or_default());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Cuts rows that were read up to [`limit`] to the page, and gives the token that goes on after it
    /// by the key of its last row; empty when there are no more.
    pub fn cut<T, K: Serialize>(
        &self,
        mut rows: Vec<T>,
        size: usize,
        key: impl FnOnce(&T) -> K,
    ) -> (Vec<T>, String) {
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more);
        let token = last.map(|last| self.token(&key(last))).unwrap_or_default();
        (rows, token)
    }

    /// The key after which to go on; None for the empty token of the first page.
    ///
    /// # Errors
    /// [`PageTokenInvalid`].
    pub fn after<K: DeserializeOwned>(&self, token: &str) -> Result<Option<K>, PageTokenInvalid> {
        if token.is_empty() {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PageTokenInvalid)?;
        let key = bytes.strip_prefix(&self.0).ok_or(PageTokenInvalid)?;
        serde_json::from_slice(key).map(Some).map_err(|_| PageTokenInvalid)
    }
}

/// Rows of a page: what the caller asked for, or the default, and never more than the most.
pub fn size(asked: i32, default: usize, max: usize) -> usize {
    match usize::try_from(asked) {
        Ok(0) | Err(_) => default,
        Ok(asked) => asked.min(max),
    }
}

/// Rows to read for a page: one more than it holds tells whether there is another page.
pub fn limit(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn list(caller: &str, arguments: &[&str]) -> List {
        List::of("ListSpots", &UserId::parse(caller).unwrap(), arguments)
    }

    #[test]
    fn a_token_gives_its_key_back_to_its_list() {
        let token = list("op", &["lot", ""]).token(&("A-12", 7));
        let key: Option<(String, i64)> = list("op", &["lot", ""]).after(&token).unwrap();
        assert_eq!(key, Some(("A-12".to_owned(), 7)));
    }

    #[test]
    fn the_empty_token_is_the_first_page() {
        assert_eq!(list("op", &[]).after::<String>("").unwrap(), None);
    }

    #[test]
    fn a_token_is_refused_by_another_list_and_another_caller() {
        let token = list("op", &["lot", "floor"]).token(&"A-12");
        for other in
            [list("op", &["lot", ""]), list("op", &["lotfloor"]), list("eve", &["lot", "floor"])]
        {
            assert!(matches!(other.after::<String>(&token), Err(PageTokenInvalid)));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for token in ["%%%", "AAAA", "a"] {
            let answer = list("op", &[]).after::<String>(token);
            assert!(matches!(answer, Err(PageTokenInvalid)), "{token}");
        }
    }

    #[test]
    fn a_page_has_the_size_asked_for_within_its_limit() {
        assert_eq!((size(0, 50, 200), size(7, 50, 200), size(900, 50, 200)), (50, 7, 200));
        let list = list("op", &[]);
        let (rows, token) = list.cut(vec![1, 2, 3], 2, |last| *last);
        assert_eq!((rows, list.after(&token)), (vec![1, 2], Ok(Some(2))));
        assert_eq!(list.cut(vec![1, 2], 2, |last| *last), (vec![1, 2], String::new()));
        assert_eq!(limit(2), 3);
    }
}
