//! Paths with fields in them: `/v1/lots/{lot_id}/spots:watch`.

use std::fmt;

/// A path as a rule writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    /// What follows the last colon: an action that is none of HTTP's verbs.
    action: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Word(String),
    Field(String),
}

impl Template {
    /// Reads a path. The contracts use single fields only.
    pub fn parse(path: &str) -> Self {
        let (path, action) = cut(path);
        let part = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}'))
        {
            Some(name) => Part::Field(name.to_owned()),
            None => Part::Word(text.to_owned()),
        };
        let parts = path.trim_start_matches('/').split('/').map(part).collect();
        Self { parts, action: action.map(str::to_owned) }
    }

    /// The fields' values, if the path fits.
    pub fn values(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let path = match &self.action {
            Some(action) => path.strip_suffix(action.as_str())?.strip_suffix(':')?,
            // What follows a colon is an action, and not ours.
            None if path.rsplit('/').next().is_some_and(|last| last.contains(':')) => return None,
            None => path,
        };
        let mut given = path.strip_prefix('/')?.split('/');
        let mut values = Vec::new();
        for part in &self.parts {
            let text = given.next()?;
            match part {
                Part::Word(word) if word == text => {}
                Part::Word(_) => return None,
                Part::Field(name) => values
                    .push((name.as_str(), decoded(text, false).filter(|text| !text.is_empty())?)),
            }
        }
        given.next().is_none().then_some(values)
    }

    /// The fields' names.
    #[cfg(test)]
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name.as_str()),
            Part::Word(_) => None,
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Word(word) => write!(f, "/{word}")?,
                Part::Field(name) => write!(f, "/{{{name}}}")?,
            }
        }
        self.action.as_ref().map_or(Ok(()), |action| write!(f, ":{action}"))
    }
}

/// The path before its action, and the action.
fn cut(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once(':') {
        Some((path, action)) if !action.contains('/') => (path, Some(action)),
        _ => (path, None),
    }
}

/// A part of a URL as its writer meant it; `None` when it is no UTF-8. In a query a plus is a blank.
pub fn decoded(text: &str, in_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        match first {
            b'%' => {
                let two = std::str::from_utf8(rest.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(two, 16).ok()?);
                rest = &rest[2..];
            }
            b'+' if in_query => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_word_by_word() {
        let template = Template::parse("/v1/lots/{lot_id}/spots/{spot_id}:watch");
        assert_eq!(template.to_string(), "/v1/lots/{lot_id}/spots/{spot_id}:watch");
        assert_eq!(template.names().collect::<Vec<_>>(), ["lot_id", "spot_id"]);
        let values = template.values("/v1/lots/a%20b/spots/7:watch").expect("a fit");
        assert_eq!(values, [("lot_id", "a b".to_owned()), ("spot_id", "7".to_owned())]);
        let others = [
            "/v1/lots/1/spots/2",
            "/v1/lots/1/spots:watch",
            "/v1/lots//spots/2:watch",
            "/v1/lots/1/spots/2/:watch",
        ];
        for other in others.into_iter().chain([
            "/v1/lots/1/spots/2:watchers",
            "/v1/lots/%ff/spots/2:watch",
            "/v1/lots/%4/spots/2:watch",
        ]) {
            assert_eq!(template.values(other), None, "{other}");
        }
        assert!(Template::parse("/v1/lots").values("/v1/lots:find").is_none());
        assert!(Template::parse("/v1/lots:find").values("/v1/lots:find").is_some());
    }
}
