//! StreamInventory: whole, of one moment, and no older than the position that it names.

use std::collections::BTreeSet;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::stream_inventory_response::{End, Part};
use parkmesh_platform::fault::reason_of;
use tonic::{Code, Streaming};

use crate::world::{Inventory, World, make_place, new_floor, new_spots};

/// A snapshot as its reader has it.
#[derive(Default)]
pub struct Read {
    booking_sequence: u64,
    pub lots: Vec<proto::Lot>,
    floors: Vec<proto::Floor>,
    spots: Vec<proto::Spot>,
    pub windows: Vec<proto::LiveWindow>,
    parts: usize,
    end: Option<End>,
}

impl Read {
    /// Reads on until the end; checks what every snapshot promises.
    async fn finish(mut self, mut stream: Streaming<proto::StreamInventoryResponse>) -> Self {
        while let Some(part) = stream.message().await.unwrap() {
            assert!(self.end.is_none(), "a part after the end");
            self.take(part.part.unwrap());
        }
        let end = self.end.expect("an end");
        let sent = [self.lots.len(), self.floors.len(), self.spots.len(), self.windows.len()];
        let told = [end.lots, end.floors, end.spots, end.windows];
        assert_eq!(sent.map(|count| i64::try_from(count).unwrap()), told);
        self
    }

    fn take(&mut self, part: Part) {
        match part {
            Part::Start(start) => {
                assert_eq!(self.parts, 0, "the start comes first");
                self.booking_sequence = start.booking_sequence;
            }
            Part::Rows(rows) => {
                let counts =
                    [rows.lots.len(), rows.floors.len(), rows.spots.len(), rows.windows.len()];
                let count: usize = counts.into_iter().sum();
                assert!((1..=500).contains(&count), "{count} rows in a part");
                self.lots.extend(rows.lots);
                self.floors.extend(rows.floors);
                self.spots.extend(rows.spots);
                self.windows.extend(rows.windows);
            }
            Part::End(end) => self.end = Some(end),
        }
        self.parts += 1;
    }
}

pub async fn snapshot(client: &mut Inventory, lot_id: &str) -> Read {
    let asked = proto::StreamInventoryRequest { lot_id: lot_id.to_owned() };
    let stream = client.stream_inventory(asked).await.unwrap().into_inner();
    Read::default().finish(stream).await
}

pub async fn availability(world: &World) -> Inventory {
    world.inventory(&world.tokens.service("availability")).await
}

#[tokio::test]
async fn the_snapshot_holds_everything_up_to_the_position_that_it_names() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let mall = make_place(&mut operator, "Mall", 1_000).await;
    let second = operator.create_floor(new_floor(&mall.lot.lot_id, 1)).await.unwrap();
    let second = second.into_inner().floor.unwrap();
    let more = operator.batch_create_spots(new_spots(&second.floor_id, "B", 234)).await.unwrap();
    let more = more.into_inner().spots;
    let tower = make_place(&mut operator, "Tower", 1).await;
    world.facts(1_240).await;

    let read = snapshot(&mut availability(&world).await, "").await;
    assert_eq!(read.booking_sequence, 1_240);
    assert_eq!((read.lots.len(), read.floors.len(), read.windows.len()), (2, 3, 0));
    assert_eq!(read.lots.iter().map(|lot| lot.version).collect::<Vec<_>>(), [3, 2]);
    let sent: BTreeSet<&str> = read.spots.iter().map(|spot| spot.spot_id.as_str()).collect();
    let made = [&mall.spots, &more, &tower.spots].into_iter().flatten();
    assert_eq!(sent, made.map(|spot| spot.spot_id.as_str()).collect());
    world.stop().await;
}

#[tokio::test]
async fn the_snapshot_of_one_lot_holds_nothing_of_another() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    make_place(&mut operator, "Mall", 3).await;
    let tower = make_place(&mut operator, "Tower", 2).await;
    let read = snapshot(&mut availability(&world).await, &tower.lot.lot_id).await;
    assert_eq!((read.lots.len(), read.floors), (1, vec![tower.floor]));
    assert_eq!(read.spots, tower.spots);
    world.stop().await;
}

