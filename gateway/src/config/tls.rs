//! Certificates in YAML, in Envoy's words.

use std::path::PathBuf;

use parkmesh_platform::fault;
use parkmesh_platform::tls::{CertificateFiles, MtlsConfig, SpiffeId};

use super::fields::Fields;
use crate::cluster::TransportSocket;

const TLS: &str = "envoy.transport_sockets.tls";
const PLAIN: &str = "envoy.transport_sockets.raw_buffer";
/// As whom the gate calls.
pub const OWN_NAME: &str = "gateway";

/// `tls_certificates`, one of them, by file names; and where it stands.
pub fn certificate<'n>(fields: &mut Fields<'n>) -> Option<(Fields<'n>, CertificateFiles)> {
    let mut certificates = fields.maps("tls_certificates");
    if certificates.len() != 1 {
        fields.wrong("one certificate is needed in tls_certificates");
        return None;
    }
    let mut certificate = certificates.swap_remove(0);
    let chain = file(&mut certificate, "certificate_chain");
    let key = file(&mut certificate, "private_key");
    let files = CertificateFiles { certificate_chain: chain?, private_key: key? };
    Some((certificate, files))
}

/// `transport_socket` of a cluster: `envoy.transport_sockets.tls` with `common_tls_context`, or `raw_buffer`. What
/// it does not say stays as it is by default.
pub fn transport_socket(
    fields: &mut Fields<'_>,
    default: Option<TransportSocket>,
) -> Option<TransportSocket> {
    let Some(mut socket) = fields.map("transport_socket") else { return default };
    let (line, name) = socket.require("name")?;
    if !matches!(name, TLS | PLAIN) {
        socket.wrong_at(line, "name", &format!("{name}: there is {TLS}, {PLAIN}"));
    }
    let mut typed = socket.map("typed_config");
    // Envoy asks for the type, and it is clear from the name.
    let _type = typed.as_mut().and_then(|typed| typed.text("@type"));
    if name == PLAIN {
        return None;
    }
    let Some(mut context) = typed.as_mut().and_then(|typed| typed.map("common_tls_context")) else {
        socket.wrong("typed_config with common_tls_context is missing");
        return None;
    };
    common_tls_context(&mut context)
}

/// What both sides prove their names with.
fn common_tls_context(context: &mut Fields<'_>) -> Option<TransportSocket> {
    let certificate = certificate(context);
    let validation = validation(context);
    let ((place, files), (authorities, server)) = (certificate?, validation?);
    let own = match SpiffeId::of_service(server.trust_domain(), OWN_NAME) {
        Ok(name) => MtlsConfig::new(name, files, authorities),
        Err(error) => {
            place.wrong(&fault::chain(&error));
            return None;
        }
    };
    if let Err(error) = own.check() {
        place.wrong(&fault::chain(&error));
    }
    Some(TransportSocket { own, server })
}

/// `validation_context`: who vouches for the replicas, and whose name they must show.
fn validation(context: &mut Fields<'_>) -> Option<(PathBuf, SpiffeId)> {
    let Some(mut validation) = context.map("validation_context") else {
        context.wrong("validation_context is missing");
        return None;
    };
    let authorities = file(&mut validation, "trusted_ca");
    let mut names = validation.maps("match_typed_subject_alt_names");
    if names.len() != 1 {
        validation.wrong("one name is needed in match_typed_subject_alt_names");
        return None;
    }
    let mut name = names.swap_remove(0);
    if let Some((line, kind)) = name.require("san_type")
        && kind != "URI"
    {
        name.wrong_at(line, "san_type", &format!("{kind}: there is URI"));
    }
    let Some(mut matcher) = name.map("matcher") else {
        name.wrong("matcher is missing");
        return None;
    };
    let (line, exact) = matcher.require("exact")?;
    match exact.parse() {
        Ok(server) => Some((authorities?, server)),
        Err(error) => {
            matcher.wrong_at(line, "exact", &fault::chain(&error));
            None
        }
    }
}

/// `{ filename: … }` below a name.
fn file(fields: &mut Fields<'_>, name: &'static str) -> Option<PathBuf> {
    let Some(mut source) = fields.map(name) else {
        fields.wrong(&format!("{name} is missing"));
        return None;
    };
    source.require("filename").map(|(_, path)| PathBuf::from(path))
}
