//! The broker's address.

/// Where the broker is.
#[derive(Clone, PartialEq, Eq)]
pub struct Broker {
    /// Name or address.
    pub host: String,
    /// 1883, or 8883 with TLS, when it is not named.
    pub port: u16,
    /// `mqtts://`.
    pub tls: bool,
    /// User and password.
    pub credentials: Option<(String, String)>,
}

/// Not an address of a broker. Does not repeat it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be like mqtt://host:1883 or mqtts://user:password@host:8883")]
pub struct BrokerError;

impl Broker {
    /// Reads `mqtt://[user:password@]host[:port]`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(url: &str) -> Result<Self, BrokerError> {
        let (scheme, rest) = url.split_once("://").ok_or(BrokerError)?;
        let (tls, default_port) = match scheme {
            "mqtt" | "tcp" => (false, 1_883),
            "mqtts" | "ssl" => (true, 8_883),
            _ => return Err(BrokerError),
        };
        let rest = rest.trim_end_matches('/');
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((who, place)) => {
                let (user, password) = who.split_once(':').unwrap_or((who, ""));
                (Some((user.to_owned(), password.to_owned())), place)
            }
            None => (None, rest),
        };
        let (host, port) = match place.rsplit_once(':') {
            // The colons of an IPv6 address stand inside brackets.
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| BrokerError)?)
            }
            _ => (place, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || host.contains('/') {
            return Err(BrokerError);
        }
        Ok(Self { host, port, tls, credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Option<(String, u16, bool)> {
        Broker::parse(url).ok().map(|broker| (broker.host, broker.port, broker.tls))
    }

    #[test]
    fn addresses_are_read_and_others_refused() {
        assert_eq!(parsed("mqtt://127.0.0.1:21883"), Some(("127.0.0.1".into(), 21_883, false)));
        assert_eq!(parsed("mqtts://broker.example"), Some(("broker.example".into(), 8_883, true)));
        assert_eq!(parsed("mqtt://[::1]:7"), Some(("::1".into(), 7, false)));
        assert_eq!(parsed("mqtt://[::1]"), Some(("::1".into(), 1_883, false)));
        for wrong in ["", "mqtt://", "http://a", "mqtt://a:b", "mqtt://a/b", "mqtt://:1"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_password_may_hold_what_it_likes() {
        let broker = Broker::parse("mqtt://bridge:a:b@c@host").ok();
        let credentials = broker.and_then(|broker| broker.credentials);
        assert_eq!(credentials, Some(("bridge".into(), "a:b@c".into())));
    }
}
