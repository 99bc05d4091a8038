//! Both sides show a certificate, and both look at the name in it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::followed::{self, Followed, LOOK_PERIOD};
use super::verify::{Clients, OneServer};
use super::{CertificateFiles, DEFAULT_TRUST_DOMAIN, NameError, SpiffeId, TlsError, files};
use crate::config::Reader;
use crate::tasks::Tasks;
use crate::telemetry;

/// How long both sides may take to prove their names.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// What is spoken between us: gRPC and nothing else.
const PROTOCOL: &[u8] = b"h2";

/// Who we are, how we prove it, and who vouches for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MtlsConfig {
    /// Our name, which the certificate must say. Its trust domain is the one that counts.
    pub name: SpiffeId,
    /// Our certificate and its key.
    pub certificate: CertificateFiles,
    /// Those who vouch for the others, in PEM; several while one takes over from another.
    pub authorities: PathBuf,
    /// Between two looks at the files.
    pub look_period: Duration,
}

impl MtlsConfig {
    /// Looked at once a second.
    pub fn new(name: SpiffeId, certificate: CertificateFiles, authorities: PathBuf) -> Self {
        Self { name, certificate, authorities, look_period: LOOK_PERIOD }
    }

    /// Reads `PARKMESH_MTLS_CERTIFICATE`, `_MTLS_KEY` and `_MTLS_AUTHORITIES`, paths of PEM files, all three or
    /// none, and `PARKMESH_MTLS_TRUST_DOMAIN`; for the service of this name.
    pub fn read(service: &str, reader: &mut Reader) -> Option<Self> {
        let trust_domain = reader.get("MTLS_TRUST_DOMAIN", DEFAULT_TRUST_DOMAIN.to_owned());
        let names = ["MTLS_CERTIFICATE", "MTLS_KEY", "MTLS_AUTHORITIES"];
        let found: [Option<PathBuf>; 3] = names.map(|name| reader.find(name));
        let [Some(certificate_chain), Some(private_key), Some(authorities)] = found.clone() else {
            if found.iter().any(Option::is_some) {
                let missing = names.iter().zip(&found).filter(|(_, found)| found.is_none());
                for (name, _) in missing {
                    reader.mistake(format!(
                        "PARKMESH_{name} is not set; mTLS needs a certificate, its key and the authorities"
                    ));
                }
            }
            return None;
        };
        match SpiffeId::of_service(&trust_domain, service) {
            Ok(name) => {
                let certificate = CertificateFiles { certificate_chain, private_key };
                Some(Self::new(name, certificate, authorities))
            }
            Err(error) => {
                reader.mistake(format!("PARKMESH_MTLS_TRUST_DOMAIN is not usable: {error}"));
                None
            }
        }
    }

    /// Whether these files can be used.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), TlsError> {
        followed::look(&self.paths(), |texts| Credentials::load(self, texts)).map(|_| ())
    }

    fn paths(&self) -> [&std::path::Path; 3] {
        let [chain, key] = self.certificate.paths();
        [chain, key, &self.authorities]
    }
}

/// Connections on which both sides prove their names. Cheap to clone.
///
/// No session is ever resumed: a resumed one would go on with a certificate that nobody looks at again.
#[derive(Clone, Debug)]
pub struct Mtls {
    name: SpiffeId,
    credentials: Arc<Followed<Credentials>>,
    handshakes: Counter<u64>,
}

/// What the files mean.
#[derive(Debug)]
struct Credentials {
    key: Arc<CertifiedKey>,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    server: Arc<ServerConfig>,
}

impl Mtls {
    /// Reads the files, and follows them until `tasks` ends or nobody holds this any more.
    ///
    /// # Errors
    /// What is wrong with the files now.
    pub fn open(config: &MtlsConfig, tasks: &Tasks) -> Result<Self, TlsError> {
        let own = config.clone();
        let load = move |texts: &[Vec<u8>]| Credentials::load(&own, texts);
        let credentials = Followed::start(&config.paths(), config.look_period, tasks, load)?;
        let handshakes = telemetry::meter()
            .u64_counter("parkmesh.mtls.handshakes")
            .with_description(
                "Connections that others have made, by whether they proved their names",
            )
            .build();
        Ok(Self { name: config.name.clone(), credentials, handshakes })
    }

    /// The name of a service in our trust domain.
    ///
    /// # Errors
    /// When the word does not fit into a name.
    pub fn service(&self, name: &str) -> Result<SpiffeId, NameError> {
        SpiffeId::of_service(self.name.trust_domain(), name)
    }

