//! Who is not known, or makes no sense.

use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::time::to_proto;

use crate::world::{Placed, World, with};

async fn listed(world: &World) -> Vec<proto::QuarantinedDevice> {
    let request = with(&world.admin(), proto::ListQuarantineRequest::default());
    world.client.clone().list_quarantine(request).await.unwrap().into_inner().devices
}

fn unreadable(world: &World, device_id: &str, reason: &str) -> proto::UnreadableFrame {
    proto::UnreadableFrame {
        device_id: device_id.to_owned(),
        reason: reason.to_owned(),
        detail: "for a test".to_owned(),
        topic: "some/topic".to_owned(),
        payload: vec![0, 1, 2],
        receive_time: Some(to_proto(world.clock.now())),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_device_is_kept_and_leaves_when_it_is_registered() {
    let world = World::without_settling().await;
    let stranger = Placed { device_id: "stranger".into(), spot_id: world.ids.next() };
    let mut feed = world.bridge().await;
    let batch = vec![world.says(&stranger, true)];
    feed.send(batch.clone()).await;
    feed.send(vec![world.says(&stranger, false)]).await;
    feed.send(batch).await;
    let kept = listed(&world).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].device_id.as_str(), kept[0].reason.as_str()),
        ("stranger", "UNKNOWN_DEVICE")
    );
    assert_eq!(kept[0].frames, 2, "what is sent again does not count again");
    world.register(vec![world.new_sensor(&stranger, 0)]).await.unwrap();
    assert_eq!(listed(&world).await, []);
    feed.send(vec![world.says(&stranger, true)]).await;
    assert_eq!(world.state(&stranger).await, (proto::OccupancyState::Occupied, 2));
    let late = vec![unreadable(&world, "stranger", "UNKNOWN_DEVICE")];
    feed.exchange(5, Vec::new(), late).await.unwrap();
    assert_eq!(listed(&world).await, [], "known by now, whatever the bridge had thought");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_without_sense_are_counted_and_harm_nobody_else() {
    let world = World::without_settling().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    let frames = vec![
        unreadable(&world, "bay-0", "BAD_FRAME"),
        unreadable(&world, "", "BAD_ENVELOPE"),
        unreadable(&world, "with\0nul", "BAD_FRAME"),
    ];
    let strange = proto::Reading { device_id: "a\0b".into(), ..world.says(&spot, true) };
    let count = proto::Reading { sequence: Some(u64::MAX), ..world.says(&spot, true) };
    assert_eq!(feed.exchange(1, vec![strange, count], frames).await.unwrap(), 1);
    let mut names: Vec<_> = listed(&world).await.into_iter().map(|kept| kept.device_id).collect();
    names.sort();
    assert_eq!(names, ["a\u{fffd}b", "bay-0", "some/topic", "with\u{fffd}nul"]);
    assert_eq!(world.state(&spot).await, (proto::OccupancyState::Occupied, 2));
}
