#![expect(clippy::unwrap_used, reason = "tests")]
use jiff::Timestamp;
use parkmesh_contracts::ids::UserId;
use uuid::Uuid;

use super::*;
use crate::domain::inventory::{NewLot, NewSpot};

fn stands() -> Lot {
    let new = NewLot::try_from(proto::CreateLotRequest {
        name: "Mall".to_owned(),
        address: "Alexanderplatz 1".to_owned(),
        latitude: 52.0,
        longitude: 13.0,
        time_zone: "Europe/Berlin".to_owned(),
        hourly_rate: Some(parkmesh_contracts::google::r#type::Money {
            currency_code: "EUR".to_owned(),
            units: 2,
            nanos: 0,
        }),
        policy: Some(proto::LotPolicy { no_show_seconds: 60, ..Default::default() }),
        ..Default::default()
    });
    let nil = Uuid::nil();
    new.unwrap().found(nil.into(), nil.into(), UserId::parse("op").unwrap(), Timestamp::UNIX_EPOCH)
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

fn fields<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    match result {
        Err(Error::Invalid(found)) => found.into_iter().map(|found| found.field).collect(),
        other => panic!("{other:?}"),
    }
}

fn other_lot(paths: &[&str]) -> proto::UpdateLotRequest {
    proto::UpdateLotRequest {
        update_mask: mask(paths),
        name: "Tower".to_owned(),
        address: "Elsewhere 2".to_owned(),
        latitude: 1.0,
        longitude: 2.0,
        time_zone: "asia/tokyo".to_owned(),
        policy: Some(proto::LotPolicy { hold_ttl_seconds: 30, ..Default::default() }),
        ..Default::default()
    }
}

#[test]
fn only_what_the_mask_names_changes() {
    let lot = lot(&other_lot(&["name", "time_zone"]), &stands()).unwrap();
    let expected = Lot { name: "Tower".into(), time_zone: "Asia/Tokyo".into(), ..stands() };
    assert_eq!(lot, expected);
}

#[test]
fn a_part_of_the_policy_changes_alone_and_the_policy_as_a_whole() {
    let part = lot(&other_lot(&["policy.hold_ttl_seconds"]), &stands()).unwrap().policy;
    assert_eq!((part.hold_ttl_seconds, part.no_show_seconds), (30, 60));
    let whole = lot(&other_lot(&["policy"]), &stands()).unwrap().policy;
    assert_eq!((whole.hold_ttl_seconds, whole.no_show_seconds), (30, 0));
}

#[test]
fn a_mask_without_names_or_with_an_unknown_one_is_refused() {
    for paths in [&[][..], &["lot_id"], &["policy.nothing"], &["name", "Name"], &["*"]] {
        assert_eq!(fields(lot(&other_lot(paths), &stands())), ["update_mask"], "{paths:?}");
    }
    let many = ["name"; PATHS_MAX + 1];
    assert_eq!(fields(lot(&other_lot(&many), &stands())), ["update_mask"]);
}

#[test]
fn what_is_not_in_the_mask_may_be_nonsense_and_what_is_may_not() {
    let empty = proto::UpdateLotRequest { name: String::new(), ..other_lot(&["address"]) };
    assert_eq!(lot(&empty, &stands()).unwrap().address, "Elsewhere 2");
    let empty = proto::UpdateLotRequest { update_mask: mask(&["name"]), ..empty };
    assert_eq!(fields(lot(&empty, &stands())), ["name"]);
    let nowhere = proto::UpdateLotRequest { time_zone: "Mars".into(), ..other_lot(&["time_zone"]) };
    assert!(matches!(lot(&nowhere, &stands()), Err(Error::TimeZoneUnknown)));
}

#[test]
fn every_field_of_a_spot_and_a_floor_can_change_alone() {
    let nil = Uuid::nil();
    let new = NewSpot {
        spot_number: "A1".to_owned(),
        spot_type: SpotType::Regular,
        plan_x: 0.0,
        plan_y: 0.0,
        latitude: 0.0,
        longitude: 0.0,
    };
    let old = new.make(nil.into(), nil.into(), nil.into());
    let mut seen = Vec::new();
    for path in ["spot_number", "spot_type", "plan_x", "plan_y", "latitude", "longitude"] {
        let request = proto::UpdateSpotRequest {
            update_mask: mask(&[path]),
            spot_number: "B2".to_owned(),
            spot_type: SpotType::Ev.into(),
            plan_x: 1.0,
            plan_y: 2.0,
            latitude: 3.0,
            longitude: 4.0,
            ..Default::default()
        };
        let changed = spot(&request, &old).unwrap();
        assert!(changed != old && !seen.contains(&changed), "{path}");
        seen.push(changed);
    }
    let unsaid =
        proto::UpdateSpotRequest { update_mask: mask(&["spot_type"]), ..Default::default() };
    assert_eq!(fields(spot(&unsaid, &old)), ["spot_type"]);

    let old = Floor {
        floor_id: nil.into(),
        lot_id: nil.into(),
        floor_number: 0,
        name: "Ground".to_owned(),
        plan_width: 1.0,
        plan_height: 1.0,
        version: 1,
    };
    let mut seen = Vec::new();
    for path in ["floor_number", "name", "plan_width", "plan_height"] {
        let request = proto::UpdateFloorRequest {
            update_mask: mask(&[path]),
            floor_number: 3,
            name: "Roof".to_owned(),
            plan_width: 2.0,
            plan_height: 3.0,
            ..Default::default()
        };
        let changed = floor(&request, &old).unwrap();
        assert!(changed != old && !seen.contains(&changed), "{path}");
        seen.push(changed);
    }
}
