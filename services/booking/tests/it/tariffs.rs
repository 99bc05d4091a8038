//! Tariffs: made in versions, frozen in bookings, used for quotes, stays and fees.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, check_in_request};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::money::Money;
use uuid::Uuid;

use crate::booking_world::{Bookings, Town, held};
use crate::world::{Inventory, World, make_place, new_spots, request_id};

/// So many cents.
pub fn euros(minor: i64) -> Option<ProtoMoney> {
    Some(Money::new(minor, "EUR".parse().unwrap()).into())
}

/// So much for every started quarter of an hour, whenever it is.
pub fn quarters(minor: i64) -> proto::TariffRules {
    proto::TariffRules { step_minutes: 15, step_price: euros(minor), ..Default::default() }
}

/// A request for the next version.
pub fn new_tariff(lot_id: &str, rules: proto::TariffRules) -> proto::CreateTariffRequest {
    proto::CreateTariffRequest {
        request_id: request_id(),
        lot_id: lot_id.to_owned(),
        rules: Some(rules),
    }
}

async fn make(operator: &mut Inventory, lot_id: &str, rules: proto::TariffRules) -> proto::Tariff {
    operator.create_tariff(new_tariff(lot_id, rules)).await.unwrap().into_inner().tariff.unwrap()
}

/// A town whose lot has these rules.
async fn town(rules: proto::TariffRules) -> Town {
    let town = Town::start().await;
    make(&mut town.world.operator("op").await, &town.place.lot.lot_id, rules).await;
    town
}

fn minor(money: &Option<ProtoMoney>) -> i64 {
    Money::try_from(money.as_ref().unwrap()).unwrap().minor
}

async fn check_in(driver: &mut Bookings, booking: &proto::Booking) {
    let key = Some(check_in_request::Key::BookingId(booking.booking_id.clone()));
    driver.check_in(proto::CheckInRequest { request_id: request_id(), key }).await.unwrap();
}

async fn end(driver: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let booking_id = booking.booking_id.clone();
    let ended = proto::EndSessionRequest { request_id: request_id(), booking_id };
    driver.end_session(ended).await.unwrap().into_inner().booking.unwrap()
}

async fn cancel(client: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let booking_id = booking.booking_id.clone();
    let cancelled = proto::CancelBookingRequest { request_id: request_id(), booking_id };
    client.cancel_booking(cancelled).await.unwrap().into_inner().booking.unwrap()
}

async fn read(client: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let asked = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    client.get_booking(asked).await.unwrap().into_inner().booking.unwrap()
}

/// What the facts of cancelled and no-show bookings say is owed.
async fn fees(town: &Town) -> Vec<i64> {
    let facts = parkmesh_testkit::recorded(&town.world.bus, "BOOKING").await;
    let fee = |fact: &parkmesh_eventbus::Delivered| match fact.fact_type.rsplit('.').next() {
        Some("cancelled") => Some(fact.decode::<proto::BookingCancelled>().unwrap().fee),
        Some("no_show") => Some(fact.decode::<proto::BookingNoShow>().unwrap().fee),
        _ => None,
    };
    facts.iter().filter_map(fee).map(|fee| minor(&fee)).collect()
}

