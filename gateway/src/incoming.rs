//! A request's body on its way in: decoded, bounded, and whole where the method takes one message.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use parkmesh_contracts::methods::Method;
use parkmesh_platform::serve::Deadline;
use tonic::body::Body;
use tonic::codegen::StdError;

use crate::cluster::Outgoing;
use crate::config::Config;
use crate::error::Error;
use crate::web::base64::NotBase64;
use crate::web::frame::{TRAILER_FLAG, Whole};
use crate::web::request::{Encoding, FromText, Protocol};

/// Takes the body in. One message is read to its end before anything goes inwards: a slow client then
/// holds nothing there, and the call can be sent twice.
///
/// # Errors
/// When it is too long, too slow, or broken.
pub async fn take<B>(
    body: B,
    protocol: Protocol,
    method: &Method,
    config: &Config,
) -> Result<Outgoing, Error>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<StdError>,
{
    let body = match protocol {
        Protocol::Web { request: Encoding::Text, .. } => Body::new(FromText::new(body)),
        Protocol::Native | Protocol::Web { .. } => Body::new(body),
    };
    if method.client_streaming {
        return Ok(Outgoing::Stream(Some(body)));
    }
    let bytes_max = config.request_bytes_max;
    let whole = Limited::new(body, bytes_max).collect();
    let wait = Deadline::after(config.request_wait);
    let bytes = match tokio::time::timeout_at(wait.at, whole).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) => return Err(why(error.as_ref(), bytes_max)),
        Err(_elapsed) => return Err(Error::RequestTooSlow),
    };
    let mut frames = Whole::new(bytes_max);
    let sound = frames.push(bytes.clone()).is_ok_and(|whole| whole.len() == bytes.len());
    let message_first = bytes.first().is_some_and(|flags| flags & TRAILER_FLAG == 0);
    if sound && message_first { Ok(Outgoing::Whole(bytes)) } else { Err(Error::RequestBroken) }
}

fn why(error: &(dyn std::error::Error + Send + Sync + 'static), bytes_max: usize) -> Error {
    if error.is::<LengthLimitError>() {
        return Error::RequestTooLarge { bytes_max };
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotBase64>() {
            return Error::RequestBroken;
        }
        cause = error.source();
    }
    // The client broke off; nobody will read this.
    tracing::debug!(%error, "a request broke off");
    Error::RequestBroken
}
