//! Passwords of the users, made once and kept.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ADMINISTRATOR;
use crate::Failure;
use crate::names::Role;

/// A password for each role and for the administrator: letters and digits, so that it fits any address and file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Passwords(BTreeMap<String, String>);

impl Passwords {
    /// New ones, which nobody can guess.
    pub fn new() -> Self {
        Self(BTreeMap::new()).complete()
    }

    /// Those that the file keeps, and new ones for whom it has none; kept there from now on.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let kept = match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| format!("{} holds no passwords: {error}", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self(BTreeMap::new()),
            Err(error) => return Err(error.into()),
        };
        let all = kept.complete();
        write(path, &serde_json::to_string_pretty(&all)?)?;
        Ok(all)
    }

    /// Whoever has none has one from now on.
    fn complete(mut self) -> Self {
        let users = Role::ALL.map(Role::as_str).into_iter().chain([ADMINISTRATOR]);
        for user in users {
            self.0.entry(user.to_owned()).or_insert_with(password);
        }
        self
    }

    /// The password of a role, or of the administrator.
    pub fn of(&self, user: &str) -> &str {
        self.0.get(user).map_or("", String::as_str)
    }
}

#[expect(clippy::disallowed_methods, reason = "no id: nobody may foresee it, in no test either")]
fn password() -> String {
    let bytes: [u8; 24] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file that only its owner may read.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(true).mode(0o600);
    Ok(open.open(path)?.write_all(text.as_bytes())?)
}
