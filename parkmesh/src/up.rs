//! `parkmesh up`: everything on this machine, from nothing to a running demo mall.
//!
//! The servers underneath are private ones on free ports; every role is a process of its own, kept alive
//! until Ctrl-C, which drains them in peace. A second `up` goes on with the data of the first.

pub mod keys;
pub mod plan;
pub mod ready;
pub mod supervisor;
mod underneath;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parkmesh_platform::clock::Clock;
use parkmesh_platform::clock_file;
use parkmesh_platform::postgres;
use parkmesh_platform::tasks::Tasks;
use parkmesh_servers::{Binaries, Care, Options, Servers};
use tokio::task::JoinHandle;

use crate::access::{self, Passwords};
use crate::cli::Up;
use crate::client::{UpFile, connect};
use crate::names::Role;
use crate::stop::Stop;
use crate::{Failure, migrate, seed};
use plan::{Plan, ServerUrls, absolute};
use supervisor::{Part, keep_alive};

/// Database of all services.
pub const DATABASE: &str = "parkmesh";
/// The file of the roles' passwords for Redis and NATS, among the keys.
pub const STORES: &str = "stores.json";

/// Brings everything up, says where it is, and waits for Ctrl-C.
pub fn run(options: Up) -> Result<(), Failure> {
    let data_dir = data_dir(&options);
    std::fs::create_dir_all(options.home.join("run"))?;
    step("looking for PostgreSQL, Redis, NATS and mosquitto");
    let servers_home = options.servers_home.as_ref().unwrap_or(&options.home);
    let binaries = Binaries::locate_or_fetch(servers_home, &|line| println!("  {line}"))?;
    step("starting them");
    let care = if options.hasty_stores { Care::Hasty } else { Care::Durable };
    let keys = options.home.join("keys");
    std::fs::create_dir_all(&keys)?;
    let passwords = Passwords::open(&keys.join(STORES))?;
    let access = Some(access::of_servers(&passwords));
    let how = Options { care, access, ..Options::durable(&data_dir) };
    let servers = Arc::new(Servers::start(&binaries, &how)?);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(up(&options, &servers, passwords));
    drop(runtime);
    step("stopping the servers");
    servers.stop();
    if options.ephemeral
        && let Some(servers) = Arc::into_inner(servers)
    {
        servers.erase()?;
    }
    outcome
}

fn data_dir(options: &Up) -> PathBuf {
    match (&options.data_dir, options.ephemeral) {
        (Some(given), _) => given.clone(),
        (None, true) => options.home.join(format!("ephemeral-{}", std::process::id())),
        (None, false) => options.home.join("data"),
    }
}

async fn up(options: &Up, servers: &Arc<Servers>, passwords: Passwords) -> Result<(), Failure> {
    let urls = ServerUrls {
        postgres: ready::database(&servers.postgres_url(), DATABASE).await?,
        redis: servers.redis_url(),
        nats: servers.nats_url(),
        mqtt: servers.mqtt_url(),
    };
    let plan = Plan {
        port_base: options.port_base,
        home: options.home.clone(),
        servers: urls,
        passwords,
        otlp_endpoint: options.otlp_endpoint.clone(),
        app_dir: Some(options.app_dir.clone()).filter(|app| app.join("index.html").is_file()),
        mtls: options.mtls,
    };
    step("bringing the database up to date");
    postgres::migrate(&plan.servers.postgres, &migrate::schemas(true)).await?;
    let clock = Clock::movable();
    let tasks = Tasks::new(&clock);
    clock_file::follow(&clock, plan.clock_offset_file(), &tasks);
    let issuer = keys::prepare(&plan, &clock, &tasks)?;
    let mut parts: Vec<JoinHandle<()>> = Vec::new();
    underneath::keep_alive(servers, &plan.run_dir(), &tasks);
    let folders = underneath::folders(servers, &data_dir(options));
    let outcome = run_parts(options, &plan, &issuer, &tasks, (&mut parts, folders)).await;
    step("draining");
    tasks.token().cancel();
    for part in parts {
        let _ended = part.await;
    }
    let _gone = std::fs::remove_file(options.home.join("up.json"));
    outcome
}

