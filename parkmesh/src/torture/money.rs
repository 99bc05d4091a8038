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
use tonic::{Code, Response, Status};

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
