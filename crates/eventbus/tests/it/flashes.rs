//! What is told ahead of facts.

use std::slice;
use std::time::Duration;

use parkmesh_contracts::booking::v1::BookingHeld;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use parkmesh_eventbus::flash::{Flashed, Flashes};
use parkmesh_eventbus::follow::{self, Follow, Followed};
use parkmesh_eventbus::outbox::Row;
use tokio::time::timeout;

use crate::world::{STREAM, World};

async fn next(flashes: &mut Flashes) -> Vec<Flashed> {
    let flash = timeout(Duration::from_secs(20), flashes.next()).await;
    flash.expect("a flash within 20 s").unwrap()
}

fn told(rows: &[Row]) -> Vec<Flashed> {
    let one = |row: &Row| Flashed { fact_type: row.fact_type.to_owned(), body: row.body.clone() };
    rows.iter().map(one).collect()
}

#[tokio::test]
async fn a_flash_tells_what_its_facts_tell_and_the_facts_come_all_the_same() {
    let world = World::new().await;
    let relay = world.relay();
    let from_sequence = Some(world.bus.last_sequence(STREAM).await.unwrap());
    let follow = Follow { stream: STREAM, fact_types: &[SpotOccupied::TYPE], from_sequence };
    let mut facts = follow::start(&world.bus, follow, &world.tasks);
    let mut flashes = Flashes::hear(&world.bus, "sensor").await.unwrap();

    let rows: Vec<Row> = (1..=3).map(|version| world.row(world.ids.next(), version)).collect();
    world.commit(rows.clone()).await;
    relay.flash(&rows);
    assert_eq!(next(&mut flashes).await, told(&rows));
    for row in &rows {
        match facts.recv().await.unwrap() {
            Followed::Fact(fact) => {
                assert_eq!((fact.fact_id, fact.body), (row.fact_id, row.body.clone()))
            }
            Followed::Gap(reason) => panic!("no gap expected: {reason}"),
        }
    }
}

#[tokio::test]
async fn a_flash_needs_no_stream() {
    let world = World::new().await;
    let relay = world.relay();
    let mut flashes = Flashes::hear(&world.bus, "sensor").await.unwrap();
    world.bus.delete_streams().await.unwrap();
    let rows = [world.row(world.ids.next(), 1)];
    relay.flash(&rows);
    assert_eq!(next(&mut flashes).await, told(&rows));
}

#[tokio::test]
async fn many_rows_come_in_several_flashes_in_their_order_and_those_of_another_domain_do_not() {
    let world = World::new().await;
    let relay = world.relay();
    let mut sensor = Flashes::hear(&world.bus, "sensor").await.unwrap();
    let mut booking = Flashes::hear(&world.bus, "booking").await.unwrap();
    let held = BookingHeld { lot_id: world.lot.to_string(), ..BookingHeld::default() };
    let held = Row::of(&world.ids, world.clock.now(), world.ids.next(), 1, &held);
    let ground: Vec<Row> =
        (1..=1_200).map(|version| world.row(world.ids.next(), version)).collect();
    let (first, rest) = ground.split_at(700);
    relay.flash(&[first, slice::from_ref(&held), rest].concat());
    relay.flash(&[]);

    let mut heard = Vec::new();
    while heard.len() < ground.len() {
        heard.extend(next(&mut sensor).await);
    }
    assert!(heard == told(&ground), "{} of {}", heard.len(), ground.len());
    assert_eq!(next(&mut booking).await, told(&[held]));
}
