//! gRPC-Web and native gRPC, one made from the other: pure translators, no policy.

pub mod base64;
pub mod frame;
pub mod request;
pub mod response;
