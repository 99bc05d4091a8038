//! A container of a pod as a process on this machine: arguments, environment, files and probes are those of
//! its manifest, with the places of this machine put in for those of a cluster.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parkmesh_platform::postgres::url_as;
use serde_json::Value;

use super::named;
use super::probe::Probe;
use crate::support::Up;

/// How long a job may take.
const JOB_MAX: Duration = Duration::from_secs(60);

/// What containers find around them: an `up`, and what the manifests say.
pub struct Cluster<'a> {
    up: &'a Up,
    manifests: &'a [Value],
}

impl<'a> Cluster<'a> {
    /// The servers, keys and other roles of an `up` stand in for those of a cluster.
    pub fn new(up: &'a Up, manifests: &'a [Value]) -> Self {
        Self { up, manifests }
    }

    /// A value of a ConfigMap; the servers underneath are those of the `up`.
    fn config(&self, map: &str, key: &str) -> String {
        let data = &named(self.manifests, "ConfigMap", map)["data"];
        let written = data[key].as_str().unwrap_or_else(|| panic!("{map} has no {key}"));
        match key {
            "nats-url" => self.up.told("/servers/nats"),
            "redis-url" => self.up.told("/servers/redis"),
            "mqtt-url" => self.up.told("/servers/mqtt"),
            "nats-replicas" => "1".to_owned(),
            "jwks.json" => self.key_file("jwks.json"),
            _ => written.to_owned(),
        }
    }

    /// The files of a Secret, as docs/operations.md tells an overlay to make them.
    fn secret(&self, of: &str, name: &str) -> BTreeMap<String, String> {
        let admin = self.up.told("/servers/postgres");
        if name == format!("parkmesh-{of}-mtls") {
            let files = ["tls.crt", "tls.key", "ca.crt"];
            let read = |file: &str| self.key_file(&format!("mtls/{of}/{file}"));
            return files.into_iter().map(|file| (file.to_owned(), read(file))).collect();
        }
        let postgres = format!("parkmesh-{of}-postgres");
        let (key, value) = match name {
            "parkmesh-postgres-admin" => ("url", admin),
            "parkmesh-plates" => ("key", "a key for the plates of a test".to_owned()),
            "parkmesh-data" => ("key", "a key for the data of a test".to_owned()),
            _ if name == postgres => {
                ("url", url_as(&admin, &of.replace('-', "_")).expect("an address"))
            }
            _ => panic!("{of} wants {name}, which is not its own"),
        };
        BTreeMap::from([(key.to_owned(), value)])
    }

    fn key_file(&self, name: &str) -> String {
        std::fs::read_to_string(self.up.home().join("keys").join(name)).expect("a key file")
    }

    /// `http://service:port` as this machine knows it, if it is one; the Service must have that port.
    fn service_url(&self, value: &str) -> Option<String> {
        let (name, port) = value.strip_prefix("http://")?.split_once(':')?;
        let port: u16 = port.parse().ok()?;
        let service = named(self.manifests, "Service", name);
        let ports = service["spec"]["ports"].as_array().expect("ports");
        assert!(ports.iter().any(|one| one["port"] == port), "{value}: {name} has {ports:?}");
        Some(self.up.told(&format!("/services/{name}")))
    }
}

/// A running container.
pub struct Container<'a> {
    name: String,
    child: Child,
    /// Of the pod.
    spec: &'a Value,
    /// Ports of the container, and what they are here.
    ports: BTreeMap<u16, u16>,
    folder: PathBuf,
}

