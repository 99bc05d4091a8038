//! The strategy lab: the ways that the field proposes to hand out a scarce place, side by side.
//!
//! Each is a file in `lab/strategies/`, driven by the same loads (`load`) on the same private Postgres
//! (`ground`), writes the same rows (`rows`), and is judged by the same checker (`check`), which reads the table
//! and not the answers. Results are kept per strategy, so that the table can be made in several runs.

mod check;
mod draw;
pub mod ground;
pub mod load;
pub mod report;
pub mod result;
mod rows;
pub mod stats;
pub mod strategies;
pub mod strategy;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use parkmesh_servers::{Binaries, Kind, Options, Servers};

use crate::proof::repository;
use crate::{Failure, cpu};
use ground::Ground;
use load::{Load, PLACES_LEFT, SPOTS};
use result::OfStrategy;
pub use rows::new_id;
use strategy::{Choice, Client, Strategy};

/// Options of the lab.
#[derive(Debug, Args)]
pub struct Lab {
    /// How long each load lasts; rounds of a crowd end earlier.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Drivers at once; default: what each strategy is meant for, mostly 64.
    #[arg(long)]
    clients: Option<usize>,
    /// Only these strategies.
    #[arg(long, num_args = 1..)]
    only: Vec<String>,
    /// With the fact and the replay record beside each booking, and all of the service's indexes.
    #[arg(long)]
    everything: bool,
    /// Measure nothing, show what has been measured before.
    #[arg(long)]
    show: bool,
    /// Put the tables and the drawing into docs/.
    #[arg(long)]
    docs: bool,
}

/// Measures, prints the tables, writes them and the drawing below target/lab.
pub fn run(options: &Lab) -> Result<bool, Failure> {
    let folder = folder(options.everything)?;
    if !options.show {
        let server = Server::start("lab")?;
        let runtime = crate::runtime()?;
        for strategy in chosen(&options.only)? {
            let name = strategy.name();
            let of = runtime.block_on(measure(&server, name, options))?;
            std::fs::write(folder.join(format!("{name}.json")), serde_json::to_string(&of)?)?;
        }
        server.servers.erase()?;
    }
    let known = known(&folder)?;
    let tables = report::tables(&known);
    println!("{tables}");
    std::fs::write(folder.join("strategies.md"), &tables)?;
    let drawing = folder.join("strategies.svg");
    std::fs::write(&drawing, draw::svg(&known))?;
    println!("{}", drawing.display());
    if options.docs {
        let name = if options.everything { "everything" } else { "lab" };
        let page = repository().join("docs/strategies.md");
        let text = std::fs::read_to_string(&page)?;
        std::fs::write(&page, report::put(&text, name, &tables)?)?;
        std::fs::write(
            repository().join(format!("docs/strategies-{name}.svg")),
            draw::svg(&known),
        )?;
    }
    Ok(true)
}

/// A private Postgres that keeps what it has committed.
pub struct Server {
    /// All servers of this run.
    pub servers: Servers,
    /// Postgres, as its superuser.
    pub url: String,
}

impl Server {
    /// Starts it on an empty folder below target/.
    pub fn start(name: &str) -> Result<Self, Failure> {
        let binaries = Binaries::locate_or_fetch(&repository().join(".parkmesh"), &|_| ())?;
        let data_dir = repository().join("target/bench-servers").join(name);
        let options = Options { fresh: true, ..Options::durable(&data_dir) };
        let servers = Servers::start(&binaries, &options)?;
        let url = servers.postgres_url();
        Ok(Self { servers, url })
    }

    /// The process of Postgres.
    pub fn postgres(&self) -> Result<u32, Failure> {
        self.servers.pid(Kind::Postgres).ok_or_else(|| "Postgres has died".into())
    }
}

