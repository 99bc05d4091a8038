//! Who may speak for which device.

use parkmesh_contracts::sensor::v1 as proto;
use tonic::Code;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_speaks_for_itself_and_for_nobody_else() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 2, 0).await;
    let token = world.tokens.device("bay-0");
    let mut own = world.feed(&token).await;
    own.send(vec![world.says(&spots[0], true)]).await;
    let both = vec![world.says(&spots[0], false), world.says(&spots[1], true)];
    let refused = own.exchange(2, both, Vec::new()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(world.state(&spots[0]).await, (proto::OccupancyState::Occupied, 2));
    assert_eq!(world.state(&spots[1]).await, (proto::OccupancyState::Unknown, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_speaks_for_the_own_lots_only() {
    let world = World::without_settling().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut own = world.feed(&world.tokens.operator("admin", [world.lot])).await;
    own.send(vec![world.says(&spot, true)]).await;
    for token in world.strangers() {
        let mut foreign = world.feed(&token).await;
        let refused = foreign.exchange(1, vec![world.says(&spot, false)], Vec::new()).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    }
    assert_eq!(world.state(&spot).await, (proto::OccupancyState::Occupied, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_is_not_let_in_at_all() {
    let world = World::without_settling().await;
    let mut client = world.client.clone();
    let stream = tokio_stream::empty::<proto::StreamReadingsRequest>();
    let request = crate::world::with(&world.tokens.driver("anna"), stream);
    assert_eq!(client.stream_readings(request).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_breaks_a_rule_ends_the_stream_and_names_the_field() {
    let world = World::without_settling().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    let timeless = proto::Reading { receive_time: None, ..world.says(&spot, true) };
    let refused = feed.exchange(1, vec![timeless], Vec::new()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("readings[0].receive_time"), "{refused}");
}
