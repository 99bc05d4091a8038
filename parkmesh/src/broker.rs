//! `parkmesh broker`: users of the sensors' broker, from the registry. Each device proves its name by a certificate and may write
//! its own topic only; what a topic says of its device is then true.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tls::{Authority, good_until};
use parkmesh_sensor_bridge::{Speaker, Topics};
use tonic::Code;

use crate::Failure;
use crate::certificates::{CLOCK_SKEW, KEY_MODE, PUBLIC_MODE, put, replace};
use crate::cli::Broker;
use crate::client::{Gateway, connect};
use crate::registry;

/// The bridge's own user.
const BRIDGE: &str = "sensor-bridge";
/// A network server of LoRaWAN.
const NETWORK: &str = "lorawan";
/// The broker's own certificate.
const BROKER: &str = "broker";
/// How long an authority is good: devices in the field are visited seldom.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(20 * 365 * 24);

/// Writes everything that is not there yet, and who may do what anew.
pub fn run(options: &Broker) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let lots = runtime.block_on(registered(options))?;
    let topics = Topics::new(&options.topic_root, None, &options.bare_topics);
    let users = Users::of(&topics, &lots);
    for device in &users.refused {
        eprintln!("  {device:?} gets no topic: the name cannot stand in one, or is taken");
    }
    let folder = Folder::open(options)?;
    folder.certify(BROKER, &folder.path.join(BROKER), &options.hosts)?;
    let mut new = 0;
    for user in users.speakers.keys() {
        let of_user = folder.path.join("users").join(user);
        if !folder.has_good(&of_user) {
            folder.certify(user, &of_user, &[])?;
            new += 1;
        }
    }
    folder.write("acl", &acl(&users))?;
    folder.write("mosquitto.conf", &settings(&folder.path, options.port))?;
    let (count, path) = (users.speakers.len(), folder.path.display());
    println!("{count} users, {new} with a new certificate, in {path}");
    println!("mosquitto -c {}", folder.path.join("mosquitto.conf").display());
    Ok(())
}

/// The devices of a lot.
struct Lot {
    lot_id: String,
    devices: Vec<String>,
}

async fn registered(options: &Broker) -> Result<Vec<Lot>, Failure> {
    let token = options.target.operator_token()?;
    let gateway = connect(&options.target.gateway, &token).await?;
    let mut lots = Vec::new();
    if options.lots.is_empty() {
        for lot in registry::lots(&gateway).await? {
            lots.extend(devices(&gateway, lot.lot_id).await?);
        }
        return Ok(lots);
    }
    for lot_id in &options.lots {
        let lot = devices(&gateway, lot_id.clone()).await?;
        lots.push(lot.ok_or_else(|| format!("--lot {lot_id}: no such lot of this operator"))?);
    }
    Ok(lots)
}

