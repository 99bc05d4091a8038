//! Lots, floors and spots are changed by those who saw what stands, and nobody else's are.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::fault::{find_detail, reason_of};
use prost_types::FieldMask;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::booking_world::{Town, held, reason};
use crate::world::{World, make_place, new_floor, request_id};

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

fn rename_lot(lot_id: &str, version: i64, name: &str) -> proto::UpdateLotRequest {
    proto::UpdateLotRequest {
        request_id: request_id(),
        lot_id: lot_id.to_owned(),
        version,
        update_mask: mask(&["name"]),
        name: name.to_owned(),
        ..Default::default()
    }
}

fn rename_floor(floor_id: &str, version: i64, name: &str) -> proto::UpdateFloorRequest {
    proto::UpdateFloorRequest {
        request_id: request_id(),
        floor_id: floor_id.to_owned(),
        version,
        update_mask: mask(&["name"]),
        name: name.to_owned(),
        ..Default::default()
    }
}

fn renumber(spot_id: &str, version: i64, number: &str) -> proto::UpdateSpotRequest {
    proto::UpdateSpotRequest {
        request_id: request_id(),
        spot_id: spot_id.to_owned(),
        version,
        update_mask: mask(&["spot_number"]),
        spot_number: number.to_owned(),
        ..Default::default()
    }
}

fn stale(status: &Status) -> (Code, String) {
    (status.code(), reason_of(status).unwrap_or_default())
}

#[tokio::test]
async fn a_lot_changes_in_what_the_mask_names_and_tells_it() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    let request = proto::UpdateLotRequest {
        update_mask: mask(&["name", "policy.no_show_seconds"]),
        policy: Some(proto::LotPolicy { no_show_seconds: 60, ..Default::default() }),
        ..rename_lot(&place.lot.lot_id, 2, "Tower")
    };
    let changed = operator.update_lot(request.clone()).await.unwrap().into_inner().lot.unwrap();
    assert_eq!((changed.name.as_str(), changed.version), ("Tower", 3));
    assert_eq!(changed.address, place.lot.address);
    let policy = changed.policy.unwrap();
    assert_eq!((policy.no_show_seconds, policy.hold_ttl_seconds), (60, 600));
    // The same request has the effect and the answer of one, though its version is old by now.
    let again = operator.update_lot(request).await.unwrap().into_inner().lot.unwrap();
    assert_eq!(again, changed);
    // What is so already is no change.
    let same = rename_lot(&place.lot.lot_id, 3, "Tower");
    assert_eq!(operator.update_lot(same).await.unwrap().into_inner().lot.unwrap(), changed);
    let facts = world.facts(4).await;
    let fact: proto::InventoryChanged = facts[3].decode().unwrap();
    assert_eq!((fact.version, fact.lot, fact.floors.len()), (3, Some(changed), 1));
    world.stop().await;
}

#[tokio::test]
async fn a_floor_changes_with_a_version_of_its_own_and_counts_its_lot_up() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    assert_eq!(place.floor.version, 1);
    let request = rename_floor(&place.floor.floor_id, 1, "Roof");
    let changed = operator.update_floor(request.clone()).await.unwrap().into_inner().floor.unwrap();
    assert_eq!((changed.name.as_str(), changed.version), ("Roof", 2));
    assert_eq!(operator.update_floor(request).await.unwrap().into_inner().floor.unwrap(), changed);
    let asked = proto::GetFloorRequest { floor_id: place.floor.floor_id.clone() };
    let read = world.driver("anna").await.get_floor(asked).await.unwrap().into_inner();
    assert_eq!(read.floor.unwrap(), changed);
    let facts = world.facts(4).await;
    let fact: proto::InventoryChanged = facts[3].decode().unwrap();
    assert_eq!((fact.version, fact.floors), (3, vec![changed]));

    operator.create_floor(new_floor(&place.lot.lot_id, 5)).await.unwrap();
    let taken = proto::UpdateFloorRequest {
        update_mask: mask(&["floor_number"]),
        floor_number: 5,
        ..rename_floor(&place.floor.floor_id, 2, "")
    };
    assert_eq!(reason(operator.update_floor(taken).await), "FLOOR_NUMBER_TAKEN");
    world.stop().await;
}

#[tokio::test]
async fn a_spot_changes_and_tells_it() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 2).await;
    let spot_id = place.spots[0].spot_id.clone();
    let request = renumber(&spot_id, 1, "VIP");
    let changed = operator.update_spot(request.clone()).await.unwrap().into_inner().spot.unwrap();
    assert_eq!((changed.spot_number.as_str(), changed.version), ("VIP", 2));
    assert_eq!(operator.update_spot(request).await.unwrap().into_inner().spot.unwrap(), changed);
    let asked = proto::GetSpotRequest { spot_id: spot_id.clone() };
    let read = world.driver("anna").await.get_spot(asked).await.unwrap().into_inner();
    assert_eq!(read.spot.as_ref(), Some(&changed));
    let facts = world.facts(6).await;
    let fact: proto::SpotStateChanged = facts[4].decode().unwrap();
    assert_eq!((fact.version, fact.spot), (2, Some(changed)));
    let taken = operator.update_spot(renumber(&spot_id, 2, "A0002")).await.unwrap_err();
    let info = taken.get_details_error_info().unwrap();
    assert_eq!(info.reason, "SPOT_NUMBER_TAKEN");
    assert_eq!(info.metadata.get("spot_numbers").unwrap(), "A0002");
    world.stop().await;
}

