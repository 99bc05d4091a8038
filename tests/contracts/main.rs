//! The language, held against its promises: ids, money, windows and times keep what they are given; every
//! validation rule refuses what it should; the tables say what the protos say.

mod errors;
mod facts;
mod methods;
mod money;
mod plate;
mod validation;
mod values;

/// What the build made of the tests' own protos. Stands here because generated code names itself so.
#[expect(clippy::all, clippy::allow_attributes, reason = "generated code")]
#[allow(
    dead_code,
    reason = "rustc tells of dead code here, and calls an expectation of it unfulfilled"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/fixture/lib.rs"));
}
