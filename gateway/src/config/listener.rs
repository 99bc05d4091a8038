//! A listener in YAML, in Envoy's words.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::ListenerConfig;
use super::cluster::socket_address;
use super::fields::Fields;
use crate::tls::{self, TlsConfig};

/// All of them.
pub fn read(fields: &mut Fields<'_>) -> Vec<ListenerConfig> {
    let mut found: Vec<ListenerConfig> = Vec::new();
    for mut one in fields.maps("listeners") {
        let name = one.require("name").map(|(_, name)| name.to_owned());
        let tls = one.map("common_tls_context").and_then(tls_context);
        let Some(told) = socket_address(&mut one) else { continue };
        let Some(ip) = told.ip() else {
            one.wrong("a listener's address is an IP address");
            continue;
        };
        let Some(name) = name else { continue };
        let address = SocketAddr::new(ip, told.port);
        let double = |other: &ListenerConfig| {
            other.name == name || (other.address == address && address.port() != 0)
        };
        if found.iter().any(double) {
            one.wrong("another listener has this name or address");
        }
        found.push(ListenerConfig { name, address, tls });
    }
    found
}

/// `tls_certificates`, one of them, by file names.
fn tls_context(mut fields: Fields<'_>) -> Option<TlsConfig> {
    let mut certificates = fields.maps("tls_certificates");
    if certificates.len() != 1 {
        fields.wrong("one certificate is needed in tls_certificates");
        return None;
    }
    let mut certificate = certificates.swap_remove(0);
    let mut file = |name: &'static str| {
        let Some(mut source) = certificate.map(name) else {
            certificate.wrong(&format!("{name} is missing"));
            return None;
        };
        source.require("filename").map(|(_, path)| PathBuf::from(path))
    };
    let (chain, key) = (file("certificate_chain"), file("private_key"));
    let config = TlsConfig { certificate_chain: chain?, private_key: key? };
    if let Err(error) = tls::check(&config) {
        certificate.wrong(&parkmesh_platform::fault::chain(&error));
    }
    Some(config)
}
