//! PostgreSQL's data folder: made once, by an account that PostgreSQL accepts.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::account::{self, Account};
use crate::fetch::run;
use crate::process::as_account;
use crate::settings::SUPERUSER;
use crate::{Binaries, Care, Error, Kind};

/// A segment of the log that is new is filled with zeros and synced by whoever commits then, and all others wait: forty
/// milliseconds for one of the usual sixteen megabytes. Until the first checkpoint every segment is new.
const WAL_SEGMENT: &str = "--wal-segsize=1";

/// Makes the data folder unless it is there, and gives its path.
pub(crate) fn prepare(
    binaries: &Binaries,
    top: &Path,
    account: Option<Account>,
    care: Care,
) -> Result<PathBuf, Error> {
    let wanted = top.join(Kind::Postgres.name());
    let folder = account::reachable(&wanted)?;
    if folder != wanted.canonicalize().unwrap_or_default() {
        // The data lies elsewhere. Whoever removed the data folder meant to begin anew, there too.
        let note = wanted.join("ELSEWHERE");
        if !note.exists() {
            clear(&folder.join("data"))?;
        }
        let text = format!("{}\n", folder.display());
        fs::write(&note, text).map_err(Error::file(&note, "could not be written"))?;
    }
    let data = folder.join("data");
    if data.join("PG_VERSION").exists() {
        same_version(binaries, &data)?;
    } else {
        create(binaries, &folder, account, care)?;
    }
    Ok(data)
}

/// Removes the data, also where it lies elsewhere.
pub(crate) fn erase(top: &Path) -> Result<(), Error> {
    let wanted = top.join(Kind::Postgres.name());
    if !wanted.exists() {
        return Ok(());
    }
    clear(&account::reachable(&wanted)?)?;
    clear(&wanted)
}

fn same_version(binaries: &Binaries, data: &Path) -> Result<(), Error> {
    let file = data.join("PG_VERSION");
    let made_by = fs::read_to_string(&file).map_err(Error::file(&file, "could not be read"))?;
    let found = binaries.of(Kind::Postgres).version.0.to_string();
    if made_by.trim() == found {
        return Ok(());
    }
    Err(Error::OtherVersion { path: data.to_owned(), made_by: made_by.trim().to_owned(), found })
}

fn create(
    binaries: &Binaries,
    folder: &Path,
    account: Option<Account>,
    care: Care,
) -> Result<(), Error> {
    // Made beside its place and moved there whole: an initdb that was cut off leaves no half database.
    let fresh = folder.join("data.new");
    clear(&fresh)?;
    account::create(&fresh)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o700))
        .map_err(Error::file(&fresh, "could not be closed to others"))?;
    if let Some(Account { uid, gid }) = account {
        chown(&fresh, Some(uid), Some(gid))
            .map_err(Error::file(&fresh, "could not be handed over"))?;
    }
    let mut arguments: Vec<String> =
        ["--locale=C", "--encoding=UTF8", "--auth=trust", WAL_SEGMENT, "-U", SUPERUSER, "-D"]
            .map(str::to_owned)
            .into();
    arguments.push(fresh.display().to_string());
    if care == Care::None {
        arguments.push("--no-sync".to_owned());
    }
    let mut initdb = binaries.of(Kind::Postgres).clone();
    initdb.path.set_file_name("initdb");
    let mut command = as_account(&initdb, account, Some(Signal::SIGTERM), &arguments);
    run(command.current_dir("/"))?;
    let data = folder.join("data");
    clear(&data)?;
    fs::rename(&fresh, &data).map_err(Error::file(&data, "could not be put in place"))
}

fn clear(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file(folder, "could not be removed")(error))
        }
        _ => Ok(()),
    }
}
