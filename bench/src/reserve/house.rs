//! The real booking service on the ground of a bench: servers that keep what they acknowledge, the role as a
//! process of its own (or several), a lot, and the tokens of many drivers.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parkmesh_platform::auth::{Claims, Issuer, Role};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_servers::Kind;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

use crate::Failure;
use crate::lab::{Server, ground};

/// How long the role may take until it answers.
const READY_MAX: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// How long tokens hold, in seconds.
const TOKEN_SECONDS: u32 = 24 * 3_600;
/// Where no payment service answers: holding needs none.
const NOBODY: &str = "http://127.0.0.1:1";

/// A running booking service.
pub struct House {
    /// Servers underneath.
    pub server: Server,
    /// Makes tokens that the service accepts.
    pub issuer: Issuer,
    replicas: Replicas,
    home: PathBuf,
    binary: PathBuf,
}

/// The processes of the service, which end when this does.
#[derive(Default)]
struct Replicas(Vec<Replica>);

struct Replica {
    process: Child,
    address: String,
}

impl House {
    /// The servers with a migrated database; no replica yet.
    pub fn prepare(binary: &Path, name: &str) -> Result<Self, Failure> {
        let home = crate::up::home(name)?;
        let server = Server::start(name)?;
        let migrated = Command::new(binary)
            .args(["migrate", "--no-sandbox", "--admin-url", &database(&server)])
            .stdout(Stdio::null())
            .status();
        let issuer = Issuer::open(&home.join("issuer.pem"), &Clock::system(), &Ids::random())?;
        issuer.write_jwks(&home.join("jwks.json"))?;
        let token = issuer.mint(&Claims::service("booking", TOKEN_SECONDS))?;
        std::fs::write(home.join("booking.token"), token)?;
        if !migrated?.success() {
            return Err("the database could not be migrated".into());
        }
        let binary = binary.to_owned();
        Ok(Self { server, issuer, replicas: Replicas::default(), home, binary })
    }

    /// Starts one more replica, with these settings beside its usual ones, and waits until it serves.
    pub fn start(&mut self, settings: &[(String, String)]) -> Result<(), Failure> {
        let (address, admin) = (free_address()?, free_address()?);
        let path = |name: &str| self.home.join(name).display().to_string();
        let log = std::fs::File::create(
            self.home.join(format!("booking-{}.log", self.replicas.0.len())),
        )?;
        let postgres = database(&self.server).replace("//parkmesh@", "//parkmesh_booking@");
        let process = Command::new(&self.binary)
            .args(["serve", "booking"])
            .envs([
                ("PARKMESH_LISTEN", address.clone()),
                ("PARKMESH_ADMIN_LISTEN", admin.clone()),
                ("PARKMESH_AUTH_JWKS", path("jwks.json")),
                ("PARKMESH_SERVICE_TOKEN_FILE", path("booking.token")),
                ("PARKMESH_NATS_URL", self.server.servers.nats_url()),
                ("PARKMESH_POSTGRES_URL", postgres),
                ("PARKMESH_PAYMENT_URL", NOBODY.to_owned()),
            ])
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()?;
        self.replicas.0.push(Replica { process, address });
        self.until_ready(&admin)
    }

    fn until_ready(&mut self, admin: &str) -> Result<(), Failure> {
        let begin = Instant::now();
        while !is_ready(admin) {
            let ended = self.replicas.0.last_mut().map(|replica| replica.process.try_wait());
            if let Some(Ok(Some(status))) = ended {
                return Err(format!("booking ended: {status}; see {}", self.home.display()).into());
            }
            if begin.elapsed() > READY_MAX {
                return Err(format!("booking is not ready; see {}", self.home.display()).into());
            }
            std::thread::sleep(LOOK_PERIOD);
        }
        Ok(())
    }

    /// Ends everything and removes what the servers have kept.
    pub fn end(self) -> Result<(), Failure> {
        drop(self.replicas);
        Ok(self.server.servers.erase()?)
    }

    /// Where the replicas answer.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.replicas.0.iter().map(|replica| replica.address.as_str())
    }

    /// The processes of the replicas, and of NATS, which takes their facts.
    pub fn processes(&self) -> Vec<u32> {
        let ours = self.replicas.0.iter().map(|replica| replica.process.id());
        ours.chain(self.server.servers.pid(Kind::Nats)).collect()
    }

    /// A driver's token.
    pub fn driver(&self, name: &str) -> Result<String, Failure> {
        Ok(self.issuer.mint(&Claims::new(name, Role::Driver, TOKEN_SECONDS))?)
    }

    /// An operator's token, bound to no lot.
    pub fn operator(&self) -> Result<String, Failure> {
        Ok(self.issuer.mint(&Claims::new("bench-operator", Role::Operator, TOKEN_SECONDS))?)
    }

    /// A connection to the service's database, as its administrator.
    pub async fn database(&self) -> Result<PgConnection, Failure> {
        let options = PgConnectOptions::from_str(&database(&self.server))?;
        Ok(options.options([("search_path", "booking, platform")]).connect().await?)
    }

    /// Deadlocks that the database has seen.
    pub async fn deadlocks(&self) -> Result<i64, Failure> {
        ground::deadlocks(&mut self.database().await?).await
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for replica in &self.0 {
            if let Ok(pid) = i32::try_from(replica.process.id()) {
                let _gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
        }
        for replica in &mut self.0 {
            let _ended = replica.process.wait();
        }
    }
}

/// The database that the strategies of the lab use, too: one server, one set of files.
fn database(server: &Server) -> String {
    server.url.clone()
}

fn free_address() -> Result<String, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Whether `/readyz` says so.
fn is_ready(admin: &str) -> bool {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(admin)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The `parkmesh` that is measured: this one, or that of the profile that this program was built with.
pub fn binary(given: Option<&Path>) -> Result<PathBuf, Failure> {
    given.map_or_else(crate::up::binary, |path| Ok(path.to_owned()))
}
