use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::ground::{Change, Changed, Ground, Health, Rules, State, Suspicion};
use super::model::Settle;
use super::order::{Heard, Previous};

const RULES: Rules =
    Rules { settle: Settle::DEFAULT, heartbeat: SignedDuration::from_secs(100), warm_up: 2 };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + ms).expect("in range")
}

fn says(occupied: bool, ms: i64) -> Heard {
    Heard { occupied: Some(occupied), receive_time: at(ms), ..Heard::default() }
}

/// A spot that was vacant at 0 ms.
fn vacant() -> Ground {
    let (mut ground, _) = Ground::registered(at(-1_000));
    let mut changes = Vec::new();
    ground.hear(says(false, 0), &RULES, at(0), &mut changes);
    assert_eq!(changes.len(), 1);
    ground
}

fn hear(ground: &mut Ground, heard: Heard) -> Vec<Changed> {
    let mut changes = Vec::new();
    let now = heard.receive_time;
    ground.hear(heard, &RULES, now, &mut changes);
    changes
}

#[test]
fn the_first_word_of_a_sensor_counts_at_once() {
    let (mut ground, registered) = Ground::registered(at(0));
    assert_eq!(registered.version, 1);
    assert_eq!(ground.health(at(0)), Health::Silent);
    let changes = hear(&mut ground, says(true, 5));
    assert!(matches!(
        changes[..],
        [Changed { change: Change::Recovered { occupied: true, .. }, version: 2, .. }]
    ));
    assert_eq!((ground.state, ground.health(at(5))), (State::Occupied, Health::Ok));
}

#[test]
fn a_car_counts_after_three_seconds_and_its_leaving_after_ten() {
    let mut ground = vacant();
    assert_eq!(hear(&mut ground, says(true, 1_000)), []);
    assert_eq!(ground.settle(at(3_999)), None);
    let come = ground.settle(at(4_000)).expect("three seconds");
    assert_eq!(come.change, Change::Settled { occupied: true, receive_time: at(1_000) });
    assert_eq!((come.change_time, come.version), (at(1_000), 3));
    assert_eq!(hear(&mut ground, says(false, 5_000)), []);
    assert_eq!(ground.settle(at(14_999)), None);
    assert_eq!(ground.settle(at(15_000)).map(|left| left.version), Some(4));
}

#[test]
fn a_change_taken_back_in_time_never_counts() {
    let mut ground = vacant();
    hear(&mut ground, says(true, 1_000));
    hear(&mut ground, says(false, 2_000));
    assert_eq!(ground.settle(at(60_000)), None);
    assert_eq!((ground.state, ground.version), (State::Vacant, 2));
}

#[test]
fn a_late_timer_does_not_lose_what_had_stood_long_enough() {
    let mut ground = vacant();
    hear(&mut ground, says(true, 1_000));
    let changes = hear(&mut ground, says(false, 4_000));
    assert_eq!(changes.len(), 1, "the car was there for three seconds");
    assert_eq!(ground.state, State::Occupied);
}

#[test]
fn a_reading_repeated_does_not_start_the_settle_time_anew() {
    let mut ground = vacant();
    hear(&mut ground, says(true, 1_000));
    hear(&mut ground, says(true, 3_000));
    assert!(ground.settle(at(4_000)).is_some());
}

#[test]
fn a_sensor_that_flaps_is_suspect_until_it_has_been_quiet_for_a_while() {
    let mut ground = vacant();
    for round in 0..3 {
        assert_eq!(ground.health(at(round * 200)), Health::Ok);
        hear(&mut ground, says(true, round * 200 + 1));
        hear(&mut ground, says(false, round * 200 + 100));
    }
    assert_eq!(ground.health(at(600)), Health::Suspect);
    assert_eq!(ground.version, 2, "no change at all");
    assert_eq!(ground.health(at(11 * 60_000)), Health::Ok);
}

#[test]
fn a_retained_reading_is_not_even_a_sign_of_life() {
    let mut ground = vacant();
    let before = ground.clone();
    assert_eq!(hear(&mut ground, Heard { retained: true, ..says(true, 5_000) }), []);
    assert_eq!(ground, before);
}