#[tokio::test]
async fn a_tariff_is_made_in_versions_that_are_read_listed_and_told() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let lot_id = make_place(&mut operator, "Mall", 1).await.lot.lot_id;
    let rate = proto::TariffRate {
        spot_type: SpotType::Ev.into(),
        weekdays: vec![1, 2, 3],
        from_minute: 480,
        to_minute: 1_200,
        step_price: euros(300),
    };
    let rules = proto::TariffRules {
        rates: vec![rate],
        billed_time: proto::BilledTime::Larger.into(),
        early_arrival: proto::EarlyArrival::Free.into(),
        daily_cap: euros(2_000),
        ..quarters(50)
    };
    let request = new_tariff(&lot_id, rules.clone());
    let first = operator.create_tariff(request.clone()).await.unwrap().into_inner();
    assert_eq!(operator.create_tariff(request).await.unwrap().into_inner(), first);
    let second = first.tariff.unwrap();
    assert_eq!((second.version, minor(&second.hourly_rate)), (2, 200));
    assert_eq!(second.rules, Some(rules));
    let third = make(&mut operator, &lot_id, quarters(70)).await;

    let mut driver = world.driver("anna").await;
    let asked = proto::GetLotRequest { lot_id: lot_id.clone() };
    let lot = driver.get_lot(asked).await.unwrap().into_inner().lot.unwrap();
    assert_eq!((lot.version, lot.tariff.as_ref()), (4, Some(&third)));
    for (version, expected) in [(0, &third), (3, &third), (2, &second)] {
        let asked = proto::GetTariffRequest { lot_id: lot_id.clone(), version };
        let read = driver.get_tariff(asked).await.unwrap().into_inner().tariff;
        assert_eq!(read.as_ref(), Some(expected));
    }
    let asked =
        proto::ListTariffsRequest { lot_id: lot_id.clone(), page_size: 2, ..Default::default() };
    let page = driver.list_tariffs(asked.clone()).await.unwrap().into_inner();
    assert_eq!(page.tariffs, [third, second]);
    let asked = proto::ListTariffsRequest { page_token: page.next_page_token, ..asked };
    let rest = driver.list_tariffs(asked).await.unwrap().into_inner();
    assert_eq!((rest.tariffs[0].version, rest.tariffs.len()), (1, 1));
    assert_eq!(minor(&rest.tariffs[0].rules.as_ref().unwrap().step_price), 250);
    assert!(rest.next_page_token.is_empty());

    let last: proto::InventoryChanged = world.facts(5).await[4].decode().unwrap();
    assert_eq!((last.version, last.lot, last.floors.len()), (4, Some(lot), 1));
    world.stop().await;
}

#[tokio::test]
async fn tariffs_made_at_once_get_each_a_version_of_its_own() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let lot_id = make_place(&mut operator, "Mall", 1).await.lot.lot_id;
    let calls = (0..8).map(|price| {
        let (mut operator, lot_id) = (operator.clone(), lot_id.clone());
        async move { make(&mut operator, &lot_id, quarters(price)).await.version }
    });
    let mut versions = futures_util::future::join_all(calls).await;
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5, 6, 7, 8, 9]);
    world.stop().await;
}

#[tokio::test]
async fn a_booking_keeps_the_tariff_that_it_was_quoted_with_and_the_next_one_gets_the_new() {
    let town = town(quarters(100)).await;
    let mut anna = town.driver("anna").await;
    let lot_id = town.place.lot.lot_id.clone();
    let booking = town.reserve(&mut anna, 0, 0, 60).await;
    let quote = booking.quote.clone().unwrap();
    assert_eq!((quote.tariff_version, minor(&quote.amount)), (2, 400));
    assert_eq!(quote.lines[0].description, "Parking, by the started 15 min");
    make(&mut town.world.operator("op").await, &lot_id, quarters(900)).await;
    let window = Some(town.window(0, 60));
    let asked = proto::QuoteBookingRequest { lot_id, window, ..Default::default() };
    let quoted = anna.quote_booking(asked).await.unwrap().into_inner().quote.unwrap();
    assert_eq!((quoted.tariff_version, minor(&quoted.amount)), (3, 3_600));
    let next = held(anna.hold_spot(town.hold(1, 0, 60)).await);
    assert_eq!(minor(&next.quote.unwrap().amount), 3_600);

    check_in(&mut anna, &booking).await;
    assert_eq!(read(&mut anna, &booking).await.quote, Some(quote));
    town.advance(31);
    let ended = end(&mut anna, &booking).await;
    assert_eq!((ended.state(), minor(&ended.final_amount)), (BookingState::Completed, 300));
    town.world.stop().await;
}

