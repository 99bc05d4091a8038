//! The command line.

mod broker;
mod certificates;
mod replay;
mod simulate;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::names::Role;

pub use broker::Broker;
use broker::{BROKER, BROKER_EXAMPLES};
pub use certificates::Certificates;
use certificates::{CERTIFICATES, RUNNING};
pub use replay::{Birmingham, Melbourne, Pulse, Replay, ReplaySource, Ulm};
pub use simulate::Simulate;
use simulate::{EXAMPLES, SIMULATE};

/// Parking: booked before you arrive, free when you get there.
#[derive(Debug, Parser)]
#[command(name = "parkmesh", version, about, after_help = "Start here:  parkmesh up")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine: servers, all roles, a demo mall, simulated cars.
    Up(Up),
    /// Run one role, or several, as a service. Settings come from PARKMESH_* (or PARKMESH_*_FILE).
    Serve(Serve),
    /// Look at the gateway's file of settings without starting anything.
    Gateway(Gateway),
    /// Bring the database up to date: roles, schemas, tables. Safe to repeat.
    Migrate(Migrate),
    /// Make the demo mall: 500 spots on 3 floors, with sensors. Safe to repeat.
    Seed(Seed),
    /// Mint a development token.
    Token(Token),
    /// Write the users of NATS and Redis, each role with what it needs, and the roles' settings for them.
    Access(Access),
    /// Make a development authority, and a certificate for each service.
    #[command(long_about = CERTIFICATES, after_help = RUNNING)]
    Certificates(Certificates),
    /// Write what mosquitto is to be told: a certificate for each registered sensor, and which topics are its own.
    #[command(long_about = BROKER, after_help = BROKER_EXAMPLES)]
    Broker(Broker),
    /// Let simulated cars come and go, with sensors that fail and drivers who book, and compare what the product makes of it.
    #[command(long_about = SIMULATE, after_help = EXAMPLES)]
    Simulate(Simulate),
    /// Play recorded sensor data through the whole system and compare the outcome.
    Replay(Replay),
    /// List facts that no consumer could take, or send them again.
    DeadLetters(DeadLetters),
    /// Say what one frame of a sensor means, as JSON.
    // Here and not at the options: the line above would hide it there.
    #[command(long_about = DECODE)]
    Decode(Decode),
    /// Let a crowd book at random, kill things meanwhile, and judge all that was answered.
    Torture(Torture),
}

/// Options of `up`.
#[derive(Debug, Clone, Args)]
pub struct Up {
    /// Where data, keys and up.json are kept.
    #[arg(long, default_value = ".parkmesh")]
    pub home: PathBuf,
    /// Where the servers keep their data; default `<home>/data`.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Where fetched servers are kept; default `<home>`.
    #[arg(long, env = "PARKMESH_SERVERS_HOME")]
    pub servers_home: Option<PathBuf>,
    /// Throw the data away at the end.
    #[arg(long)]
    pub ephemeral: bool,
    /// Start no simulated cars; sensors stay silent until you publish.
    #[arg(long)]
    pub no_simulate: bool,
    /// Make no demo mall (and so simulate nothing).
    #[arg(long)]
    pub no_seed: bool,
    /// Let the roles prove their names to each other by certificates, from an authority of this `up`, instead of by tokens.
    #[arg(long)]
    pub mtls: bool,
    /// Gateway at this port, services at +1 to +7, admin ports at +100 to +107; default 8080, 7001–7007 and 7100–7107.
    #[arg(long)]
    pub port_base: Option<u16>,
    /// The web app, built: the gateway serves it if there is an index.html in it when `up` begins, and sees later builds.
    #[arg(long, default_value = "app/dist")]
    pub app_dir: PathBuf,
    /// Where a collector listens for OTLP over gRPC, for example http://127.0.0.1:4317.
    #[arg(long)]
    pub otlp_endpoint: Option<String>,
    /// Let Postgres and NATS acknowledge what is not on disk yet: for seeing what a power cut then takes.
    #[arg(long, hide = true)]
    pub hasty_stores: bool,
}

