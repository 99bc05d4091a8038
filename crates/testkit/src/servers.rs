//! Where the servers of the tests are.

/// An administrator's address of Postgres.
pub fn postgres_url() -> String {
    address("PARKMESH_TEST_POSTGRES_URL")
}

/// The address of NATS with JetStream.
pub fn nats_url() -> String {
    address("PARKMESH_TEST_NATS_URL")
}

/// The address of Redis.
pub fn redis_url() -> String {
    address("PARKMESH_TEST_REDIS_URL")
}

/// The address of the MQTT broker.
pub fn mqtt_url() -> String {
    address("PARKMESH_TEST_MQTT_URL")
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
fn address(name: &str) -> String {
    match std::env::var(name) {
        Ok(url) if !url.is_empty() => url,
        _ => panic!("{name} is not set: run `cargo xtask test`, which starts the test servers"),
    }
}
