//! The servers underneath, kept alive as the roles are.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parkmesh_platform::tasks::Tasks;
use parkmesh_servers::{Kind, Servers};

use super::supervisor::pid_file;

/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// Starts a server again whenever it has died, until `tasks` ends.
pub fn keep_alive(servers: &Arc<Servers>, run_dir: &Path, tasks: &Tasks) {
    let (servers, run_dir) = (Arc::clone(servers), run_dir.to_owned());
    for kind in Kind::ALL {
        note_pid(&servers, kind, &run_dir);
    }
    let waits = tasks.clone();
    tasks.spawn("servers", async move {
        loop {
            waits.sleep(LOOK_PERIOD).await;
            for kind in Kind::ALL.into_iter().filter(|kind| !servers.is_running(*kind)) {
                println!("  {} ended; starting it again", kind.name());
                let again = Arc::clone(&servers);
                let started = tokio::task::spawn_blocking(move || again.start_again(kind)).await;
                match started {
                    Ok(Ok(())) => note_pid(&servers, kind, &run_dir),
                    Ok(Err(error)) => eprintln!("  {} does not start: {error}", kind.name()),
                    Err(error) => eprintln!("  {} does not start: {error}", kind.name()),
                }
            }
        }
    });
}

fn note_pid(servers: &Servers, kind: Kind, run_dir: &Path) {
    if let Some(pid) = servers.pid(kind) {
        let _told_elsewhere = std::fs::write(pid_file(run_dir, kind.name()), pid.to_string());
    }
}

/// Where the servers keep their data, by name.
pub fn folders(servers: &Servers, data_dir: &Path) -> BTreeMap<String, String> {
    let of = |kind: Kind| match kind {
        Kind::Postgres => servers.postgres_dir().to_owned(),
        kind => data_dir.join(kind.name()),
    };
    let all = Kind::ALL.into_iter();
    all.map(|kind| (kind.name().to_owned(), super::plan::absolute(&of(kind)).display().to_string()))
        .collect()
}
