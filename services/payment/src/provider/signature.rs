//! Signatures of webhooks, as Stripe makes them and the sandbox too: `t=<unix seconds>,v1=<hex>`, an
//! HMAC-SHA256 of `<t>.<body>`. There may be several `v1`, while a secret is being changed.

use hmac::{Hmac, Mac};
use http::HeaderMap;
use jiff::Timestamp;
use sha2::Sha256;

use super::NoticeError;

/// How far the signature's time may be from now, in seconds, either way.
const AGE_MAX_SECONDS: i64 = 300;

/// Checks the signature that a webhook has under this name against its body.
///
/// # Errors
/// [`NoticeError::NotSetUp`] without a secret, or those of [`verify`].
pub fn of_webhook(
    (headers, name): (&HeaderMap, &str),
    body: &[u8],
    secret: Option<&str>,
    now: Timestamp,
) -> Result<(), NoticeError> {
    let secret = secret.ok_or(NoticeError::NotSetUp)?;
    let signed = headers.get(name).and_then(|value| value.to_str().ok());
    verify(signed, body, secret, now)
}

/// Checks a signature header against the body.
///
/// # Errors
/// [`NoticeError::SignatureWrong`] or [`NoticeError::NotOfNow`].
fn verify(
    header: Option<&str>,
    body: &[u8],
    secret: &str,
    now: Timestamp,
) -> Result<(), NoticeError> {
    let header = header.ok_or(NoticeError::SignatureWrong)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let time = time.ok_or(NoticeError::SignatureWrong)?;
    let mac = mac_of(secret, time, body);
    let signed = parts()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, value)| bytes_of(value))
        .any(|signature| mac.clone().verify_slice(&signature).is_ok());
    if !signed {
        return Err(NoticeError::SignatureWrong);
    }
    let time: i64 = time.parse().map_err(|_| NoticeError::SignatureWrong)?;
    match now.as_second().saturating_sub(time).unsigned_abs() <= AGE_MAX_SECONDS.unsigned_abs() {
        true => Ok(()),
        false => Err(NoticeError::NotOfNow),
    }
}

fn mac_of(secret: &str, time: &str, body: &[u8]) -> Hmac<Sha256> {
    // HMAC takes a key of any length; a longer one than a block is hashed first.
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.as_bytes())
        .unwrap_or_else(|_| Hmac::new(&Default::default()));
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.is_ascii() {
        return None;
    }
    let pair = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: `printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test`.
    const SIGNED: &str =
        "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_signature_is_good_for_its_body_its_secret_and_its_time_only() {
        let check = |header, body: &str, secret, second| {
            verify(header, body.as_bytes(), secret, at(second))
        };
        let good = 1_700_000_000;
        assert_eq!(check(Some(SIGNED), "{}", "whsec_test", good + 299), Ok(()));
        assert_eq!(check(Some(SIGNED), "{}", "whsec_test", good - 299), Ok(()));
        for (header, body, secret) in [
            (Some(SIGNED), "{ }", "whsec_test"),
            (Some(SIGNED), "{}", "whsec_other"),
            (Some("t=1700000000"), "{}", "whsec_test"),
            (Some("t=1700000000,v1=zz,v1=0"), "{}", "whsec_test"),
            (Some(""), "{}", "whsec_test"),
            (None, "{}", "whsec_test"),
        ] {
            let refused = check(header, body, secret, good);
            assert_eq!(refused, Err(NoticeError::SignatureWrong), "{header:?}");
        }
        for second in [good + 301, good - 301] {
            assert_eq!(check(Some(SIGNED), "{}", "whsec_test", second), Err(NoticeError::NotOfNow));
        }
        let later = SIGNED.replace("1700000000", "1700000600");
        let moved = check(Some(&later), "{}", "whsec_test", good + 600);
        assert_eq!(moved, Err(NoticeError::SignatureWrong), "the time is signed too");
    }

    #[test]
    fn one_good_signature_among_several_is_enough_while_a_secret_is_changed() {
        let header = SIGNED.replace("v1=", "v1=00,v0=11,v1=");
        assert_eq!(verify(Some(&header), b"{}", "whsec_test", at(1_700_000_000)), Ok(()));
    }
}
