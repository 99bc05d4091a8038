//! Lots are found by place, by name, by price and by what is free in them.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::availability::v1::LotOrder;
use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::common::v1::{SpotType, Window};
use parkmesh_contracts::google::r#type::Money;
use parkmesh_contracts::time::to_proto;
use parkmesh_platform::fault::reason_of;
use tonic::Status;

use crate::house::{House, Replica};

/// Berlin's Alexanderplatz.
const HERE: proto::GeoPoint = proto::GeoPoint { latitude: 52.5219, longitude: 13.4132 };

fn euro(units: i64, cents: i32) -> Option<Money> {
    Some(Money { currency_code: "EUR".to_owned(), units, nanos: cents * 10_000_000 })
}

/// A flat tariff by the hour, dearer by night and for chargers.
fn tariff(units: i64) -> Option<booking::Tariff> {
    let rate = |spot_type: SpotType, from_minute, to_minute, step_price| booking::TariffRate {
        spot_type: spot_type.into(),
        from_minute,
        to_minute,
        step_price,
        ..Default::default()
    };
    let rules = booking::TariffRules {
        step_minutes: 60,
        step_price: euro(units, 0),
        rates: vec![rate(SpotType::Ev, 0, 1_440, euro(9, 50))],
        daily_cap: euro(20, 0),
        ..Default::default()
    };
    Some(booking::Tariff { rules: Some(rules), ..Default::default() })
}

/// A lot so many metres north of here, with so many spots.
fn lot(house: &House, name: &str, address: &str, north_m: f64, spots: usize) -> booking::Lot {
    let lot_id = house.ids.next::<parkmesh_contracts::ids::LotId>().to_string();
    let floor_id = house.ids.next::<parkmesh_contracts::ids::FloorId>().to_string();
    let mut known = house.doubles.known();
    known.floors.push(booking::Floor {
        floor_id: floor_id.clone(),
        lot_id: lot_id.clone(),
        ..Default::default()
    });
    for n in 0..spots {
        known.spots.push(booking::Spot {
            spot_id: house.ids.next::<parkmesh_contracts::ids::SpotId>().to_string(),
            lot_id: lot_id.clone(),
            floor_id: floor_id.clone(),
            spot_number: n.to_string(),
            spot_type: SpotType::Regular.into(),
            version: 1,
            ..Default::default()
        });
    }
    booking::Lot {
        lot_id,
        name: name.to_owned(),
        address: address.to_owned(),
        latitude: HERE.latitude + north_m / 111_195.0,
        longitude: HERE.longitude,
        time_zone: "Europe/Berlin".to_owned(),
        version: 1,
        ..Default::default()
    }
}

/// The mall of every test stands far away, on the equator.
async fn town() -> (House, Replica) {
    let house = House::new().await;
    let near = lot(&house, "Alexa", "Grunerstraße 20, Berlin", 100.0, 3);
    let station = lot(&house, "Ostbahnhof P1", "Koppenstraße 5, Berlin", 1_500.0, 30);
    let far = lot(&house, "Wedding Garage", "Müllerstraße 8, Berlin", 4_000.0, 12);
    {
        let mut known = house.doubles.known();
        known.lots.push(booking::Lot { tariff: tariff(4), ..near });
        known.lots.push(booking::Lot { tariff: tariff(2), ..station });
        known.lots.push(far);
    }
    let replica = house.stand().await;
    (house, replica)
}

async fn find(
    replica: &Replica,
    request: proto::FindLotsRequest,
) -> Result<proto::FindLotsResponse, Status> {
    replica.client.clone().find_lots(request).await.map(tonic::Response::into_inner)
}

async fn names(replica: &Replica, request: proto::FindLotsRequest) -> Vec<String> {
    let found = find(replica, request).await.expect("an answer");
    assert_eq!(found.next_page_token, "");
    found.lots.into_iter().map(|lot| lot.name).collect()
}

fn here(radius_meters: i32, order: LotOrder) -> proto::FindLotsRequest {
    let order = order.into();
    proto::FindLotsRequest { near: Some(HERE), radius_meters, order, ..Default::default() }
}

#[tokio::test]
async fn lots_near_a_point_come_by_distance_by_price_and_by_free_places() {
    let (house, replica) = town().await;
    assert_eq!(names(&replica, here(0, LotOrder::Unspecified)).await, ["Alexa", "Ostbahnhof P1"]);
    let near = names(&replica, here(5_000, LotOrder::Distance)).await;
    assert_eq!(near, ["Alexa", "Ostbahnhof P1", "Wedding Garage"]);
    let cheap = names(&replica, here(5_000, LotOrder::Price)).await;
    assert_eq!(cheap, ["Ostbahnhof P1", "Alexa", "Wedding Garage"], "one tells no price");
    let roomy = names(&replica, here(5_000, LotOrder::Free)).await;
    assert_eq!(roomy, ["Ostbahnhof P1", "Wedding Garage", "Alexa"]);
    assert!(names(&replica, here(50, LotOrder::Distance)).await.is_empty());

    let found = find(&replica, here(0, LotOrder::Distance)).await.expect("an answer");
    let alexa = &found.lots[0];
    assert_eq!((alexa.free, alexa.total), (3, 3));
    assert!((99.0..101.0).contains(&alexa.distance_meters()), "{alexa:?}");
    assert_eq!(alexa.price, euro(4, 0), "the hour from now");
    assert_eq!(alexa.address, "Grunerstraße 20, Berlin");
    house.stop([replica]).await;
}

