//! A listener in YAML, in Envoy's words.

use std::net::SocketAddr;

use parkmesh_platform::tls::{CertificateFiles, Shown};

use super::ListenerConfig;
use super::cluster::socket_address;
use super::fields::Fields;
use super::tls::certificate;

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

/// `tls_certificates`, one of them, for which nothing else is asked.
fn tls_context(mut fields: Fields<'_>) -> Option<CertificateFiles> {
    let (place, files) = certificate(&mut fields)?;
    if let Err(error) = Shown::check(&files) {
        place.wrong(&parkmesh_platform::fault::chain(&error));
    }
    Some(files)
}
