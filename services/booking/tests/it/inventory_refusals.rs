//! What the inventory refuses, with which reason, and that nothing is left of it.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::fault::{find_detail, reason_of};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{World, make_place, new_floor, new_lot, new_spots, request_id};

/// Code and reason of a refusal.
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), reason_of(&status).unwrap_or_default())
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

#[tokio::test]
async fn bad_input_names_its_field() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let bad = [
        ("request_id", proto::CreateLotRequest { request_id: "7".to_owned(), ..new_lot("Mall") }),
        ("name", new_lot("")),
        ("latitude", proto::CreateLotRequest { latitude: f64::NAN, ..new_lot("Mall") }),
        ("time_zone", proto::CreateLotRequest { time_zone: "Mars".to_owned(), ..new_lot("Mall") }),
        ("hourly_rate", proto::CreateLotRequest { hourly_rate: None, ..new_lot("Mall") }),
    ];
    for (field, request) in bad {
        let status = operator.create_lot(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
        let found = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<&str> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, [field]);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_request_id_with_another_body_is_refused() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let request = new_lot("Mall");
    operator.create_lot(request.clone()).await.unwrap();
    let other = proto::CreateLotRequest { name: "Tower".to_owned(), ..request };
    let answer = operator.create_lot(other).await;
    assert_eq!(refused(answer), is(Code::InvalidArgument, "REQUEST_ID_REUSED"));
    world.stop().await;
}

#[tokio::test]
async fn a_batch_with_one_taken_number_makes_nothing() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 2).await;
    let batch = new_spots(&place.floor.floor_id, "A", 4);
    let status = operator.batch_create_spots(batch.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, "SPOT_NUMBER_TAKEN");
    assert_eq!(info.metadata.get("spot_numbers").unwrap(), "A0001,A0002");
    let asked = proto::ListSpotsRequest { lot_id: place.lot.lot_id, ..Default::default() };
    assert_eq!(operator.list_spots(asked).await.unwrap().into_inner().spots.len(), 2);
    // Nor is the refused id spent.
    let spots = batch.spots.into_iter().skip(2).collect();
    let rest = proto::BatchCreateSpotsRequest { spots, ..batch };
    assert_eq!(operator.batch_create_spots(rest).await.unwrap().into_inner().spots.len(), 2);
    world.facts(6).await;
    world.stop().await;
}

#[tokio::test]
async fn of_two_batches_that_cross_one_is_made_and_the_other_refused() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    for round in 0..10 {
        let one = new_spots(&place.floor.floor_id, &format!("R{round}-"), 300);
        let mut two = proto::BatchCreateSpotsRequest { request_id: request_id(), ..one.clone() };
        // The other way round: without an order of our own each would wait for the other.
        two.spots.reverse();
        let (mut first, mut second) = (operator.clone(), operator.clone());
        let (one, two) =
            tokio::join!(first.batch_create_spots(one), second.batch_create_spots(two));
        let loser = match (one, two) {
            (Ok(_), loser) => loser,
            (loser, Ok(_)) => loser,
            (one, two) => panic!("both lost: {one:?} {two:?}"),
        };
        assert_eq!(refused(loser), is(Code::AlreadyExists, "SPOT_NUMBER_TAKEN"));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_taken_floor_number_is_refused_and_leaves_the_lot_as_it_was() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    let answer = operator.create_floor(new_floor(&place.lot.lot_id, 0)).await;
    assert_eq!(refused(answer), is(Code::AlreadyExists, "FLOOR_NUMBER_TAKEN"));
    let asked = proto::GetLotRequest { lot_id: place.lot.lot_id };
    let lot = operator.get_lot(asked).await.unwrap().into_inner().lot.unwrap();
    assert_eq!(lot.version, 2);
    world.stop().await;
}

#[tokio::test]
async fn another_operators_lot_is_not_found() {
    let world = World::start().await;
    let place = make_place(&mut world.operator("op").await, "Mall", 1).await;
    let mut eve = world.operator("eve").await;
    let answer = eve.create_floor(new_floor(&place.lot.lot_id, 7)).await;
    assert_eq!(refused(answer), is(Code::NotFound, "LOT_NOT_FOUND"));
    let answer = eve.batch_create_spots(new_spots(&place.floor.floor_id, "Z", 1)).await;
    assert_eq!(refused(answer), is(Code::NotFound, "FLOOR_NOT_FOUND"));
    let spot_id = place.spots[0].spot_id.clone();
    let set = proto::SetSpotStatusRequest { spot_id, out_of_service: true, version: 0 };
    let answer = eve.set_spot_status(set).await;
    assert_eq!(refused(answer), is(Code::NotFound, "SPOT_NOT_FOUND"));
    world.facts(3).await;
    world.stop().await;
}

