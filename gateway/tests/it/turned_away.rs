//! A crowd that is refused over one connection, and what becomes of the connection: it may be a balancer's, with everybody on it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use parkmesh_platform::tasks::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{LIST, World};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Calls at once, and how often: more than h2 forgives on one connection (1,024).
const AT_ONCE: u32 = 60;
const ROUNDS: u32 = 25;
/// Between the heads of calls and their messages: an answer to the head alone is faster.
const LATER: Duration = Duration::from_millis(20);

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a call without a token, in HPACK without its compression.
fn head() -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    // `:method: POST` and `:scheme: http` of the static table, and the names of two others.
    let mut block = [vec![0x83, 0x86, 0x04], text(LIST), vec![0x01], text("gateway")].concat();
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")] {
        block.extend([vec![0x00], text(name), text(value)].concat());
    }
    block
}

/// Streams that were answered until all were, or the server has said goodbye.
async fn answered(reader: &mut (impl AsyncReadExt + Unpin), wanted: u32) -> BTreeSet<u32> {
    let mut streams = BTreeSet::new();
    while streams.len() < wanted as usize {
        let mut header = [0; 9];
        if reader.read_exact(&mut header).await.is_err() || header[3] == GOAWAY {
            break;
        }
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; length as usize];
        if reader.read_exact(&mut payload).await.is_err() {
            break;
        }
        if header[3] == HEADERS {
            streams.insert(u32::from_be_bytes([header[5], header[6], header[7], header[8]]));
        }
    }
    streams
}

async fn refused(addr: SocketAddr, tasks: &Tasks) -> usize {
    let (mut reader, mut writer) = TcpStream::connect(addr).await.unwrap().into_split();
    writer.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    let mut all = 0;
    for round in 0..ROUNDS {
        let streams = (0..AT_ONCE).map(|number| 2 * (round * AT_ONCE + number) + 1);
        let heads = streams.clone().flat_map(|one| frame(HEADERS, END_HEADERS, one, &head()));
        let messages = streams.flat_map(|one| frame(DATA, END_STREAM, one, &[0; 5]));
        // Once it is cut off there is nobody to write to.
        let _cut = writer.write_all(&heads.collect::<Vec<u8>>()).await;
        tasks.sleep(LATER).await;
        let _cut = writer.write_all(&messages.collect::<Vec<u8>>()).await;
        // One round after the other: where a machine has no time, nobody is to be late for that.
        all += answered(&mut reader, AT_ONCE).await.len();
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_is_refused_does_not_lose_its_connection() {
    let world = World::new().await;
    for (who, addr) in [("the gateway", world.gateway.addr), ("a service", world.service.addr)] {
        assert_eq!(refused(addr, &world.tasks).await, (AT_ONCE * ROUNDS) as usize, "{who} hung up");
    }
}
