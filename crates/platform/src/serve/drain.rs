//! What somebody who is refused still sends.
//!
//! A request that is answered before its body was read is reset, h2 remembers a few dozen such streams, and counts what comes for any other
//! against the connection: after 1,024 of them it is cut, and everybody's calls over it with it. Behind a gateway that is all calls, and
//! a crowd that is refused is when it happens. So the body is read to its end, and nothing is reset.

use std::time::Duration;

use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout_at;

use super::Deadline;

/// A message is on its way already. Who sends it slowly is not waited for.
const WAIT: Duration = Duration::from_millis(250);
/// Who sends more than this, in bytes, is not listened to.
const BYTES_MAX: usize = 64 * 1024;

/// Reads a short body to its end, and forgets it.
pub async fn drain<B>(mut body: B)
where
    B: Body<Data: bytes::Buf> + Unpin,
{
    let reading = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await
            && bytes <= BYTES_MAX
        {
            bytes += frame.data_ref().map_or(0, bytes::Buf::remaining);
        }
    };
    let _slow = timeout_at(Deadline::after(WAIT).at, reading).await;
}
