//! `parkmesh certificates`: a development authority, and a certificate for each service.
//!
//! The folder is the whole memory: `authority/current.pem` signs, `next.pem` is known to all and signs nothing
//! yet, `previous.crt` is still trusted. Every file is replaced whole, so that processes may read at any time.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tls::{Authority, Issued, SpiffeId};

use crate::Failure;
use crate::cli::Certificates;

/// How long an authority is good.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Clocks of one machine and its containers may be so far apart.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// Only the owner reads a private key.
pub const KEY_MODE: u32 = 0o600;
/// Anybody reads the rest.
pub const PUBLIC_MODE: u32 = 0o644;

/// Writes everything anew.
pub fn run(options: &Certificates) -> Result<(), Failure> {
    let step = if options.next_authority { Step::NextAuthority } else { Step::Renew };
    let names: Vec<&str> = options.services.iter().map(|role| role.as_str()).collect();
    let folder = Folder { path: options.out.clone(), trust_domain: options.trust_domain.clone() };
    let life = SignedDuration::from_hours(i64::from(options.days) * 24);
    println!("{}", folder.write(&names, life, step)?);
    for name in names {
        println!("  {}", folder.of(name).display());
    }
    Ok(())
}

/// What is changed beside the certificates themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the same authority signs again.
    Renew,
    /// The next step from one authority to another; two of them make a takeover.
    NextAuthority,
}

/// A folder of certificates.
#[derive(Clone)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Of all names in it.
    pub trust_domain: String,
}

impl Folder {
    /// The files of a service: `tls.crt`, `tls.key`, `ca.crt`.
    pub fn of(&self, service: &str) -> PathBuf {
        self.path.join(service)
    }

    /// Certificates for these services, for this long. Says what was done.
    pub fn write(
        &self,
        services: &[&str],
        life: SignedDuration,
        step: Step,
    ) -> Result<&'static str, Failure> {
        let now = Clock::system().now();
        std::fs::create_dir_all(self.path.join("authority"))?;
        let (authority, done) = self.authority(now, step)?;
        let mut trusted = authority.certificate().to_owned();
        for other in ["next.crt", "previous.crt"] {
            trusted.push_str(&self.known(other)?.unwrap_or_default());
        }
        for service in services {
            let folder = self.of(service);
            std::fs::create_dir_all(&folder)?;
            let name = SpiffeId::of_service(&self.trust_domain, service)?;
            let issued = authority.issue(&name, now - CLOCK_SKEW, now + life)?;
            replace(&folder.join("ca.crt"), &trusted, PUBLIC_MODE)?;
            put(&folder, &issued)?;
        }
        Ok(done)
    }

    /// Who signs now.
    fn authority(&self, now: Timestamp, step: Step) -> Result<(Authority, &'static str), Failure> {
        let [current, next] = ["current.pem", "next.pem"];
        let Some(known) = self.known(current)? else {
            let made = Authority::new(now - CLOCK_SKEW, now + AUTHORITY_LIFE)?;
            self.keep(current, &made.to_pem(), KEY_MODE)?;
            return Ok((made, "a new authority has signed"));
        };
        let known = Authority::from_pem(&known)?;
        if step == Step::Renew {
            return Ok((known, "the authority has signed again"));
        }
        let Some(coming) = self.known(next)? else {
            let made = Authority::new(now - CLOCK_SKEW, now + AUTHORITY_LIFE)?;
            self.keep("next.crt", made.certificate(), PUBLIC_MODE)?;
            self.keep(next, &made.to_pem(), KEY_MODE)?;
            self.forget("previous.crt")?;
            return Ok((
                known,
                "the next authority is trusted; when all have read this, it may sign",
            ));
        };
        self.keep("previous.crt", known.certificate(), PUBLIC_MODE)?;
        std::fs::rename(self.authority_file(next), self.authority_file(current))?;
        self.forget("next.crt")?;
        Ok((
            Authority::from_pem(&coming)?,
            "the next authority has signed; the previous one is still trusted",
        ))
    }

    fn authority_file(&self, name: &str) -> PathBuf {
        self.path.join("authority").join(name)
    }

    fn known(&self, name: &str) -> Result<Option<String>, Failure> {
        match std::fs::read_to_string(self.authority_file(name)) {
            Ok(text) => Ok(Some(text)),
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn keep(&self, name: &str, text: &str, mode: u32) -> Result<(), Failure> {
        replace(&self.authority_file(name), text, mode)
    }

    fn forget(&self, name: &str) -> Result<(), Failure> {
        match std::fs::remove_file(self.authority_file(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Writes a certificate and its key into a folder: `tls.crt` and `tls.key`.
pub fn put(folder: &Path, issued: &Issued) -> Result<(), Failure> {
    replace(&folder.join("tls.key"), &issued.key, KEY_MODE)?;
    replace(&folder.join("tls.crt"), &issued.certificate, PUBLIC_MODE)
}

/// Writes a file whole or not at all.
pub fn replace(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let draft = path.with_extension("draft");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(std::fs::rename(&draft, path)?)
}
