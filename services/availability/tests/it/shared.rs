//! The shared picture in Redis.

use std::collections::HashMap;
use std::time::Duration;

use parkmesh_availability::Config;
use parkmesh_availability::store::SharedPicture;
use parkmesh_contracts::booking::v1::{Spot, SpotStateChanged};
use parkmesh_contracts::common::v1::{SpotStatus, SpotType};
use parkmesh_contracts::ids::FloorId;
use parkmesh_platform::fault::reason_of;
use parkmesh_platform::redis::redis::{self, AsyncCommands as _};
use parkmesh_platform::redis::{RedisConfig, connect};
use parkmesh_testkit::{eventually, redis_url};

use crate::facts;
use crate::house::{House, stale};
use crate::proxy::Proxy;

fn shared(house: &House) -> SharedPicture {
    SharedPicture::new(house.redis.clone(), &house.config.redis_prefix)
}

async fn counters(house: &House, floor_id: FloorId) -> HashMap<String, String> {
    shared(house).counters(house.lot_id, floor_id).await.expect("Redis")
}

/// Waits until Redis says that so many of six spots of a floor are free.
async fn redis_has_free(house: &House, floor: usize, free: i32) {
    let free = free.to_string();
    eventually(&format!("{free} free spots in Redis"), || async {
        let counters = counters(house, house.floors[floor]).await;
        let found = (counters.get("free"), counters.get("total").map(String::as_str));
        (found == (Some(&free), Some("6"))).then_some(())
    })
    .await;
}

/// Empties Redis of everything that is this test's, as a restart of Redis would.
async fn flush(house: &House) -> usize {
    let mut connection = house.redis.get().await.expect("Redis");
    let pattern = format!("{}*", house.config.redis_prefix);
    let keys: Vec<String> = connection.keys(pattern).await.expect("keys");
    let _: () = connection.del(&keys).await.expect("Redis");
    keys.len()
}

#[tokio::test]
async fn the_picture_is_written_through_and_by_type() {
    let house = House::new().await;
    let replica = house.stand().await;
    redis_has_free(&house, 0, 6).await;
    house.tell([facts::occupied(house.lot_id, house.spots[0], 1)]).await;
    redis_has_free(&house, 0, 5).await;
    redis_has_free(&house, 1, 6).await;
    // Spots 0 and 6 of the floor are for EVs.
    let counters = counters(&house, house.floors[0]).await;
    let count = |name: &str| counters.get(name).map(String::as_str);
    assert_eq!((count("3:free"), count("3:total")), (Some("1"), Some("2")));
    assert_eq!((count("1:free"), count("1:total")), (Some("4"), Some("4")));

    // Free again, and then another kind of spot.
    house.tell([facts::vacated(house.lot_id, house.spots[0], 2)]).await;
    redis_has_free(&house, 0, 6).await;
    let spot = Spot { spot_type: i32::from(SpotType::Compact), ..house.spot(0, 2, false) };
    let lot_id = house.lot_id.to_string();
    house.tell([SpotStateChanged { lot_id, version: 2, spot: Some(spot) }]).await;
    let counters = eventually("a compact spot", || async {
        let found = self::counters(&house, house.floors[0]).await;
        found.contains_key("4:total").then_some(found)
    })
    .await;
    let count = |name: &str| counters.get(name).map(String::as_str);
    assert_eq!((count("free"), count("total")), (Some("6"), Some("6")));
    assert_eq!((count("3:free"), count("3:total")), (Some("1"), Some("1")));
    assert_eq!((count("4:free"), count("4:total")), (Some("1"), Some("1")));
    house.stop([replica]).await;
}