    /// Takes a connection in; gives the name of the service that has made it.
    ///
    /// # Errors
    /// When the other side is no service of our trust domain, breaks off, or takes longer than five seconds.
    pub async fn accept(
        &self,
        socket: TcpStream,
    ) -> io::Result<(server::TlsStream<TcpStream>, String)> {
        let taken = timeout(HANDSHAKE_MAX, self.prove(socket)).await.unwrap_or_else(|_elapsed| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long"))
        });
        let outcome = match &taken {
            Ok(_) => "proven",
            Err(error) if error.kind() == io::ErrorKind::TimedOut => "late",
            Err(_) => "refused",
        };
        self.handshakes.add(1, &[KeyValue::new("outcome", outcome)]);
        taken
    }

    async fn prove(&self, socket: TcpStream) -> io::Result<(server::TlsStream<TcpStream>, String)> {
        let config = Arc::clone(&self.credentials.current().server);
        let stream = TlsAcceptor::from(config).accept(socket).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let id = shown.map_or(Err(NameError::Missing), SpiffeId::in_certificate);
        let service = id.and_then(|id| id.service_in(self.name.trust_domain()).map(str::to_owned));
        Ok((stream, service.map_err(io::Error::other)?))
    }

    /// How often new files were taken.
    pub fn renewals(&self) -> u64 {
        self.credentials.renewals()
    }

    /// The way to the one server that is meant.
    pub fn towards(&self, wanted: SpiffeId) -> Towards {
        Towards { mtls: self.clone(), wanted }
    }
}

/// Connections to one server, whatever its address. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Towards {
    mtls: Mtls,
    wanted: SpiffeId,
}

impl Towards {
    /// Goes on over a connection if the other side is who is meant.
    ///
    /// # Errors
    /// When it is somebody else, or breaks off. What it thinks of us shows only when something is read: in TLS
    /// 1.3 a client's certificate goes last.
    pub async fn connect(&self, socket: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        let credentials = self.mtls.credentials.current();
        let config = credentials.client(&self.wanted).map_err(io::Error::other)?;
        let address = socket.peer_addr()?;
        let connector = TlsConnector::from(Arc::new(config));
        let connected = connector.connect(ServerName::from(address.ip()), socket).await;
        // What merely broke off is told where the call is: a service may be stopping.
        connected.inspect_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                let wanted = &self.wanted;
                tracing::warn!(%address, %wanted, %error, "a service did not prove its name");
            }
        })
    }
}

impl Credentials {
    fn load(config: &MtlsConfig, texts: &[Vec<u8>]) -> Result<Self, TlsError> {
        let key = config.certificate.load(&texts[0], &texts[1])?;
        let roots = files::authorities(&config.authorities, &texts[2])?;
        must_name(config, &key)?;
        let provider = Arc::new(ring::default_provider());
        let clients = Clients::of(config.name.trust_domain(), &roots, &provider)?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(clients))
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&key))));
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(Self { key, roots, provider, server: Arc::new(server) })
    }

    fn client(&self, wanted: &SpiffeId) -> Result<ClientConfig, rustls::Error> {
        let verifier = OneServer {
            wanted: wanted.clone(),
            roots: Arc::clone(&self.roots),
            provider: Arc::clone(&self.provider),
        };
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&self.key))));
        client.alpn_protocols = vec![PROTOCOL.to_vec()];
        client.resumption = Resumption::disabled();
        Ok(client)
    }
}

/// Told here, or everybody else would refuse us later.
fn must_name(config: &MtlsConfig, key: &CertifiedKey) -> Result<(), TlsError> {
    let path = config.certificate.certificate_chain.clone();
    match SpiffeId::in_certificate(key.end_entity_cert()?) {
        Ok(found) if found == config.name => Ok(()),
        Ok(found) => Err(TlsError::OtherName { path, found, wanted: config.name.clone() }),
        Err(source) => Err(TlsError::Nameless { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> (Option<MtlsConfig>, Vec<String>) {
        let named =
            |&(name, value): &(&str, &str)| (format!("PARKMESH_MTLS_{name}"), value.to_owned());
        let mut reader = Reader::of(values.iter().map(named));
        let config = MtlsConfig::read("booking", &mut reader);
        (config, reader.finish().err().map(|error| error.mistakes).unwrap_or_default())
    }

    #[test]
    fn all_three_files_switch_it_on_and_none_leaves_it_off() {
        let files = [("CERTIFICATE", "/tls.crt"), ("KEY", "/tls.key"), ("AUTHORITIES", "/ca.crt")];
        let (config, mistakes) = read(&files);
        assert_eq!(mistakes, Vec::<String>::new());
        let name = config.expect("mTLS").name.to_string();
        assert_eq!(name, "spiffe://parkmesh/service/booking");
        assert_eq!(read(&[]), (None, Vec::new()));
        for left_out in 0..files.len() {
            let mut some = files.to_vec();
            let (name, _) = some.remove(left_out);
            let (config, mistakes) = read(&some);
            assert_eq!((config, mistakes.len()), (None, 1), "{mistakes:?}");
            assert!(mistakes[0].contains(&format!("PARKMESH_MTLS_{name} is not set")));
        }
    }

    #[test]
    fn a_trust_domain_that_no_name_can_have_is_told() {
        let files = [("CERTIFICATE", "/tls.crt"), ("KEY", "/tls.key"), ("AUTHORITIES", "/ca.crt")];
        let values = [&files[..], &[("TRUST_DOMAIN", "Park Mesh")]].concat();
        let (config, mistakes) = read(&values);
        assert_eq!(config, None);
        assert!(mistakes[0].contains("PARKMESH_MTLS_TRUST_DOMAIN"), "{mistakes:?}");
        let values = [&files[..], &[("TRUST_DOMAIN", "city.example")]].concat();
        let name = read(&values).0.expect("mTLS").name.to_string();
        assert_eq!(name, "spiffe://city.example/service/booking");
    }
}
