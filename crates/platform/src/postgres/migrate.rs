//! Schemas: one per service, owned by a role of the same name, so that no service can read another's tables.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use super::is_retryable;

/// What every service needs of the database, in the schema `platform`. [`migrate`] applies it by itself.
pub static PLATFORM: Migrator = sqlx::migrate!("../../migrations/platform");

/// Only one process at a time migrates a database; the number is ours alone.
const MIGRATION_LOCK: i64 = 0x7061_726b_6d65_7368;

/// How long a migration waits for a table that services are using: whoever comes after it waits as long.
const LOCK_TIMEOUT: &str = "2s";
/// How often a migration gives way to the services' statements before it is told as failed, and how long it
/// then leaves them alone: a minute in all.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

/// A service's part of the database.
#[derive(Debug)]
pub struct Schema {
    /// Its name, for example `booking`. Lower case letters and `_` only.
    pub name: &'static str,
    /// What is to be applied, together in the order of the versions.
    pub migrators: Vec<&'static Migrator>,
}

/// The database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The address, or the server.
    #[error("the database is not reachable, or its administrator may not do this")]
    Database(#[from] sqlx::Error),
    /// A migration.
    #[error("the schema {schema} could not be migrated")]
    Migration {
        /// Of which service.
        schema: &'static str,
        /// What sqlx says.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

/// The role that owns a schema and that its service logs in as.
pub fn role_of(schema: &str) -> String {
    format!("parkmesh_{schema}")
}

/// The same database, as the role of a schema. For servers that trust local connections; elsewhere the
/// deployment gives each service its own address with a password.
///
/// # Errors
/// When the address is not usable.
pub fn url_as(admin_url: &str, schema: &str) -> Result<String, sqlx::Error> {
    let options = PgConnectOptions::from_str(admin_url)?.username(&role_of(schema));
    let mut url = options.to_url_lossy();
    // What sqlx adds of its own no other client would understand.
    url.set_query(None);
    Ok(url.to_string())
}

/// Brings a database up to date: roles, schemas, extensions, tables. Safe to repeat, and safe to run by
/// several processes at once; an older binary passes over migrations that it does not know.
///
/// # Errors
/// When the administrator's address is not usable or a migration fails; everything that was applied before
/// stays.
pub async fn migrate(admin_url: &str, schemas: &[Schema]) -> Result<(), MigrateError> {
    let options = PgConnectOptions::from_str(admin_url)?;
    let mut admin = options.connect().await?;
    let lock = sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATION_LOCK);
    admin.execute(lock).await?;
    let outcome = migrate_locked(&mut admin, &options, schemas).await;
    // Closing gives the lock back.
    admin.close().await?;
    outcome
}

async fn migrate_locked(
    admin: &mut PgConnection,
    options: &PgConnectOptions,
    schemas: &[Schema],
) -> Result<(), MigrateError> {
    // Operator classes for exclusion constraints on (id, range).
    admin.execute("CREATE SCHEMA IF NOT EXISTS platform").await?;
    admin.execute("CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA platform").await?;
    admin.execute("GRANT USAGE ON SCHEMA platform TO PUBLIC").await?;
    apply("platform", all(&[&PLATFORM]), options.clone().options([("search_path", "platform")]))
        .await?;
    for schema in schemas {
        let role = role_of(schema.name);
        prepare(admin, schema.name, &role).await?;
        let path = format!("{},platform", schema.name);
        // As the owner, so that everything made is the service's own.
        let options = options.clone().options([("search_path", &path), ("role", &role)]);
        apply(schema.name, all(&schema.migrators), options).await?;
    }
    Ok(())
}

fn all(migrators: &[&'static Migrator]) -> Vec<Migration> {
    migrators.iter().flat_map(|migrator| migrator.iter().cloned()).collect()
}

async fn prepare(admin: &mut PgConnection, schema: &str, role: &str) -> Result<(), sqlx::Error> {
    // Names are ours, not input: see `Schema::name`.
    let create_role = format!(
        "DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    admin.execute(AssertSqlSafe(create_role)).await?;
    admin.execute(AssertSqlSafe(format!("GRANT {role} TO CURRENT_USER"))).await?;
    let create_schema = format!("CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role}");
    admin.execute(AssertSqlSafe(create_schema)).await?;
    let set_path = format!(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE {role} IN DATABASE %I SET search_path = {schema}, platform', current_database()); END $$"
    );
    admin.execute(AssertSqlSafe(set_path)).await.map(drop)
}

/// Applies one schema's migrations, as the role and with the search path of `options`, while services go on: a
/// migration that meets their statements in a deadlock, or does not get its lock soon, is rolled back and
/// tried again.
///
/// # Errors
/// When the database is away or a migration fails; those before it stay.
pub async fn apply(
    schema: &'static str,
    migrations: Vec<Migration>,
    options: PgConnectOptions,
) -> Result<(), MigrateError> {
    let mut migrator = Migrator::with_migrations(migrations);
    // A newer version of Parkmesh may have been here already. The lock is ours; sqlx's would be the same
    // for all schemas.
    migrator.set_ignore_missing(true).set_locking(false);
    let mut connection = options.options([("lock_timeout", LOCK_TIMEOUT)]).connect().await?;
    let mut attempt = 1;
    let outcome = loop {
        match migrator.run_direct(None, &mut connection, false).await {
            Err(error) if attempt < ATTEMPTS && met_others(&error) => {
                tracing::info!(schema, attempt, %error, "the services come first; the migration is tried again");
                attempt += 1;
                pause().await;
            }
            outcome => break outcome,
        }
    };
    connection.close().await?;
    outcome.map_err(|source| MigrateError::Migration { schema, source })
}

#[expect(clippy::disallowed_methods, reason = "a migration runs before there are tasks")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

/// Whether a migration failed for the others at the same tables, and not for what it is.
fn met_others(error: &sqlx::migrate::MigrateError) -> bool {
    use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
    match error {
        Execute(error) | ExecuteMigration(error, _) => {
            let code = error.as_database_error().and_then(|error| error.code());
            // lock_not_available is what the lock's timeout says.
            is_retryable(error) || code.as_deref() == Some("55P03")
        }
        _ => false,
    }
}
