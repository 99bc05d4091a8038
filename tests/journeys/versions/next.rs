//! What stands in for the next version.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parkmesh_contracts::booking::v1::Booking;
use parkmesh_platform::fault::chain;
use parkmesh_platform::postgres::{apply, url_as};
use sqlx::migrate::{Migration, MigrationType};
use sqlx::postgres::PgConnectOptions;
use sqlx::{PgPool, SqlSafeStr};

use crate::support::Up;

/// Above every version of ours for long.
pub const VERSION: i64 = 9_001;
/// A fact that ours do not know.
pub const NEW_FACT: &str = "parkmesh.booking.v1.recoloured";
/// Field 1000 with the text `next`: no message of ours has it.
pub const UNKNOWN_FIELD: &[u8] = b"\xc2\x3e\x04next";

/// Expands: nothing that ours use goes away. The trigger does what the code of the next version would: a
/// process that says that it is of the next version adds the field to every fact and fills the column.
const BOOKING: &str = r"
    ALTER TABLE booking ADD COLUMN colour text;
    ALTER TABLE outbox ADD COLUMN region text;
    CREATE TABLE colour (name text PRIMARY KEY, spot_id uuid);
    CREATE FUNCTION of_next_version() RETURNS boolean LANGUAGE sql AS
        $$ SELECT coalesce(current_setting('parkmesh.next_version', true), '') = 'on' $$;
    CREATE FUNCTION add_field() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.body := NEW.body || '\xc23e046e657874'::bytea; NEW.region := 'north'; RETURN NEW; END $$;
    CREATE FUNCTION fill_column() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.colour := 'blue'; RETURN NEW; END $$;
    CREATE TRIGGER add_field BEFORE INSERT ON outbox
        FOR EACH ROW WHEN (of_next_version()) EXECUTE FUNCTION add_field();
    CREATE TRIGGER fill_column BEFORE INSERT OR UPDATE ON booking
        FOR EACH ROW WHEN (of_next_version()) EXECUTE FUNCTION fill_column();
";

const NOTIFICATION: &str = r"
    ALTER TABLE notification ADD COLUMN colour text;
    ALTER TABLE inbox ADD COLUMN region text;
    CREATE TABLE colour (name text PRIMARY KEY, user_id text);
";

/// The database as a service sees it.
pub async fn pool(up: &Up, schema: &str) -> PgPool {
    let url = url_as(&up.told("/servers/postgres"), schema).expect("the database's address");
    PgPool::connect(&url).await.expect("the database")
}

/// The next version's migration of two schemas, as its `parkmesh migrate` would apply it.
pub async fn migrate(up: &Up) {
    for (schema, sql) in [("booking", BOOKING), ("notification", NOTIFICATION)] {
        let sql = sql.into_sql_str();
        let migration =
            Migration::new(VERSION, "next version".into(), MigrationType::Simple, sql, false);
        let url = url_as(&up.told("/servers/postgres"), schema).expect("the database's address");
        let options = PgConnectOptions::from_str(&url).expect("an address");
        let applied = apply(schema, vec![migration], options).await;
        applied.unwrap_or_else(|error| panic!("{schema}: {}", chain(&error)));
    }
}

/// Our own `parkmesh migrate`, after the next version's.
pub fn migrate_with_ours(up: &Up) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parkmesh"));
    command.args(["migrate", "--admin-url", &up.told("/servers/postgres")]);
    let output = command.output().expect("parkmesh starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The migrations that a schema has seen, in order.
pub async fn versions_seen(up: &Up, schema: &str) -> Vec<i64> {
    let query = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";
    sqlx::query_scalar(query).fetch_all(&pool(up, schema).await).await.expect("the migrations")
}

/// Commits a fact of an unknown type, about an aggregate of its own, as a replica of the next version would;
/// gives the aggregate.
pub async fn tell_what_ours_do_not_know(booking: &PgPool, beside: &Booking) -> String {
    let aggregate = uuid::Uuid::now_v7();
    let insert = "INSERT INTO outbox \
                  (fact_id, aggregate_id, version, fact_type, lot_id, body, create_time, region) \
                  VALUES ($1, $2, 1, $3, $4, $5, now(), 'north')";
    sqlx::query(insert)
        .bind(uuid::Uuid::now_v7())
        .bind(aggregate)
        .bind(NEW_FACT)
        .bind(&beside.lot_id)
        .bind(&b"blue"[..])
        .execute(booking)
        .await
        .expect("a row of the outbox");
    aggregate.to_string()
}

/// A second replica of booking, in the place of one of the next version.
pub struct Replica {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Replica {
    /// Starts it with the settings of the first one, but for its ports and for what it says to the database.
    pub fn start(up: &Up) -> Self {
        let key = |name: &str| up.home().join("keys").join(name).display().to_string();
        let postgres = url_as(&up.told("/servers/postgres"), "booking").expect("an address");
        let (port, admin_port) = (free_port(), free_port());
        let log = up.home().join("run/booking-next.log");
        let file = std::fs::File::create(&log).expect("a log");
        let settings = [
            ("LISTEN", format!("127.0.0.1:{port}")),
            ("ADMIN_LISTEN", format!("127.0.0.1:{admin_port}")),
            ("AUTH_JWKS", key("jwks.json")),
            ("SERVICE_TOKEN_FILE", key("booking.token")),
            ("CLOCK_OFFSET_FILE", up.told("/clock_offset_file")),
            ("POSTGRES_URL", format!("{postgres}?options[parkmesh.next_version]=on")),
            ("NATS_URL", up.told("/servers/nats")),
            ("PAYMENT_URL", up.told("/services/payment")),
            ("EXIT_WITH_PARENT", "true".to_owned()),
        ];
        let child = Command::new(env!("CARGO_BIN_EXE_parkmesh"))
            .args(["serve", "booking"])
            .envs(settings.map(|(name, value)| (format!("PARKMESH_{name}"), value)))
            .stdin(Stdio::piped())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .spawn()
            .expect("parkmesh starts");
        Self { child, port, log }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(&self.log).unwrap_or_default());
        }
        let pid = i32::try_from(self.child.id()).expect("a process id");
        let _gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let _gone = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
