//! What is asked for: a path, a page, a lot.

use http::StatusCode;
use http::request::Parts;
use parkmesh_contracts::ids::{LotId, SpotId};

use super::PREFIX;

/// Entries of a page: without a word, and at most.
const LIMIT_USUAL: usize = 500;
const LIMIT_MAX: usize = 1_000;

/// A request, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Behind the prefix.
    pub path: &'a str,
    /// Entries to pass over.
    pub start: usize,
    /// Entries of a page.
    pub limit: usize,
    /// Only this lot.
    pub lot: Option<LotId>,
    /// Only this spot, where spots are told one by one.
    pub spot: Option<SpotId>,
    accept: &'a str,
}

impl<'a> Asked<'a> {
    /// Reads `start`, `limit`, `lot` (in CDS `curb_zone_id`) and `curb_space_id`; others are passed over.
    ///
    /// # Errors
    /// 400 for what makes no sense.
    pub fn read(request: &'a Parts) -> Result<Self, StatusCode> {
        let path = request.uri.path().strip_prefix(PREFIX).ok_or(StatusCode::NOT_FOUND)?;
        let accept = request.headers.get(http::header::ACCEPT);
        let mut asked = Self {
            path: path.trim_end_matches('/'),
            start: 0,
            limit: LIMIT_USUAL,
            lot: None,
            spot: None,
            accept: accept.and_then(|value| value.to_str().ok()).unwrap_or_default(),
        };
        let pairs = request.uri.query().unwrap_or_default().split('&');
        for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
            let number = || value.parse().map_err(|_| StatusCode::BAD_REQUEST);
            match name {
                "start" => asked.start = number()?,
                "limit" => asked.limit = number()?,
                "lot" | "curb_zone_id" => {
                    asked.lot = Some(LotId::parse(value).map_err(|_| StatusCode::BAD_REQUEST)?);
                }
                "curb_space_id" => {
                    asked.spot = Some(SpotId::parse(value).map_err(|_| StatusCode::BAD_REQUEST)?);
                }
                _ => {}
            }
        }
        if asked.limit == 0 {
            return Err(StatusCode::BAD_REQUEST);
        }
        asked.limit = asked.limit.min(LIMIT_MAX);
        Ok(asked)
    }

    /// The page of these, and how many there are.
    pub fn page<'r, T>(&self, all: &'r [T]) -> (&'r [T], usize) {
        let from = self.start.min(all.len());
        let to = (from + self.limit).min(all.len());
        (all.get(from..to).unwrap_or_default(), all.len())
    }

    /// Whether a document of this versioned type is wanted; whoever says nothing of it takes any.
    ///
    /// # Errors
    /// 406 where only other versions are.
    pub fn accepts(&self, kind: &str) -> Result<(), StatusCode> {
        let (name, _) = kind.split_once(';').unwrap_or((kind, ""));
        let squeezed = |text: &str| text.replace(' ', "");
        let mut versions = self
            .accept
            .split(',')
            .map(squeezed)
            .filter(|one| one.starts_with(name) && one.contains(";version="));
        let first = versions.next();
        // 1.0.1 asks for 1.0.
        let fits = |one: &String| one.starts_with(&squeezed(kind));
        let fine = first.as_ref().is_none_or(fits) || versions.any(|one| fits(&one));
        if fine { Ok(()) } else { Err(StatusCode::NOT_ACCEPTABLE) }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(uri: &str, accept: &str) -> Parts {
        let request = Request::builder().uri(uri).header("accept", accept).body(());
        request.expect("a request").into_parts().0
    }

    #[test]
    fn a_page_is_bounded_and_nonsense_is_refused() {
        let head = parts("/opendata/apds/v4/places?start=2&limit=5000&colour=blue", "");
        let asked = Asked::read(&head).expect("understood");
        assert_eq!((asked.path, asked.start, asked.limit), ("apds/v4/places", 2, LIMIT_MAX));
        assert_eq!(asked.page(&[1, 2, 3]), (&[3][..], 3));
        for query in ["limit=0", "limit=many", "start=-1", "lot=elsewhere", "curb_space_id=1"] {
            let head = parts(&format!("/opendata/x?{query}"), "");
            assert_eq!(Asked::read(&head), Err(StatusCode::BAD_REQUEST), "{query}");
        }
    }

    #[test]
    fn another_version_is_not_acceptable() {
        let kind = "application/vnd.cds+json;version=1.0";
        let outcome = |accept| {
            Asked::read(&parts("/opendata/x", accept)).map(drop).and_then(|()| {
                Asked::read(&parts("/opendata/x", accept)).expect("understood").accepts(kind)
            })
        };
        for fine in ["", "*/*", "application/vnd.cds+json; version=1.0", "application/json"] {
            assert_eq!(outcome(fine), Ok(()), "{fine}");
        }
        let other = "application/vnd.cds+json;version=2.0";
        assert_eq!(outcome(other), Err(StatusCode::NOT_ACCEPTABLE));
    }
}