#[tokio::test]
async fn an_empty_house_has_a_snapshot_too() {
    let world = World::start().await;
    let read = snapshot(&mut availability(&world).await, "").await;
    assert_eq!((read.parts, read.booking_sequence), (2, 0));
    world.stop().await;
}

#[tokio::test]
async fn what_is_made_while_a_slow_reader_reads_is_not_in_its_snapshot() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1_000).await;
    let floor_id = place.floor.floor_id;
    for prefix in ["B", "C", "D", "E", "F"] {
        operator.batch_create_spots(new_spots(&floor_id, prefix, 1_000)).await.unwrap();
    }
    let asked = proto::StreamInventoryRequest::default();
    let mut stream = availability(&world).await.stream_inventory(asked).await.unwrap().into_inner();
    let mut read = Read::default();
    // The start and the lot are here: the moment is chosen, and most spots are still to be read.
    for _ in 0..2 {
        read.take(stream.message().await.unwrap().unwrap().part.unwrap());
    }
    operator.batch_create_spots(new_spots(&floor_id, "Z", 10)).await.unwrap();
    let read = read.finish(stream).await;
    assert_eq!(read.spots.len(), 6_000);
    assert!(read.spots.iter().all(|spot| !spot.spot_number.starts_with('Z')));
    world.stop().await;
}

#[tokio::test]
async fn a_reader_that_goes_away_gives_its_turn_back() {
    let world = World::start().await;
    let place = make_place(&mut world.operator("op").await, "Mall", 1_000).await;
    let mut client = availability(&world).await;
    for _ in 0..12 {
        let asked = proto::StreamInventoryRequest::default();
        let mut stream = client.stream_inventory(asked).await.unwrap().into_inner();
        stream.message().await.unwrap().unwrap();
    }
    let read = snapshot(&mut client, "").await;
    assert_eq!(read.spots.len(), place.spots.len());
    world.stop().await;
}

#[tokio::test]
async fn a_stop_ends_a_snapshot_under_way_and_says_why() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 1_000).await;
    for prefix in ["B", "C", "D", "E", "F"] {
        let spots = new_spots(&place.floor.floor_id, prefix, 1_000);
        operator.batch_create_spots(spots).await.unwrap();
    }
    let asked = proto::StreamInventoryRequest::default();
    // A reader to whom all is sent before it reads would not be cut off.
    let mut reader = world.slow_inventory(&world.tokens.service("availability")).await;
    let mut stream = reader.stream_inventory(asked).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    let stopping = world.stopping();
    let read_on = async {
        stopping.cancelled().await;
        loop {
            match stream.message().await {
                Ok(Some(part)) => assert!(!matches!(part.part, Some(Part::End(_)))),
                Ok(None) => panic!("half a snapshot must not look like a whole one"),
                Err(status) => break status,
            }
        }
    };
    let ((), status) = tokio::join!(world.stop(), read_on);
    assert_eq!(
        (status.code(), reason_of(&status).unwrap().as_str()),
        (Code::Unavailable, "SHUTTING_DOWN")
    );
}

#[tokio::test]
async fn only_availability_may_read_the_snapshot() {
    let world = World::start().await;
    for token in [world.tokens.driver("anna"), world.tokens.operator("op", [])] {
        let asked = proto::StreamInventoryRequest::default();
        let status = world.inventory(&token).await.stream_inventory(asked).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(reason_of(&status).unwrap(), "SCOPE_MISSING");
    }
    let payment = world.tokens.service("payment");
    let asked = proto::StreamInventoryRequest::default();
    let status = world.inventory(&payment).await.stream_inventory(asked).await.unwrap_err();
    assert_eq!(reason_of(&status).unwrap(), "CALLER_NOT_ALLOWED");
    world.stop().await;
}