fn folder(everything: bool) -> Result<PathBuf, Failure> {
    let name = if everything { "lab-everything" } else { "lab" };
    let folder = repository().join("target").join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn chosen(only: &[String]) -> Result<Vec<Box<dyn Strategy>>, Failure> {
    let all = strategies::all();
    if let Some(unknown) = only.iter().find(|name| !all.iter().any(|of| of.name() == **name)) {
        let names: Vec<_> = all.iter().map(|strategy| strategy.name()).collect();
        return Err(format!("no strategy {unknown}; there are {}", names.join(", ")).into());
    }
    let is_chosen = |name: &str| only.is_empty() || only.iter().any(|chosen| chosen == name);
    Ok(all.into_iter().filter(|strategy| is_chosen(strategy.name())).collect())
}

/// One strategy by its name.
pub fn find(name: &str) -> Result<Box<dyn Strategy>, Failure> {
    chosen(&[name.to_owned()])?.pop().ok_or_else(|| "no such strategy".into())
}

fn known(folder: &std::path::Path) -> Result<Vec<OfStrategy>, Failure> {
    let mut known = Vec::new();
    for strategy in strategies::all() {
        if let Ok(text) = std::fs::read_to_string(folder.join(format!("{}.json", strategy.name())))
        {
            known.push(serde_json::from_str(&text)?);
        }
    }
    Ok(known)
}

async fn measure(server: &Server, name: &str, options: &Lab) -> Result<OfStrategy, Failure> {
    let strategy = find(name)?;
    let (name, shows) = (strategy.name().to_owned(), strategy.shows().to_owned());
    let mut of = OfStrategy { name, shows, results: Vec::new() };
    for &load in strategy.loads() {
        let time = Duration::from_secs(options.seconds);
        let result = under(server, &of.name, (load, options.everything), (options.clients, time));
        let result = result.await?;
        eprintln!(
            "  {:<24} {load:?}: {:.0} reserved/s, {} double, {} oversold, {} refused while free, {} deadlocks{}",
            of.name,
            result.reserved_a_second,
            result.double_bookings,
            result.oversold,
            result.false_refusals,
            result.deadlocks,
            result.trouble.as_ref().map_or(String::new(), |text| format!(" ({text})")),
        );
        of.results.push(result);
    }
    Ok(of)
}

/// Runs one strategy under one load, on a ground of its own.
pub async fn under(
    server: &Server,
    name: &str,
    (load, everything): (Load, bool),
    (clients, time): (Option<usize>, Duration),
) -> Result<result::Result, Failure> {
    let mut strategy = find(name)?;
    let (spots, filled) = match (load, strategy.choice()) {
        (Load::LastPlaces, Choice::Pool) => (SPOTS, load::all_but_the_last_places()),
        (Load::LastPlaces, _) => (PLACES_LEFT, String::new()),
        _ => (SPOTS, String::new()),
    };
    let schema = format!("lab_{}", name.replace('-', "_"));
    let tables = (strategy.tables(), filled.as_str());
    let ground = Ground::make(&server.url, &schema, tables, (everything, spots)).await?;
    strategy.prepare(&ground).await?;
    let count = clients.unwrap_or_else(|| strategy.clients());
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        let connection = match strategy.uses_connections() {
            true => Some(ground.connect().await?),
            false => None,
        };
        clients.push(Client::new(number, connection));
    }
    let strategy: Arc<dyn Strategy> = strategy.into();
    let mut db = ground.connect().await?;
    let (own, postgres) = ([std::process::id()], [server.postgres()?]);
    let used = || cpu::seconds_of(&own, &postgres);
    let (deadlocks, cpu) = (ground::deadlocks(&mut db).await?, used()?);
    let machine = cpu::of_machine()?;
    let (attempts, trouble) = load::run(load, &strategy, clients, time).await?;
    let (cpu, now) = (used()? - cpu, cpu::of_machine()?);
    let others = ((now.0 - machine.0 - cpu) / (now.1 - machine.1).max(1e-9)).max(0.0);
    let deadlocks = ground::deadlocks(&mut db).await? - deadlocks;
    let verdict = check::judge(load, &check::standing(&mut db).await?, &attempts);
    ground.remove().await?;
    Ok(result::of(load, count, (&attempts, trouble), verdict, (deadlocks, cpu, others)))
}
