//! Watching what stands on the spots of a lot.

use std::time::Duration;

use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::OccupancyState::{Occupied, Unknown, Vacant};
use parkmesh_platform::fault::reason_of;
use parkmesh_sensor::{Config, SettleMs, WatchLimits};
use tonic::{Code, Streaming};

use crate::world::{World, with};

type Watch = Streaming<proto::WatchOccupancyResponse>;

async fn watch(world: &World, resume_token: &str) -> Watch {
    let lot_id = world.lot.to_string();
    let asked = proto::WatchOccupancyRequest { lot_id, resume_token: resume_token.to_owned() };
    let mut client = world.client.clone();
    client.watch_occupancy(with(&world.admin(), asked)).await.unwrap().into_inner()
}

async fn next(watch: &mut Watch) -> proto::WatchOccupancyResponse {
    let told = tokio::time::timeout(Duration::from_secs(20), watch.message()).await;
    told.expect("a message in time").unwrap().expect("a message")
}

/// The whole of a snapshot, and its token.
async fn snapshot(watch: &mut Watch) -> (Vec<proto::SpotOccupancy>, String) {
    let mut spots = Vec::new();
    loop {
        let part = next(watch).await;
        assert!(part.snapshot && part.spots.len() <= 500);
        spots.extend(part.spots);
        if !part.resume_token.is_empty() {
            return (spots, part.resume_token);
        }
    }
}

/// The next change of this spot, and the token that goes with it.
async fn change(
    watch: &mut Watch,
    spot: &crate::world::Placed,
    version: i64,
) -> (proto::SpotOccupancy, String) {
    loop {
        let told = next(watch).await;
        let ours = |one: &&proto::SpotOccupancy| {
            one.spot_id == spot.spot_id.to_string() && one.version >= version
        };
        if let Some(one) = told.spots.iter().find(ours) {
            return (one.clone(), told.resume_token);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_is_told_the_whole_lot_and_then_each_change() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 700, 0).await;
    world.published().await;
    let mut seen = watch(&world, "").await;
    let (all, _) = snapshot(&mut seen).await;
    assert_eq!(all.len(), 700);
    assert!(all.iter().all(|spot| spot.state() == Unknown));
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spots[7], true)]).await;
    let (told, _) = change(&mut seen, &spots[7], 2).await;
    assert_eq!((told.state(), told.version), (Occupied, 2));
    assert_eq!(told, world.spot(spots[7].spot_id).await.occupancy.unwrap(), "as it is read");
    world.advance(1);
    feed.send(vec![world.says(&spots[7], false)]).await;
    let (told, _) = change(&mut seen, &spots[7], 3).await;
    assert_eq!((told.state(), told.version), (Vacant, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_is_told_what_was_missed_and_after_a_restart_everything() {
    let mut world = World::without_settling().await;
    let spots = world.place("bay", 3, 0).await;
    let mut seen = watch(&world, "").await;
    snapshot(&mut seen).await;
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spots[0], true)]).await;
    let (_, token) = change(&mut seen, &spots[0], 2).await;
    drop(seen);
    feed.send(vec![world.says(&spots[1], true)]).await;
    world.published().await;
    let mut resumed = watch(&world, &token).await;
    let told = next(&mut resumed).await;
    assert!(!told.snapshot);
    let names: Vec<_> = told.spots.iter().map(|one| one.spot_id.clone()).collect();
    assert_eq!(names, [spots[1].spot_id.to_string()], "and nothing else");
    world.boot().await;
    let mut anew = watch(&world, &told.resume_token).await;
    let (all, _) = snapshot(&mut anew).await;
    assert_eq!(all.iter().filter(|spot| spot.state() == Occupied).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_has_a_pulse_and_ends_with_a_reason() {
    let watch_limits = WatchLimits {
        heartbeat_period: Duration::from_millis(50),
        life_max: Duration::from_millis(600),
    };
    let settle = Some(SettleMs { occupied: 0, vacant: 0 });
    let world = World::with(Config { settle, watch: watch_limits, ..Config::default() }).await;
    let mut seen = watch(&world, "").await;
    let (_, token) = snapshot(&mut seen).await;
    let mut heartbeats = 0;
    let ended = loop {
        match seen.message().await {
            Ok(told) => {
                let told = told.expect("a reason for the end");
                assert_eq!((told.spots.len(), told.snapshot), (0, false));
                assert_eq!(told.resume_token, token);
                heartbeats += 1;
            }
            Err(status) => break status,
        }
    };
    assert!(heartbeats >= 1, "{heartbeats}");
    assert_eq!(reason_of(&ended).as_deref(), Some("STREAM_EXPIRED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_act_at_the_lot_watches_it() {
    let world = World::without_settling().await;
    let lot_id = world.lot.to_string();
    let asked = proto::WatchOccupancyRequest { lot_id, resume_token: String::new() };
    let mut client = world.client.clone();
    for foreign in world.strangers() {
        let refused = client.watch_occupancy(with(&foreign, asked.clone())).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
}