#[tokio::test]
async fn who_saw_an_older_thing_gets_the_one_that_stands() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    let (lot_id, floor_id) = (place.lot.lot_id, place.floor.floor_id);
    let status = operator.update_lot(rename_lot(&lot_id, 1, "Tower")).await.unwrap_err();
    assert_eq!(stale(&status), (Code::Aborted, "LOT_VERSION_STALE".to_owned()));
    let lot: proto::Lot = find_detail(&status).unwrap();
    assert_eq!((lot.version, lot.name.as_str()), (2, "Mall"));

    operator.update_floor(rename_floor(&floor_id, 0, "Roof")).await.unwrap();
    let status = operator.update_floor(rename_floor(&floor_id, 1, "Top")).await.unwrap_err();
    assert_eq!(stale(&status), (Code::Aborted, "FLOOR_VERSION_STALE".to_owned()));
    assert_eq!(find_detail::<proto::Floor>(&status).unwrap().name, "Roof");

    let spot_id = &place.spots[0].spot_id;
    let status = operator.update_spot(renumber(spot_id, 7, "B1")).await.unwrap_err();
    assert_eq!(stale(&status), (Code::Aborted, "SPOT_VERSION_STALE".to_owned()));
    assert_eq!(find_detail::<proto::Spot>(&status).as_ref(), place.spots.first());
    // A refused id is not spent, and refused work leaves no line.
    let mut lost = renumber(spot_id, 7, "B1");
    lost.request_id = request_id();
    operator.update_spot(lost.clone()).await.unwrap_err();
    lost.version = 1;
    operator.update_spot(lost).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn nobody_changes_another_operators_things_nor_those_that_the_token_leaves_out() {
    let world = World::start().await;
    let place = make_place(&mut world.operator("op").await, "Mall", 1).await;
    let other: LotId = world.ids.next();
    let strangers =
        [world.operator("eve").await, world.inventory(&world.tokens.operator("op", [other])).await];
    for mut stranger in strangers {
        let answer = stranger.update_lot(rename_lot(&place.lot.lot_id, 0, "Mine")).await;
        assert_eq!(reason(answer), "LOT_NOT_FOUND");
        let answer = stranger.update_floor(rename_floor(&place.floor.floor_id, 0, "Mine")).await;
        assert_eq!(reason(answer), "FLOOR_NOT_FOUND");
        let answer = stranger.update_spot(renumber(&place.spots[0].spot_id, 0, "Mine")).await;
        assert_eq!(reason(answer), "SPOT_NOT_FOUND");
    }
    let mut driver = world.driver("anna").await;
    let answer = driver.update_lot(rename_lot(&place.lot.lot_id, 0, "Mine")).await;
    assert_eq!(reason(answer), "SCOPE_MISSING");
    world.facts(3).await;
    let entries: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entry")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(entries, 3);
    world.stop().await;
}

#[tokio::test]
async fn a_mask_that_names_no_field_is_refused() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    for update_mask in [None, mask(&[]), mask(&["tariff"])] {
        let request =
            proto::UpdateLotRequest { update_mask, ..rename_lot(&place.lot.lot_id, 0, "Tower") };
        let status = operator.update_lot(request).await.unwrap_err();
        let found = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(found[0].field, "update_mask");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_hold_after_a_change_of_number_and_type_knows_both() {
    let town = Town::with(2, true).await;
    let mut operator = town.world.operator("op").await;
    let mut driver = town.driver("anna").await;
    // The process knows the spot by heart from now on.
    held(driver.hold_spot(town.hold(0, 60, 120)).await);
    let spot_id = town.place.spots[0].spot_id.clone();
    operator.update_spot(renumber(&spot_id, 0, "VIP")).await.unwrap();
    let stale_free = |start: i64| {
        use proto::hold_spot_request::Choice;
        let choice = proto::SpotChoice { spot_id: spot_id.clone(), spot_version: 0 };
        proto::HoldSpotRequest {
            choice: Some(Choice::Spot(choice)),
            ..town.hold(0, start, start + 60)
        }
    };
    assert_eq!(held(driver.hold_spot(stale_free(180)).await).spot_number, "VIP");
    let accessible = proto::UpdateSpotRequest {
        update_mask: mask(&["spot_type"]),
        spot_type: SpotType::Accessible.into(),
        ..renumber(&spot_id, 0, "")
    };
    operator.update_spot(accessible).await.unwrap();
    assert_eq!(reason(driver.hold_spot(stale_free(300)).await), "PERMIT_REQUIRED");
    town.world.stop().await;
}
