//! What is done to a sound request.

use super::answers::{HANG, LARGE};
use super::case::{Case, Framing, Wire};
use super::generate::message;
use super::outcome::framed;
use super::{odd, origin};
use crate::chance::Chance;

/// A change.
pub type Change = fn(&mut Case, &mut Chance);

/// All of them; what stands twice happens twice as often.
pub const ALL: [Change; 28] = [
    split,
    split,
    frames,
    cut,
    trailing,
    flags,
    announced,
    empty,
    base64,
    text_elsewhere,
    origin::simple,
    origin::simple,
    origin::preflight,
    odd::content_type,
    odd::accept,
    odd::method,
    odd::path,
    timeout,
    hop,
    hop,
    odd::duplicate,
    odd::large,
    odd::value,
    odd::browser,
    odd::forwarded,
    odd::grpc,
    version,
    abort,
];

/// Cuts the body at any offsets.
pub fn split(case: &mut Case, chance: &mut Chance) {
    let mut rest = case.bytes();
    case.body.clear();
    while rest.len() > 1 && case.body.len() < 40 {
        let at = 1 + chance.index((rest.len() - 1).min(12));
        let tail = rest.split_off(at);
        case.body.push(std::mem::replace(&mut rest, tail));
    }
    case.body.push(rest);
}

/// Several messages, some of them empty.
fn frames(case: &mut Case, chance: &mut Chance) {
    for _ in 0..1 + chance.below(3) {
        let message = message(chance);
        case.body.push(framed(0, &message));
    }
}

/// The last frame is not whole.
fn cut(case: &mut Case, chance: &mut Chance) {
    let mut bytes = case.bytes();
    bytes.truncate(chance.index(bytes.len()));
    case.body = vec![bytes];
}

/// More than frames.
fn trailing(case: &mut Case, chance: &mut Chance) {
    case.body.push(
        chance
            .one_of(&[&b"\0"[..], b"\0\0\0\0", b"junk", b"\x80\0\0\0\0", b"\x80\0\0\0\x03a:b"])
            .to_vec(),
    );
}

/// Flags that gRPC does not know, or that announce compression.
fn flags(case: &mut Case, chance: &mut Chance) {
    let flags = chance.one_of(&[1, 2, 0x80, 0x81, 0xff]);
    case.body = vec![framed(flags, &message(chance))];
    if chance.once_in(2) {
        odd::header(case, "grpc-encoding", chance.one_of(&["gzip", "identity", "snappy"]));
    }
}

/// A frame that announces more than anybody takes, or more than comes.
fn announced(case: &mut Case, chance: &mut Chance) {
    let length: u32 = chance.one_of(&[100, 4_194_305, 16_777_217, 0x7fff_ffff, 0xffff_ffff]);
    case.body = vec![[&[0], &length.to_be_bytes()[..], b"few"].concat()];
    if chance.once_in(12) {
        // Over the gateway's own limit, and all of it comes.
        case.body = vec![framed(0, &vec![3; 4_194_304])];
    }
}

fn empty(case: &mut Case, chance: &mut Chance) {
    case.body.clear();
    case.framing = chance.one_of(&[Framing::Length, Framing::Chunked, Framing::None]);
}

/// Text that is no base64, or another dialect of it.
fn base64(case: &mut Case, chance: &mut Chance) {
    set_type(case, "application/grpc-web-text");
    let bad: &[u8] = chance.one_of(&[
        &b"A"[..],
        b"AA",
        b"AAA",
        b"====",
        b"A===",
        b"*",
        b"\n",
        b"AA\nAA",
        b"-_-_",
        b"AAAA AAAA",
        b"AB==",
        b"\xff",
    ]);
    case.answer = "echo";
    // Encoded with the rest later on, unless it is to be wrong afterwards.
    case.headers.push((BROKEN_TEXT.to_owned(), bad.escape_ascii().to_string()));
}

/// A note to [`settle`]; it never leaves.
const BROKEN_TEXT: &str = "x-broken-text";

/// Text for binary, and the other way around.
fn text_elsewhere(case: &mut Case, chance: &mut Chance) {
    let types = ["application/grpc-web-text", "application/grpc-web"];
    set_type(case, chance.one_of(&types));
    odd::header(case, "accept", chance.one_of(&types));
}

pub fn set_type(case: &mut Case, content_type: &str) {
    case.headers.retain(|(name, _)| name != "content-type");
    odd::header(case, "content-type", content_type);
}

fn timeout(case: &mut Case, chance: &mut Chance) {
    let value = chance.one_of(&[
        "1S",
        "100m",
        "2000m",
        "900000u",
        "1H",
        "99999999H",
        "123456789S",
        "1.5S",
        "abc",
        "",
        "5s",
        "1 S",
        "-1S",
        "+1S",
        "S",
        "00000001S",
        "1000000000n",
        "99999999999999999999S",
        "0x1S",
        "1M",
        "5000m",
    ]);
    odd::header(case, "grpc-timeout", value);
    if chance.once_in(8) {
        case.headers.retain(|(name, _)| name != "grpc-timeout");
        odd::header(case, "grpc-timeout", chance.one_of(&["30m", "20000u", "0m", "1n"]));
        case.answer = HANG;
    }
}

/// What belongs to one connection.
fn hop(case: &mut Case, chance: &mut Chance) {
    if case.wire == Wire::Two {
        odd::header(case, "te", "trailers");
        return;
    }
    let some: [(&str, &str); 12] = [
        ("te", "trailers"),
        ("te", "trailers, deflate"),
        ("te", "gzip"),
        ("connection", "close"),
        ("connection", "keep-alive"),
        ("connection", "x-lot"),
        ("connection", "te"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("trailer", "x-later"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
    ];
    let (name, value) = chance.one_of(&some);
    odd::header(case, name, value);
    if value == "x-lot" {
        odd::header(case, "x-lot", "of this hop");
    }
    if name == "upgrade" {
        odd::header(case, "connection", "upgrade");
    }
}

/// HTTP/1.0, and gRPC where it does not belong.
fn version(case: &mut Case, chance: &mut Chance) {
    case.wire = chance.one_of(&[Wire::Zero, Wire::One]);
    if chance.once_in(3) {
        set_type(case, "application/grpc");
    }
}

fn abort(case: &mut Case, chance: &mut Chance) {
    if chance.once_in(3) {
        split(case, chance);
        case.aborts = case.body.len() > 1;
    }
}

/// Makes the whole fit together.
pub fn settle(case: &mut Case, chance: &mut Chance) {
    let broken = case.header(BROKEN_TEXT).map(str::to_owned);
    if let Some(broken) = broken {
        case.headers.retain(|(name, _)| name != BROKEN_TEXT);
        let bytes = broken.replace("\\n", "\n").replace("\\xff", "\u{ff}").into_bytes();
        let at = chance.index(case.body.len() + 1);
        case.body.insert(at, bytes);
    }
    if case.wire == Wire::Zero && case.framing == Framing::Chunked {
        case.framing = Framing::Length;
    }
    if case.framing == Framing::None && !case.body.concat().is_empty() {
        case.framing = Framing::Length;
    }
    if chance.once_in(60) && case.answer == "ok" {
        case.answer = LARGE;
    }
    if case.wire == Wire::Two {
        case.body.retain(|piece| !piece.is_empty());
    }
}
