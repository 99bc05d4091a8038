//! What a request must look like, generated from the `(buf.validate.*)` rules in the protos.
//!
//! A door calls [`Validate::validate`] before anything else; what comes back names every field that breaks a rule, by its path
//! and with a sentence for people. What the rules cannot say (a window that ends before it starts) the conversions check.

use std::fmt;

pub mod rules;

/// Most violations told of one message. The answer travels in a header, and a thousand bad spots need no thousand lines.
pub const MAX_VIOLATIONS: usize = 20;

/// Longest piece of a map's key that a path repeats, in characters.
const MAX_KEY_CHARS: usize = 32;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field: `window.start_time`, `spots[3].spot_number`.
    pub field: String,
    /// What it must be, without its value: `must be a UUID`.
    pub description: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.description)
    }
}

/// A message whose rules can be checked: every message of Parkmesh.
pub trait Validate {
    /// Adds what is wrong under `at` to `found`. Call [`Validate::validate`]; this is how messages check what is inside them.
    fn check(&self, at: &Path<'_>, found: &mut Violations);

    /// Checks the message and everything inside it.
    ///
    /// # Errors
    /// The first [`MAX_VIOLATIONS`] violations, in the order of the fields. Never an empty list.
    fn validate(&self) -> Result<(), Vec<Violation>> {
        let mut found = Violations(Vec::new());
        self.check(&Path::Message, &mut found);
        if found.0.is_empty() { Ok(()) } else { Err(found.0) }
    }
}

/// Where a check is in a message. Lives on the stack: a valid message costs no allocation.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    /// The message itself.
    Message,
    /// A field of what is at the first path.
    Field(&'a Path<'a>, &'static str),
    /// An element of a repeated field.
    Index(&'a Path<'a>, usize),
    /// An entry of a map.
    Key(&'a Path<'a>, &'a dyn fmt::Display),
}

impl<'a> Path<'a> {
    /// The field `name` under this path.
    pub fn field(&'a self, name: &'static str) -> Path<'a> {
        Path::Field(self, name)
    }

    /// The element at `index`, counted from 0.
    pub fn index(&'a self, index: usize) -> Path<'a> {
        Path::Index(self, index)
    }

    /// The entry of `key`.
    pub fn key(&'a self, key: &'a dyn fmt::Display) -> Path<'a> {
        Path::Key(self, key)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Message => Ok(()),
            Path::Field(Path::Message, name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Path::Key(parent, key) => {
                let key: String = key.to_string().chars().take(MAX_KEY_CHARS).collect();
                write!(f, "{parent}[{key:?}]")
            }
        }
    }
}

/// What a check has found so far, at most [`MAX_VIOLATIONS`].
#[derive(Debug)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Notes that the field at `at` breaks a rule.
    pub fn add(&mut self, at: &Path<'_>, description: &str) {
        if self.0.len() < MAX_VIOLATIONS {
            let (field, description) = (at.to_string(), description.to_owned());
            self.0.push(Violation { field, description });
        }
    }

    /// Notes it when the rule does not hold.
    pub fn add_unless(&mut self, holds: bool, at: &Path<'_>, description: &str) {
        if !holds {
            self.add(at, description);
        }
    }
}

/// The generated impls.
mod generated_impls {
    include!(concat!(env!("OUT_DIR"), "/validation.rs"));
}