/// Options of `serve`.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Which roles; each reads PARKMESH_<ROLE>_<NAME>, then PARKMESH_<NAME>.
    #[arg(required = true, value_enum)]
    pub roles: Vec<Role>,
}

/// Options of `gateway`.
#[derive(Debug, Clone, Args)]
pub struct Gateway {
    /// What to do with it; `parkmesh serve gateway` serves.
    #[arg(long, value_parser = PossibleValuesParser::new(["validate"]))]
    pub mode: String,
    /// The file.
    #[arg(short, long, env = "PARKMESH_GATEWAY_CONFIG")]
    pub config_path: PathBuf,
}

/// Options of `migrate`.
#[derive(Debug, Clone, Args)]
pub struct Migrate {
    /// The database, as somebody who may make roles and schemas.
    #[arg(long, env = "PARKMESH_POSTGRES_ADMIN_URL", hide_env_values = true)]
    pub admin_url: String,
    /// Leave out the sandbox provider's schema, which production has no use for.
    #[arg(long)]
    pub no_sandbox: bool,
}

/// How to reach a running system.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// The gateway.
    #[arg(long, env = "PARKMESH_GATEWAY_URL", default_value = "http://127.0.0.1:8080")]
    pub gateway: String,
    /// An operator's token; default: the one in `.parkmesh/up.json`.
    #[arg(long, env = "PARKMESH_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The MQTT broker; default: the one in `.parkmesh/up.json`.
    #[arg(long, env = "PARKMESH_MQTT_URL")]
    pub mqtt: Option<String>,
    /// Where `up` keeps up.json.
    #[arg(long, default_value = ".parkmesh")]
    pub home: PathBuf,
}

/// Options of `seed`.
#[derive(Debug, Clone, Args)]
pub struct Seed {
    /// Which system.
    #[command(flatten)]
    pub target: Target,
}

/// Options of `token`.
#[derive(Debug, Clone, Args)]
pub struct Token {
    /// driver, guest, kiosk, operator, device or service.
    pub role: String,
    /// Whom the token names, for example `anna`, or a device's or service's name. Of a guest: a UUID, or nothing for a new one.
    #[arg(default_value = "")]
    pub subject: String,
    /// A lot that the token is bound to; may be repeated.
    #[arg(long = "lot")]
    pub lots: Vec<String>,
    /// How long it holds.
    #[arg(long, default_value_t = 12)]
    pub hours: u32,
    /// The development key; made when it is missing.
    #[arg(long, default_value = ".parkmesh/keys/issuer.pem")]
    pub key: PathBuf,
}

/// Options of `access`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  parkmesh access --out access --nats-url nats://nats:4222 --redis-url redis://redis:6379\n  \
                  kubectl create secret generic parkmesh-booking-stores --from-env-file access/booking.env"
)]
pub struct Access {
    /// The folder to write. What it holds is secret; passwords that it has are kept.
    #[arg(long)]
    pub out: PathBuf,
    /// NATS, as the roles reach it.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
    /// Redis, as the roles reach it.
    #[arg(long, default_value = "redis://127.0.0.1:6379")]
    pub redis_url: String,
}

/// What `decode --help` begins with.
const DECODE: &str = "Says what one frame of a parking sensor means, as the sensor bridge reads it. Prints JSON: `occupied` is true, false, or \
     null where the frame says nothing about its spot; `kind` says why it was sent; the rest is there where the frame \
     tells it. Parts that no table lists are passed over and counted in `unknown_parts`. Which decoder reads a frame \
     follows from model and firmware and is never guessed from its bytes. A frame that makes no sense ends with an \
     error that says why.";

