//! Registering, listing, and the snapshot.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use parkmesh_contracts::booking::v1::{InventoryChanged, Lot};
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::OccupancyState::{Occupied, Unknown};
use parkmesh_contracts::sensor::v1::stream_occupancy_response::Part;
use parkmesh_platform::auth::{Claims, Role};
use parkmesh_testkit::eventually;
use tonic::Code;

use crate::discrepancies::publish;
use crate::world::{Placed, World, kinds, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_sensor_is_unknown_and_registering_it_again_changes_nothing() {
    let world = World::start().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    assert_eq!(world.state(&spot).await, (Unknown, 1));
    let again = world.register(vec![world.new_sensor(&spot, 5)]).await.unwrap();
    assert_eq!(again[0].heartbeat_seconds, 86_400, "as first registered");
    let facts = world.facts(&spot, 1).await;
    world.published().await;
    assert_eq!(kinds(&facts), ["sensor_silent"]);
    let silent: proto::SensorSilent = facts[0].decode().unwrap();
    assert_eq!((silent.version, silent.last_seen_time), (1, None));
    assert_eq!(world.facts_so_far(&spot).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_device_refuses_all_of_them() {
    let world = World::start().await;
    let taken = world.place("bay", 1, 0).await.remove(0);
    let fresh = Placed { device_id: "new".into(), spot_id: world.ids.next() };
    let moved = Placed { spot_id: world.ids.next(), ..taken.clone() };
    let usurper = Placed { device_id: "usurper".into(), ..taken.clone() };
    let new = |placed: &Placed| world.new_sensor(placed, 0);
    let refused = world.register(vec![new(&fresh), new(&moved)]).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(refused.message().contains("bay-0"), "{refused}");
    let refused = world.register(vec![new(&fresh), new(&usurper)]).await.unwrap_err();
    assert!(refused.message().contains(&taken.spot_id.to_string()), "{refused}");
    let strange = proto::NewSensor { model: "crystal-ball".into(), ..new(&fresh) };
    let refused = world.register(vec![strange]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let refused = world.register(vec![new(&fresh), new(&fresh)]).await.unwrap_err();
    assert!(refused.message().contains("sensors[1]"), "{refused}");
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sensor").fetch_one(&world.pool).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_that_cross_do_not_deadlock() {
    let world = World::start().await;
    let placed: Vec<Placed> = (0..300)
        .map(|index| Placed { device_id: format!("d{index}"), spot_id: world.ids.next() })
        .collect();
    let forth: Vec<_> = placed.iter().map(|placed| world.new_sensor(placed, 0)).collect();
    let back: Vec<_> = forth.iter().rev().cloned().collect();
    let (first, second) = tokio::join!(world.register(forth), world.register(back));
    let (first, mut second) = (first.unwrap(), second.unwrap());
    second.reverse();
    assert_eq!(first, second, "both are told the same sensors");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sensors_are_listed_page_by_page_and_tokens_are_bound() {
    let world = World::start().await;
    world.place("bay", 5, 0).await;
    let mut client = world.client.clone();
    let request = |token: &str| proto::ListSensorsRequest {
        lot_id: world.lot.to_string(),
        page_size: 3,
        page_token: token.to_owned(),
    };
    let first = client.list_sensors(with(&world.admin(), request(""))).await.unwrap().into_inner();
    assert_eq!(first.sensors.len(), 3);
    let token = first.next_page_token;
    let rest = client.list_sensors(with(&world.admin(), request(&token))).await.unwrap();
    let rest = rest.into_inner();
    let names: Vec<_> = rest.sensors.iter().map(|sensor| sensor.device_id.as_str()).collect();
    assert_eq!((names, rest.next_page_token.as_str()), (vec!["bay-3", "bay-4"], ""));
    let other = Claims {
        scopes: Some(vec!["sensor.read".to_owned()]),
        ..Claims::new("terminal", Role::Kiosk, 3_600).at([world.lot])
    };
    let other = world.tokens.mint(&other);
    let refused = client.list_sensors(with(&other, request(&token))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_who_does_not_run_the_lot_finds_nothing_there() {
    let world = World::start().await;
    let placed = world.place("bay", 2, 0).await;
    let lot_id = world.lot.to_string();
    let mut client = world.client.clone();
    for token in world.strangers() {
        let list = proto::ListSensorsRequest { lot_id: lot_id.clone(), ..Default::default() };
        let refused = client.list_sensors(with(&token, list)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        let spot = proto::GetSpotOccupancyRequest { spot_id: placed[0].spot_id.to_string() };
        let refused = client.get_spot_occupancy(with(&token, spot)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        let spot = Placed { device_id: "their-own".to_owned(), spot_id: world.ids.next() };
        let sensors = vec![world.new_sensor(&spot, 0)];
        let register = proto::RegisterSensorsRequest { lot_id: lot_id.clone(), sensors };
        let refused = client.register_sensors(with(&token, register)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_just_made_a_lot_registers_its_sensors_at_once() {
    let world = World::start().await;
    let lot_id: LotId = world.ids.next();
    let spot = Placed { device_id: "bay-0".to_owned(), spot_id: world.ids.next() };
    let sensors = vec![world.new_sensor(&spot, 0)];
    let request = proto::RegisterSensorsRequest { lot_id: lot_id.to_string(), sensors };
    let mut client = world.client.clone();
    let admin = world.admin();
    let registering = client.register_sensors(with(&admin, request));
    let (registered, ()) = tokio::join!(registering, tell_lot(&world, lot_id, "admin", 1));
    assert_eq!(registered.unwrap().into_inner().sensors.len(), 1);
    // What is older than what is known changes nothing; what is newer does.
    let list = || proto::ListSensorsRequest { lot_id: lot_id.to_string(), ..Default::default() };
    tell_lot(&world, lot_id, "olga", 3).await;
    tell_lot(&world, lot_id, "admin", 2).await;
    let olga = world.tokens.operator("olga", []);
    eventually("olga runs it", || async {
        world.client.clone().list_sensors(with(&olga, list())).await.ok()
    })
    .await;
    let refused = client.list_sensors(with(&world.admin(), list())).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_word_of_a_new_lot_refuses_nobody_who_waits_for_it() {
    let world = World::start().await;
    let admin = world.admin();
    // So many that the word comes while some of them look for it.
    for lot in 0..20 {
        let lot_id: LotId = world.ids.next();
        let registering = join_all((0..50).map(|number| {
            let device_id = format!("bay-{lot}-{number}");
            let spot = Placed { device_id, spot_id: world.ids.next() };
            let sensors = vec![world.new_sensor(&spot, 0)];
            let request = proto::RegisterSensorsRequest { lot_id: lot_id.to_string(), sensors };
            let (mut client, request) = (world.client.clone(), with(&admin, request));
            async move { client.register_sensors(request).await }
        }));
        let (registered, ()) = tokio::join!(registering, tell_lot(&world, lot_id, "admin", 1));
        let refused: Vec<_> = registered.into_iter().filter_map(Result::err).collect();
        assert!(refused.is_empty(), "{} of 50, the first: {:?}", refused.len(), refused.first());
    }
}

/// Booking tells whose a lot is.
async fn tell_lot(world: &World, lot_id: LotId, operator: &str, version: i64) {
    let lot = Lot { operator_id: operator.to_owned(), ..Default::default() };
    let lot_id = lot_id.to_string();
    let fact = InventoryChanged { lot_id, version, lot: Some(lot), ..Default::default() };
    publish(world, world.ids.next(), version, &fact).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bridge_is_told_the_known_devices_only() {
    let world = World::start().await;
    world.place("bay", 1, 0).await;
    let token = world.tokens.service("sensor-bridge");
    let device_ids = vec!["bay-0".to_owned(), "nobody".to_owned(), "nul\0".to_owned()];
    let request = with(&token, proto::ResolveDevicesRequest { device_ids });
    let answer = world.client.clone().resolve_devices(request).await.unwrap().into_inner();
    assert_eq!(answer.devices.len(), 1);
    assert_eq!(answer.devices[0].model, "plain-json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_snapshot_is_the_table_and_holds_every_fact_of_its_position() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 700, 0).await;
    let mut feed = world.bridge().await;
    let some = spots.iter().step_by(3);
    feed.send(some.map(|spot| world.says(spot, true)).collect()).await;
    world.published().await;
    let token = world.tokens.service("availability");
    let request = with(&token, proto::StreamOccupancyRequest::default());
    let mut parts = world.client.clone().stream_occupancy(request).await.unwrap().into_inner();
    let (mut rows, mut start, mut end) = (BTreeMap::new(), None, None);
    while let Some(part) = parts.message().await.unwrap() {
        match part.part.unwrap() {
            Part::Start(part) => start = Some(part.sensor_sequence),
            Part::Rows(part) => {
                assert!(part.spots.len() <= 500);
                rows.extend(part.spots.into_iter().map(|spot| (spot.spot_id.clone(), spot)));
            }
            Part::End(part) => end = Some(part.spots),
        }
    }
    assert_eq!(start, Some(world.bus.last_sequence("SENSOR").await.unwrap()));
    assert_eq!((rows.len(), end), (700, Some(700)));
    for (index, spot) in spots.iter().enumerate() {
        let row = &rows[&spot.spot_id.to_string()];
        let expected = if index % 3 == 0 { (Occupied, 2) } else { (Unknown, 1) };
        assert_eq!((row.state(), row.version), expected);
    }
}