async fn run_parts(
    options: &Up,
    plan: &Plan,
    issuer: &parkmesh_platform::auth::Issuer,
    tasks: &Tasks,
    (parts, folders): (&mut Vec<JoinHandle<()>>, BTreeMap<String, String>),
) -> Result<(), Failure> {
    step("starting every role as a process of its own");
    ready::ports_are_free(plan)?;
    for role in Role::ALL {
        parts.push(keep_alive(plan.part(role), &plan.run_dir(), tasks));
    }
    let mut stop = Stop::listen()?;
    stop.or(ready::roles(plan, tasks)).await?;
    let gateway = plan.url(Role::Gateway).unwrap_or_default();
    let mut tokens = keys::people(issuer)?;
    let mut lot_id = None;
    if !options.no_seed {
        step("making the demo mall: 500 spots on 3 floors");
        let operator = connect(&gateway, &tokens["operator"]).await?;
        let mall = stop.or(seed::demo_mall(operator)).await?;
        tokens.insert("kiosk".to_owned(), keys::kiosk(issuer, mall.lot_id)?);
        tokens.insert("device".to_owned(), keys::device(issuer, &mall.first_device)?);
        lot_id = Some(mall.lot_id.to_string());
    }
    let file = UpFile { folders, ..up_file(plan, tokens, lot_id.clone()) };
    let path = options.home.join("up.json");
    std::fs::write(&path, serde_json::to_string_pretty(&file)?)?;
    if let (Some(lot), false) = (lot_id, options.no_simulate) {
        parts.push(keep_alive(simulation(&file, &options.home, &lot), &plan.run_dir(), tasks));
    }
    tell(&file, &path, plan.app_dir.as_deref());
    stop.told().await;
    Ok(())
}

fn up_file(plan: &Plan, tokens: BTreeMap<String, String>, lot_id: Option<String>) -> UpFile {
    let servers = [
        ("postgres", &plan.servers.postgres),
        ("redis", &plan.servers.redis),
        ("nats", &plan.servers.nats),
        ("mqtt", &plan.servers.mqtt),
    ];
    UpFile {
        gateway: plan.url(Role::Gateway).unwrap_or_default(),
        services: plan.addresses(),
        admin: plan.admin_addresses(),
        servers: servers.into_iter().map(|(name, url)| (name.to_owned(), url.clone())).collect(),
        tokens,
        lot_id,
        folders: BTreeMap::new(),
        clock_offset_file: absolute(&plan.clock_offset_file()).display().to_string(),
        pid: std::process::id(),
    }
}

fn simulation(file: &UpFile, home: &Path, lot: &str) -> Part {
    // Alike at any time of the day: whoever tries things at night wants to see cars too.
    let city = ["--day", "flat", "--changes-per-minute", "30", "--spare", "20"];
    let args = ["simulate", "--gateway", &file.gateway, "--lot", lot];
    let args = args.into_iter().chain(city).chain(["--home"]);
    let mut args: Vec<String> = args.map(str::to_owned).collect();
    args.push(absolute(home).display().to_string());
    Part { name: "simulate".to_owned(), args, env: Vec::new() }
}

fn tell(file: &UpFile, path: &Path, app: Option<&Path>) {
    println!("\nready. gateway (gRPC-web and gRPC): {}", file.gateway);
    if let Some(app) = app {
        println!("  the web app      {}/   ({})", file.gateway, app.display());
        for (who, page) in [("driver", ""), ("kiosk", "kiosk"), ("operator", "operator")] {
            if let Some(token) = file.tokens.get(who) {
                println!("    as {who:<11} {}/{page}#token={token}", file.gateway);
            }
        }
    }
    for (name, url) in &file.services {
        println!("  {name:<16} {url}   admin {}", file.admin.get(name).map_or("", |url| url));
    }
    for (name, url) in &file.servers {
        println!("  {name:<16} {url}");
    }
    println!("addresses and development tokens: {}", path.display());
    println!("stop with Ctrl-C");
}

fn step(what: &str) {
    println!("· {what}");
}
