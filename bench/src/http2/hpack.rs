//! Heads of requests in bytes (RFC 7541): spelt out once for a connection, named by their places in its table from then on.

use http::Request;

/// Places in the table that everybody has: `:authority`, `:path`, `:method` with POST, `:scheme` with http.
const AUTHORITY: u8 = 1;
const PATH: u8 = 4;
const POST: u8 = 0x80 | 3;
const HTTP: u8 = 0x80 | 6;
/// The first place in a connection's own table: what was put there last.
const OWN: usize = 62;
/// A field that is put there; its name is at a place, or follows.
const KEPT: u8 = 0x40;
/// A field that is at a place.
const PLACED: u8 = 0x80;
/// Bits of a number's first byte: of a place in a field that is at it, of a length.
const BITS: u8 = 7;

/// The head of a POST over plain HTTP, as it is sent first, and as it is sent again.
pub fn heads(head: &Request<()>) -> (Vec<u8>, Vec<u8>) {
    let (mut first, mut again) = (vec![POST, HTTP], vec![POST, HTTP]);
    let uri = head.uri();
    first.push(KEPT | PATH);
    text(&mut first, uri.path().as_bytes());
    first.push(KEPT | AUTHORITY);
    text(&mut first, uri.authority().map_or("", |authority| authority.as_str()).as_bytes());
    for (name, value) in head.headers() {
        first.push(KEPT);
        text(&mut first, name.as_str().as_bytes());
        text(&mut first, value.as_bytes());
    }
    for place in (OWN..OWN + 2 + head.headers().len()).rev() {
        number(&mut again, PLACED, place);
    }
    (first, again)
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    number(out, 0, text.len());
    out.extend_from_slice(text);
}

/// A number after the bits of its first byte that say what it is.
fn number(out: &mut Vec<u8>, kind: u8, number: usize) {
    let most = (1_usize << BITS) - 1;
    let byte = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    if number < most {
        return out.push(kind | byte(number));
    }
    out.push(kind | byte(most));
    let mut rest = number - most;
    while rest >= 128 {
        out.push(byte(rest % 128) | 128);
        rest /= 128;
    }
    out.push(byte(rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        let of = |value| {
            let mut out = Vec::new();
            number(&mut out, 0, value);
            out
        };
        assert_eq!(of(10), [10]);
        assert_eq!(of(127), [127, 0]);
        assert_eq!(of(1_337), [127, 0b1011_1010, 9]);
    }
}
