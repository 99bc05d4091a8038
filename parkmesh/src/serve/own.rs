//! How a role proves its own name: by a certificate, or by a token where nobody asks for more.

use std::path::PathBuf;

use parkmesh_contracts::methods::METHODS;
use parkmesh_platform::auth::{Credential, ServiceToken};
use parkmesh_platform::config::Reader;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::{Mtls, MtlsConfig};

use crate::Failure;
use crate::names::Role;

/// What the settings say of it.
pub enum Own {
    /// `PARKMESH_MTLS_*`.
    Certificate(MtlsConfig),
    /// `PARKMESH_SERVICE_TOKEN_FILE`.
    Token(PathBuf),
    /// It calls nobody, and has nothing to prove.
    Nothing,
}

impl Own {
    /// Reads one or the other. Whoever calls others needs one.
    pub fn read(role: Role, reader: &mut Reader) -> Self {
        if let Some(config) = MtlsConfig::read(role.as_str(), reader) {
            return Self::Certificate(config);
        }
        let calls = METHODS.iter().any(|method| method.callers.contains(&role.as_str()));
        if calls { Self::Token(reader.require("SERVICE_TOKEN_FILE")) } else { Self::Nothing }
    }

    /// Reads the files, and follows them.
    pub fn open(&self, tasks: &Tasks) -> Result<Option<Credential>, Failure> {
        Ok(match self {
            Self::Certificate(config) => Some(Mtls::open(config, tasks)?.into()),
            Self::Token(path) => {
                let token = ServiceToken::from_file(path)?;
                token.keep_fresh(tasks);
                Some(token.into())
            }
            Self::Nothing => None,
        })
    }
}