#[tokio::test]
async fn an_emptied_redis_is_noticed_and_written_anew() {
    let house = House::new().await;
    let replica = house.stand().await;
    redis_has_free(&house, 0, 6).await;
    let before = eventually("an epoch", || async { shared(&house).epoch().await.expect("Redis") });
    let before = before.await;
    assert!(flush(&house).await > 3);
    redis_has_free(&house, 0, 6).await;
    let after =
        eventually("a new epoch", || async { shared(&house).epoch().await.expect("Redis") });
    assert!(after.await > before);
    // And it goes on from there.
    house.tell([facts::occupied(house.lot_id, house.spots[0], 1)]).await;
    redis_has_free(&house, 0, 5).await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn an_older_epoch_is_not_trusted() {
    let house = House::new().await;
    let replica = house.stand().await;
    redis_has_free(&house, 0, 6).await;
    let before = eventually("an epoch", || async { shared(&house).epoch().await.expect("Redis") });
    let before = before.await;
    // As after a restore of an old copy: an older epoch of the same streams, with other numbers.
    let mut connection = house.redis.get().await.expect("Redis");
    let prefix = &house.config.redis_prefix;
    let old = format!("0000{}", &before.as_str()[4..]);
    assert!(old.as_str() < before.as_str());
    let counters = format!("{prefix}avail:{{{}}}:{}", house.lot_id, house.floors[0]);
    let _: () = redis::pipe()
        .hset(&counters, "epoch", &old)
        .hset(&counters, "free", 99)
        .set(format!("{prefix}avail:epoch"), &old)
        .query_async(&mut connection)
        .await
        .expect("Redis");
    redis_has_free(&house, 0, 6).await;
    eventually("a newer epoch", || async {
        shared(&house).epoch().await.expect("Redis").filter(|epoch| *epoch > before)
    })
    .await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_new_replica_answers_from_redis_at_once_and_says_that_it_is_stale() {
    let house = House::new().await;
    let first = house.stand().await;
    house.tell([facts::occupied(house.lot_id, house.spots[0], 1)]).await;
    redis_has_free(&house, 0, 5).await;
    let expected = first.availability(house.lot_id).await.expect("counts");
    let statuses = first.statuses(house.lot_id).await;
    eventually("a filling that is trusted", || async {
        let loaded = shared(&house).load().await.expect("Redis");
        (!loaded.is_empty()).then_some(())
    })
    .await;
    first.running.stop().await;

    house.doubles.known().broken = true;
    let second = house.start().await;
    let warm = eventually("an answer out of Redis", || async {
        second.availability(house.lot_id).await.ok()
    })
    .await;
    assert!(stale(&warm));
    assert_eq!((warm.free, &warm.floors, &warm.types), (11, &expected.floors, &expected.types));
    assert_eq!(second.statuses(house.lot_id).await, statuses);
    eventually("readiness", || async {
        second.running.health().is_some_and(|health| health.is_serving()).then_some(())
    })
    .await;
    let as_of = warm.freshness.and_then(|freshness| freshness.as_of).expect("as_of");

    // Facts told to nobody meanwhile are in the snapshot's stream position or come after it.
    house.tell([facts::occupied(house.lot_id, house.spots[1], 1)]).await;
    house.doubles.known().broken = false;
    let fresh = second.stands(house.lot_id).await;
    let newer = fresh.freshness.and_then(|freshness| freshness.as_of).expect("as_of");
    assert!((newer.seconds, newer.nanos) >= (as_of.seconds, as_of.nanos));
    house.stop([second]).await;
}

#[tokio::test]
async fn reads_and_facts_go_on_without_redis_which_catches_up_later() {
    let house = House::new().await;
    let server = redis_url();
    let target = server.trim_start_matches("redis://");
    let proxy = Proxy::to(target, &house.tasks).await;
    let timeout = Duration::from_millis(300);
    let config = RedisConfig::of(format!("redis://{}", proxy.addr));
    let config = RedisConfig { response_timeout: timeout, ..config };
    let pool = connect(&config).expect("an address");
    let replica = house.start_with(house.config.clone(), pool, house.bus.clone()).await;
    replica.stands(house.lot_id).await;
    redis_has_free(&house, 0, 6).await;

    proxy.cut();
    house.tell([facts::occupied(house.lot_id, house.spots[0], 1)]).await;
    let counts = replica.has_free(house.lot_id, 11).await;
    assert!(!stale(&counts), "Redis is no source of the picture");
    assert_eq!(replica.status(house.lot_id, 0).await, SpotStatus::Occupied);
    for _ in 0..100 {
        let began = tokio::time::Instant::now();
        replica.availability(house.lot_id).await.expect("an answer without Redis");
        assert!(began.elapsed() < timeout, "a read waited for Redis");
    }
    let held = counters(&house, house.floors[0]).await;
    assert_eq!(held.get("free").map(String::as_str), Some("6"), "the way was cut");

    proxy.mend();
    redis_has_free(&house, 0, 5).await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_replica_that_starts_without_redis_and_without_a_snapshot_says_so() {
    let house = House::new().await;
    house.doubles.known().broken = true;
    let dead = connect(&RedisConfig::of("redis://127.0.0.1:1")).expect("an address");
    let replica = house.start_with(Config::default(), dead, house.bus.clone()).await;
    let refused = replica.availability(house.lot_id).await.expect_err("nothing to show");
    assert_eq!(reason_of(&refused).as_deref(), Some("PICTURE_NOT_READY"));
    assert!(!replica.running.health().expect("a server").is_serving());
    house.doubles.known().broken = false;
    assert_eq!(replica.stands(house.lot_id).await.free, 12);
    house.stop([replica]).await;
}

#[tokio::test]
async fn two_replicas_share_one_picture() {
    let house = House::new().await;
    let (one, two) = (house.stand().await, house.stand().await);
    for (n, spot) in house.spots.iter().enumerate().take(6) {
        house.tell([facts::occupied(house.lot_id, *spot, 1)]).await;
        if n % 2 == 1 {
            house.tell([facts::vacated(house.lot_id, *spot, 2)]).await;
        }
    }
    redis_has_free(&house, 0, 3).await;
    redis_has_free(&house, 1, 6).await;
    one.running.stop().await;
    house.tell([facts::occupied(house.lot_id, house.spots[11], 1)]).await;
    redis_has_free(&house, 1, 5).await;
    house.stop([two]).await;
}