impl<'a> Container<'a> {
    /// Starts the container of a Deployment, StatefulSet or Job.
    pub fn start(cluster: &Cluster<'a>, kind: &str, name: &str) -> Self {
        let spec = &named(cluster.manifests, kind, name)["spec"]["template"]["spec"];
        let container = &spec["containers"][0];
        let folder = cluster.up.home().join("pods").join(name);
        let ports = list(&container["ports"]).map(|port| (number(port, "containerPort"), free()));
        let ports: BTreeMap<u16, u16> = ports.collect();
        let mounts = mounts(cluster, name, spec, &folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_parkmesh"));
        // Nothing but what the manifest says: what this process was given stays here.
        command.env_clear().current_dir("/").args(list(&container["args"]).map(text));
        for variable in list(&container["env"]) {
            let value = local(cluster, &ports, &mounts, &value(cluster, name, variable));
            command.env(text(&variable["name"]), value);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let child = command.spawn().expect("parkmesh starts");
        Self { name: name.to_owned(), child, spec, ports, folder }
    }

    /// Probes as the kubelet does: the startup probe until it passes, then the others.
    pub async fn passes_its_probes(&mut self) {
        for which in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let container = &self.spec["containers"][0];
            let probe = Probe::read(&container[which], &container["ports"], &self.ports);
            let outcome = probe.passes().await;
            let ended = self.child.try_wait().expect("a child");
            assert!(
                outcome.is_ok() && ended.is_none(),
                "{} failed its {which}: {outcome:?} {ended:?}\n{}",
                self.name,
                self.log()
            );
        }
    }

    /// Is told to stop, and ends within its grace, as something that ended well.
    pub async fn stops_in_time(mut self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it runs");
        let grace = number::<u64>(self.spec, "terminationGracePeriodSeconds");
        self.ends(Duration::from_secs(grace)).await;
    }

    /// Ends by itself, well.
    pub async fn ends_well(mut self) {
        self.ends(JOB_MAX).await;
    }

    async fn ends(&mut self, within: Duration) {
        let started = Instant::now();
        let mut status: Option<ExitStatus> = None;
        while status.is_none() && started.elapsed() < within {
            tokio::time::sleep(Duration::from_millis(50)).await;
            status = self.child.try_wait().expect("a child");
        }
        let well = status.is_some_and(|status| status.success());
        assert!(well, "{} ended so: {status:?}\n{}", self.name, self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Writes what is mounted; gives the folder here for each path of the container.
fn mounts(
    cluster: &Cluster<'_>,
    pod: &str,
    spec: &Value,
    folder: &Path,
) -> BTreeMap<String, PathBuf> {
    let mut mounts = BTreeMap::new();
    for mount in list(&spec["containers"][0]["volumeMounts"]) {
        let volume = list(&spec["volumes"]).find(|volume| volume["name"] == mount["name"]);
        let volume = volume.unwrap_or_else(|| panic!("{pod}: nothing to mount for {mount}"));
        let files = match (&volume["secret"]["secretName"], &volume["configMap"]["name"]) {
            (Value::String(name), Value::Null) => cluster.secret(pod, name),
            (Value::Null, Value::String(name)) => {
                let data = &named(cluster.manifests, "ConfigMap", name)["data"];
                let keys = data.as_object().expect("data").keys();
                keys.map(|key| (key.clone(), cluster.config(name, key))).collect()
            }
            _ => panic!("{pod}: an unknown kind of volume: {volume}"),
        };
        let path = text(&mount["mountPath"]);
        let here = folder.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(&here).expect("a folder");
        for (name, content) in files {
            std::fs::write(here.join(name), content).expect("a file");
        }
        mounts.insert(path.to_owned(), here);
    }
    mounts
}

/// The value of a variable, as the cluster would give it.
fn value(cluster: &Cluster<'_>, pod: &str, variable: &Value) -> String {
    let from = &variable["valueFrom"];
    let (map, secret) = (&from["configMapKeyRef"], &from["secretKeyRef"]);
    if let Some(written) = variable["value"].as_str() {
        written.to_owned()
    } else if from["fieldRef"]["fieldPath"] == "metadata.name" {
        format!("{pod}-0")
    } else if map.is_object() {
        cluster.config(text(&map["name"]), text(&map["key"]))
    } else {
        cluster.secret(pod, text(&secret["name"]))[text(&secret["key"])].clone()
    }
}

/// The same on this machine: mounted files, ports to listen on, other services.
fn local(
    cluster: &Cluster<'_>,
    ports: &BTreeMap<u16, u16>,
    mounts: &BTreeMap<String, PathBuf>,
    value: &str,
) -> String {
    for (path, here) in mounts {
        if let Some(file) =
            value.strip_prefix(path.as_str()).and_then(|rest| rest.strip_prefix('/'))
        {
            return here.join(file).display().to_string();
        }
    }
    assert!(!value.starts_with('/'), "{value} is not mounted");
    if let Some(port) = value.strip_prefix("0.0.0.0:") {
        let port: u16 = port.parse().expect("a port");
        let here = ports.get(&port).unwrap_or_else(|| panic!("{port} is not among {ports:?}"));
        return format!("0.0.0.0:{here}");
    }
    cluster.service_url(value).unwrap_or_else(|| value.to_owned())
}

fn free() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

fn number<T: TryFrom<u64>>(value: &Value, name: &str) -> T {
    let number = value[name].as_u64().and_then(|number| T::try_from(number).ok());
    number.unwrap_or_else(|| panic!("{name} in {value}"))
}
