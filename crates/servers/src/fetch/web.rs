//! One file from the web, by whatever this machine has: curl, wget, or apt's own helper.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::fetch::run;

/// Downloads `url` into the file `to`.
///
/// # Errors
/// When no way works; the text says what each one answered.
pub fn download(url: &str, to: &Path) -> Result<(), Error> {
    let mut answers = Vec::new();
    for mut command in ways(url, to) {
        match run(&mut command) {
            Ok(_) if fs::metadata(to).is_ok_and(|file| file.len() > 0) => return Ok(()),
            Ok(_) => answers.push("nothing arrived".to_owned()),
            Err(error) => answers.push(error.to_string()),
        }
    }
    Err(Error::Download { url: url.to_owned(), why: answers.join("; ") })
}

fn ways(url: &str, to: &Path) -> [Command; 3] {
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "--location", "--retry", "3"]);
    curl.args(["--connect-timeout", "20", "--max-time", "600", "--output"]).arg(to).arg(url);
    let mut wget = Command::new("wget");
    wget.args(["--quiet", "--tries=3", "--timeout=60", "-O"]).arg(to).arg(url);
    let mut helper = Command::new("/usr/lib/apt/apt-helper");
    helper.args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::AllowRedirect=true"]);
    helper.arg("download-file").arg(url).arg(to);
    [curl, wget, helper]
}

/// The SHA-256 of a file in hexadecimal, by the machine's own tool.
///
/// # Errors
/// When there is no such tool.
pub(crate) fn sha256(path: &Path) -> Result<String, Error> {
    let said = run(Command::new("sha256sum").arg(path))
        .or_else(|_| run(Command::new("shasum").args(["-a", "256"]).arg(path)))?;
    Ok(said.split_whitespace().next().unwrap_or_default().to_owned())
}
