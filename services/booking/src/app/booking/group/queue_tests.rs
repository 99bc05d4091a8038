//! Who goes into a group, who rides along, who waits.
#![expect(clippy::unwrap_used, reason = "tests")]

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, RequestId};
use parkmesh_platform::ids::Ids;
use tokio::sync::oneshot;

use super::super::Verdict;
use super::*;
use crate::convert::booking::{Choice, Wanted};
use crate::domain::pooling::Pooling;
use crate::error::Error;
use crate::store::replay::Request;

struct World {
    ids: Ids,
    lot_id: LotId,
    known: Known,
    queue: Queue,
    /// The place of the next call in the order of arrival.
    arrival: u64,
    /// Who waits for an answer; to be dropped is to go away.
    waiting: Vec<oneshot::Receiver<Result<Verdict, Error>>>,
}

impl World {
    fn new() -> Self {
        let ids = Ids::random();
        let lot_id = ids.next();
        let (known, queue) = (Known::default(), Queue::default());
        Self { ids, lot_id, known, queue, arrival: 100, waiting: Vec::new() }
    }

    fn spot(&self) -> Arc<Spot> {
        Arc::new(Spot {
            spot_id: self.ids.next(),
            lot_id: self.lot_id,
            floor_id: self.ids.next::<FloorId>(),
            spot_number: "A1".to_owned(),
            spot_type: SpotType::Regular,
            out_of_service: false,
            plan_x: 0.0,
            plan_y: 0.0,
            latitude: 0.0,
            longitude: 0.0,
            version: 1,
        })
    }

    /// The regular spots of the lot, in these hours.
    fn pool(&self, hours: (i64, i64)) -> Pool {
        Pool {
            lot_id: self.lot_id,
            spot_type: SpotType::Regular,
            preferred: None,
            empty: false,
            kept: window(hours),
            pooling: Pooling::default(),
        }
    }

    /// So many regular spots have just been read.
    fn know_spots(&self, count: usize) {
        let spots = (0..count).map(|_| Spot::clone(&self.spot())).collect();
        self.known.keep_pool(self.lot_id, SpotType::Regular, spots);
    }

    fn ask(&mut self, user: &str, target: Target, hours: (i64, i64)) -> bool {
        let (answer, verdict) = oneshot::channel();
        self.waiting.push(verdict);
        let window = window(hours);
        let key = Request {
            subject: UserId::try_from(user.to_owned()).unwrap(),
            request_id: self.ids.next::<RequestId>(),
            method: "HoldSpot",
            body_hash: [0; 32],
        };
        let choice = Choice::Pool(self.lot_id, SpotType::Regular, None);
        let wanted = Wanted {
            choice,
            window,
            plate: String::new(),
            disability_permit: false,
            starts_now: false,
        };
        let ask = Ask {
            number: self.arrival,
            key,
            wanted,
            target,
            kept: window,
            rounds: 0,
            failures: 0,
            reclaims: false,
            trace_parent: None,
            answer,
        };
        self.arrival += 1;
        self.queue.push(ask)
    }

    fn ask_spot(&mut self, user: &str, spot: &Arc<Spot>, hours: (i64, i64)) {
        assert!(self.ask(user, Target::Spot(Arc::clone(spot), 0), hours));
    }

    fn draw(&mut self) -> Option<(u64, Drawn)> {
        self.queue.draw(&self.known, 7)
    }
}

fn window((start, end): (i64, i64)) -> Window {
    let at = |hour: i64| jiff::Timestamp::from_second(2_000_000_000 + hour * 3_600).unwrap();
    Window::try_new(at(start), at(end)).unwrap()
}

fn users<'a>(asks: impl Iterator<Item = &'a Ask>) -> Vec<&'a str> {
    asks.map(|ask| ask.key.subject.as_str()).collect()
}

fn tried(drawn: &Drawn) -> Vec<&str> {
    users(drawn.tries.iter().map(|one| &one.ask))
}

#[test]
fn the_first_of_a_crowd_is_tried_and_the_others_ride_along() {
    let mut world = World::new();
    let spot = world.spot();
    for user in ["anna", "ben", "cleo"] {
        world.ask_spot(user, &spot, (1, 2));
    }
    let (_, drawn) = world.draw().unwrap();
    assert_eq!(tried(&drawn), ["anna"]);
    assert_eq!(users(drawn.riders.iter()), ["ben", "cleo"]);
    assert!(world.draw().is_none());
}

#[test]
fn who_came_first_goes_first_though_others_were_lined_up_sooner() {
    let mut world = World::new();
    let spot = world.spot();
    world.ask_spot("ben", &spot, (1, 2));
    world.ask_spot("cleo", &spot, (1, 2));
    world.arrival = 7;
    world.ask_spot("anna", &spot, (1, 2));
    let (_, drawn) = world.draw().unwrap();
    assert_eq!(tried(&drawn), ["anna"]);
    assert_eq!(users(drawn.riders.iter()), ["ben", "cleo"]);
}

#[test]
fn windows_that_touch_and_other_spots_are_tried_together() {
    let mut world = World::new();
    let (spot, other) = (world.spot(), world.spot());
    world.ask_spot("anna", &spot, (1, 2));
    world.ask_spot("ben", &spot, (2, 3));
    world.ask_spot("cleo", &other, (1, 3));
    assert_eq!(tried(&world.draw().unwrap().1), ["anna", "ben", "cleo"]);
}

