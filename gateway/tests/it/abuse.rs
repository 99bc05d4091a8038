//! Clients who harm others, if they can.

use std::time::Duration;

use parkmesh_contracts::notification::v1::{ListNotificationsRequest, WatchNotificationsRequest};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;
use tokio::time::{Instant, timeout};

use crate::client::{framed, post};
use crate::obedient::obedient;
use crate::world::{LIST, WATCH, World, cluster};

const BINARY: &str = "application/grpc-web+proto";
/// Long streams that nobody reads.
const UNREAD: usize = 24;
/// Until every window on the way is full, many times over.
const FULL_AFTER: Duration = Duration::from_secs(2);
/// Longest that a call of somebody else takes then.
const CALL_MAX: Duration = Duration::from_secs(5);

#[tokio::test]
async fn those_who_do_not_read_hold_up_nobody_else() {
    let (service, _given_up) = obedient(&Tasks::new(&Clock::system())).await;
    let world =
        World::with(|config| config.clusters = vec![cluster("notification", &[service])]).await;
    let mut headers = world.headers(BINARY);
    headers.push(("x-do", "flood"));
    let mut unread = Vec::new();
    for _ in 0..UNREAD {
        let mut wire = world.http2().await;
        let body = framed(&WatchNotificationsRequest::default());
        let response = wire.send(post(WATCH, &headers, body)).await;
        unread.push((wire, response));
    }
    let mut wire = world.http2().await;
    let (began, mut calls) = (Instant::now(), 0);
    while began.elapsed() < FULL_AFTER {
        let body = framed(&ListNotificationsRequest::default());
        let ask = wire.ask(post(LIST, &world.headers(BINARY), body));
        let answer = timeout(CALL_MAX, ask).await;
        assert!(answer.is_ok_and(|answer| answer.is_good()), "after {calls} calls");
        calls += 1;
    }
}
