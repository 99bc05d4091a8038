//! gRPC-Web and native gRPC, one made from the other: pure translators, no policy.

pub mod base64;
pub mod frame;
pub mod request;
pub mod response;

use http::{HeaderMap, HeaderName};

/// Takes away all headers with such names. A message has a few headers, and the lists of names are long: each is looked at, instead of looked
/// for.
fn leave_behind(headers: &mut HeaderMap, is_left_behind: impl Fn(&str) -> bool) {
    let left = headers.keys().filter(|name| is_left_behind(name.as_str())).cloned();
    for name in left.collect::<Vec<HeaderName>>() {
        headers.remove(name);
    }
}
