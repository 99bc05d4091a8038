//! When certificates run out, for those who watch.

use std::path::Path;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Reader, SliceReader, Tag, Tagged};
use jiff::Timestamp;
use opentelemetry::KeyValue;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::telemetry;

/// Tells the metrics until when the certificate in this file is good.
pub(super) fn tell(path: &Path, certificate: &CertificateDer<'_>) {
    let Ok(seconds) = not_after(certificate) else { return };
    telemetry::meter()
        .u64_gauge("parkmesh.certificate.expiry_seconds")
        .with_description("When the certificate that is shown runs out, in seconds since 1970")
        .build()
        .record(seconds, &[KeyValue::new("path", path.display().to_string())]);
}

/// Until when a certificate in PEM is good, the first one of a chain. None for what is none.
pub fn good_until(pem: &[u8]) -> Option<Timestamp> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    Timestamp::from_second(i64::try_from(not_after(&certificate).ok()?).ok()?).ok()
}

/// `notAfter` of RFC 5280, in seconds since 1970: `tbsCertificate` is a version that may be left out, serial number,
/// signature, issuer, and then the validity.
fn not_after(certificate: &[u8]) -> der::Result<u64> {
    let certificate: AnyRef<'_> = SliceReader::new(certificate)?.decode()?;
    let tbs: AnyRef<'_> = SliceReader::new(certificate.value())?.decode()?;
    let mut tbs = SliceReader::new(tbs.value())?;
    let first: AnyRef<'_> = tbs.decode()?;
    let before = if first.tag().is_context_specific() { 3 } else { 2 };
    for _ in 0..before {
        let _passed_over: AnyRef<'_> = tbs.decode()?;
    }
    let validity: AnyRef<'_> = tbs.decode()?;
    let mut validity = SliceReader::new(validity.value())?;
    let _not_before: AnyRef<'_> = validity.decode()?;
    let not_after: AnyRef<'_> = validity.decode()?;
    let since_1970 = match not_after.tag() {
        Tag::UtcTime => not_after.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => not_after.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(since_1970.as_secs())
}

#[cfg(test)]
mod tests {
    use super::super::{Authority, SpiffeId};
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_ways_in_which_it_is_written() {
        let id = SpiffeId::of_service("parkmesh", "booking").expect("a name");
        // From 2050 on another type is used.
        for until in ["2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z", "2031-02-03T04:05:06Z"] {
            let until: Timestamp = until.parse().expect("an instant");
            let authority = Authority::new(Timestamp::UNIX_EPOCH, until).expect("an authority");
            let issued = authority.issue(&id, Timestamp::UNIX_EPOCH, until).expect("a certificate");
            assert_eq!(good_until(issued.certificate.as_bytes()), Some(until));
        }
        assert!(good_until(b"no certificate").is_none() && not_after(b"nor this").is_err());
    }
}
