//! Sends a case through one gateway, and tells what came back.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderName, HeaderValue, Request};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::case::{Case, Wire};
use super::http1;
use super::outcome::{End, Told, fields};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(4);
const WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Sends it, and waits for the end of the answer.
pub async fn ask(case: &Case, addr: SocketAddr, gateway: &str) -> Told {
    let asked = async {
        match case.wire {
            Wire::One | Wire::Zero => http1::ask(case, addr, gateway).await,
            Wire::Two => http2(case, addr, gateway).await,
        }
    };
    timeout(ANSWER_MAX, asked).await.unwrap_or_else(|_elapsed| Told::nothing("no answer in time"))
}

async fn http2(case: &Case, addr: SocketAddr, gateway: &str) -> Told {
    match connect(addr).await {
        Ok((sender, driver)) => {
            // The connection ends with the answer.
            tokio::select! {
                told = exchange(case, gateway, sender) => told,
                () = driver => Told::nothing("the connection ended"),
            }
        }
        Err(why) => Told::nothing(why),
    }
}

async fn connect(
    addr: SocketAddr,
) -> Result<(SendRequest<Bytes>, impl Future<Output = ()>), String> {
    let socket = TcpStream::connect(addr).await.map_err(|error| error.to_string())?;
    let _kept = socket.set_nodelay(true).and_then(|()| socket.set_zero_linger());
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
    let made = builder.handshake(socket).await.map_err(|error| error.to_string())?;
    let (sender, connection) = made;
    let driver = async move {
        let _ended = connection.await;
        // What the last frames said is still to be read.
        std::future::pending::<()>().await;
    };
    Ok((sender, driver))
}

async fn exchange(case: &Case, gateway: &str, sender: SendRequest<Bytes>) -> Told {
    let Some(request) = request(case, gateway) else {
        return Told::nothing("it cannot be said in HTTP/2");
    };
    let Ok(mut sender) = sender.ready().await else { return Told::nothing("the connection ended") };
    let bodiless = case.body.is_empty();
    let (response, mut body) = match sender.send_request(request, bodiless) {
        Ok(sent) => sent,
        Err(error) => return Told::nothing(error.to_string()),
    };
    let write = async {
        // What is refused early is told by the answer.
        let _refused = write(case, &mut body).await;
    };
    if case.aborts {
        write.await;
        body.send_reset(h2::Reason::CANCEL);
        tokio::task::yield_now().await;
        return Told::nothing("the client went away");
    }
    let ((), told) = tokio::join!(write, async {
        match response.await {
            Ok(response) => read(response).await,
            Err(error) => Told::nothing(why(&error)),
        }
    });
    told
}

fn request(case: &Case, gateway: &str) -> Option<Request<()>> {
    let mut request = Request::new(());
    *request.method_mut() = case.method.parse().ok()?;
    *request.uri_mut() = format!("http://gateway{}", case.path).parse().ok()?;
    *request.version_mut() = http::Version::HTTP_2;
    for (name, value) in case.headers_through(gateway) {
        let name: HeaderName = name.to_ascii_lowercase().parse().ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(request)
}

async fn write(case: &Case, body: &mut SendStream<Bytes>) -> Result<(), h2::Error> {
    let sent = if case.aborts { case.body.len() / 2 } else { case.body.len() };
    for (at, piece) in case.body.iter().take(sent).enumerate() {
        let last = at + 1 == case.body.len() && !case.aborts;
        body.send_data(Bytes::copy_from_slice(piece), last)?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn read(response: http::Response<RecvStream>) -> Told {
    let (head, mut body) = response.into_parts();
    let mut told = Told {
        status: Some(head.status.as_u16()),
        headers: fields(&head.headers),
        body: Vec::new(),
        end: End::Open,
    };
    while let Some(data) = body.data().await {
        match data {
            Ok(data) => {
                let _closed = body.flow_control().release_capacity(data.len());
                told.body.extend_from_slice(&data);
            }
            Err(error) => {
                told.end = End::Broken(why(&error));
                return told;
            }
        }
    }
    told.end = match body.trailers().await {
        Ok(trailers) => End::Whole(trailers.map(|found| fields(&found)).unwrap_or_default()),
        Err(error) => End::Broken(why(&error)),
    };
    told
}

/// What broke, in one word.
fn why(error: &h2::Error) -> String {
    match (error.reason(), error.is_reset(), error.is_go_away()) {
        (Some(reason), true, _) => format!("RST_STREAM {reason:?}"),
        (Some(reason), _, true) => format!("GOAWAY {reason:?}"),
        _ => error.to_string(),
    }
}
