//! What frames say. Published frames are test frames that vendors' documents and public decoders
//! publish; the project collected them before its first decoder.

mod corpus;
mod envelopes;
mod frames;
mod layout;
mod mutate;
mod mutate_envelopes;
mod sparkplug;
