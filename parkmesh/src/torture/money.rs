//! Money under faults. The judge is the provider: its own books say what was really done.
//!
//! [`ground`] is what runs, [`books`] the comparison, [`failpoints`] deaths at named points, [`payments`]
//! a crowd that pays, repeats and takes back while the provider fails.

pub mod failpoints;
pub mod payments;

mod books;
mod ground;

use std::future::Future;
use std::time::{Duration, Instant};

use parkmesh_platform::fault::reason_of;
use parkmesh_platform::tasks::Tasks;
use serde_json::Value;
use tonic::{Code, Response, Status};

use crate::Failure;

/// How long a caller goes on repeating.
const INSIST_MAX: Duration = Duration::from_secs(90);
/// Between two repeats.
const REPEAT_WAIT: Duration = Duration::from_millis(50);

/// Repeats a call with the same id until it is answered for good.
async fn insist<T, F>(tasks: &Tasks, call: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let begun = Instant::now();
    loop {
        let status = match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => status,
        };
        // What carries no reason of ours is the connection to a process that died.
        let again =
            matches!(status.code(), Code::Unavailable | Code::Aborted | Code::DeadlineExceeded);
        if !(again || reason_of(&status).is_none()) || begun.elapsed() > INSIST_MAX {
            return Err(status);
        }
        tasks.sleep(REPEAT_WAIT).await;
    }
}

/// One call of the provider.
async fn http(address: &str, method: &str, path: &str, body: &Value) -> Result<String, Failure> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all((head + &body).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    match head.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(body.to_owned()),
        _ => Err(format!("the provider answers {method} {path} with {answer}").into()),
    }
}