#[tokio::test]
async fn a_token_bound_to_other_lots_changes_neither_this_one_nor_makes_one() {
    let world = World::start().await;
    let place = make_place(&mut world.operator("op").await, "Mall", 1).await;
    let other: LotId = world.ids.next();
    let mut bound = world.inventory(&world.tokens.operator("op", [other])).await;
    let answer = bound.create_floor(new_floor(&place.lot.lot_id, 7)).await;
    assert_eq!(refused(answer), is(Code::NotFound, "LOT_NOT_FOUND"));
    let answer = bound.create_lot(new_lot("Tower")).await;
    assert_eq!(refused(answer), is(Code::PermissionDenied, "OPERATOR_REQUIRED"));
    let own: LotId = place.lot.lot_id.parse().unwrap();
    let mut bound = world.inventory(&world.tokens.operator("op", [own])).await;
    bound.create_floor(new_floor(&place.lot.lot_id, 7)).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn a_driver_changes_nothing() {
    let world = World::start().await;
    let answer = world.driver("anna").await.create_lot(new_lot("Mall")).await;
    assert_eq!(refused(answer), is(Code::PermissionDenied, "SCOPE_MISSING"));
    world.stop().await;
}

#[tokio::test]
async fn a_stale_version_is_refused_with_the_spot_that_stands() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    let spot_id = place.spots[0].spot_id.clone();
    let set = |out_of_service, version| proto::SetSpotStatusRequest {
        spot_id: spot_id.clone(),
        out_of_service,
        version,
    };
    let now = operator.set_spot_status(set(true, 1)).await.unwrap().into_inner().spot.unwrap();
    let status = operator.set_spot_status(set(false, 1)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason_of(&status).unwrap().as_str()),
        (Code::Aborted, "SPOT_VERSION_STALE")
    );
    assert_eq!(find_detail::<proto::Spot>(&status), Some(now));
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let lot_id = world.ids.next::<LotId>().to_string();
    let lot = || is(Code::NotFound, "LOT_NOT_FOUND");
    let asked = proto::GetLotRequest { lot_id: lot_id.clone() };
    assert_eq!(refused(operator.get_lot(asked).await), lot());
    let asked = proto::ListFloorsRequest { lot_id: lot_id.clone() };
    assert_eq!(refused(operator.list_floors(asked).await), lot());
    let asked = proto::ListSpotsRequest { lot_id: lot_id.clone(), ..Default::default() };
    assert_eq!(refused(operator.list_spots(asked).await), lot());
    assert_eq!(refused(operator.create_floor(new_floor(&lot_id, 0)).await), lot());
    world.stop().await;
}

#[tokio::test]
async fn a_page_token_of_another_list_is_refused() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 3).await;
    let lot_id = place.lot.lot_id;
    let asked =
        proto::ListSpotsRequest { lot_id: lot_id.clone(), page_size: 1, ..Default::default() };
    let page_token = operator.list_spots(asked.clone()).await.unwrap().into_inner().next_page_token;
    assert!(!page_token.is_empty());
    let floor_id = place.floor.floor_id;
    let other =
        proto::ListSpotsRequest { page_token: page_token.clone(), floor_id, ..asked.clone() };
    let answer = operator.list_spots(other).await;
    assert_eq!(refused(answer), is(Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
    let same = proto::ListSpotsRequest { page_token, ..asked };
    let answer = world.driver("anna").await.list_spots(same).await;
    assert_eq!(refused(answer), is(Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
    world.stop().await;
}

#[tokio::test]
async fn a_lot_has_at_most_two_hundred_floors() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let lot = operator.create_lot(new_lot("Tower")).await.unwrap().into_inner().lot.unwrap();
    sqlx::query(
        "INSERT INTO floor (floor_id, lot_id, floor_number, name, plan_width, plan_height,
             create_time)
         SELECT gen_random_uuid(), $1, number, 'Level', 0, 0, now()
         FROM generate_series(1, 199) AS number",
    )
    .bind(lot.lot_id.parse::<LotId>().unwrap().as_uuid())
    .execute(&world.pool)
    .await
    .unwrap();
    operator.create_floor(new_floor(&lot.lot_id, 0)).await.unwrap();
    let answer = operator.create_floor(new_floor(&lot.lot_id, -1)).await;
    assert_eq!(refused(answer), is(Code::ResourceExhausted, "FLOOR_LIMIT_REACHED"));
    let asked = proto::ListFloorsRequest { lot_id: lot.lot_id };
    assert_eq!(operator.list_floors(asked).await.unwrap().into_inner().floors.len(), 200);
    world.stop().await;
}
