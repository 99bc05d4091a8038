//! `parkmesh broker`: mosquitto as it says, a bridge with its own certificate, and devices that speak for themselves only.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_platform::tls::Authority;
use parkmesh_sensor_bridge::Tls;
use parkmesh_servers::{Binaries, Kind};
use rumqttc::Transport;
use rumqttc::v5::MqttOptions;
use tokio::net::TcpStream;

use crate::support::{Car, Driver, Up, eventually, servers_home};

/// A spot whose sensor says where it stands, and one about which others lie.
const OWN: &str = "0-071";
const OTHER: &str = "0-072";

/// What `parkmesh broker` wrote, and a mosquitto and a bridge that follow it.
struct Broker {
    folder: PathBuf,
    port: u16,
    running: Vec<Child>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _gone = child.kill();
            let _ended = child.wait();
        }
    }
}

impl Broker {
    async fn start(up: &Up) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let folder = up.home().join("broker");
        let told = write(up, &folder, port);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let mut broker = Self { folder, port, running: Vec::new() };
        broker.running.push(broker.mosquitto());
        eventually("mosquitto", || async { TcpStream::connect(("127.0.0.1", port)).await.ok() })
            .await;
        broker.running.push(broker.bridge(up));
        broker
    }

    fn mosquitto(&self) -> Child {
        let settings = self.folder.join("mosquitto.conf");
        // Started by root it would give that up, and could not read what is ours.
        let mut text = std::fs::read_to_string(&settings).expect("settings");
        text.push_str("user root\n");
        std::fs::write(&settings, text).expect("written");
        let binaries = Binaries::locate_or_fetch(&servers_home(), &|_| {}).expect("mosquitto");
        let log = std::fs::File::create(self.folder.join("mosquitto.log")).expect("a log");
        let mut command = binaries.of(Kind::Mosquitto).command();
        command.arg("-c").arg(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().expect("mosquitto starts")
    }

    /// A second bridge, beside the one of `up`.
    fn bridge(&self, up: &Up) -> Child {
        let (keys, own) = (up.home().join("keys"), self.folder.join("users/sensor-bridge"));
        let log = std::fs::File::create(self.folder.join("bridge.log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_parkmesh"));
        command
            .args(["serve", "sensor-bridge"])
            .env("PARKMESH_ADMIN_LISTEN", "127.0.0.1:0")
            .env("PARKMESH_AUTH_JWKS", keys.join("jwks.json"))
            .env("PARKMESH_SERVICE_TOKEN_FILE", keys.join("sensor-bridge.token"))
            .env("PARKMESH_SENSOR_URL", up.told("/services/sensor"))
            .env("PARKMESH_MQTT_URL", format!("mqtts://localhost:{}", self.port))
            .env("PARKMESH_MQTT_CLIENT_ID", "with-a-certificate")
            .env("PARKMESH_MQTT_CA_PATH", self.folder.join("ca.crt"))
            .env("PARKMESH_MQTT_CERT_PATH", own.join("tls.crt"))
            .env("PARKMESH_MQTT_KEY_PATH", own.join("tls.key"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        command.spawn().expect("the bridge starts")
    }

    /// Somebody with this certificate, who speaks for this device.
    fn car(&self, certificate: &Path, device_id: &str) -> Car {
        let name = format!("car-{}", uuid::Uuid::now_v7());
        let mut options = MqttOptions::new(name, "localhost", self.port);
        let client = Some((certificate.join("tls.crt"), certificate.join("tls.key")));
        let tls = Tls { ca_file: self.folder.join("ca.crt"), client };
        options.set_transport(Transport::tls_with_config(tls.load().expect("certificates")));
        Car::over(options, device_id)
    }

    fn of(&self, device_id: &str) -> PathBuf {
        self.folder.join("users").join(device_id)
    }

    /// A certificate of this name, which `parkmesh broker` never wrote.
    fn forge(&self, authority: &Authority, name: &str) -> PathBuf {
        let folder = self.folder.join("forged").join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let (now, hour) = (Timestamp::now(), SignedDuration::from_hours(1));
        let issued = authority.issue_named(name, [], (now - hour, now + hour)).expect("signed");
        std::fs::write(folder.join("tls.crt"), issued.certificate).expect("written");
        std::fs::write(folder.join("tls.key"), issued.key).expect("written");
        folder
    }
}

fn write(up: &Up, folder: &Path, port: u16) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parkmesh"));
    command.args(["broker", "--gateway", &up.gateway(), "--port", &port.to_string()]);
    command.arg("--home").arg(up.home()).arg("--out").arg(folder);
    command.output().expect("parkmesh runs")
}

fn device(spot_number: &str) -> String {
    format!("demo-{spot_number}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_speaks_for_itself_and_nobody_else_does() {
    let _once = rustls::crypto::ring::default_provider().install_default();
    let up = Up::start(&[]);
    let anna = Driver::new(&up, "driver");
    eventually("the map", || async { anna.spot(&up, OWN).await.ok() }).await;
    let broker = Broker::start(&up).await;
    let status = async |spot| anna.spot(&up, spot).await.expect("a spot").status();
    for spot in [OWN, OTHER] {
        let car = broker.car(&broker.of(&device(spot)), &device(spot));
        eventually("its first word", || async {
            // Said again: the bridge may not have come yet.
            car.gone(&up).await;
            (status(spot).await == SpotStatus::Available).then_some(())
        })
        .await;
    }

    // All that others say comes before what the sensor says itself, and over the same broker.
    let own = broker.of(&device(OWN));
    let authority = std::fs::read_to_string(broker.folder.join("authority.pem")).expect("a key");
    let authority = Authority::from_pem(&authority).expect("an authority");
    let now = Timestamp::now();
    let strange = Authority::new(now, now + SignedDuration::from_hours(1)).expect("keys");
    let liars = [
        broker.car(&own, &device(OTHER)),
        broker.car(&broker.of("lorawan"), &device(OTHER)),
        broker.car(&broker.forge(&authority, "nobody"), &device(OTHER)),
        broker.car(&broker.forge(&strange, &device(OTHER)), &device(OTHER)),
    ];
    for liar in &liars {
        liar.stands(&up).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    broker.car(&own, &device(OWN)).stands(&up).await;
    eventually("its own word", || async {
        (status(OWN).await == SpotStatus::Occupied).then_some(())
    })
    .await;
    assert_eq!(status(OTHER).await, SpotStatus::Available, "somebody else was believed");
    // The same words count from the right one.
    broker.car(&broker.of(&device(OTHER)), &device(OTHER)).stands(&up).await;
    eventually("the other's own word", || async {
        (status(OTHER).await == SpotStatus::Occupied).then_some(())
    })
    .await;

    let certificate = std::fs::read(own.join("tls.crt")).expect("a certificate");
    let again = write(&up, &broker.folder, broker.port);
    let told = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && told.contains(", 0 with a new certificate"), "{told}");
    assert_eq!(std::fs::read(own.join("tls.crt")).expect("a certificate"), certificate);
}
