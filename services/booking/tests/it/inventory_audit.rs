//! Whatever an operator does is on record, and the record stands.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::LotId;
use prost_types::FieldMask;

use crate::booking_world::reason;
use crate::world::{Inventory, World, make_place, new_floor, new_spots, request_id};

async fn record(operator: &mut Inventory, lot_id: &str, object_id: &str) -> Vec<proto::AuditEntry> {
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = proto::ListAuditEntriesRequest {
            lot_id: lot_id.to_owned(),
            object_id: object_id.to_owned(),
            page_size: 2,
            page_token,
        };
        let page = operator.list_audit_entries(asked).await.unwrap().into_inner();
        assert!(page.entries.len() <= 2);
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return entries;
        }
    }
}

#[tokio::test]
async fn every_write_is_on_record_with_what_was_before_and_after() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 3).await;
    let (lot_id, spot_id) = (place.lot.lot_id, place.spots[0].spot_id.clone());
    let close =
        proto::SetSpotStatusRequest { spot_id: spot_id.clone(), out_of_service: true, version: 0 };
    operator.set_spot_status(close.clone()).await.unwrap();
    // What changes nothing, is refused, or is repeated, is no action.
    operator.set_spot_status(close).await.unwrap();
    operator.create_floor(new_floor(&lot_id, 0)).await.unwrap_err();
    let rename = proto::UpdateLotRequest {
        request_id: request_id(),
        lot_id: lot_id.clone(),
        update_mask: Some(FieldMask { paths: vec!["name".to_owned()] }),
        name: "Tower".to_owned(),
        ..Default::default()
    };
    operator.update_lot(rename.clone()).await.unwrap();
    operator.update_lot(rename).await.unwrap();
    operator.batch_create_spots(new_spots(&place.floor.floor_id, "B", 2)).await.unwrap();

    let entries = record(&mut operator, &lot_id, "").await;
    let told: Vec<(&str, &str)> =
        entries.iter().map(|entry| (entry.action.as_str(), entry.object_type.as_str())).collect();
    let expected = [
        ("BatchCreateSpots", "floor"),
        ("UpdateLot", "lot"),
        ("SetSpotStatus", "spot"),
        ("BatchCreateSpots", "floor"),
        ("CreateFloor", "floor"),
        ("CreateLot", "lot"),
    ];
    assert_eq!(told, expected);
    assert!(entries.iter().all(|entry| entry.actor == "op" && entry.create_time.is_some()));
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let renamed = (json(&entries[1].before_json), json(&entries[1].after_json));
    assert_eq!((&renamed.0["name"], &renamed.1["name"]), (&"Mall".into(), &"Tower".into()));
    assert_eq!((&renamed.0["version"], &renamed.1["version"]), (&2.into(), &3.into()));
    assert_eq!(json(&entries[0].after_json)["spot_numbers"], serde_json::json!(["B0001", "B0002"]));
    assert_eq!(entries[5].before_json, "");

    let of_spot = record(&mut operator, &lot_id, &spot_id).await;
    assert_eq!(of_spot, entries[2..3]);
    let closed = (json(&of_spot[0].before_json), json(&of_spot[0].after_json));
    assert_eq!(
        (&closed.0["out_of_service"], &closed.1["out_of_service"]),
        (&false.into(), &true.into())
    );
    world.stop().await;
}

#[tokio::test]
async fn the_record_of_another_operator_is_not_found() {
    let world = World::start().await;
    let place = make_place(&mut world.operator("op").await, "Mall", 1).await;
    let asked = proto::ListAuditEntriesRequest { lot_id: place.lot.lot_id, ..Default::default() };
    let answer = world.operator("eve").await.list_audit_entries(asked.clone()).await;
    assert_eq!(reason(answer), "LOT_NOT_FOUND");
    let other: LotId = world.ids.next();
    let mut bound = world.inventory(&world.tokens.operator("op", [other])).await;
    assert_eq!(reason(bound.list_audit_entries(asked.clone()).await), "LOT_NOT_FOUND");
    assert_eq!(reason(world.driver("anna").await.list_audit_entries(asked).await), "SCOPE_MISSING");
    world.stop().await;
}

#[tokio::test]
async fn the_database_lets_nobody_change_the_record() {
    let world = World::start().await;
    make_place(&mut world.operator("op").await, "Mall", 1).await;
    for statement in
        ["UPDATE audit_entry SET actor = 'eve'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
    {
        let refused = sqlx::query(statement).execute(&world.pool).await.unwrap_err();
        let code = refused.as_database_error().and_then(|told| told.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}");
    }
    let entries: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entry")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(entries, 3);
    world.stop().await;
}
