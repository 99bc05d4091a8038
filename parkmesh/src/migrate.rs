//! `parkmesh migrate`: the database of all services, each with a schema and a role of its own.

use parkmesh_platform::postgres::{self, Schema};

use crate::Failure;
use crate::cli::Migrate;

/// Brings the database up to date and says so.
pub fn run(options: &Migrate) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(postgres::migrate(&options.admin_url, &schemas(!options.no_sandbox)))?;
    println!("the database is up to date");
    Ok(())
}

/// The schemas of all services.
pub fn schemas(with_sandbox: bool) -> Vec<Schema> {
    let bus = &parkmesh_eventbus::MIGRATIONS;
    let mut schemas = vec![
        Schema { name: "booking", migrators: vec![bus, &parkmesh_booking::MIGRATIONS] },
        Schema { name: "payment", migrators: vec![bus, &parkmesh_payment::MIGRATIONS] },
        Schema { name: "sensor", migrators: vec![bus, &parkmesh_sensor::MIGRATIONS] },
        Schema { name: "notification", migrators: vec![bus, &parkmesh_notification::MIGRATIONS] },
    ];
    if with_sandbox {
        let migrators = vec![&parkmesh_payment_sandbox::MIGRATIONS];
        schemas.push(Schema { name: "payment_sandbox", migrators });
    }
    schemas
}