/// None for a lot that is another operator's.
async fn devices(gateway: &Gateway, lot_id: String) -> Result<Option<Lot>, Failure> {
    match registry::sensors(gateway, &lot_id).await {
        Ok(sensors) => {
            println!("  lot {lot_id}: {} sensors", sensors.len());
            let devices = sensors.into_iter().map(|sensor| sensor.device_id).collect();
            Ok(Some(Lot { lot_id, devices }))
        }
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

/// All users by name, and devices that can be none.
struct Users {
    speakers: BTreeMap<String, Speaker>,
    refused: Vec<String>,
}

impl Users {
    fn of(topics: &Topics, lots: &[Lot]) -> Self {
        let cameras = |lot: &Lot| topics.cameras(&format!("cameras-{}", lot.lot_id), &lot.lot_id);
        let ours = [topics.bridge(BRIDGE), topics.network(NETWORK)];
        let ours = ours.into_iter().chain(lots.iter().map(cameras));
        let mut speakers: BTreeMap<String, Speaker> =
            ours.map(|one| (one.user.clone(), one)).collect();
        let mut refused = Vec::new();
        for device in lots.iter().flat_map(|lot| &lot.devices) {
            // Under a name of ours it would have our rights; and names are folders too.
            let speaker = topics.speaker(device).filter(|one| is_folder(&one.user));
            match speaker {
                Some(speaker) if speakers.get(&speaker.user).is_none_or(|one| *one == speaker) => {
                    speakers.insert(speaker.user.clone(), speaker);
                }
                _ => refused.push(device.clone()),
            }
        }
        Self { speakers, refused }
    }
}

/// Whether a name leads into a folder of its own; and stands in a line with nothing around it.
fn is_folder(name: &str) -> bool {
    name.trim() == name && name.split('/').all(|part| part != "." && part != "..")
}

/// Who may do what, as mosquitto reads it. Whoever is not in it may do nothing.
fn acl(users: &Users) -> String {
    let mut text = String::new();
    for Speaker { user, writes, reads } in users.speakers.values() {
        let _never_fails = writeln!(text, "user {user}");
        for (verb, topics) in [("write", writes), ("read", reads)] {
            for topic in topics {
                let _never_fails = writeln!(text, "topic {verb} {topic}");
            }
        }
    }
    text
}

/// The settings of a broker that knows its users by their certificates and drops nothing: by itself it would drop silently
/// beyond 1,000 waiting messages, send 20 ahead and save every 30 minutes.
fn settings(folder: &Path, port: u16) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    format!(
        "listener {port}\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
         use_identity_as_username true\nacl_file {}\nmax_queued_messages 0\nmax_inflight_messages 1000\n\
         persistent_client_expiration 7d\n# For sessions that outlive the broker: persistence true, and a persistence_location \
         that it may write.\n",
        at("ca.crt"),
        at("broker/tls.crt"),
        at("broker/tls.key"),
        at("acl"),
    )
}

/// The folder of all users, and who signs for them.
struct Folder {
    path: PathBuf,
    authority: Authority,
    now: Timestamp,
    life: SignedDuration,
}

impl Folder {
    fn open(options: &Broker) -> Result<Self, Failure> {
        let now = Clock::system().now();
        std::fs::create_dir_all(&options.out)?;
        let path = std::fs::canonicalize(&options.out)?;
        let kept = path.join("authority.pem");
        let authority = if kept.exists() {
            Authority::from_pem(&std::fs::read_to_string(&kept)?)?
        } else {
            let made = Authority::new(now - CLOCK_SKEW, now + AUTHORITY_LIFE)?;
            replace(&kept, &made.to_pem(), KEY_MODE)?;
            made
        };
        replace(&path.join("ca.crt"), authority.certificate(), PUBLIC_MODE)?;
        let life = SignedDuration::from_hours(i64::from(options.days) * 24);
        Ok(Self { path, authority, now, life })
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        replace(&self.path.join(name), text, PUBLIC_MODE)
    }

    /// Whether there is a certificate that is good for a while yet.
    fn has_good(&self, folder: &Path) -> bool {
        let known = std::fs::read(folder.join("tls.crt")).ok();
        let until = known.and_then(|certificate| good_until(&certificate));
        until.is_some_and(|until| until > self.now + self.life / 2)
    }

    /// A new certificate for this name, and for these host names.
    fn certify(&self, name: &str, folder: &Path, hosts: &[String]) -> Result<(), Failure> {
        std::fs::create_dir_all(folder)?;
        let time = (self.now - CLOCK_SKEW, self.now + self.life);
        let issued = self.authority.issue_named(name, hosts.iter().map(String::as_str), time)?;
        put(folder, &issued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(devices: &[&str]) -> Users {
        let devices = devices.iter().map(|device| (*device).to_owned()).collect();
        Users::of(&Topics::new("", None, &[]), &[Lot { lot_id: "7".to_owned(), devices }])
    }

    #[test]
    fn each_device_may_write_its_own_topic_and_read_nothing() {
        let acl = acl(&users(&["bay-1"]));
        let own = "user bay-1\ntopic write parkmesh/devices/bay-1/up\ntopic write parkmesh/devices/bay-1/up/+\nuser ";
        assert!(acl.contains(own), "{acl}");
        assert!(
            acl.contains("user cameras-7\ntopic write parkmesh/lots/7/gates/+/plates\n"),
            "{acl}"
        );
        assert!(acl.contains("topic read parkmesh/devices/+/up\n"), "{acl}");
    }

    #[test]
    fn a_node_speaks_for_all_of_its_devices_and_has_one_certificate() {
        let users = users(&["hall/node/bay-1", "hall/node/bay-2"]);
        assert!(users.speakers.contains_key("hall/node") && users.refused.is_empty());
        assert_eq!(users.speakers.len(), 4, "the bridge, a network server and cameras besides");
    }

    #[test]
    fn a_device_takes_no_name_of_ours_and_leaves_no_folder() {
        let names = ["sensor-bridge", "lorawan", "cameras-7", "..", "a/../b", "+", "a\nb", " a"];
        let users = users(&names);
        assert_eq!(users.refused, names);
        assert_eq!(users.speakers.len(), 3);
    }
}
