//! Watches: all of it first, then what changes.

use std::time::Duration;

use parkmesh_availability::Config;
use parkmesh_availability::grpc::WatchConfig;
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_platform::fault::reason_of;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::facts;
use crate::house::{House, Replica, SPOTS};

type Watch = Streaming<proto::WatchAvailabilityResponse>;

async fn watch(house: &House, replica: &Replica, include_spots: bool, token: &str) -> Watch {
    let request = proto::WatchAvailabilityRequest {
        lot_id: house.lot_id.to_string(),
        include_spots,
        resume_token: token.to_owned(),
    };
    replica.client.clone().watch_availability(request).await.expect("a stream").into_inner()
}

async fn next(watch: &mut Watch) -> Result<Option<proto::WatchAvailabilityResponse>, Status> {
    timeout(Duration::from_secs(20), watch.message()).await.expect("an answer within 20 s")
}

/// The next answer that is no heartbeat.
async fn told(watch: &mut Watch) -> proto::WatchAvailabilityResponse {
    loop {
        let answer = next(watch).await.expect("no end").expect("an answer");
        if answer.counts.is_some() {
            return answer;
        }
    }
}

fn free(answer: &proto::WatchAvailabilityResponse) -> i32 {
    answer.counts.as_ref().expect("counts").free
}

#[tokio::test]
async fn a_watch_begins_with_everything_goes_on_with_changes_and_resumes() {
    let house = House::new().await;
    let replica = house.stand().await;
    let mut first = watch(&house, &replica, true, "").await;
    let all = told(&mut first).await;
    assert!(all.snapshot);
    assert_eq!((all.spots.len(), free(&all)), (SPOTS, 12));

    house.tell([facts::occupied(house.lot_id, house.spots[4], 1)]).await;
    let change = told(&mut first).await;
    assert!(!change.snapshot);
    assert_eq!(free(&change), 11);
    let spots: Vec<_> = change.spots.iter().map(|s| (s.spot_number.as_str(), s.status())).collect();
    assert_eq!(spots, [("04", SpotStatus::Occupied)]);
    drop(first);

    house.tell([facts::occupied(house.lot_id, house.spots[5], 1)]).await;
    house.tell([facts::vacated(house.lot_id, house.spots[5], 2)]).await;
    house.tell([facts::silent(house.lot_id, house.spots[6], 1)]).await;
    replica.has_free(house.lot_id, 10).await;
    let mut again = watch(&house, &replica, true, &change.resume_token).await;
    let missed = told(&mut again).await;
    assert!(!missed.snapshot);
    assert_eq!(free(&missed), 10);
    let mut numbers: Vec<_> = missed.spots.iter().map(|spot| spot.spot_number.as_str()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["05", "06"], "each once, and not what was told before");

    // A token of another process, and one that is none, give everything.
    let (_, revision) = missed.resume_token.split_once('-').expect("incarnation-revision");
    for token in [format!("{:016x}-{revision}", 1), "nonsense".to_owned()] {
        let mut other = watch(&house, &replica, true, &token).await;
        let all = told(&mut other).await;
        assert_eq!((all.snapshot, all.spots.len()), (true, SPOTS), "{token}");
    }
    house.stop([replica]).await;
}

