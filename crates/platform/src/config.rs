//! Settings from the environment: `PARKMESH_<NAME>`, or `PARKMESH_<NAME>_FILE` for a secret that is
//! mounted as a file. Whoever reads reads everything, and all mistakes are told together.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What every name begins with.
const PREFIX: &str = "PARKMESH_";

/// Reads settings and collects what is wrong with them.
#[derive(Debug, Default)]
pub struct Reader {
    values: BTreeMap<String, String>,
    /// Names with this in front go before names without: `BOOKING_`.
    scope: String,
    mistakes: Vec<String>,
}

/// Everything that is wrong with the settings, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the settings are not usable:\n  {}", .mistakes.join("\n  "))]
pub struct ConfigError {
    /// One sentence per mistake; names the variable and what to do.
    pub mistakes: Vec<String>,
}

impl Reader {
    /// The process's environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Self {
        Self::of(std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)))
    }

    /// Given values, by their full names: tests, and parts started inside another process.
    pub fn of<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, scope: String::new(), mistakes: Vec::new() }
    }

    /// Lets settings of one role go before those of the whole process, where several roles share one:
    /// for `sensor-bridge`, `PARKMESH_SENSOR_BRIDGE_<name>` goes before `PARKMESH_<name>`.
    #[must_use]
    pub fn scoped(mut self, role: &str) -> Self {
        self.scope = format!("{}_", role.to_ascii_uppercase().replace('-', "_"));
        self
    }

    /// The value of `PARKMESH_<name>`, or the default.
    pub fn get<T: FromStr>(&mut self, name: &str, default: T) -> T
    where
        T::Err: fmt::Display,
    {
        self.find(name).unwrap_or(default)
    }

    /// The value of `PARKMESH_<name>`; its absence is a mistake.
    pub fn require<T: FromStr + Default>(&mut self, name: &str) -> T
    where
        T::Err: fmt::Display,
    {
        if !self.is_set(name) {
            self.mistake(format!("{PREFIX}{name} is not set (nor {PREFIX}{name}_FILE)"));
            return T::default();
        }
        self.find(name).unwrap_or_default()
    }

    /// The value of `PARKMESH_<name>`, if there is one.
    pub fn find<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                // The value itself stays out of the message: it may be a secret.
                self.mistake(format!("{PREFIX}{name} is not usable: {error}"));
                None
            }
        }
    }

    /// A comma-separated list; empty when it is not set.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// Notes something else that is wrong, for checks across settings.
    pub fn mistake(&mut self, sentence: impl Into<String>) {
        self.mistakes.push(sentence.into());
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All mistakes together.
    pub fn finish(self) -> Result<(), ConfigError> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(ConfigError { mistakes: self.mistakes }) }
    }

    fn is_set(&self, name: &str) -> bool {
        let full = self.full_name(name);
        self.values.contains_key(&full) || self.values.contains_key(&format!("{full}_FILE"))
    }

    fn full_name(&self, name: &str) -> String {
        let scoped = format!("{PREFIX}{}{name}", self.scope);
        let known = |name: &str| {
            self.values.contains_key(name) || self.values.contains_key(&format!("{name}_FILE"))
        };
        if known(&scoped) { scoped } else { format!("{PREFIX}{name}") }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let full = self.full_name(name);
        let file = self.values.get(&format!("{full}_FILE")).cloned();
        match (self.values.get(&full), file) {
            (Some(_), Some(_)) => {
                self.mistake(format!("set either {full} or {full}_FILE, not both"));
                None
            }
            (Some(value), None) => Some(value.clone()),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Some(text.trim_end().to_owned()),
                Err(error) => {
                    self.mistake(format!("{full}_FILE: {path} is not readable: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_told_together_without_the_values() {
        let mut reader =
            Reader::of([("PARKMESH_PORT", "secret-word"), ("PARKMESH_B_FILE", "/nowhere/b")]);
        let port: u16 = reader.get("PORT", 7);
        let _missing: String = reader.require("URL");
        let _unreadable: Option<String> = reader.find("B");
        assert_eq!(port, 7);
        let error = reader.finish().expect_err("three mistakes");
        assert_eq!(error.mistakes.len(), 3, "{error}");
        assert!(!error.to_string().contains("secret-word"));
        assert!(error.to_string().contains("PARKMESH_URL is not set"));
    }

    #[test]
    fn a_setting_of_the_role_goes_before_that_of_the_process() {
        let values = [("PARKMESH_LISTEN", "all"), ("PARKMESH_SENSOR_BRIDGE_LISTEN", "one")];
        assert_eq!(Reader::of(values).scoped("sensor-bridge").get("LISTEN", String::new()), "one");
        assert_eq!(Reader::of(values).scoped("booking").get("LISTEN", String::new()), "all");
    }

    #[test]
    fn values_are_read_from_the_environment_or_a_file() {
        let path = std::env::temp_dir().join(format!("parkmesh-config-{}", std::process::id()));
        std::fs::write(&path, "from-file\n").expect("a temporary file");
        let file = path.display().to_string();
        let mut reader =
            Reader::of([("PARKMESH_A", "1"), ("PARKMESH_C", "x, y,"), ("PARKMESH_B_FILE", &file)]);
        assert_eq!(reader.get("A", 0_u16), 1);
        assert_eq!(reader.require::<String>("B"), "from-file");
        assert_eq!(reader.list("C"), ["x", "y"]);
        assert_eq!(reader.finish(), Ok(()));
        std::fs::remove_file(path).expect("the temporary file");
    }
}
