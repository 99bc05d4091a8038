//! Plates that cameras read: told by marks, and the plate itself kept nowhere.

use std::time::Duration;

use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::common::v1::GateDirection;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::plate::PlateKey;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::outbox;
use parkmesh_platform::auth::{Claims, LIFETIME_MAX_SECONDS, Role};
use parkmesh_platform::fault::reason_of;
use parkmesh_testkit::recorded;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::world::{World, with};

const PLATE: &str = "B-PM 1234";

fn read(world: &World) -> proto::SubmitPlateReadRequest {
    proto::SubmitPlateReadRequest {
        request_id: world.ids.next::<Uuid>().to_string(),
        lot_id: world.lot.to_string(),
        gate_id: "north".to_owned(),
        direction: GateDirection::Entry.into(),
        plate: PLATE.to_owned(),
        confidence_percent: Some(93),
        read_time: Some(to_proto(world.clock.now())),
    }
}

/// A camera's token, bound to these lots.
fn camera(world: &World, lots: &[LotId]) -> String {
    let claims = Claims::new("camera-1", Role::Device, LIFETIME_MAX_SECONDS);
    world.tokens.mint(&claims.at(lots.iter().copied()))
}

async fn submit(
    world: &World,
    token: &str,
    request: proto::SubmitPlateReadRequest,
) -> Result<String, Status> {
    let mut client = world.client.clone();
    let answer = client.submit_plate_read(with(token, request)).await?;
    Ok(answer.into_inner().plate_read_id)
}

