//! Waiting for what happens elsewhere, within a bound.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

/// Nothing that a test awaits takes longer, also on a busy machine.
const EVENTUALLY_MAX: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// Asks until there is an answer.
///
/// # Panics
/// When there is none in a minute; says what was awaited.
#[expect(clippy::disallowed_methods, reason = "a bounded wait between two looks")]
pub async fn eventually<T, F, Fut>(what: &str, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < EVENTUALLY_MAX, "awaited in vain: {what}");
        tokio::time::sleep(LOOK_PERIOD).await;
    }
}

/// A listener on a port of its own.
///
/// # Panics
/// When the system has no port.
pub async fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on 127.0.0.1")
}