#[tokio::test]
async fn a_type_of_spot_is_priced_by_its_own_rate_whatever_becomes_of_the_spot() {
    let rate = |spot_type: SpotType, price| proto::TariffRate {
        spot_type: spot_type.into(),
        weekdays: Vec::new(),
        from_minute: 0,
        to_minute: 1_440,
        step_price: euros(price),
    };
    let rates = vec![rate(SpotType::Ev, 300), rate(SpotType::Regular, 110)];
    let town = town(proto::TariffRules { rates, ..quarters(100) }).await;
    let mut anna = town.driver("anna").await;
    let mut more = new_spots(&town.place.floor.floor_id, "B", 2);
    for (spot, spot_type) in more.spots.iter_mut().zip([SpotType::Ev, SpotType::Compact]) {
        spot.spot_type = spot_type.into();
    }
    town.world.operator("op").await.batch_create_spots(more).await.unwrap();
    for (spot_type, expected) in
        [(SpotType::Ev, 300), (SpotType::Unspecified, 110), (SpotType::Compact, 100)]
    {
        let asked = proto::QuoteBookingRequest {
            lot_id: town.place.lot.lot_id.clone(),
            window: Some(town.window(0, 15)),
            spot_type: spot_type.into(),
            ..Default::default()
        };
        let quote = anna.quote_booking(asked).await.unwrap().into_inner().quote.unwrap();
        assert_eq!(minor(&quote.amount), expected);
    }
    let booking = town.reserve(&mut anna, 0, 0, 60).await;
    assert_eq!(minor(&booking.quote.as_ref().unwrap().amount), 440);
    sqlx::query("UPDATE spot SET spot_type = 3").execute(&town.world.pool).await.unwrap();
    assert_eq!(read(&mut anna, &booking).await.quote, booking.quote);
    check_in(&mut anna, &booking).await;
    town.advance(16);
    assert_eq!(minor(&end(&mut anna, &booking).await.final_amount), 220);
    town.world.stop().await;
}

#[tokio::test]
async fn whoever_cancels_late_or_does_not_come_owes_the_fee_and_the_operator_charges_nobody() {
    let fee = |percent| Some(proto::Fee { kind: Some(proto::fee::Kind::Percent(percent)) });
    let rules = proto::TariffRules {
        cancellation: Some(proto::CancellationTerms { free_until_minutes: 60, fee: fee(25) }),
        no_show_fee: fee(100),
        ..quarters(100)
    };
    let town = town(rules).await;
    let mut anna = town.driver("anna").await;
    let mut operator = town.client(&town.world.tokens.operator("op", [])).await;
    let in_time = town.reserve(&mut anna, 0, 90, 150).await;
    let late = town.reserve(&mut anna, 1, 30, 90).await;
    let closed = town.reserve(&mut anna, 2, 30, 90).await;
    let hold = held(anna.hold_spot(town.hold(3, 30, 90)).await);
    let absent = town.reserve(&mut anna, 4, 0, 60).await;
    assert_eq!(cancel(&mut anna, &in_time).await.final_amount, None);
    assert_eq!(minor(&cancel(&mut anna, &late).await.final_amount), 100);
    assert_eq!(cancel(&mut operator, &closed).await.final_amount, None);
    assert_eq!(cancel(&mut anna, &hold).await.final_amount, None);
    town.advance(31);
    assert_eq!(town.facts_of(&absent.booking_id, 3).await[2].1, "no_show");
    assert_eq!(minor(&read(&mut anna, &absent).await.final_amount), 400);
    assert_eq!(fees(&town).await, [0, 100, 0, 0, 400]);
    town.world.stop().await;
}

#[tokio::test]
async fn a_lot_from_before_the_rules_charges_started_hours() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 0, 90).await;
    // As the version before wrote them.
    for statement in [
        "ALTER TABLE tariff DISABLE TRIGGER tariff_is_frozen",
        "UPDATE tariff SET rules = NULL",
        "UPDATE booking SET spot_type = NULL",
    ] {
        sqlx::query(statement).execute(&town.world.pool).await.unwrap();
    }
    assert_eq!(read(&mut anna, &booking).await.quote, booking.quote);
    assert_eq!(minor(&booking.quote.as_ref().unwrap().amount), 500);
    check_in(&mut anna, &booking).await;
    town.advance(59);
    assert_eq!(minor(&end(&mut anna, &booking).await.final_amount), 250);
    town.world.stop().await;
}

#[tokio::test]
async fn a_version_is_never_changed_in_the_database() {
    let world = World::start().await;
    let lot = make_place(&mut world.operator("op").await, "Mall", 1).await.lot;
    for statement in
        ["UPDATE tariff SET version = 7 WHERE lot_id = $1", "DELETE FROM tariff WHERE lot_id = $1"]
    {
        let lot_id = Uuid::parse_str(&lot.lot_id).unwrap();
        let refused = sqlx::query(statement).bind(lot_id).execute(&world.pool).await.unwrap_err();
        assert!(refused.to_string().contains("a tariff is never changed"), "{refused}");
    }
    world.stop().await;
}