async fn told(world: &World) -> Vec<proto::PlateRead> {
    world.published().await;
    let facts = recorded(&world.bus, "SENSOR").await;
    let plates = facts.iter().filter(|fact| fact.fact_type == proto::PlateRead::TYPE);
    plates.map(|fact| fact.decode().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plate_is_told_once_by_its_marks() {
    let world = World::start().await;
    let token = camera(&world, &[world.lot]);
    let request = read(&world);
    let plate_read_id = submit(&world, &token, request.clone()).await.unwrap();
    assert_eq!(submit(&world, &token, request.clone()).await.unwrap(), plate_read_id);
    let facts = told(&world).await;
    assert_eq!(facts.len(), 1);
    let marks = PlateKey::default().marks(PLATE).unwrap();
    assert_eq!(facts[0].exact_mark, marks.exact);
    assert_eq!(
        (facts[0].plate_read_id.clone(), facts[0].direction(), facts[0].confidence_percent),
        (plate_read_id, GateDirection::Entry, Some(93))
    );
    let other = proto::SubmitPlateReadRequest { plate: "B-PM 999".to_owned(), ..request };
    let refused = submit(&world, &token, other).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("REQUEST_ID_REUSED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plate_stands_in_no_table_no_fact_and_no_error() {
    let world = World::start().await;
    let bridge = world.tokens.service("sensor-bridge");
    submit(&world, &bridge, read(&world)).await.unwrap();
    for table in ["outbox", "plate_read"] {
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT count(*) FROM {table} AS kept
             WHERE kept::text LIKE '%PM%1234%' OR kept::text LIKE '%' || $1 || '%'"
        )))
        .bind("504d2031323334")
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!(found, 0, "{table}");
    }
    let none = proto::SubmitPlateReadRequest { plate: "ABCDEFGHIJKLMNOP".into(), ..read(&world) };
    let refused = submit(&world, &bridge, none).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("plate"), "{refused}");
    assert!(!format!("{refused:?}").contains("ABCDEFGH"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_reads_plates_at_its_own_lot_only() {
    let world = World::start().await;
    for token in [camera(&world, &[]), camera(&world, &[world.ids.next()])] {
        let refused = submit(&world, &token, read(&world)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
    let driver = world.tokens.driver("anna");
    let refused = submit(&world, &driver, read(&world)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let nowhere = proto::SubmitPlateReadRequest { direction: 0, ..read(&world) };
    let refused = submit(&world, &camera(&world, &[world.lot]), nowhere).await.unwrap_err();
    assert!(refused.message().contains("direction"), "{refused}");
    assert_eq!(told(&world).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_barrier_is_told_of_its_passages_and_its_first_word_counts() {
    let world = World::start().await;
    let token = camera(&world, &[world.lot]);
    let plate_read_id = submit(&world, &token, read(&world)).await.unwrap();
    let asked =
        proto::WatchPassagesRequest { lot_id: world.lot.to_string(), gate_id: "north".to_owned() };
    let mut client = world.client.clone();
    let mut watch = client.watch_passages(with(&token, asked)).await.unwrap().into_inner();
    for gate_id in ["south", "north"] {
        let fact = booking::PassageGranted {
            lot_id: world.lot.to_string(),
            version: 1,
            plate_read_id: plate_read_id.clone(),
            gate_id: gate_id.to_owned(),
            direction: GateDirection::Entry.into(),
            booking_id: world.ids.next::<Uuid>().to_string(),
        };
        let row = outbox::Row::of(&world.ids, world.clock.now(), world.ids.next(), 1, &fact);
        let mut connection = world.pool.acquire().await.unwrap();
        outbox::append(&mut connection, &[row]).await.unwrap();
    }
    let told = tokio::time::timeout(Duration::from_secs(20), watch.message()).await;
    let passage = told.expect("in time").unwrap().unwrap().passage.unwrap();
    assert_eq!((passage.gate_id.as_str(), passage.plate_read_id.clone()), ("north", plate_read_id));
    let acknowledge = |lot: LotId, opened| proto::AcknowledgePassageRequest {
        request_id: world.ids.next::<Uuid>().to_string(),
        lot_id: lot.to_string(),
        plate_read_id: passage.plate_read_id.clone(),
        opened,
    };
    let said = client.acknowledge_passage(with(&token, acknowledge(world.lot, true))).await;
    let first = said.unwrap().into_inner();
    assert!(first.opened);
    world.advance(1);
    let again = client.acknowledge_passage(with(&token, acknowledge(world.lot, false))).await;
    assert_eq!(again.unwrap().into_inner(), first);
    world.published().await;
    let facts = recorded(&world.bus, "SENSOR").await;
    let said = facts.iter().filter(|fact| fact.fact_type == proto::PassageAcknowledged::TYPE);
    let said: Vec<proto::PassageAcknowledged> = said.map(|fact| fact.decode().unwrap()).collect();
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].gate_id.as_str(), said[0].opened), ("north", true));
    let elsewhere: LotId = world.ids.next();
    let foreign = camera(&world, &[elsewhere]);
    let refused = client.acknowledge_passage(with(&foreign, acknowledge(elsewhere, true))).await;
    assert_eq!(reason_of(&refused.unwrap_err()).as_deref(), Some("PLATE_READ_NOT_FOUND"));
    let refused = client.acknowledge_passage(with(&foreign, acknowledge(world.lot, true))).await;
    assert_eq!(reason_of(&refused.unwrap_err()).as_deref(), Some("LOT_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plates_that_come_with_readings_are_told_once_and_are_the_bridges_to_carry() {
    let world = World::start().await;
    let seen = |message_id: &str, seconds| proto::PlateSighting {
        lot_id: world.lot.to_string(),
        gate_id: "north".to_owned(),
        direction: GateDirection::Exit.into(),
        plate: PLATE.to_owned(),
        receive_time: Some(to_proto(world.clock.now() - jiff::SignedDuration::from_secs(seconds))),
        message_id: message_id.to_owned(),
        ..Default::default()
    };
    let batch =
        |batch, plates| proto::StreamReadingsRequest { batch, plates, ..Default::default() };
    let mut feed = world.bridge().await;
    // Sent again by the broker, it is heard later.
    let plates = vec![seen("1", 9), seen("2", 9), seen("1", 4), seen("", 7), seen("", 5)];
    assert_eq!(feed.ask(batch(1, plates)).await.unwrap(), 1);
    assert_eq!(feed.ask(batch(2, vec![seen("2", 1)])).await.unwrap(), 2);
    let facts = told(&world).await;
    assert_eq!(facts.len(), 4, "two with an id of their own, two that only their time tells apart");
    assert!(facts.iter().all(|fact| fact.direction() == GateDirection::Exit));
    let none = proto::PlateSighting { plate: "--".to_owned(), ..seen("3", 0) };
    let refused = feed.ask(batch(3, vec![none])).await.unwrap_err();
    assert!(refused.message().contains("plates[0].plate"), "{refused}");
    let mut own = world.feed(&world.tokens.device("bay-0")).await;
    let refused = own.ask(batch(1, vec![seen("4", 0)])).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}
