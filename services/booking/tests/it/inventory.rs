//! Lots, floors and spots are made, read and changed; every change is a fact.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::facts::Fact;
use parkmesh_testkit::eventually;

use crate::world::{World, make_place, new_floor, new_lot, new_spots, request_id};

#[tokio::test]
async fn a_lot_is_made_with_its_tariff_and_read_by_a_driver() {
    let world = World::start().await;
    let made = world.operator("op").await.create_lot(new_lot("Mall")).await.unwrap();
    let made = made.into_inner().lot.unwrap();
    assert_eq!((made.time_zone.as_str(), made.currency_code.as_str()), ("Europe/Berlin", "EUR"));
    assert_eq!((made.operator_id.as_str(), made.version), ("op", 1));
    let tariff = made.tariff.as_ref().unwrap();
    assert_eq!((tariff.version, tariff.hourly_rate.as_ref().unwrap().units), (1, 2));
    let policy = made.policy.unwrap();
    assert_eq!((policy.hold_ttl_seconds, policy.no_show_seconds), (600, 1_800));

    let asked = proto::GetLotRequest { lot_id: made.lot_id.clone() };
    let read = world.driver("anna").await.get_lot(asked).await.unwrap().into_inner().lot.unwrap();
    assert_eq!(read, made);

    let facts = world.facts(1).await;
    let fact: proto::InventoryChanged = facts[0].decode().unwrap();
    assert_eq!((fact.version, fact.lot, fact.floors.len()), (1, Some(made), 0));
    world.stop().await;
}

#[tokio::test]
async fn floors_count_the_lots_version_up_and_travel_with_its_fact() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let lot = operator.create_lot(new_lot("Mall")).await.unwrap().into_inner().lot.unwrap();
    for floor_number in [2, -1, 0] {
        operator.create_floor(new_floor(&lot.lot_id, floor_number)).await.unwrap();
    }
    let asked = proto::ListFloorsRequest { lot_id: lot.lot_id.clone() };
    let floors = operator.list_floors(asked).await.unwrap().into_inner().floors;
    let numbers: Vec<i32> = floors.iter().map(|floor| floor.floor_number).collect();
    assert_eq!(numbers, [-1, 0, 2]);

    let facts = world.facts(4).await;
    let last: proto::InventoryChanged = facts[3].decode().unwrap();
    assert_eq!((last.version, last.lot.unwrap().version), (4, 4));
    assert_eq!(last.floors, floors);
    world.stop().await;
}

#[tokio::test]
async fn a_lot_of_which_the_outbox_has_forgotten_every_fact_is_told_once_more_as_it_stands() {
    let mut world = World::start().await;
    make_place(&mut world.operator("op").await, "Mall", 1).await;
    let told = world.facts(3).await;
    let last: proto::InventoryChanged = told[1].decode().unwrap();
    eventually("the outbox knows that all is published", || async {
        let waiting = "SELECT count(*) FROM outbox WHERE publish_time IS NULL";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&world.pool).await.unwrap();
        (waiting == 0).then_some(())
    })
    .await;
    // What the relay does with each row a day later.
    sqlx::query("DELETE FROM outbox").execute(&world.pool).await.unwrap();
    world.restart().await;
    let again = world.facts(4).await;
    assert_eq!(again[3].fact_type, proto::InventoryChanged::TYPE);
    assert_ne!(again[3].fact_id, told[1].fact_id);
    assert_eq!(again[3].decode::<proto::InventoryChanged>().unwrap(), last);
    // Once: two processes that look again find that it was told.
    world.restart().await;
    let replica = world.replica().await;
    make_place(&mut world.operator("op").await, "Arena", 1).await;
    world.facts(7).await;
    replica.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn floors_made_at_once_get_each_a_version_of_its_own() {
    let world = World::start().await;
    let operator = world.operator("op").await;
    let lot = operator.clone().create_lot(new_lot("Mall")).await.unwrap().into_inner().lot.unwrap();
    let calls = (0..8).map(|number| {
        let (mut operator, request) = (operator.clone(), new_floor(&lot.lot_id, number));
        async move { operator.create_floor(request).await.unwrap() }
    });
    futures_util::future::join_all(calls).await;
    let mut versions: Vec<i64> = Vec::new();
    for fact in world.facts(9).await {
        let fact: proto::InventoryChanged = fact.decode().unwrap();
        assert_eq!(fact.floors.len(), usize::try_from(fact.version).unwrap() - 1);
        versions.push(fact.version);
    }
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    world.stop().await;
}

