//! The PEM files of one process, in a folder of the test's own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parkmesh_platform::clock::Clock;
use parkmesh_platform::tls::{
    Authority, CertificateFiles, DEFAULT_TRUST_DOMAIN, Issued, MtlsConfig, SpiffeId,
};

/// Of certificates and authorities.
const HOUR: Duration = Duration::from_secs(3_600);
/// So that a test need not wait a second for each look.
const LOOK_PERIOD: Duration = Duration::from_millis(20);

static FOLDERS: AtomicU64 = AtomicU64::new(0);

/// Certificate, key and authorities of a service; they go with it.
pub struct Certificates {
    /// Who it is.
    pub name: SpiffeId,
    folder: PathBuf,
}

/// An authority for the next hour.
///
/// # Panics
/// When the system gives no random bytes.
pub fn authority() -> Authority {
    let now = Clock::system().now();
    Authority::new(now - HOUR, now + HOUR).expect("an authority for the test")
}

/// The name of a service.
///
/// # Panics
/// When it is no word.
pub fn service_id(service: &str) -> SpiffeId {
    SpiffeId::of_service(DEFAULT_TRUST_DOMAIN, service).expect("a name")
}

/// The certificate of a service for the next hour.
///
/// # Panics
/// When the system gives no random bytes.
pub fn issued(authority: &Authority, service: &str) -> Issued {
    let now = Clock::system().now();
    authority.issue(&service_id(service), now - HOUR, now + HOUR).expect("a certificate")
}

impl Certificates {
    /// Those of a service that trusts the authority that it has its own from.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn new(authority: &Authority, service: &str) -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = format!("parkmesh-{service}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let files = Self { name: service_id(service), folder };
        files.trust(&[authority]);
        files.show(&issued(authority, service));
        files
    }

    /// What the process is told of them.
    pub fn config(&self) -> MtlsConfig {
        let certificate = CertificateFiles {
            certificate_chain: self.folder.join("tls.crt"),
            private_key: self.folder.join("tls.key"),
        };
        let authorities = self.folder.join("ca.crt");
        let config = MtlsConfig::new(self.name.clone(), certificate, authorities);
        MtlsConfig { look_period: LOOK_PERIOD, ..config }
    }

    /// Another certificate.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn show(&self, issued: &Issued) {
        self.write("tls.key", &issued.key);
        self.write("tls.crt", &issued.certificate);
    }

    /// Other authorities.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn trust(&self, authorities: &[&Authority]) {
        let all: String = authorities.iter().map(|one| one.certificate()).collect();
        self.write("ca.crt", &all);
    }

    /// Whole or not at all.
    fn write(&self, name: &str, text: &str) {
        let (path, draft) = (self.folder.join(name), self.folder.join("draft"));
        std::fs::write(&draft, text).expect("a file of the test");
        std::fs::rename(draft, path).expect("a file of the test");
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
