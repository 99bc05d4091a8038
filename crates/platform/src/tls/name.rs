//! The names of processes in certificates: SPIFFE IDs, `spiffe://<trust domain>/<path>`.

use std::fmt;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The trust domain of whoever sets no other.
pub const DEFAULT_TRUST_DOMAIN: &str = "parkmesh";

const SCHEME: &str = "spiffe://";
/// Where the names of our services stand in a trust domain.
const SERVICE: &str = "/service/";
/// Bounds of the SPIFFE standard, in bytes.
const ID_BYTES_MAX: usize = 2_048;
const TRUST_DOMAIN_BYTES_MAX: usize = 255;

/// The name of a process.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    text: String,
    /// Where the path begins.
    path: usize,
}

/// Not the name of a process, or not one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text does not follow the standard.
    #[error("{0:?} is not a name like spiffe://parkmesh/service/booking")]
    NotSpiffe(String),
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(webpki::Error),
    /// It has no URI.
    #[error("the certificate names no URI")]
    Missing,
    /// It has several URIs, so that nobody knows who is meant.
    #[error("the certificate names more than one URI")]
    Several,
    /// It is another domain's.
    #[error("{found} is not of the trust domain {wanted}")]
    OtherDomain {
        /// Whom the certificate names.
        found: SpiffeId,
        /// The trust domain that counts.
        wanted: String,
    },
    /// It is of the trust domain, and no service.
    #[error("{0} is not the name of a service")]
    NoService(SpiffeId),
    /// It is somebody else.
    #[error("{found} answers, and {wanted} is meant")]
    OtherName {
        /// Whom the certificate names.
        found: SpiffeId,
        /// Whom we look for.
        wanted: SpiffeId,
    },
}

impl SpiffeId {
    /// The name of a service in a trust domain.
    ///
    /// # Errors
    /// When one of the words does not fit into such a name.
    pub fn of_service(trust_domain: &str, service: &str) -> Result<Self, NameError> {
        format!("{SCHEME}{trust_domain}{SERVICE}{service}").parse()
    }

    /// The one name in a certificate.
    ///
    /// # Errors
    /// When there is none, more than one, or something else.
    pub fn in_certificate(certificate: &CertificateDer<'_>) -> Result<Self, NameError> {
        let certificate = EndEntityCert::try_from(certificate).map_err(NameError::Unreadable)?;
        let mut uris = certificate.valid_uri_names();
        match (uris.next(), uris.next()) {
            (Some(one), None) => one.parse(),
            (Some(_), Some(_)) => Err(NameError::Several),
            (None, _) => Err(NameError::Missing),
        }
    }

    /// The part that says whose authorities vouch for it.
    pub fn trust_domain(&self) -> &str {
        &self.text[SCHEME.len()..self.path]
    }

    /// The service of ours that it names, if it names one.
    pub fn service(&self) -> Option<&str> {
        let name = self.text[self.path..].strip_prefix(SERVICE)?;
        (!name.contains('/')).then_some(name)
    }

    /// The service of this trust domain that it names.
    ///
    /// # Errors
    /// When it names something else.
    pub fn service_in(&self, trust_domain: &str) -> Result<&str, NameError> {
        if self.trust_domain() != trust_domain {
            let wanted = trust_domain.to_owned();
            return Err(NameError::OtherDomain { found: self.clone(), wanted });
        }
        self.service().ok_or_else(|| NameError::NoService(self.clone()))
    }
}

impl FromStr for SpiffeId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::NotSpiffe(text.to_owned());
        let rest = text.strip_prefix(SCHEME).ok_or_else(wrong)?;
        let (domain, segments) = rest.split_once('/').ok_or_else(wrong)?;
        let good = text.len() <= ID_BYTES_MAX
            && is_trust_domain(domain)
            && segments.split('/').all(is_segment);
        if !good {
            return Err(wrong());
        }
        Ok(Self { text: text.to_owned(), path: SCHEME.len() + domain.len() })
    }
}

fn is_trust_domain(domain: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    (1..=TRUST_DOMAIN_BYTES_MAX).contains(&domain.len()) && domain.bytes().all(fits)
}

fn is_segment(segment: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(fits)
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_trust_domain_and_its_service() {
        let id = SpiffeId::of_service("parkmesh.example", "sensor-bridge").expect("a name");
        assert_eq!(id.to_string(), "spiffe://parkmesh.example/service/sensor-bridge");
        assert_eq!(id.trust_domain(), "parkmesh.example");
        assert_eq!(id.service_in("parkmesh.example"), Ok("sensor-bridge"));
        assert!(matches!(id.service_in("parkmesh"), Err(NameError::OtherDomain { .. })));
        for other in ["spiffe://parkmesh/user/anna", "spiffe://parkmesh/service/booking/replica"] {
            let id: SpiffeId = other.parse().expect(other);
            assert!(matches!(id.service_in("parkmesh"), Err(NameError::NoService(_))), "{other}");
        }
    }

    #[test]
    fn what_the_standard_does_not_allow_is_no_name() {
        let long = format!("spiffe://{}/service/booking", "a".repeat(256));
        let wrong = [
            "",
            "booking",
            "https://parkmesh/service/booking",
            "SPIFFE://parkmesh/service/booking",
            "spiffe://parkmesh",
            "spiffe:///service/booking",
            "spiffe://Parkmesh/service/booking",
            "spiffe://parkmesh:1/service/booking",
            "spiffe://me@parkmesh/service/booking",
            "spiffe://parkmesh/service/",
            "spiffe://parkmesh//service/booking",
            "spiffe://parkmesh/service/../booking",
            "spiffe://parkmesh/service/boo%6bing",
            "spiffe://parkmesh/service/booking?x",
            "spiffe://parkmesh/service/booking#x",
            &long,
        ];
        for text in wrong {
            let told = text.parse::<SpiffeId>();
            assert_eq!(told, Err(NameError::NotSpiffe(text.to_owned())), "{text}");
        }
    }
}
