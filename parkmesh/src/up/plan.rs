//! Which process gets which settings: the whole wiring of a development machine on one page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parkmesh_platform::tls::DEFAULT_TRUST_DOMAIN;

use crate::access::{Passwords, as_user};
use crate::certificates::Folder;
use crate::names::Role;

use super::supervisor::Part;

/// What the sandbox signs its webhooks with: it is on this machine only, like everything here.
const WEBHOOK_SECRET: &str = "whsec_development";
/// Where payment takes them.
const WEBHOOK_PATH: &str = "/webhooks/provider";

/// Where the servers underneath answer.
#[derive(Debug, Clone)]
pub struct ServerUrls {
    /// PostgreSQL, as its administrator, database `parkmesh`.
    pub postgres: String,
    /// Redis, as its administrator.
    pub redis: String,
    /// NATS, as its administrator.
    pub nats: String,
    /// MQTT.
    pub mqtt: String,
}

/// Ports and files of one `up`.
#[derive(Debug, Clone)]
pub struct Plan {
    /// From `--port-base`.
    pub port_base: Option<u16>,
    /// Keys, tokens, logs and process ids.
    pub home: PathBuf,
    /// The servers.
    pub servers: ServerUrls,
    /// Who the roles are to Redis and NATS.
    pub passwords: Passwords,
    /// A collector, if there is one.
    pub otlp_endpoint: Option<String>,
    /// The web app, if it is built.
    pub app_dir: Option<PathBuf>,
    /// Whether certificates prove the names of roles, instead of tokens.
    pub mtls: bool,
}

impl Plan {
    /// Where a role answers.
    pub fn address(&self, role: Role) -> Option<String> {
        let port = role.port()?;
        let port = match (self.port_base, role) {
            (None, _) => port,
            (Some(base), Role::Gateway) => base,
            (Some(base), _) => base.saturating_add(port.saturating_sub(7000)),
        };
        Some(format!("127.0.0.1:{port}"))
    }

    /// Where a role's admin port is.
    pub fn admin_address(&self, role: Role) -> String {
        let port = match self.port_base {
            None => role.admin_port(),
            Some(base) => base.saturating_add(role.admin_port().saturating_sub(7000)),
        };
        format!("127.0.0.1:{port}")
    }

    /// Every address of every role, by name, with `http://` in front.
    pub fn addresses(&self) -> BTreeMap<String, String> {
        let all = Role::ALL.into_iter();
        all.filter_map(|role| Some((role.to_string(), self.url(role)?))).collect()
    }

    /// Every admin address, by name.
    pub fn admin_addresses(&self) -> BTreeMap<String, String> {
        let all = Role::ALL.into_iter();
        all.map(|role| (role.to_string(), format!("http://{}", self.admin_address(role)))).collect()
    }

    /// A role's address with `http://` in front.
    pub fn url(&self, role: Role) -> Option<String> {
        self.address(role).map(|address| format!("http://{address}"))
    }

    /// The JWK set that every role verifies tokens with.
    pub fn jwks_file(&self) -> PathBuf {
        self.home.join("keys/jwks.json")
    }

    /// The token with which a role calls others.
    pub fn token_file(&self, role: Role) -> PathBuf {
        self.home.join(format!("keys/{role}.token"))
    }

    /// The certificates of all roles.
    pub fn certificates(&self) -> Folder {
        let trust_domain = DEFAULT_TRUST_DOMAIN.to_owned();
        Folder { path: self.home.join("keys/mtls"), trust_domain }
    }

    /// The number that moves everybody's clock.
    pub fn clock_offset_file(&self) -> PathBuf {
        self.home.join("run/clock-offset-ms")
    }

    /// Logs and process ids.
    pub fn run_dir(&self) -> PathBuf {
        self.home.join("run")
    }

    /// The process of a role.
    pub fn part(&self, role: Role) -> Part {
        Part {
            name: role.to_string(),
            args: vec!["serve".to_owned(), role.to_string()],
            env: self.env(role),
        }
    }