/// In the morning of the lots: the window lies in one day of theirs, and meets one day's cap.
fn tomorrow_at_ten(now: Timestamp) -> Timestamp {
    let here = now.in_tz("Europe/Berlin").expect("a time zone");
    let tomorrow = here.date().tomorrow().expect("a day");
    tomorrow.at(10, 0, 0, 0).in_tz("Europe/Berlin").expect("a time").timestamp()
}

#[tokio::test]
async fn a_window_decides_what_is_free_and_what_it_costs() {
    let (house, replica) = town().await;
    let start = tomorrow_at_ten(house.clock.now());
    let end = start + SignedDuration::from_mins(150);
    let window = Some(Window { start_time: Some(to_proto(start)), end_time: Some(to_proto(end)) });
    let (lot_id, spot_id) = {
        let known = house.doubles.known();
        let lot_id = known.lots[1].lot_id.clone();
        let spot = known.spots.iter().find(|spot| spot.lot_id == lot_id).expect("a spot");
        (lot_id, spot.spot_id.clone())
    };
    let booked = crate::facts::Booking {
        lot_id: parkmesh_contracts::ids::LotId::parse(&lot_id).expect("an id"),
        spot_id: parkmesh_contracts::ids::SpotId::parse(&spot_id).expect("an id"),
        start,
        ..house.booking(0, 0)
    };
    house.tell([booked.reserved(2)]).await;
    replica.has_caught_up(&house).await;
    let request = proto::FindLotsRequest { window, ..here(0, LotOrder::Distance) };
    let found = find(&replica, request.clone()).await.expect("an answer");
    let told: Vec<_> = found.lots.iter().map(|lot| (lot.free, lot.price.clone())).collect();
    assert_eq!(told, [(2, euro(12, 0)), (30, euro(6, 0))], "three hours are begun");
    let ev = proto::FindLotsRequest { spot_type: SpotType::Ev.into(), ..request.clone() };
    let found = find(&replica, ev.clone()).await.expect("an answer");
    let told: Vec<_> = found.lots.iter().map(|lot| (lot.free, lot.price.clone())).collect();
    assert_eq!(told, [(0, euro(20, 0)), (0, euro(20, 0))], "dearer, up to the cap of a day");
    let ev = proto::FindLotsRequest { free_only: true, ..ev };
    assert!(names(&replica, ev).await.is_empty());
    house.stop([replica]).await;
}

#[tokio::test]
async fn lots_are_found_by_beginnings_of_the_words_of_name_and_address() {
    let (house, replica) = town().await;
    let text = |text: &str| proto::FindLotsRequest { text: text.to_owned(), ..Default::default() };
    assert_eq!(names(&replica, text("ostb")).await, ["Ostbahnhof P1"]);
    assert_eq!(names(&replica, text("berlin müller")).await, ["Wedding Garage"]);
    assert_eq!(names(&replica, text("BERLIN")).await, ["Alexa", "Ostbahnhof P1", "Wedding Garage"]);
    assert!(names(&replica, text("hamburg")).await.is_empty());
    let all = names(&replica, text("")).await;
    assert_eq!(all, ["Alexa", "Mall", "Ostbahnhof P1", "Wedding Garage"]);
    let nowhere = proto::FindLotsRequest { order: LotOrder::Distance.into(), ..text("berlin") };
    let refused = find(&replica, nowhere).await.expect_err("near is needed");
    assert_eq!(reason_of(&refused).as_deref(), Some("ARGUMENT_INVALID"));
    house.stop([replica]).await;
}

#[tokio::test]
async fn pages_of_lots_go_on_where_they_ended_and_a_token_is_of_its_question_only() {
    let (house, replica) = town().await;
    for order in [LotOrder::Distance, LotOrder::Price, LotOrder::Free, LotOrder::Name] {
        let whole = names(&replica, here(5_000, order)).await;
        let (mut told, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = proto::FindLotsRequest { page_size: 1, page_token, ..here(5_000, order) };
            let page = find(&replica, request).await.expect("a page");
            told.extend(page.lots.into_iter().map(|lot| lot.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
            let other =
                proto::FindLotsRequest { page_token: page_token.clone(), ..here(4_999, order) };
            let refused = find(&replica, other).await.expect_err("another question");
            assert_eq!(reason_of(&refused).as_deref(), Some("PAGE_TOKEN_INVALID"));
        }
        assert_eq!(told, whole, "{order:?}");
    }
    house.stop([replica]).await;
}
