//! A folder of files into memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::{File, Form, Held, kind};

/// The app's page; every path of it begins with this file.
pub const INDEX: &str = "/index.html";
/// As many files as an app may have.
const FILES_MAX: usize = 4096;
/// As many bytes as they may take, with their compressed forms.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// How deep folders may lie in each other.
const DEPTH_MAX: usize = 16;
/// Below this nothing is gained by compressing: it is one packet anyway.
const GZIP_FROM_BYTES: usize = 1024;

/// Lengths and times by path.
pub type State = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// The folder is no web app.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It cannot be read.
    #[error("{path} is not readable")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It has nothing to begin with.
    #[error("{0} holds no index.html")]
    NoIndex(PathBuf),
    /// It holds more than anybody would build.
    #[error("{0} holds more than {FILES_MAX} files or {BYTES_MAX} bytes")]
    TooMuch(PathBuf),
}

/// What a folder looks like from outside.
///
/// # Errors
/// When it cannot be read, or holds too much.
pub async fn state(directory: PathBuf) -> Result<State, FilesError> {
    aside(move || list(&directory)).await
}

/// Everything in a folder.
///
/// # Errors
/// When it cannot be read, has no page or holds too much.
pub async fn load(directory: PathBuf) -> Result<Held, FilesError> {
    aside(move || read(&directory)).await
}

/// Reading and compressing hold nobody up.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(FilesError::Unreadable { path: PathBuf::new(), source: io::Error::other(error) })
    })
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |source| FilesError::Unreadable { path, source }
}

fn list(directory: &Path) -> Result<State, FilesError> {
    let mut found = State::new();
    let mut folders = vec![(directory.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(unreadable(&folder))? {
            let entry = entry.map_err(unreadable(&folder))?;
            let path = entry.path();
            let about = entry.metadata().map_err(unreadable(&path))?;
            let hidden = entry.file_name().to_str().is_none_or(|name| name.starts_with('.'));
            // Links are not followed: what is served lies in the folder.
            if hidden || about.is_symlink() {
                continue;
            }
            if about.is_dir() && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if about.is_file() {
                found.insert(path, (about.len(), about.modified().ok()));
            }
            if found.len() > FILES_MAX {
                return Err(FilesError::TooMuch(directory.to_owned()));
            }
        }
    }
    let bytes: u64 = found.values().map(|(length, _)| length).sum();
    let fits = usize::try_from(bytes).is_ok_and(|bytes| bytes <= BYTES_MAX);
    if fits { Ok(found) } else { Err(FilesError::TooMuch(directory.to_owned())) }
}

fn read(directory: &Path) -> Result<Held, FilesError> {
    let state = list(directory)?;
    let mut bytes_by_path: HashMap<String, Bytes> = HashMap::new();
    for path in state.keys() {
        let Some(name) = path.strip_prefix(directory).ok().and_then(Path::to_str) else { continue };
        let bytes = std::fs::read(path).map_err(unreadable(path))?;
        bytes_by_path.insert(format!("/{name}"), bytes.into());
    }
    let mut files: HashMap<String, File> = HashMap::new();
    for (path, bytes) in &bytes_by_path {
        // The same file, compressed when it was built.
        let twin =
            |end: &str| path.strip_suffix(end).is_some_and(|of| bytes_by_path.contains_key(of));
        if !twin(".br") && !twin(".gz") {
            let built = |end: &str| bytes_by_path.get(&format!("{path}{end}")).cloned();
            files.insert(path.clone(), file(path, bytes, built(".br"), built(".gz")));
        }
    }
    let index = files.get(INDEX).cloned();
    let index = index.ok_or_else(|| FilesError::NoIndex(directory.to_owned()))?;
    let bytes = files.values().map(File::bytes).sum();
    if bytes > BYTES_MAX {
        return Err(FilesError::TooMuch(directory.to_owned()));
    }
    files.insert("/".to_owned(), index);
    Ok(Held { files, state, bytes })
}

fn file(path: &str, bytes: &Bytes, brotli: Option<Bytes>, gzip: Option<Bytes>) -> File {
    let (kind, shrinks) = kind::of(path);
    let worth = shrinks && bytes.len() >= GZIP_FROM_BYTES;
    let gzip = gzip.or_else(|| worth.then(|| zip(bytes)).flatten());
    // One that is not shorter is of no use to anybody.
    let shorter = |form: &Bytes| form.len() < bytes.len();
    let (brotli, gzip) = (brotli.filter(shorter), gzip.filter(shorter));
    File {
        kind: HeaderValue::from_static(kind),
        plain: form(bytes.clone()),
        gzip: gzip.map(form),
        brotli: brotli.map(form),
    }
}

fn zip(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Each form has a tag of its own: they are not the same bytes.
fn form(bytes: Bytes) -> Form {
    let hash = Sha256::digest(&bytes);
    let mut tag = String::from("\"");
    for byte in &hash[..16] {
        let _written = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    let tag = HeaderValue::try_from(tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    Form { bytes, tag }
}

impl File {
    fn bytes(&self) -> usize {
        let forms = [Some(&self.plain), self.gzip.as_ref(), self.brotli.as_ref()];
        forms.into_iter().flatten().map(|form| form.bytes.len()).sum()
    }
}
