//! What is refused of tariffs, with which reason.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::google::r#type::Money;
use tonic::Code;
use tonic_types::StatusExt;

use crate::booking_world::reason;
use crate::tariffs::{euros, new_tariff, quarters};
use crate::world::{World, make_place};

#[tokio::test]
async fn rules_that_make_no_sense_name_their_field() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let lot_id = make_place(&mut operator, "Mall", 1).await.lot.lot_id;
    let dollars = Money { currency_code: "USD".to_owned(), units: 1, nanos: 0 };
    let rate = proto::TariffRate { from_minute: 60, to_minute: 1_441, ..Default::default() };
    let days = proto::TariffRate {
        weekdays: vec![1, 8],
        to_minute: 60,
        step_price: euros(1),
        ..Default::default()
    };
    let fee = proto::Fee { kind: Some(proto::fee::Kind::Percent(101)) };
    let bad = [
        (vec!["rules.step_minutes"], proto::TariffRules { step_minutes: 7, ..quarters(1) }),
        (vec!["rules.step_price"], proto::TariffRules { step_price: None, ..quarters(1) }),
        (vec!["rules.step_price"], quarters(-1)),
        (
            vec!["rules.rates[0].to_minute", "rules.rates[0].step_price"],
            proto::TariffRules { rates: vec![rate], ..quarters(1) },
        ),
        (
            vec!["rules.rates[0].weekdays[1]"],
            proto::TariffRules { rates: vec![days], ..quarters(1) },
        ),
        (
            vec!["rules.no_show_fee.percent"],
            proto::TariffRules { no_show_fee: Some(fee), ..quarters(1) },
        ),
        (
            vec!["rules.minimum_charge"],
            proto::TariffRules { minimum_charge: euros(9), stay_cap: euros(8), ..quarters(1) },
        ),
        (
            vec!["rules.step_price.currency_code"],
            proto::TariffRules { step_price: Some(dollars), ..quarters(1) },
        ),
    ];
    for (expected, rules) in bad {
        let status = operator.create_tariff(new_tariff(&lot_id, rules)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{expected:?}");
        let found = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<&str> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, expected);
    }
    let asked = proto::GetTariffRequest { lot_id, version: 0 };
    let stands = operator.get_tariff(asked).await.unwrap().into_inner().tariff.unwrap();
    assert_eq!(stands.version, 1);
    world.stop().await;
}

#[tokio::test]
async fn only_the_operator_of_the_lot_makes_its_tariffs() {
    let world = World::start().await;
    let place = make_place(&mut world.operator("op").await, "Mall", 1).await;
    let request = || new_tariff(&place.lot.lot_id, quarters(1));
    let mut stranger = world.operator("other").await;
    assert_eq!(reason(stranger.create_tariff(request()).await), "LOT_NOT_FOUND");
    let elsewhere = world.ids.next();
    let mut bound = world.inventory(&world.tokens.operator("op", [elsewhere])).await;
    assert_eq!(reason(bound.create_tariff(request()).await), "LOT_NOT_FOUND");
    let mut driver = world.driver("anna").await;
    assert_eq!(reason(driver.create_tariff(request()).await), "SCOPE_MISSING");
    world.stop().await;
}

#[tokio::test]
async fn a_tariff_or_a_lot_that_is_not_there_is_not_found() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    let asked = proto::GetTariffRequest { lot_id: place.lot.lot_id.clone(), version: 2 };
    assert_eq!(reason(operator.get_tariff(asked).await), "TARIFF_NOT_FOUND");
    let lot_id = place.floor.floor_id;
    let asked = proto::GetTariffRequest { lot_id: lot_id.clone(), version: 0 };
    assert_eq!(reason(operator.get_tariff(asked).await), "TARIFF_NOT_FOUND");
    let asked = proto::ListTariffsRequest { lot_id, ..Default::default() };
    assert_eq!(reason(operator.list_tariffs(asked).await), "LOT_NOT_FOUND");
    let request = new_tariff(&place.lot.lot_id, quarters(1));
    operator.create_tariff(request.clone()).await.unwrap();
    let other = proto::CreateTariffRequest { rules: Some(quarters(2)), ..request };
    assert_eq!(reason(operator.create_tariff(other).await), "REQUEST_ID_REUSED");
    world.stop().await;
}
