//! Options of `certificates`.

use std::path::PathBuf;

use clap::Args;
use parkmesh_platform::tls::DEFAULT_TRUST_DOMAIN;

use crate::names::Role;

/// What `certificates --help` begins with.
pub const CERTIFICATES: &str = "Makes the certificates by which services prove their names to each other (mTLS), from an authority of its own: for \
     development. In production a certificate manager writes the same three files; k8s/components/certificates asks \
     cert-manager for them.\n\n\
     Each service gets a folder with tls.crt, tls.key and ca.crt. The certificate names one URI, \
     spiffe://<trust domain>/service/<service>: that is who the service is, whatever its address. Whom it may then call \
     stands in the method table (callers), and only the gateway may pass on the tokens of people.\n\n\
     Run it again to renew: every file is replaced whole, processes look once a second, new connections use what is new \
     and those that stand go on. With --next-authority the authority itself changes, in two steps: the first makes \
     everybody trust the next one, the second lets it sign. Leave some seconds between the two.";

/// What it ends with.
pub const RUNNING: &str = "Examples:\n  parkmesh certificates --out certificates\n  \
     PARKMESH_MTLS_CERTIFICATE=certificates/booking/tls.crt PARKMESH_MTLS_KEY=certificates/booking/tls.key \\\n    \
     PARKMESH_MTLS_AUTHORITIES=certificates/booking/ca.crt parkmesh serve booking\n  \
     parkmesh up --mtls, and while it runs: parkmesh certificates --out .parkmesh/keys/mtls --next-authority";

/// Options of `certificates`.
#[derive(Debug, Clone, Args)]
pub struct Certificates {
    /// The folder of the authority and of all certificates; what is there is renewed.
    #[arg(long)]
    pub out: PathBuf,
    /// A service; may be repeated. Without one: all of them.
    #[arg(long = "service", value_enum, default_values_t = Role::ALL)]
    pub services: Vec<Role>,
    /// How many days a certificate is good. An authority is good for a year.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=365))]
    pub days: u32,
    /// The trust domain of the names; PARKMESH_MTLS_TRUST_DOMAIN of the processes says the same.
    #[arg(long, default_value = DEFAULT_TRUST_DOMAIN)]
    pub trust_domain: String,
    /// Take the next step to a new authority.
    #[arg(long)]
    pub next_authority: bool,
}
