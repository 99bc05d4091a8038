//! Requests of pages: from the right place, from a wrong one, and their preflights.

use super::case::{Case, Framing};
use super::odd::header;
use crate::chance::Chance;
use crate::gates::ORIGIN;

const ORIGINS: [&str; 10] = [
    ORIGIN,
    ORIGIN,
    ORIGIN,
    "https://evil.example",
    "null",
    "",
    "http://app.example",
    "https://app.example:443",
    "https://APP.example",
    "https://app.example.evil.example",
];

/// A call of a page.
pub fn simple(case: &mut Case, chance: &mut Chance) {
    header(case, "origin", chance.one_of(&ORIGINS));
}

/// What a browser asks before.
pub fn preflight(case: &mut Case, chance: &mut Chance) {
    case.method = "OPTIONS";
    (case.body, case.framing) = (Vec::new(), Framing::None);
    case.headers.clear();
    if !chance.once_in(8) {
        header(case, "origin", chance.one_of(&ORIGINS));
    }
    if !chance.once_in(6) {
        let asked = ["POST", "POST", "GET", "DELETE", "PATCH", "", "post", "BREW"];
        header(case, "access-control-request-method", chance.one_of(&asked));
    }
    if !chance.once_in(3) {
        let asked = ["content-type,x-grpc-web", "authorization", "x-anything", ""];
        header(case, "access-control-request-headers", chance.one_of(&asked));
    }
    if chance.once_in(8) {
        header(case, "access-control-request-private-network", "true");
    }
}
