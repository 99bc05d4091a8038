//! The files of the web app, beside the calls that it makes: one origin, so that no page needs CORS.
//!
//! All of them are in memory, by the path that asks for them, with what they look like compressed. So no path leads anywhere else on the disk, and no request
//! reads one.

mod kind;
mod load;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use parkmesh_platform::fault;
use parkmesh_platform::tasks::Tasks;
use tonic::body::Body;

pub use load::{FilesError, INDEX};

/// Between two looks at the folder: whoever works on the app sees a new build without a restart.
const LOOK_PERIOD: Duration = Duration::from_secs(2);
/// What is below this carries a hash of its content in its name, as Vite and others build it.
const HASHED: &str = "/assets/";
/// For ever.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Asked for anew each time; the ETag saves the bytes.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// Paths that are never a page of the app, whoever asks and whatever for.
const NO_PAGES: [&str; 4] = ["/parkmesh.", "/grpc.", "/v1/", HASHED];
/// What a browser is told about every answer. Images may be `data:`, since builders put small ones into the styles.
const SECURITY: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::VARY, "Accept-Encoding"),
];

/// The folder, and what it held when it was last looked at.
pub struct Files {
    /// Where it is.
    pub directory: PathBuf,
    held: RwLock<Arc<Held>>,
}

/// What a folder holds.
pub struct Held {
    /// By the path that asks for them, from `/`.
    files: HashMap<String, File>,
    /// Names, lengths and times: whether something has changed.
    state: load::State,
    bytes: usize,
}

/// One file, as it is and compressed.
#[derive(Clone)]
pub struct File {
    kind: HeaderValue,
    plain: Form,
    gzip: Option<Form>,
    brotli: Option<Form>,
}

/// One way to send it.
#[derive(Clone)]
pub struct Form {
    bytes: Bytes,
    tag: HeaderValue,
}

impl Files {
    /// Reads the folder, and goes on looking at it until `tasks` ends or nobody needs it any more.
    ///
    /// # Errors
    /// When it has no page to begin with, or holds more than anybody would build.
    pub async fn open(directory: PathBuf, tasks: &Tasks) -> Result<Arc<Self>, FilesError> {
        let held = RwLock::new(Arc::new(load::load(directory.clone()).await?));
        let files = Arc::new(Self { directory, held });
        let (followed, waiting) = (Arc::downgrade(&files), tasks.clone());
        tasks.spawn("gateway-files", async move {
            let mut seen = None;
            loop {
                waiting.sleep(LOOK_PERIOD).await;
                let Some(files) = followed.upgrade() else { return };
                files.look(&mut seen).await;
            }
        });
        Ok(files)
    }

    /// Takes what has changed, once it stays as it is: a build writes one file after the other.
    async fn look(&self, seen: &mut Option<load::State>) {
        let Ok(now) = load::state(self.directory.clone()).await else { return };
        let settled = seen.replace(now.clone()).is_some_and(|before| before == now);
        if !settled || self.held().state == now {
            return;
        }
        match load::load(self.directory.clone()).await {
            Ok(held) => {
                tracing::info!(directory = ?self.directory, files = held.files.len(), "the web app has changed");
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(held);
            }
            Err(error) => {
                let why = fault::chain(&error);
                tracing::warn!(why, "the web app's new files are not taken; the old ones stay");
            }
        }
    }

    fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many there are, and the bytes that they take.
    pub fn size(&self) -> (usize, usize) {
        let held = self.held();
        (held.files.len(), held.bytes)
    }

    /// The answer, if there is a file for it.
    pub fn answer<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let held = self.held();
        let path = request.uri().path();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let (at, file) = match held.files.get_key_value(path) {
            Some((at, file)) => (at.as_str(), file),
            None if reads && is_page(path) => (INDEX, held.files.get(INDEX)?),
            None => return None,
        };
        let mut response = Response::new(Body::empty());
        if reads {
            fill(&mut response, request, at, file);
        } else {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        for (name, value) in SECURITY {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Some(response)
    }
}

/// Whether a path that names no file may be one of the app's pages, which all begin with the same file.
fn is_page(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    !last.contains('.') && !NO_PAGES.iter().any(|prefix| path.starts_with(prefix))
}

fn fill<B>(response: &mut Response<Body>, request: &Request<B>, at: &str, file: &File) {
    let (form, encoding) = file.form(request.headers());
    let forever = at.starts_with(HASHED);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, form.tag.clone());
    headers.insert(header::CACHE_CONTROL, if forever { IMMUTABLE } else { ASK_AGAIN });
    if known(request.headers(), &form.tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return;
    }
    headers.insert(header::CONTENT_TYPE, file.kind.clone());
    headers.insert(header::CONTENT_LENGTH, form.bytes.len().into());
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if request.method() == Method::GET {
        *response.body_mut() = Body::new(Full::new(form.bytes.clone()));
    }
}

impl File {
    /// The shortest form that the client can read.
    fn form(&self, asked: &HeaderMap) -> (&Form, Option<&'static str>) {
        let reads = |coding: &str| accepts(asked, coding);
        match (&self.brotli, &self.gzip) {
            (Some(form), _) if reads("br") => (form, Some("br")),
            (_, Some(form)) if reads("gzip") => (form, Some("gzip")),
            _ => (&self.plain, None),
        }
    }
}

/// Whether a client says that it reads this coding.
pub fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let texts = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|one| one.to_str().ok());
    let mut any = false;
    for one in texts.flat_map(|text| text.split(',')) {
        let (name, rest) = one.split_once(';').unwrap_or((one, ""));
        let quality = rest.trim().strip_prefix("q=").and_then(|text| text.parse::<f32>().ok());
        let wanted = quality.unwrap_or(1.0) > 0.0;
        match name.trim() {
            name if name.eq_ignore_ascii_case(coding) => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

/// Whether the client has it already.
fn known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let texts = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|one| one.to_str().ok());
    let mut tags = texts.flat_map(|text| text.split(',')).map(str::trim);
    tags.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_are_read_as_clients_write_them() {
        let accepts = |text: &'static str, coding| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            super::accepts(&headers, coding)
        };
        for text in ["gzip", "br, GZIP", "gzip;q=0.5", "deflate,gzip ;q=1", "*", "*;q=0, gzip"] {
            assert!(accepts(text, "gzip"), "{text}");
        }
        for text in ["", "br", "gzip;q=0", "x-gzip", "*;q=0", "*, gzip; q=0"] {
            assert!(!accepts(text, "gzip"), "{text}");
        }
        assert!(!super::accepts(&HeaderMap::new(), "gzip"));
    }

    #[test]
    fn what_has_an_extension_or_belongs_to_calls_is_no_page() {
        for page in ["/", "/lots", "/lots/0190/spots", "/v10", "/parkmesh"] {
            assert!(is_page(page), "{page}");
        }
        let other =
            ["/a.js", "/x/favicon.ico", "/parkmesh.booking.v1.BookingService/HoldSpot", "/v1/lots"];
        for other in other.into_iter().chain(["/assets/gone", "/grpc.health.v1.Health/Check"]) {
            assert!(!is_page(other), "{other}");
        }
    }
}
