//! A whole lot comes in through one stream, and a broken stream goes on where it broke.

use std::collections::HashSet;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::import_spots_request::{Batch, Begin, Part};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_platform::fault::{metadata_of, reason_of};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::booking_world::reason;
use crate::world::{Inventory, World, make_place, new_lot, request_id};

/// Spots of one floor, `prefix` + 0001 and so on.
fn spots(floor_number: i32, prefix: &str, count: usize) -> Vec<proto::ImportedSpot> {
    let spot = |number| proto::NewSpot {
        spot_number: format!("{prefix}{number:04}"),
        spot_type: SpotType::Regular.into(),
        ..Default::default()
    };
    (1..=count)
        .map(|number| proto::ImportedSpot { floor_number, spot: Some(spot(number)) })
        .collect()
}

fn floor(floor_number: i32) -> proto::NewFloor {
    let name = format!("Level {floor_number}");
    proto::NewFloor { floor_number, name, plan_width: 10.0, plan_height: 10.0 }
}

/// Ten floors of a thousand spots, one batch each.
fn airport() -> Vec<Batch> {
    (1..=10)
        .map(|number| Batch {
            number,
            floors: vec![floor(number)],
            spots: spots(number, &format!("P{number:02}-"), 1_000),
        })
        .collect()
}

async fn import(
    operator: &mut Inventory,
    begin: &Begin,
    batches: Vec<Batch>,
) -> Result<proto::ImportSpotsResponse, Status> {
    let parts = std::iter::once(Part::Begin(begin.clone()))
        .chain(batches.into_iter().map(Part::Batch))
        .map(|part| proto::ImportSpotsRequest { part: Some(part) });
    let parts: Vec<proto::ImportSpotsRequest> = parts.collect();
    Ok(operator.import_spots(tokio_stream::iter(parts)).await?.into_inner())
}

async fn begin(operator: &mut Inventory) -> Begin {
    let lot = operator.create_lot(new_lot("Airport")).await.unwrap().into_inner().lot.unwrap();
    Begin { request_id: request_id(), lot_id: lot.lot_id }
}

async fn count(world: &World, table: &str) -> i64 {
    let row = match table {
        "spot" => sqlx::query_scalar("SELECT count(*) FROM spot"),
        "floor" => sqlx::query_scalar("SELECT count(*) FROM floor"),
        _ => sqlx::query_scalar("SELECT count(*) FROM outbox"),
    };
    row.fetch_one(&world.pool).await.unwrap()
}

#[tokio::test]
async fn ten_thousand_spots_come_in_through_one_stream_once() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let begin = begin(&mut operator).await;
    let first = import(&mut operator, &begin, airport()).await.unwrap();
    let expected = proto::ImportSpotsResponse {
        lot_id: begin.lot_id.clone(),
        batches: 10,
        floors: 10,
        spots: 10_000,
    };
    assert_eq!(first, expected);
    assert_eq!((count(&world, "spot").await, count(&world, "floor").await), (10_000, 10));
    // The lot, its ten versions, and each spot is told once.
    assert_eq!(count(&world, "outbox").await, 10_011);
    let again = import(&mut operator, &begin, airport()).await.unwrap();
    assert_eq!(again, first);
    assert_eq!((count(&world, "spot").await, count(&world, "outbox").await), (10_000, 10_011));
    // Another body under the same id is another request, shorter and longer ones too.
    let mut shorter = airport();
    shorter.pop();
    assert_eq!(reason(import(&mut operator, &begin, shorter).await), "REQUEST_ID_REUSED");
    let mut longer = airport();
    longer.push(Batch { number: 11, floors: vec![floor(11)], spots: Vec::new() });
    assert_eq!(reason(import(&mut operator, &begin, longer).await), "REQUEST_ID_REUSED");
    let mut other = airport();
    other[3].floors[0].name = "Attic".to_owned();
    let status = import(&mut operator, &begin, other).await.unwrap_err();
    assert_eq!(reason_of(&status).unwrap(), "REQUEST_ID_REUSED");
    assert_eq!(metadata_of(&status, "batch").unwrap(), "4");
    assert_eq!(count(&world, "floor").await, 10);
    world.stop().await;
}

