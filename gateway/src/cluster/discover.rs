//! From names to addresses.

use std::net::SocketAddr;

use super::settings::Address;

/// Addresses that one name may stand for.
const ADDRESSES_MAX: usize = 256;

/// Looks everything up. `before` is what was known: a name that cannot be looked up keeps it.
pub async fn look_up(
    endpoints: &[Address],
    before: &[(SocketAddr, Address)],
) -> Vec<(SocketAddr, Address)> {
    let mut all = Vec::new();
    for named in endpoints {
        let found: Vec<SocketAddr> = match named.ip() {
            Some(ip) => vec![(ip, named.port).into()],
            None => match tokio::net::lookup_host((named.host.as_str(), named.port)).await {
                Ok(found) => found.take(ADDRESSES_MAX).collect(),
                Err(error) => {
                    tracing::debug!(%named, %error, "name not found; the old addresses stay");
                    let of_this = before.iter().filter(|(_, name)| name == named);
                    of_this.map(|(address, _)| *address).collect()
                }
            },
        };
        all.extend(found.into_iter().map(|address| (address, named.clone())));
    }
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_stands_for_its_addresses_and_an_unknown_one_keeps_what_it_had() {
        let named = |host: &str| Address { host: host.to_owned(), port: 7 };
        let old = (([10, 0, 0, 1], 7).into(), named("nowhere.invalid"));
        let endpoints = [named("localhost"), named("127.0.0.1"), named("nowhere.invalid")];
        let found = look_up(&endpoints, std::slice::from_ref(&old)).await;
        assert!(found.contains(&old), "{found:?}");
        assert!(found.contains(&(([127, 0, 0, 1], 7).into(), named("127.0.0.1"))));
        assert!(found.iter().any(|(_, name)| name.host == "localhost"), "{found:?}");
    }
}
