//! A broker that knows its clients by their certificates.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use parkmesh_sensor_bridge::{Config, Tls};
use parkmesh_servers::{Binaries, Kind};
use parkmesh_testkit::eventually;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpStream;

use crate::world::World;

/// A mosquitto that asks for certificates. It ends with us.
struct Broker {
    child: Child,
    folder: PathBuf,
    port: u16,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Broker {
    /// Starts it and waits until it listens.
    async fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mosquitto-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let authority = authority("the broker's authority");
        std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        issue(&authority, &folder, "broker", "localhost");
        let user = if nix_is_root() { "user root\n" } else { "" };
        let at = |name: &str| folder.join(name).display().to_string();
        let settings = format!(
            "listener {port} 127.0.0.1\n{user}cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
             use_identity_as_username true\n",
            at("ca.pem"),
            at("broker.pem"),
            at("broker.key"),
        );
        std::fs::write(folder.join("mosquitto.conf"), settings).unwrap();
        drop(free);
        let binaries = Binaries::locate_or_fetch(&home(), &|_| {}).unwrap();
        let mut command = binaries.of(Kind::Mosquitto).command();
        command.arg("-c").arg(folder.join("mosquitto.conf")).stdin(Stdio::null());
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = command.stderr(log.try_clone().unwrap()).stdout(log).spawn().unwrap();
        eventually("a broker with certificates", || async {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self { child, folder, port, authority }
    }

    /// A certificate for a client, by this authority.
    fn client(&self, authority: &CertifiedIssuer<'_, KeyPair>, name: &str) -> Tls {
        issue(authority, &self.folder, name, name);
        let at = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        Tls { ca_file: self.folder.join("ca.pem"), client: Some((at("pem"), at("key"))) }
    }

    fn config(&self, tls: Tls) -> Config {
        Config {
            mqtt_url: format!("mqtts://localhost:{}", self.port),
            tls: Some(tls),
            ..Config::default()
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes `<name>.pem` and `<name>.key`.
fn issue(authority: &CertifiedIssuer<'_, KeyPair>, folder: &Path, name: &str, subject: &str) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([subject.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, subject);
    let certificate = params.signed_by(&key, authority).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

/// Mosquitto gives up being root, and could not read its keys then.
fn nix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
fn home() -> PathBuf {
    std::env::var("PARKMESH_TEST_HOME").expect("run `cargo xtask test`").into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_with_a_certificate_is_let_in_and_one_without_is_not() {
    let _once = rustls::crypto::ring::default_provider().install_default();
    let broker = Broker::start().await;
    let config = broker.config(broker.client(&broker.authority, "bridge"));
    let world = World::at_own_broker(config).await;
    world.publish("parkmesh/devices/a/up", r#"{"occupied":true}"#).await;
    world.heard_from("a", 1).await;
    let strange = broker.client(&authority("somebody else"), "stranger");
    let nameless = Tls { client: None, ..strange.clone() };
    for tls in [strange, nameless] {
        let mut config = world.config.clone();
        config.client_id.push_str("-other");
        config.tls = Some(tls);
        let other = world.another(config).await;
        world.double.forget();
        world.publish("parkmesh/devices/b/up", "{}").await;
        world.heard_from("b", 1).await;
        world.quiet().await;
        assert_eq!(world.double.readings().len(), 1, "heard by one of us");
        other.stop().await;
    }
}