#[tokio::test]
async fn what_was_taken_before_a_refusal_stays_and_the_rest_follows_with_the_same_id() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let begin = begin(&mut operator).await;
    let good = |number: i32| Batch {
        number,
        floors: vec![floor(number)],
        spots: spots(number, &format!("{number}-"), 5),
    };
    let mut bad = good(2);
    bad.spots[3].spot = bad.spots[1].spot.clone();
    let status = import(&mut operator, &begin, vec![good(1), bad, good(3)]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(metadata_of(&status, "batch").unwrap(), "2");
    let found = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(found[0].field, "batch.spots[3].spot.spot_number");
    assert_eq!((count(&world, "spot").await, count(&world, "floor").await), (5, 1));
    let all = import(&mut operator, &begin, vec![good(1), good(2), good(3)]).await.unwrap();
    assert_eq!((all.batches, all.floors, all.spots), (3, 3, 15));
    assert_eq!((count(&world, "spot").await, count(&world, "floor").await), (15, 3));
    world.stop().await;
}

#[tokio::test]
async fn a_refusal_names_batch_and_row() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 2).await;
    let lot_id = place.lot.lot_id;
    let one = |floors: Vec<proto::NewFloor>, spots: Vec<proto::ImportedSpot>| {
        vec![Batch { number: 1, floors, spots }]
    };
    let mut taken = spots(0, "Z", 2);
    taken.extend(spots(0, "A", 2));
    let cases = [
        (one(vec![], taken), "SPOT_NUMBER_TAKEN", "spots[2],spots[3]"),
        (one(vec![floor(4), floor(0)], vec![]), "FLOOR_NUMBER_TAKEN", "floors[1]"),
        (one(vec![], [spots(0, "Y", 1), spots(9, "X", 1)].concat()), "FLOOR_NOT_FOUND", "spots[1]"),
    ];
    for (batches, reason, rows) in cases {
        let begin = Begin { request_id: request_id(), lot_id: lot_id.clone() };
        let status = import(&mut operator, &begin, batches).await.unwrap_err();
        assert_eq!(reason_of(&status).as_deref(), Some(reason));
        assert_eq!(metadata_of(&status, "batch").as_deref(), Some("1"), "{reason}");
        assert_eq!(metadata_of(&status, "rows").as_deref(), Some(rows), "{reason}");
        assert!(status.message().starts_with("batch 1: "), "{}", status.message());
    }
    assert_eq!((count(&world, "spot").await, count(&world, "floor").await), (2, 1));
    world.stop().await;
}

#[tokio::test]
async fn an_import_out_of_order_is_refused() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let begin = begin(&mut operator).await;
    let batch = |number| Batch { number, floors: vec![floor(number)], spots: Vec::new() };
    let gap = import(&mut operator, &begin, vec![batch(1), batch(3)]).await.unwrap_err();
    let found = gap.get_details_bad_request().unwrap().field_violations;
    assert_eq!(found[0].field, "batch.number");
    let empty = Batch { number: 1, ..Default::default() };
    assert_eq!(reason(import(&mut operator, &begin, vec![empty]).await), "ARGUMENT_INVALID");
    let none = operator.import_spots(tokio_stream::iter(Vec::new())).await;
    assert_eq!(reason(none), "ARGUMENT_INVALID");
    let headless = proto::ImportSpotsRequest { part: Some(Part::Batch(batch(1))) };
    let headless = operator.import_spots(tokio_stream::iter(vec![headless])).await;
    assert_eq!(reason(headless), "ARGUMENT_INVALID");
    world.stop().await;
}

#[tokio::test]
async fn two_imports_of_one_request_at_once_do_the_work_of_one() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let begin = begin(&mut operator).await;
    let batches = || airport().into_iter().take(4).collect::<Vec<_>>();
    let (mut first, mut second) = (operator.clone(), operator.clone());
    let (one, two) =
        tokio::join!(import(&mut first, &begin, batches()), import(&mut second, &begin, batches()));
    assert_eq!(one.unwrap(), two.unwrap());
    let numbers: Vec<String> =
        sqlx::query_scalar("SELECT spot_number FROM spot").fetch_all(&world.pool).await.unwrap();
    assert_eq!(numbers.len(), 4_000);
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 4_000);
    world.stop().await;
}

#[tokio::test]
async fn an_import_into_another_operators_lot_is_not_found() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let begin = begin(&mut operator).await;
    let mut eve = world.operator("eve").await;
    let batches = vec![Batch { number: 1, floors: vec![floor(1)], spots: Vec::new() }];
    assert_eq!(reason(import(&mut eve, &begin, batches).await), "LOT_NOT_FOUND");
    assert_eq!(count(&world, "floor").await, 0);
    world.stop().await;
}