#[tokio::test]
async fn the_ground_is_shown_ahead_of_its_fact_and_the_fact_tells_nothing_new() {
    let house = House::new().await;
    let replica = house.stand().await;
    let (lot_id, spots) = (house.lot_id, &house.spots);
    let mut watched = watch(&house, &replica, true, "").await;
    told(&mut watched).await;
    let numbers = |answer: &proto::WatchAvailabilityResponse| -> Vec<String> {
        answer.spots.iter().map(|spot| spot.spot_number.clone()).collect()
    };

    house.flash([facts::occupied(lot_id, spots[4], 2)]);
    let ahead = told(&mut watched).await;
    assert_eq!((free(&ahead), numbers(&ahead)), (11, vec!["04".to_owned()]));
    // An older word that was on its way longer.
    house.flash([facts::vacated(lot_id, spots[4], 1)]);
    house.tell([facts::vacated(lot_id, spots[4], 1)]).await;
    house.tell([facts::occupied(lot_id, spots[4], 2)]).await;
    replica.has_caught_up(&house).await;
    house.tell([facts::occupied(lot_id, spots[5], 1)]).await;
    let next = told(&mut watched).await;
    assert_eq!((free(&next), numbers(&next)), (10, vec!["05".to_owned()]));
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_booking_is_not_shown_ahead_of_its_fact() {
    let house = House::new().await;
    let replica = house.stand().await;
    let mut watched = watch(&house, &replica, false, "").await;
    told(&mut watched).await;
    let booking = house.booking(0, 0);
    house.flash([booking.reserved(1)]);
    house.flash([facts::occupied(house.lot_id, house.spots[1], 1)]);
    assert_eq!(free(&told(&mut watched).await), 11, "the second flash, after the first");
    house.tell([booking.reserved(1)]).await;
    assert_eq!(free(&told(&mut watched).await), 10);
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_watch_without_spots_hears_only_of_counts() {
    let house = House::new().await;
    let replica = house.stand().await;
    let mut watched = watch(&house, &replica, false, "").await;
    assert_eq!(free(&told(&mut watched).await), 12);
    house.tell([facts::occupied(house.lot_id, house.spots[0], 1)]).await;
    assert_eq!(free(&told(&mut watched).await), 11);
    // Occupied or unknown: as little free as before.
    house.tell([facts::silent(house.lot_id, house.spots[0], 2)]).await;
    replica.has_caught_up(&house).await;
    house.tell([facts::occupied(house.lot_id, house.spots[1], 1)]).await;
    let next = told(&mut watched).await;
    assert_eq!((free(&next), next.spots.len()), (10, 0));
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_herd_of_changes_comes_in_few_answers_and_the_last_one_is_right() {
    let house = House::new().await;
    let watch_config = WatchConfig { gather: Duration::from_millis(200), ..WatchConfig::default() };
    let config = Config { watch: watch_config, ..house.config.clone() };
    let replica = house.start_with(config, house.redis.clone(), house.bus.clone()).await;
    replica.stands(house.lot_id).await;
    let mut watched = watch(&house, &replica, true, "").await;
    told(&mut watched).await;
    let lot_id = house.lot_id;
    let herd = (1..=40).flat_map(|version| {
        house.spots.iter().map(move |spot| facts::occupied(lot_id, *spot, 2 * version))
    });
    let herd: Vec<_> = herd.collect();
    let changes = herd.len();
    house.tell(herd).await;
    let mut answers = 1;
    while free(&told(&mut watched).await) > 0 {
        answers += 1;
    }
    assert!(answers * 20 < changes, "{answers} answers for {changes} facts");
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_quiet_watch_gets_signs_of_life_and_ends_with_its_reason() {
    let house = House::new().await;
    let watch_config = WatchConfig {
        heartbeat: Duration::from_millis(300),
        life_max: Duration::from_millis(1_500),
        ..WatchConfig::default()
    };
    let config = Config { watch: watch_config, ..house.config.clone() };
    let replica = house.start_with(config, house.redis.clone(), house.bus.clone()).await;
    replica.stands(house.lot_id).await;
    let mut watched = watch(&house, &replica, false, "").await;
    let first = told(&mut watched).await;
    let mut heartbeats = 0;
    let end = loop {
        match next(&mut watched).await {
            Ok(answer) => {
                let answer = answer.expect("an end with a reason");
                assert!(answer.counts.is_none() && answer.spots.is_empty() && !answer.snapshot);
                assert_eq!(answer.resume_token, first.resume_token);
                heartbeats += 1;
            }
            Err(status) => break status,
        }
    };
    assert!((2..=5).contains(&heartbeats), "{heartbeats}");
    assert_eq!(reason_of(&end).as_deref(), Some("STREAM_EXPIRED"));
    house.stop([replica]).await;
}