#[tokio::test]
async fn a_thousand_spots_are_made_in_the_order_asked_with_a_fact_each() {
    let world = World::start().await;
    let place = make_place(&mut world.operator("op").await, "Mall", 1_000).await;
    assert_eq!(place.spots.len(), 1_000);
    assert_eq!(place.spots[999].spot_number, "A1000");
    assert!(place.spots.iter().all(|spot| spot.version == 1 && !spot.out_of_service));
    let facts = world.facts(1_002).await;
    let of_spots = facts.iter().filter(|fact| fact.fact_type == proto::SpotStateChanged::TYPE);
    assert_eq!(of_spots.count(), 1_000);
    let last: proto::SpotStateChanged = facts[1_001].decode().unwrap();
    assert_eq!((last.version, last.spot), (1, place.spots.last().cloned()));
    world.stop().await;
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_tells_no_second_fact() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let lot = new_lot("Mall");
    let first = operator.create_lot(lot.clone()).await.unwrap().into_inner();
    assert_eq!(operator.create_lot(lot).await.unwrap().into_inner(), first);
    let floor = new_floor(&first.lot.unwrap().lot_id, 0);
    let first = operator.create_floor(floor.clone()).await.unwrap().into_inner();
    assert_eq!(operator.create_floor(floor).await.unwrap().into_inner(), first);
    let spots = new_spots(&first.floor.unwrap().floor_id, "A", 3);
    // Twins at the same moment: one does the work, both get its answer.
    let (mut one, mut two) = (operator.clone(), operator.clone());
    let (one, two) =
        tokio::join!(one.batch_create_spots(spots.clone()), two.batch_create_spots(spots.clone()));
    let first = one.unwrap().into_inner();
    assert_eq!(two.unwrap().into_inner(), first);
    assert_eq!(operator.batch_create_spots(spots).await.unwrap().into_inner(), first);
    world.facts(5).await;
    world.stop().await;
}

#[tokio::test]
async fn lots_are_listed_by_name_page_by_page() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    for name in ["Cedar", "Ash", "Elm", "Ash", "Birch"] {
        operator.create_lot(new_lot(name)).await.unwrap();
    }
    let mut driver = world.driver("anna").await;
    let (mut names, mut ids, mut page_token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let asked = proto::ListLotsRequest { page_size: 2, page_token };
        let page = driver.list_lots(asked).await.unwrap().into_inner();
        assert!(page.lots.len() <= 2);
        names.extend(page.lots.iter().map(|lot| lot.name.clone()));
        ids.extend(page.lots.into_iter().map(|lot| lot.lot_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["Ash", "Ash", "Birch", "Cedar", "Elm"]);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    world.stop().await;
}

#[tokio::test]
async fn spots_are_listed_by_number_of_a_lot_and_of_one_floor() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 5).await;
    let (lot_id, first) = (place.lot.lot_id, place.floor.floor_id);
    let second = operator.create_floor(new_floor(&lot_id, 1)).await.unwrap().into_inner();
    let second = second.floor.unwrap().floor_id;
    operator.batch_create_spots(new_spots(&second, "B", 2)).await.unwrap();

    for (floor_id, expected) in [(String::new(), 7), (first, 5), (second, 2)] {
        let (mut numbers, mut page_token) = (Vec::new(), String::new());
        loop {
            let (lot_id, floor_id) = (lot_id.clone(), floor_id.clone());
            let asked = proto::ListSpotsRequest { lot_id, floor_id, page_size: 3, page_token };
            let page = operator.list_spots(asked).await.unwrap().into_inner();
            numbers.extend(page.spots.into_iter().map(|spot| spot.spot_number));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(numbers.len(), expected);
        assert!(numbers.is_sorted());
    }
    world.stop().await;
}

#[tokio::test]
async fn a_spot_goes_out_of_service_and_back_and_counts_its_version_up() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1).await;
    let spot_id = place.spots[0].spot_id.clone();
    let set = |out_of_service, version| proto::SetSpotStatusRequest {
        spot_id: spot_id.clone(),
        out_of_service,
        version,
    };
    let changed = operator.set_spot_status(set(true, 1)).await.unwrap().into_inner().spot.unwrap();
    assert_eq!((changed.out_of_service, changed.version), (true, 2));
    // The same word again, as a retry sends it: the same answer, no other fact.
    let again = operator.set_spot_status(set(true, 1)).await.unwrap().into_inner().spot.unwrap();
    assert_eq!(again, changed);
    let back = operator.set_spot_status(set(false, 0)).await.unwrap().into_inner().spot.unwrap();
    assert_eq!((back.out_of_service, back.version), (false, 3));

    let facts = world.facts(5).await;
    let last: proto::SpotStateChanged = facts[4].decode().unwrap();
    assert_eq!((last.version, last.spot), (3, Some(back)));
    world.stop().await;
}

#[tokio::test]
async fn a_request_id_belongs_to_its_caller() {
    let world = World::start().await;
    let request = proto::CreateLotRequest { request_id: request_id(), ..new_lot("Mall") };
    let one = world.operator("one").await.create_lot(request.clone()).await.unwrap().into_inner();
    let two = world.operator("two").await.create_lot(request).await.unwrap().into_inner();
    assert_ne!(one.lot.unwrap().lot_id, two.lot.unwrap().lot_id);
    world.stop().await;
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_forgotten_after_two() {
    let mut world = World::start().await;
    let request = new_lot("Mall");
    let first = world.operator("op").await.create_lot(request.clone()).await.unwrap().into_inner();
    world.clock.advance(SignedDuration::from_hours(25));
    world.restart().await;
    let again = world.operator("op").await.create_lot(request.clone()).await.unwrap().into_inner();
    assert_eq!(again, first);

    world.clock.advance(SignedDuration::from_hours(24));
    world.restart().await;
    eventually("the answer to be forgotten", || async {
        let count = sqlx::query_scalar("SELECT count(*) FROM request").fetch_one(&world.pool);
        (count.await.unwrap_or(1_i64) == 0).then_some(())
    })
    .await;
    let other = proto::CreateLotRequest { name: "Tower".to_owned(), ..request };
    let second = world.operator("op").await.create_lot(other).await.unwrap().into_inner();
    assert_eq!(second.lot.unwrap().name, "Tower");
    world.stop().await;
}