#[test]
fn silence_makes_unknown_and_a_word_makes_known() {
    let mut ground = vacant();
    hear(&mut ground, says(true, 1_000));
    hear(&mut ground, Heard { occupied: None, ..says(true, 50_000) });
    assert_eq!(ground.state, State::Occupied, "settled by what came later");
    assert_eq!(ground.look(&RULES, at(200_000)), None, "heard at 50 s");
    assert_eq!(ground.silence_look_time, Some(at(250_000)));
    let silent = ground.look(&RULES, at(250_000)).expect("two heartbeats");
    assert_eq!(silent.change, Change::Silent { last_seen_time: Some(at(50_000)) });
    assert_eq!((ground.state, ground.silence_look_time), (State::Unknown, None));
    hear(&mut ground, Heard { occupied: None, ..says(true, 260_000) });
    assert_eq!(ground.state, State::Unknown, "a word that says nothing about the spot");
    let back = hear(&mut ground, says(false, 270_000));
    assert_eq!(back[0].change, Change::Recovered { occupied: false, receive_time: at(270_000) });
}

#[test]
fn a_change_never_lies_before_the_one_of_before() {
    let mut ground = vacant();
    let late = Heard { device_time: Some(at(-60_000)), ..says(true, 1_000) };
    hear(&mut ground, late);
    assert_eq!(ground.settle(at(4_000)).map(|come| come.change_time), Some(at(0)));
}

#[test]
fn a_receive_time_ahead_of_ours_is_ours() {
    let mut ground = vacant();
    let mut changes = Vec::new();
    ground.hear(says(true, 900_000), &RULES, at(1_000), &mut changes);
    assert_eq!(ground.pending.map(|pending| pending.settle_time), Some(at(4_000)));
}

fn readings() -> impl Strategy<Value = Vec<(i64, bool, bool)>> {
    proptest::collection::vec((1_i64..6_000, any::<bool>(), any::<bool>()), 1..60)
}

proptest! {
    /// The price of a flap: between two changes to "vacant" lie at least the settle times.
    #[test]
    fn one_change_per_settle_window(steps in readings()) {
        let mut ground = vacant();
        let (mut time, mut changes) = (0, Vec::new());
        for (wait, occupied, retained) in steps {
            time += wait;
            let heard = Heard { retained, ..says(occupied, time) };
            ground.hear(heard, &RULES, at(time), &mut changes);
        }
        changes.retain(|changed| !matches!(changed.change, Change::Suspected(_)));
        for pair in changes.windows(2) {
            prop_assert_eq!(pair[0].version + 1, pair[1].version);
            let Change::Settled { occupied, receive_time } = pair[1].change else { panic!() };
            let Change::Settled { receive_time: before, .. } = pair[0].change else { panic!() };
            let settle = RULES.settle.of(!occupied);
            prop_assert!(receive_time.duration_since(before) >= settle);
        }
    }

    /// Sent again in any way, what was applied changes nothing.
    #[test]
    fn repetition_changes_nothing(steps in readings(), again in 0..60_usize) {
        let mut ground = vacant();
        let mut sent = Vec::new();
        let (mut time, mut changes) = (0, Vec::new());
        for (count, (wait, occupied, _)) in (0_u64..).zip(steps) {
            time += wait;
            let heard = Heard { sequence: Some(count), boot: 1, ..says(occupied, time) };
            ground.hear(heard.clone(), &RULES, at(time), &mut changes);
            sent.push(heard);
        }
        let (before, told) = (ground.clone(), changes.len());
        let from = again.min(sent.len() - 1);
        for heard in sent.drain(from..) {
            prop_assert!(!ground.hear(heard, &RULES, at(time), &mut changes));
        }
        prop_assert_eq!(ground, before);
        prop_assert_eq!(changes.len(), told);
    }
}

