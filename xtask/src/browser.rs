//! Chromium, in which the web app is tested: that of the machine, or Debian's, unpacked below `.parkmesh/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Failure, home, output};

/// How it is called on the machine.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The program, and the variables that it needs.
pub struct Browser {
    pub program: PathBuf,
    pub variables: Vec<(&'static str, String)>,
}

impl Browser {
    /// The machine's, else Debian's.
    pub fn locate_or_fetch() -> Result<Self, Failure> {
        let here = NAMES.iter().find(|name| output(Command::new(name).arg("--version")).is_ok());
        if let Some(name) = here {
            let path = output(Command::new("sh").arg("-c").arg(format!("command -v {name}")))?;
            return Ok(Self { program: path.trim().into(), variables: Vec::new() });
        }
        let place = home().join("chromium");
        let mut libraries =
            parkmesh_servers::debian("chromium", &place, &|line| eprintln!("   {line}"))?;
        // Those of PulseAudio lie one folder deeper.
        libraries.extend(libraries.clone().iter().map(|folder| folder.join("pulseaudio")));
        let joined = std::env::join_paths(&libraries).unwrap_or_default();
        let mut variables = vec![("LD_LIBRARY_PATH", joined.to_string_lossy().into_owned())];
        variables.extend(fonts(&place)?);
        Ok(Self { program: place.join("usr/lib/chromium/chromium"), variables })
    }
}

/// A machine without fonts shows those that came with the browser.
fn fonts(place: &Path) -> Result<Option<(&'static str, String)>, Failure> {
    if Path::new("/etc/fonts/fonts.conf").exists() {
        return Ok(None);
    }
    let (file, folder) = (place.join("fonts.conf"), place.join("usr/share/fonts"));
    let text = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig><dir>{}</dir></fontconfig>\n",
        folder.display()
    );
    fs::write(&file, text)?;
    Ok(Some(("FONTCONFIG_FILE", file.display().to_string())))
}
