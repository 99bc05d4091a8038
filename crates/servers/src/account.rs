//! Who runs what. PostgreSQL refuses to run as root, so root lends it the account `nobody`; that account
//! must be able to walk to its programs and its data, which it cannot below a closed home folder.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};

use crate::Error;

/// The account that PostgreSQL runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// `nobody`, when we are root; otherwise we ourselves, told by `None`.
pub(crate) fn ordinary() -> Option<Account> {
    if !geteuid().is_root() {
        return None;
    }
    let nobody = User::from_name("nobody").ok().flatten();
    Some(nobody.map_or(Account { uid: 65_534, gid: 65_534 }, |user| Account {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
    }))
}

/// The folder itself where every account can walk to it; else, for root only, a folder below `/var/tmp`
/// that is named after it. Creates the folder.
///
/// # Errors
/// When the folder cannot be created, or somebody else made the one below `/var/tmp`.
pub fn reachable(folder: &Path) -> Result<PathBuf, Error> {
    create(folder)?;
    let folder = folder.canonicalize().map_err(Error::file(folder, "could not be resolved"))?;
    if ordinary().is_none() || folder.ancestors().all(open_to_all) {
        return Ok(folder);
    }
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    let other = Path::new("/var/tmp").join(format!("parkmesh-{:016x}", hasher.finish()));
    create(&other)?;
    let found = fs::symlink_metadata(&other).map_err(Error::file(&other, "could not be read"))?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o022 != 0 {
        return Err(Error::File {
            path: other,
            what: "is not a folder of root's alone: remove it",
            source: std::io::ErrorKind::PermissionDenied.into(),
        });
    }
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755))
        .map_err(Error::file(&other, "could not be opened to other accounts"))?;
    Ok(other)
}

fn open_to_all(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 != 0)
}

pub(crate) fn create(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::file(folder, "could not be created"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn root_is_sent_to_another_folder_when_the_way_is_closed() {
        let base = std::env::temp_dir().join(format!("parkmesh-account-{}", std::process::id()));
        let closed = base.join("closed");
        let wanted = closed.join("data");
        fs::create_dir_all(&wanted).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let given = reachable(&wanted).unwrap();
        if ordinary().is_some() {
            assert!(given.starts_with("/var/tmp"), "{given:?}");
            fs::remove_dir(&given).unwrap();
        } else {
            assert_eq!(given, wanted.canonicalize().unwrap());
        }
        fs::remove_dir_all(&base).unwrap();
    }
}
