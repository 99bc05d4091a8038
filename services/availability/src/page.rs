//! Page tokens: where a list goes on. Opaque to callers, and bound to the list that they came from:
//! a token given with other arguments or by another caller is refused, since it would silently skip
//! rows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parkmesh_contracts::ids::{FloorId, LotId, SpotId, UserId};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What the token of a list of spots says, as JSON. Not a secret and not signed: whoever forges one
/// chooses where an own list begins.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    #[serde(rename = "u")]
    caller: u32,
    #[serde(rename = "l")]
    lot_id: LotId,
    #[serde(rename = "f")]
    floor_id: Option<FloorId>,
    #[serde(rename = "a")]
    after: SpotKey,
}

/// Where a spot stands in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpotKey {
    /// First by its floor.
    pub floor_number: i32,
    /// Then by what is painted on it.
    pub spot_number: String,
    /// Then, since two might be painted the same by mistake.
    pub spot_id: SpotId,
}

/// Whose list of which spots.
#[derive(Clone, Copy, Debug)]
pub struct SpotList<'a> {
    /// Who asks.
    pub caller: &'a UserId,
    /// Of this lot.
    pub lot_id: LotId,
    /// Of this floor only.
    pub floor_id: Option<FloorId>,
}

impl SpotList<'_> {
    /// The token that goes on after this spot.
    ///
    /// # Errors
    /// A key that JSON cannot say, which is our mistake.
    pub fn token(&self, after: SpotKey) -> Result<String, Error> {
        let caller = mark(self.caller);
        let token = Token { caller, lot_id: self.lot_id, floor_id: self.floor_id, after };
        let json = serde_json::to_vec(&token)
            .map_err(|error| Error::Broken(format!("a page token cannot be written: {error}")))?;
        Ok(URL_SAFE_NO_PAD.encode(json))
    }

    /// The key after which to go on; `None` for the empty token of the first page.
    ///
    /// # Errors
    /// [`Error::PageTokenInvalid`] for a token that this list has not given.
    pub fn after(&self, token: &str) -> Result<Option<SpotKey>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Error::PageTokenInvalid)?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| Error::PageTokenInvalid)?;
        let ours = token.caller == mark(self.caller)
            && token.lot_id == self.lot_id
            && token.floor_id == self.floor_id;
        if ours { Ok(Some(token.after)) } else { Err(Error::PageTokenInvalid) }
    }
}

/// A mark of the caller, so that tokens do not carry names: FNV-1a, which is the same in every
/// replica and version.
fn mark(caller: &UserId) -> u32 {
    caller
        .as_str()
        .bytes()
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn key() -> SpotKey {
        SpotKey {
            floor_number: -1,
            spot_number: "A-12".into(),
            spot_id: SpotId::from(Uuid::from_u128(7)),
        }
    }

    #[test]
    fn a_token_goes_on_with_its_own_list_only() {
        let (anna, eve) =
            (UserId::parse("anna").expect("a user"), UserId::parse("eve").expect("a user"));
        let lot_id = LotId::from(Uuid::from_u128(1));
        let floor_id = Some(FloorId::from(Uuid::from_u128(2)));
        let list = SpotList { caller: &anna, lot_id, floor_id };
        let token = list.token(key()).expect("a token");
        assert!(token.len() <= 512);
        assert_eq!(list.after(&token).expect("our token"), Some(key()));
        assert_eq!(list.after("").expect("the first page"), None);
        for other in [
            SpotList { caller: &eve, ..list },
            SpotList { lot_id: LotId::from(Uuid::from_u128(3)), ..list },
            SpotList { floor_id: None, ..list },
        ] {
            assert!(matches!(other.after(&token), Err(Error::PageTokenInvalid)));
        }
        for nonsense in ["%%%", "AAAA", "e30"] {
            assert!(matches!(list.after(nonsense), Err(Error::PageTokenInvalid)), "{nonsense}");
        }
    }
}