/// Options of `decode`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  parkmesh decode --model placepod 026700C3376601\n  parkmesh decode --model bosch-tps110 --port 2 01FF\n  \
                  parkmesh decode --model nwave-nps405 --firmware 2.4.9 95\n  parkmesh decode --model nwave-nps405 --firmware old CA"
)]
pub struct Decode {
    /// The sensor's model, as it is registered.
    #[arg(long, value_parser = PossibleValuesParser::new(parkmesh_sensor_bridge::MODELS))]
    pub model: String,
    /// The sensor's firmware, as it is registered. It matters to nwave-nps405: before 2.4 (or `old`) the state is bit 7, else bit 0.
    #[arg(long, default_value = "")]
    pub firmware: String,
    /// The LoRaWAN port that the frame came on; default 1. It tells kinds of frames apart for bosch-tps110 and nwave-nps405
    /// (1 status, 2 heartbeat, 3 start-up) and tekzipark (1, 2).
    #[arg(long)]
    pub port: Option<u8>,
    /// The frame in hex digits; blanks and colons between bytes are passed over.
    #[arg(required = true, value_name = "HEX")]
    pub hex: Vec<String>,
}

/// Options of `dead-letters`.
#[derive(Debug, Clone, Args)]
pub struct DeadLetters {
    /// NATS, with a user who may do this: `admin` of `parkmesh access`.
    #[arg(
        long,
        env = "PARKMESH_NATS_URL",
        hide_env_values = true,
        default_value = "nats://127.0.0.1:4222"
    )]
    pub nats_url: String,
    /// List or redrive.
    #[command(subcommand)]
    pub action: DeadLetterAction,
}

/// What to do with dead letters.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadLetterAction {
    /// Show them, oldest first.
    List {
        /// Only those of this consumer.
        #[arg(long)]
        consumer: Option<String>,
        /// As JSON, one to a line, with the body in base64.
        #[arg(long)]
        json: bool,
    },
    /// Give them back to the consumers that could not take them, after the cause is gone.
    Redrive {
        /// Its number in the list; without one all of them.
        sequence: Option<u64>,
        /// Only those of this consumer.
        #[arg(long)]
        consumer: Option<String>,
        /// A folder with bodies that were repaired, as files named by the number: each takes the place of the one
        /// that it had. Without a number only those with a file are given back.
        #[arg(long)]
        bodies: Option<PathBuf>,
    },
}

/// The kinds of torture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TortureKind {
    /// A crowd that does everything at random; judged by its history.
    Crowd,
    /// Confirmations that race the end of their hold, and rivals who want the spot at that moment. No clockwork runs.
    Expiry,
    /// Calls that their callers give up at random instants: no connection may be left in a transaction.
    Cancels,
    /// Payment and booking die at every named point of setting money aside, taking it and giving it back, --attempts times each; judged
    /// by the provider's own books.
    Failpoints,
    /// A crowd sets money aside, repeats itself and takes back, while the provider fails every seventh time and every booking's end is told
    /// twice and out of order; judged by the provider's own books.
    Payments,
    /// The exits of a hundred stays are told --attempts times, and their arrivals in between; judged by the provider's own books.
    Exits,
}