#[test]
fn one_users_wishes_go_one_after_the_other() {
    let mut world = World::new();
    let (spot, other) = (world.spot(), world.spot());
    world.ask_spot("anna", &spot, (1, 2));
    world.ask_spot("anna", &other, (1, 2));
    let (group, drawn) = world.draw().unwrap();
    assert_eq!(drawn.len(), 1);
    assert!(world.draw().is_none(), "the first is in flight");
    world.queue.finish(group, Vec::new());
    assert_eq!(tried(&world.draw().unwrap().1), ["anna"]);
}

#[test]
fn what_another_group_tries_for_is_waited_for_and_old_asks_go_first() {
    let mut world = World::new();
    let spot = world.spot();
    world.ask_spot("anna", &spot, (1, 3));
    let (group, drawn) = world.draw().unwrap();
    world.ask_spot("ben", &spot, (2, 4));
    assert!(world.draw().is_none());
    let back = drawn.tries.into_iter().map(|one| one.ask).collect();
    world.queue.finish(group, back);
    let (_, drawn) = world.draw().unwrap();
    assert_eq!(tried(&drawn), ["anna"]);
    assert_eq!(users(drawn.riders.iter()), ["ben"]);
}

#[test]
fn who_has_gone_away_is_not_tried() {
    let mut world = World::new();
    let spot = world.spot();
    world.ask_spot("anna", &spot, (1, 2));
    world.waiting.clear();
    assert!(world.draw().is_none());
    assert!(world.queue.waiting.is_empty());
}

#[test]
fn two_of_a_pool_are_never_given_the_same_spot() {
    let mut world = World::new();
    let pool = world.pool((1, 2));
    for user in ["anna", "ben", "cleo"] {
        assert!(world.ask(user, Target::Pool { pool, picks: 1 }, (1, 2)));
    }
    // Nothing is known of the pool: all are searched for.
    let (group, drawn) = world.draw().unwrap();
    assert_eq!(drawn.searches.len(), 3);
    let free = [world.spot(), world.spot()];
    let mut chosen: Vec<_> = (0..3).map(|_| world.queue.choose(group, pool.kept, &free)).collect();
    chosen.sort_unstable();
    assert_eq!(chosen, [None, Some(0), Some(1)]);
}

#[test]
fn who_wants_a_pool_alone_picks_by_chance_and_several_are_searched_for_together() {
    let mut world = World::new();
    world.know_spots(40);
    let (wanted, other) = (world.pool((1, 2)), world.pool((5, 6)));
    for (user, pool) in [("anna", wanted), ("ben", wanted), ("dan", other)] {
        assert!(world.ask(user, Target::Pool { pool, picks: 2 }, (1, 2)));
    }
    let (group, drawn) = world.draw().unwrap();
    assert_eq!(tried(&drawn), ["dan"]);
    assert_eq!(users(drawn.searches.iter()), ["anna", "ben"]);
    // Whoever comes later waits until those have what they were searched for.
    world.ask("late", Target::Pool { pool: wanted, picks: 2 }, (1, 2));
    assert!(world.draw().is_none());
    world.queue.finish(group, Vec::new());
    assert_eq!(tried(&world.draw().unwrap().1), ["late"]);
}

#[test]
fn who_has_no_pick_left_is_searched_for() {
    let mut world = World::new();
    world.know_spots(40);
    let pool = world.pool((1, 2));
    world.ask("anna", Target::Pool { pool, picks: 0 }, (1, 2));
    assert_eq!(users(world.draw().unwrap().1.searches.iter()), ["anna"]);
}

#[test]
fn so_many_pools_are_searched_at_once_and_those_who_want_others_keep_their_place() {
    let mut world = World::new();
    let count = i64::try_from(SEARCHES_MAX).unwrap();
    for hour in 0..count + 2 {
        let pool = world.pool((hour, hour + 1));
        world.ask(&format!("user-{hour}"), Target::Pool { pool, picks: 0 }, (hour, hour + 1));
    }
    let pool = world.pool((0, 1));
    world.ask("companion", Target::Pool { pool, picks: 0 }, (0, 1));
    let (group, drawn) = world.draw().unwrap();
    let searched = users(drawn.searches.iter());
    assert_eq!(searched.len(), SEARCHES_MAX + 1);
    assert_eq!(searched.last(), Some(&"companion"));
    assert_eq!(world.queue.waiting.len(), 2);
    world.queue.finish(group, Vec::new());
    assert_eq!(world.draw().unwrap().1.searches.len(), 2);
}

#[test]
fn a_crowd_that_is_searched_for_does_not_overtake_those_who_picked_before_it() {
    let mut world = World::new();
    world.know_spots(40);
    let pool = world.pool((1, 2));
    world.ask("first", Target::Pool { pool, picks: 2 }, (1, 2));
    let (group, _) = world.draw().unwrap();
    for user in 0..20 {
        world.ask(&user.to_string(), Target::Pool { pool, picks: 2 }, (1, 2));
    }
    assert!(world.draw().is_none());
    world.queue.finish(group, Vec::new());
    assert_eq!(world.draw().unwrap().1.searches.len(), 20);
}

#[test]
fn too_many_are_told_at_once() {
    let mut world = World::new();
    let spot = world.spot();
    for _ in 0..WAITING_MAX {
        world.ask_spot("anna", &spot, (1, 2));
    }
    assert!(!world.ask("ben", Target::Spot(spot, 0), (1, 2)));
}
