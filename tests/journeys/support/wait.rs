//! Waiting for what must come.

use std::time::{Duration, Instant};

/// How long it may take on a busy machine, kills included.
const WAIT_MAX: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Looks again and again until there is something.
pub async fn eventually<T, Fut>(what: &str, mut look: impl FnMut() -> Fut) -> T
where
    Fut: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < WAIT_MAX, "never came: {what}");
        tokio::time::sleep(LOOK_PERIOD).await;
    }
}

/// Calls again and again, as a client does that was told UNAVAILABLE, until the answer is another one.
pub async fn eventually_ok<T, Fut>(what: &str, mut call: impl FnMut() -> Fut) -> T
where
    Fut: Future<Output = Result<T, tonic::Status>>,
{
    let started = Instant::now();
    loop {
        let status = match call().await {
            Ok(answer) => return answer,
            Err(status) => status,
        };
        let away = matches!(
            status.code(),
            tonic::Code::Unavailable
                | tonic::Code::DeadlineExceeded
                | tonic::Code::Unknown
                | tonic::Code::Cancelled
        );
        let unknown = super::reason(&status) == "PAYMENT_UNKNOWN";
        assert!(away || unknown, "{what}: {status:?}");
        assert!(started.elapsed() < WAIT_MAX, "{what}: still {status:?}");
        tokio::time::sleep(LOOK_PERIOD).await;
    }
}