/// Options of `torture`.
#[derive(Debug, Clone, Args)]
#[command(
    long_about = "Lets a crowd of clients hold, confirm, create, cancel, arrive, leave, repeat and read bookings at random, most of them \
                  on the same few spots, while booking is killed and Postgres restarted. Every call is written down with the instants \
                  at which it began and ended; at the end all bookings are read back, the facts are read from the stream, and a judge \
                  that knows nothing of how booking works looks for what must never be: two bookings of one spot for overlapping \
                  windows, more bookings than spots, a repeated request with another answer, an acknowledged booking or a fact that \
                  is gone, a refusal that nothing explains.\n\n\
                  Without --target it starts a Parkmesh of its own, which leaves nothing behind. With --target it makes two lots \
                  named `torture-…` in a running one, books there, and breaks nothing.",
    after_help = "Examples:\n  parkmesh torture\n  parkmesh torture --attempts 1000000 --kill-booking-every 10 --restart-postgres-every 45\n  \
                  parkmesh torture --target http://127.0.0.1:8080 --attempts 5000\n  parkmesh torture --judge history.bin"
)]
pub struct Torture {
    /// What is done to it.
    #[arg(long, value_enum, default_value_t = TortureKind::Crowd)]
    pub what: TortureKind,
    /// Calls to make; operations of `payments`; facts of `exits`; trials of `expiry`; deaths at each of the `failpoints`.
    #[arg(long, default_value_t = 20_000)]
    pub attempts: u64,
    /// The same seed makes the same wishes (never the same timing).
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Of the `failpoints` only every so many-th.
    #[arg(long, default_value_t = 1)]
    pub every: usize,
    /// Clients at once, each a driver of its own.
    #[arg(long, default_value_t = 48)]
    pub clients: u32,
    /// How unequally spots are liked: 0 all alike, 1 the first twice as much as the second, three times as much as the third.
    #[arg(long, default_value_t = 1.0)]
    pub zipf: f64,
    /// Spots of each of the two lots.
    #[arg(long, default_value_t = 24)]
    pub spots: u32,
    /// Replicas of booking.
    #[arg(long, default_value_t = 2)]
    pub replicas: u32,
    /// Kill a replica of booking every so many seconds; 0 for never.
    #[arg(long, default_value_t = 10.0)]
    pub kill_booking_every: f64,
    /// Restart Postgres every so many seconds, by kill -9 and in peace in turn; 0 for never.
    #[arg(long, default_value_t = 30.0)]
    pub restart_postgres_every: f64,
    /// Kill NATS every so many seconds; 0 for never.
    #[arg(long, default_value_t = 0.0)]
    pub kill_nats_every: f64,
    /// Delete the stream of booking's facts every so many seconds; 0 for never. All must be there again at the end.
    #[arg(long, default_value_t = 0.0)]
    pub delete_stream_every: f64,
    /// Cut the power of the disk of Postgres and NATS every so many seconds; 0 for never. Needs root and loop devices.
    #[arg(long, default_value_t = 0.0, conflicts_with = "target")]
    pub cut_power_every: f64,
    /// Let Postgres and NATS acknowledge what is not on disk yet. After a power cut promises must then be found broken: it
    /// shows that the cut is one.
    #[arg(long, conflicts_with = "target")]
    pub hasty_stores: bool,
    /// Says that we have been started anew with mounts of our own.
    #[arg(long, hide = true)]
    pub sees_own_mounts: bool,
    /// Keep the record in this file.
    #[arg(long)]
    pub history: Option<PathBuf>,
    /// Keep the world, the record and how far the run is in this folder. Ctrl-C then ends a sitting in order, and the same
    /// command goes on from there; once enough calls are made, all of them are judged.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["target", "history", "cut_power_every"])]
    pub keep: Option<PathBuf>,
    /// Only judge this record; nothing is started.
    #[arg(long, conflicts_with = "target")]
    pub judge: Option<PathBuf>,
    /// A running gateway or booking service; may be repeated. Nothing is killed then.
    #[arg(long)]
    pub target: Vec<String>,
    /// With --target: its NATS, so that facts can be read; without it nothing is said about facts.
    #[arg(long, env = "PARKMESH_NATS_URL")]
    pub nats_url: Option<String>,
    /// With --target: how far its clock may be from ours, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub skew_ms: u32,
    /// With --target: the issuer's key, for the tokens of the clients.
    #[arg(long, default_value = ".parkmesh/keys/issuer.pem")]
    pub key: PathBuf,
    /// Where fetched servers are kept.
    #[arg(long, env = "PARKMESH_SERVERS_HOME", default_value = ".parkmesh")]
    pub servers_home: PathBuf,
    /// Also write the outcome to this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
}
