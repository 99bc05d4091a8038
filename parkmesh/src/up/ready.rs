//! Waiting for what `up` has started.

use std::net::TcpListener;
use std::str::FromStr;
use std::time::Duration;

use parkmesh_platform::tasks::Tasks;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::plan::Plan;
use crate::Failure;
use crate::names::Role;

/// How long the roles may take to be ready.
const READY_MAX: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Makes the database if it is not there; gives its address.
pub async fn database(admin_url: &str, name: &str) -> Result<String, Failure> {
    let options = PgConnectOptions::from_str(admin_url)?;
    let mut admin = options.connect().await?;
    let found = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(name);
    if found.fetch_optional(&mut admin).await?.is_none() {
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
    }
    admin.close().await?;
    let mut url = options.database(name).to_url_lossy();
    // What sqlx adds of its own no other client would understand.
    url.set_query(None);
    Ok(url.to_string())
}

/// Says early, and by name, when somebody else has a port.
pub fn ports_are_free(plan: &Plan) -> Result<(), Failure> {
    for role in Role::ALL {
        for address in [plan.address(role), Some(plan.admin_address(role))].into_iter().flatten() {
            TcpListener::bind(&address).map_err(|error| {
                format!(
                    "{role} cannot listen on {address} ({error}); end what uses it, or choose \
                     other ports with --port-base"
                )
            })?;
        }
    }
    Ok(())
}

/// Waits until every role says that it is ready.
pub async fn roles(plan: &Plan, tasks: &Tasks) -> Result<(), Failure> {
    let waiting = async {
        for role in Role::ALL {
            while !is_ready(&plan.admin_address(role)).await {
                tasks.sleep(LOOK_PERIOD).await;
            }
            println!("  {role} is ready");
        }
    };
    tokio::time::timeout(READY_MAX, waiting).await.map_err(|_elapsed| {
        format!("not every role became ready; look into {}", plan.run_dir().display()).into()
    })
}

/// Whether a role says so at its admin address.
pub async fn is_ready(address: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<bool, std::io::Error>(answer.starts_with("HTTP/1.0 200"))
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), ask).await, Ok(Ok(true)))
}
