//! Nodes with devices: births, deaths, and numbers that only a birth explains.

use prost::Message as _;

use crate::decode::plain::Fields;
use crate::decode::sparkplug::{Address, Heard, Message, Metric, Nodes, Payload};
use crate::decode::{Cause, Unreadable};

/// A node under test, and what counts its messages.
struct World {
    nodes: Nodes,
    seq: u64,
}

impl World {
    fn new() -> Self {
        Self { nodes: Nodes::default(), seq: 0 }
    }

    fn hear(
        &mut self,
        message: Message,
        device: Option<&str>,
        metrics: Vec<Metric>,
    ) -> Result<Heard, Unreadable> {
        if (message, device) == (Message::Birth, None) {
            self.seq = 0;
        }
        let seq = (message != Message::Death || device.is_some()).then_some(self.seq);
        self.seq = (self.seq + seq.map_or(0, |_| 1)) % 256;
        let payload = Payload { timestamp: Some(1_777_622_400_000), metrics, seq };
        self.raw(message, device, &payload, false)
    }

    fn raw(
        &mut self,
        message: Message,
        device: Option<&str>,
        payload: &Payload,
        retained: bool,
    ) -> Result<Heard, Unreadable> {
        let address = Address {
            group: "lot".to_owned(),
            node: "edge".to_owned(),
            device: device.map(str::to_owned),
            message,
        };
        self.nodes.hear(&Fields::default(), &address, &payload.encode_to_vec(), retained)
    }

    /// A node with two bays, born.
    fn born() -> Self {
        let mut world = Self::new();
        world.hear(Message::Birth, None, vec![session(5)]).expect("readable");
        for (device, alias) in [("bay1", 10), ("bay2", 20)] {
            let metric = Metric { alias: Some(alias), ..named("occupied", false) };
            world.hear(Message::Birth, Some(device), vec![metric]).expect("readable");
        }
        world
    }
}

fn named(name: &str, occupied: bool) -> Metric {
    Metric {
        name: Some(name.to_owned()),
        datatype: Some(11),
        boolean_value: Some(occupied),
        ..Metric::default()
    }
}

fn numbered(alias: u64, occupied: bool) -> Metric {
    Metric { alias: Some(alias), boolean_value: Some(occupied), ..Metric::default() }
}

fn session(number: u64) -> Metric {
    Metric { name: Some("bdSeq".to_owned()), long_value: Some(number), ..Metric::default() }
}

fn states(heard: &Heard) -> Vec<(&str, Option<bool>)> {
    heard.said.iter().map(|(device, plain)| (device.as_str(), plain.occupied)).collect()
}

#[test]
fn a_number_means_what_the_birth_said() {
    let mut world = World::born();
    let heard =
        world.hear(Message::Data, Some("bay2"), vec![numbered(20, true)]).expect("readable");
    assert_eq!(states(&heard), [("lot/edge/bay2", Some(true))]);
    assert!(!heard.ask_rebirth && heard.said[0].1.time.is_some());
    let odd = vec![numbered(99, true), numbered(20, false)];
    let heard = world.hear(Message::Data, Some("bay2"), odd).expect("readable");
    assert_eq!((states(&heard), heard.unknown_aliases), (vec![("lot/edge/bay2", Some(false))], 1));
    assert!(heard.ask_rebirth, "what has no name is asked for and never guessed");
}

#[test]
fn a_new_birth_of_the_node_forgets_the_old_numbers() {
    let mut world = World::born();
    world.hear(Message::Birth, None, vec![session(6)]).expect("readable");
    let heard =
        world.hear(Message::Data, Some("bay1"), vec![numbered(10, true)]).expect("readable");
    assert_eq!((heard.said.len(), heard.unknown_aliases), (0, 1));
}

#[test]
fn the_death_of_a_node_leaves_every_device_of_it_unknown() {
    let mut world = World::born();
    let heard = world.hear(Message::Death, None, vec![session(5)]).expect("readable");
    assert_eq!(heard.gone, ["lot/edge/bay1", "lot/edge/bay2"]);
    let dead = world.hear(Message::Data, Some("bay1"), vec![named("occupied", true)]);
    assert_eq!(
        dead.map_err(|error| error.cause),
        Err(Cause::UnknownAlias),
        "until it is born again"
    );
}

#[test]
fn a_will_of_an_earlier_session_kills_nobody_and_neither_does_a_kept_one() {
    let mut world = World::born();
    let heard = world.hear(Message::Death, None, vec![session(4)]).expect("readable");
    assert_eq!(heard, Heard::default());
    let will = Payload { metrics: vec![session(5)], ..Payload::default() };
    let kept = world.raw(Message::Death, None, &will, true).expect("readable");
    assert_eq!(kept, Heard::default());
    let heard =
        world.hear(Message::Data, Some("bay1"), vec![numbered(10, true)]).expect("readable");
    assert_eq!(heard.said.len(), 1);
}

#[test]
fn the_death_of_a_device_is_its_own() {
    let mut world = World::born();
    let heard = world.hear(Message::Death, Some("bay1"), Vec::new()).expect("readable");
    assert_eq!(heard.gone, ["lot/edge/bay1"]);
}

#[test]
fn history_is_told_apart_from_now() {
    let mut world = World::born();
    let past = |millis, occupied| Metric {
        timestamp: Some(millis),
        is_historical: Some(true),
        ..numbered(10, occupied)
    };
    let metrics = vec![numbered(10, false), past(1_000, true), past(2_000, false)];
    let heard = world.hear(Message::Data, Some("bay1"), metrics).expect("readable");
    let told: Vec<_> =
        heard.said.iter().map(|(_, plain)| (plain.historical, plain.occupied)).collect();
    assert_eq!(told, [(true, Some(true)), (true, Some(false)), (false, Some(false))]);
}

#[test]
fn a_lost_message_and_a_node_never_born_are_asked_for_a_birth() {
    let mut world = World::born();
    world.seq += 1;
    let heard =
        world.hear(Message::Data, Some("bay1"), vec![numbered(10, true)]).expect("readable");
    assert!(heard.ask_rebirth && heard.said.len() == 1, "what came is believed");
    let stranger = World::new().hear(Message::Data, Some("bay1"), vec![named("occupied", true)]);
    assert!(stranger.is_err());
}

#[test]
fn a_node_may_speak_for_many_places_and_only_of_what_we_know() {
    let mut world = World::new();
    let metrics = vec![
        session(0),
        named("Node Control/Rebirth", false),
        named("level 1/bay 7/occupied", true),
        Metric { is_null: Some(true), ..named("level 1/bay 8/occupied", true) },
    ];
    let heard = world.hear(Message::Birth, None, metrics).expect("readable");
    assert_eq!(states(&heard), [("lot/edge/level 1/bay 7", Some(true))]);
}

#[test]
fn signed_numbers_are_read_by_the_type_of_their_birth() {
    let metric = |datatype, int_value| Metric {
        datatype: Some(datatype),
        int_value: Some(int_value),
        ..Metric::default()
    };
    let minus_five = serde_json::Value::from(-5);
    for (datatype, sent) in [(1, 0xfb), (1, 0xffff_fffb), (2, 0xfffb), (3, 0xffff_fffb)] {
        assert_eq!(metric(datatype, sent).value(None), Some(minus_five.clone()), "{datatype}");
    }
    let by_birth = Metric { int_value: Some(0xfb), ..Metric::default() };
    assert_eq!(by_birth.value(Some(1)), Some(minus_five));
    assert_eq!(by_birth.value(Some(5)), Some(serde_json::Value::from(251)));
}
