//! A database of the test's own, copied from a template that has been migrated once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::{self, PostgresConfig, Schema, role_of, url_as};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use crate::servers::postgres_url;

/// Enough for a test; the server has some hundreds for all of them.
const CONNECTIONS_MAX: u32 = 8;
/// One template is made at a time. The number is ours alone.
const TEMPLATE_LOCK: i64 = 0x7061_726b_7465_7374;

/// A schema and what is to be applied in it; the tables of the event bus are added by themselves.
pub type SchemaOf<'a> = (&'static str, &'a [&'static Migrator]);

/// A database that goes when this is dropped.
pub struct TestDatabase {
    name: String,
    schema: &'static str,
    admin_url: String,
}

impl TestDatabase {
    /// A database with one service's schema, and the tables of the event bus in it.
    ///
    /// # Panics
    /// When Postgres is out of reach or a migration fails.
    pub async fn create(schema: &'static str, migrators: &[&'static Migrator]) -> Self {
        Self::create_many(&[(schema, migrators)]).await
    }

    /// A database with several services' schemas, for journeys.
    ///
    /// # Panics
    /// As [`TestDatabase::create`]; also when there is no schema.
    pub async fn create_many(schemas: &[SchemaOf<'_>]) -> Self {
        let (first, _) = schemas.first().expect("at least one schema");
        let server = postgres_url();
        let mut admin = connect(&server).await;
        let template = template(&mut admin, &server, schemas).await;
        let random = u128::from_be_bytes(Ids::random().bytes());
        let name = format!("parkmesh_test_{random:032x}");
        run(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        for (schema, _) in schemas {
            // A copy does not take this setting along.
            let role = role_of(schema);
            let path = format!("SET search_path = {schema}, platform");
            run(&mut admin, format!("ALTER ROLE {role} IN DATABASE {name} {path}")).await;
        }
        admin.close().await.expect("Postgres");
        Self { admin_url: url_of(&server, &name), schema: first, name }
    }

    /// A pool of the (first) schema's role.
    ///
    /// # Panics
    /// When the address is not usable.
    pub async fn pool(&self, clock: &Clock) -> PgPool {
        self.pool_of(self.schema, clock).await
    }

    /// A pool of a schema's role.
    ///
    /// # Panics
    /// When Postgres is out of reach.
    pub async fn pool_of(&self, schema: &str, clock: &Clock) -> PgPool {
        let url = self.url_of(schema);
        let config = PostgresConfig { connections_max: CONNECTIONS_MAX, ..PostgresConfig::of(url) };
        let pool = postgres::connect(&config, clock).expect("an address of Postgres");
        pool.execute("SELECT 1").await.expect("a connection as the schema's role");
        pool
    }

    /// The address for the role of the (first) schema.
    pub fn url(&self) -> String {
        self.url_of(self.schema)
    }

    /// The address for a schema's role.
    ///
    /// # Panics
    /// When the server's address is not usable.
    pub fn url_of(&self, schema: &str) -> String {
        url_as(&self.admin_url, schema).expect("an address of Postgres")
    }

    /// The administrator's address of this database.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }
}

impl Drop for TestDatabase {
    /// Best effort: what stays is named `parkmesh_test_…`.
    fn drop(&mut self) {
        let name = self.name.clone();
        // A drop cannot wait in the test's own runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let Ok(options) = PgConnectOptions::from_str(&postgres_url()) else { return };
                let Ok(mut admin) = options.connect().await else { return };
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                let _dropped = admin.execute(AssertSqlSafe(drop)).await;
            });
        });
        let _joined = dropping.join();
    }
}

/// The name of a migrated database to copy; made if nobody has yet.
async fn template(admin: &mut PgConnection, server: &str, schemas: &[SchemaOf<'_>]) -> String {
    let schemas: Vec<Schema> = schemas.iter().map(whole).collect();
    let name = format!("parkmesh_template_{:016x}", fingerprint(&schemas));
    if exists(admin, &name).await {
        return name;
    }
    let locked = sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK);
    admin.execute(locked).await.expect("Postgres");
    if !exists(admin, &name).await {
        // Under another name until it is whole: a run that died here must not leave half a template.
        let draft = format!("{name}_draft");
        run(admin, format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await;
        run(admin, format!("CREATE DATABASE {draft} TEMPLATE template0")).await;
        postgres::migrate(&url_of(server, &draft), &schemas).await.expect("the migrations");
        run(admin, format!("ALTER DATABASE {draft} RENAME TO {name}")).await;
    }
    let unlocked = sqlx::query("SELECT pg_advisory_unlock($1)").bind(TEMPLATE_LOCK);
    admin.execute(unlocked).await.expect("Postgres");
    name
}

fn whole((name, migrators): &SchemaOf<'_>) -> Schema {
    let bus: &'static Migrator = &parkmesh_eventbus::MIGRATIONS;
    let mut whole = vec![bus];
    whole.extend(migrators.iter().copied().filter(|migrator| !std::ptr::eq(*migrator, bus)));
    Schema { name, migrators: whole }
}

/// Changes with every migration.
fn fingerprint(schemas: &[Schema]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let platform = Schema { name: "platform", migrators: vec![&postgres::PLATFORM] };
    for schema in std::iter::once(&platform).chain(schemas) {
        schema.name.hash(&mut hasher);
        for migration in schema.migrators.iter().flat_map(|migrator| migrator.iter()) {
            (migration.version, &migration.checksum).hash(&mut hasher);
        }
    }
    hasher.finish()
}

async fn connect(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("PARKMESH_TEST_POSTGRES_URL");
    options.connect().await.expect("Postgres, which `cargo xtask test` starts")
}

async fn exists(admin: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(admin)
        .await
        .expect("Postgres")
}

/// The names in it are made here.
async fn run(admin: &mut PgConnection, statement: String) {
    let outcome = admin.execute(AssertSqlSafe(statement.as_str())).await;
    assert!(outcome.is_ok(), "{statement}: {outcome:?}");
}

fn url_of(server: &str, database: &str) -> String {
    let options = PgConnectOptions::from_str(server).expect("PARKMESH_TEST_POSTGRES_URL");
    options.database(database).to_url_lossy().to_string()
}