    fn env(&self, role: Role) -> Vec<(String, String)> {
        let path = |path: PathBuf| absolute(&path).display().to_string();
        let as_role = |url: &str| as_user(url, role.as_str(), &self.passwords);
        let mut env = vec![
            ("ADMIN_LISTEN", self.admin_address(role)),
            ("AUTH_JWKS", path(self.jwks_file())),
            ("CLOCK_OFFSET_FILE", path(self.clock_offset_file())),
            ("NATS_URL", as_role(&self.servers.nats)),
            ("REDIS_URL", as_role(&self.servers.redis)),
            ("MQTT_URL", self.servers.mqtt.clone()),
        ];
        if self.mtls {
            let folder = self.certificates().of(role.as_str());
            let files = [
                ("MTLS_CERTIFICATE", "tls.crt"),
                ("MTLS_KEY", "tls.key"),
                ("MTLS_AUTHORITIES", "ca.crt"),
            ];
            env.extend(files.map(|(name, file)| (name, path(folder.join(file)))));
        } else {
            env.push(("SERVICE_TOKEN_FILE", path(self.token_file(role))));
        }
        if let Some(listen) = self.address(role) {
            env.push(("LISTEN", listen));
        }
        if let Some(endpoint) = &self.otlp_endpoint {
            env.push(("OTLP_ENDPOINT", endpoint.clone()));
            env.push(("TRACE_SAMPLE_RATIO", "1".to_owned()));
        }
        let postgres = role.schema().and_then(|schema| {
            parkmesh_platform::postgres::url_as(&self.servers.postgres, schema).ok()
        });
        if let Some(url) = postgres {
            env.push(("POSTGRES_URL", url));
        }
        let others = [
            ("BOOKING_URL", Role::Booking),
            ("AVAILABILITY_URL", Role::Availability),
            ("PAYMENT_URL", Role::Payment),
            ("SENSOR_URL", Role::Sensor),
            ("NOTIFICATION_URL", Role::Notification),
            ("PROVIDER_URL", Role::PaymentSandbox),
        ];
        env.extend(others.into_iter().filter_map(|(name, role)| Some((name, self.url(role)?))));
        if matches!(role, Role::Payment | Role::PaymentSandbox) {
            env.push(("PROVIDER_WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()));
        }
        if let Some(app) = &self.app_dir {
            env.push(("GATEWAY_APP_DIR", path(app.clone())));
            // Messages link into it.
            env.extend(self.url(Role::Gateway).map(|url| ("APP_URL", url)));
        }
        // As a provider would find us: through the gateway.
        let gateway = self.url(Role::Gateway).filter(|_| role == Role::PaymentSandbox);
        env.extend(gateway.map(|url| ("SANDBOX_WEBHOOK_URL", format!("{url}{WEBHOOK_PATH}"))));
        env.into_iter().map(|(name, value)| (format!("PARKMESH_{name}"), value)).collect()
    }
}

/// The same path from wherever a process stands.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(port_base: Option<u16>) -> Plan {
        let servers = ServerUrls {
            postgres: "postgres://parkmesh@127.0.0.1:5/parkmesh".to_owned(),
            redis: "redis://127.0.0.1:6".to_owned(),
            nats: "nats://127.0.0.1:7".to_owned(),
            mqtt: "mqtt://127.0.0.1:8".to_owned(),
        };
        let passwords = Passwords::new();
        Plan {
            port_base,
            home: "home".into(),
            servers,
            passwords,
            otlp_endpoint: None,
            app_dir: None,
            mtls: false,
        }
    }

    #[test]
    fn a_port_base_moves_every_port() {
        let plan = plan(Some(30_000));
        assert_eq!(plan.address(Role::Gateway).as_deref(), Some("127.0.0.1:30000"));
        assert_eq!(plan.address(Role::Notification).as_deref(), Some("127.0.0.1:30005"));
        assert_eq!(plan.admin_address(Role::SensorBridge), "127.0.0.1:30106");
    }

    #[test]
    fn each_service_logs_in_as_its_own_role() {
        let env = plan(None).part(Role::Payment).env;
        let url = env.iter().find(|(name, _)| name == "PARKMESH_POSTGRES_URL").expect("an address");
        assert!(url.1.contains("parkmesh_payment@127.0.0.1:5/parkmesh"), "{}", url.1);
    }
}