#[test]
fn a_device_that_its_network_has_lost_leaves_its_spot_unknown_at_once() {
    let mut ground = vacant();
    hear(&mut ground, says(true, 1_000));
    let lost = |ms| Heard { occupied: None, unreachable: true, ..says(false, ms) };
    let changes = hear(&mut ground, lost(2_000));
    assert!(matches!(changes[..], [Changed { change: Change::Silent { .. }, version: 3, .. }]));
    assert_eq!((ground.state, ground.pending), (State::Unknown, None));
    assert_eq!(hear(&mut ground, lost(2_001)), [], "told by another bridge");
    assert_eq!(hear(&mut ground, says(true, 1_500)), [], "from before");
    let changes = hear(&mut ground, says(true, 3_000));
    assert!(matches!(
        changes[..],
        [Changed { change: Change::Recovered { occupied: true, .. }, .. }]
    ));
}

#[test]
fn what_a_device_counted_dates_a_change_whose_message_was_late() {
    let mins = SignedDuration::from_mins;
    let previous =
        |least, slack: i64| Some(Previous { least: mins(least), slack: Some(mins(slack)) });
    let at_min = |minute: i64| minute * 60_000;
    let date = |heartbeat: Option<i64>, said: Heard| {
        let mut ground = vacant();
        heartbeat.map(|minute| hear(&mut ground, says(false, at_min(minute))));
        hear(&mut ground, said);
        ground.pending.map(|pending| pending.change_time)
    };
    let said = |previous| Heard { previous, ..says(true, at_min(60)) };
    assert_eq!(date(None, said(previous(74, 0))), Some(at(at_min(60))), "in time");
    assert_eq!(date(None, said(previous(20, 0))), Some(at(at_min(21))), "40 minutes late");
    assert_eq!(date(None, said(previous(20, 59))), Some(at(at_min(60))), "within its slack");
    assert_eq!(date(Some(50), said(previous(20, 0))), Some(at(at_min(50))), "still free at 50");
    let open = Some(Previous { least: mins(660), slack: None });
    assert_eq!(date(None, said(open)), Some(at(at_min(60))));
}

#[test]
fn after_a_start_the_first_changes_must_stand_longer() {
    let mut ground = vacant();
    hear(&mut ground, Heard { startup: true, ..says(false, 1_000) });
    hear(&mut ground, says(true, 2_000));
    assert_eq!(ground.settle(at(10_999)), None, "three times three seconds");
    assert!(ground.settle(at(11_000)).is_some());
    hear(&mut ground, says(false, 12_000));
    assert!(ground.settle(at(42_000)).is_some());
    assert_eq!(ground.low_confidence, 0);
    hear(&mut ground, says(true, 43_000));
    assert!(ground.settle(at(46_000)).is_some(), "as ever");
}

#[test]
fn a_sensor_becomes_suspect_once_and_again_after_it_was_trusted() {
    let mut ground = vacant();
    let told = |changes: &[Changed]| {
        changes.iter().filter(|changed| matches!(changed.change, Change::Suspected(_))).count()
    };
    let mut tellings = 0;
    for turn in 0..10 {
        tellings += told(&hear(&mut ground, says(true, 1_000 + turn * 2_000)));
        tellings += told(&hear(&mut ground, says(false, 2_000 + turn * 2_000)));
    }
    assert_eq!((tellings, ground.suspect_count), (1, 1), "flapping at 1 Hz");
    let later = 11 * 60_000 + 20_000;
    assert_eq!(told(&hear(&mut ground, says(false, later))), 0);
    assert!(!ground.suspect);
    let broken = Heard { occupied: None, faulty: true, ..says(false, later + 1_000) };
    let changes = hear(&mut ground, broken);
    let faulty = Change::Suspected(Suspicion::Faulty);
    assert!(matches!(changes[..], [Changed { change, version: 2, .. }] if change == faulty));
    let notice = Heard { occupied: None, ..says(false, later + 2_000) };
    assert_eq!(hear(&mut ground, notice), []);
    assert_eq!(ground.health(at(later + 2_000)), Health::Suspect);
    hear(&mut ground, says(false, later + 3_000));
    assert_eq!(ground.health(at(later + 3_000)), Health::Ok, "it measures again");
}
