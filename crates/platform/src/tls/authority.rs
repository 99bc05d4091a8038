//! The development authority: signs the certificates of our processes. In production a certificate manager
//! does this, and nothing of ours holds an authority's key.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

use super::SpiffeId;

const NAME: &str = "Parkmesh development authority";

/// Where the second part of an authority that was written down begins.
const KEY: &str = "-----BEGIN PRIVATE KEY-----";

/// An authority cannot do it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The text holds something else.
    #[error("not a certificate and then its key, in PEM")]
    NotAnAuthority,
    /// The library refuses.
    #[error("the development authority cannot sign")]
    Signing(#[from] rcgen::Error),
}

/// Signs certificates.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one, for this time.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let params = own_params(from, until);
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// One that was written down.
    ///
    /// # Errors
    /// When the text holds something else.
    pub fn from_pem(text: &str) -> Result<Self, AuthorityError> {
        let at = text.find(KEY).ok_or(AuthorityError::NotAnAuthority)?;
        let (certificate, key) = text.split_at(at);
        let key = KeyPair::from_pem(key)?;
        // Of these an issuer only keeps the name.
        let params = own_params(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        Ok(Self { certificate: certificate.to_owned(), issuer: Issuer::new(params, key) })
    }

    /// What [`Authority::from_pem`] reads: certificate and key. A secret.
    pub fn to_pem(&self) -> String {
        format!("{}{}", self.certificate, self.issuer.key().serialize_pem())
    }

    /// What others trust it by, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The certificate of a service, for this time. It names `localhost` and the service's own host name too, for
    /// clients that know nothing of URIs.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn issue(
        &self,
        name: &SpiffeId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Issued, AuthorityError> {
        let hosts = name.service().into_iter().chain(["localhost"]);
        self.sign(&[name.to_string()], hosts, (from, until))
    }

    /// A certificate with these URIs and host names, whatever they say: what others must refuse.
    ///
    /// # Errors
    /// When the system gives no random bytes, or a name does not fit into a certificate.
    pub fn sign<'h>(
        &self,
        uris: &[String],
        hosts: impl IntoIterator<Item = &'h str>,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Issued, AuthorityError> {
        let mut params = valid(from, until);
        for uri in uris {
            params.subject_alt_names.push(SanType::URI(uri.as_str().try_into()?));
        }
        self.issue_for(params, hosts)
    }

    /// The certificate of a client whose common name says who it is, as brokers of MQTT know their users; and of a server with
    /// these host names.
    ///
    /// # Errors
    /// When the system gives no random bytes, or a name does not fit into a certificate.
    pub fn issue_named<'h>(
        &self,
        common_name: &str,
        hosts: impl IntoIterator<Item = &'h str>,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Issued, AuthorityError> {
        let mut params = valid(from, until);
        params.distinguished_name.push(DnType::CommonName, common_name);
        self.issue_for(params, hosts)
    }

    fn issue_for<'h>(
        &self,
        mut params: CertificateParams,
        hosts: impl IntoIterator<Item = &'h str>,
    ) -> Result<Issued, AuthorityError> {
        for host in hosts {
            params.subject_alt_names.push(SanType::DnsName(host.try_into()?));
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

fn own_params(from: Timestamp, until: Timestamp) -> CertificateParams {
    let mut params = valid(from, until);
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn valid(from: Timestamp, until: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let instant = |at: Timestamp| {
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    (params.not_before, params.not_after) = (instant(from), instant(until));
    params
}
