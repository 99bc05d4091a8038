use std::collections::BTreeMap;

use super::*;

const CLEAR: Air = Air { duplicates: 0.0, late: 0.0, late_max_ms: 60_000.0, loss: 0.0 };
const WHOLE: Faults =
    Faults { wrong_clocks: 0.0, restarts_per_hour: 0.0, silent: 0.0, broken: 0.0, flapping: 0.0 };
const HOUR: i64 = 3_600_000;

fn radio(air: Air, faults: Faults, devices: usize) -> Radio {
    let sensor = |at: usize| Sensor {
        device_id: format!("d{at}"),
        voice: Voice::Plain,
        heartbeat_ms: 300_000,
        spare: false,
    };
    let began = Timestamp::new(1_800_000_000, 0).expect("in range");
    Radio::new((air, faults), (0..devices).map(sensor).collect(), began, Dice::new(5, 1))
}

/// All that arrives up to this time.
fn listen(radio: &mut Radio, upto_ms: i64) -> Vec<(i64, String, serde_json::Value)> {
    while radio.next_ms().is_some_and(|at| at <= upto_ms) {
        radio.step();
    }
    let heard = radio.arrived(upto_ms + 60_000).into_iter();
    let told = heard.map(|message| {
        let body = serde_json::from_slice(&message.body).expect("JSON");
        (message.at_ms, message.topic, body)
    });
    told.collect()
}

#[test]
fn each_device_speaks_a_little_more_often_than_it_has_promised() {
    let heard = listen(&mut radio(CLEAR, WHOLE, 20), HOUR);
    let mut last = BTreeMap::new();
    for (at_ms, topic, body) in heard {
        let before = last.insert(topic, (at_ms, body["sequence"].clone()));
        if let Some((before_ms, sequence)) = before {
            assert!((190_000..300_000).contains(&(at_ms - before_ms)), "{}", at_ms - before_ms);
            assert!(body["sequence"].as_u64() > sequence.as_u64(), "in order");
        }
    }
    assert_eq!(last.len(), 20);
}

#[test]
fn the_air_loses_repeats_and_delays_about_as_much_as_was_asked_for() {
    let air = Air { duplicates: 0.2, late: 0.3, loss: 0.05, ..CLEAR };
    let mut radio = radio(air, WHOLE, 500);
    let heard = listen(&mut radio, HOUR);
    let of_words = |count: u64| count * 100 / radio.told.words;
    let Told { words, lost, repeated, late, .. } = radio.told;
    assert_eq!(u64::try_from(heard.len()).expect("few"), words - lost + repeated);
    assert!((3..=6).contains(&of_words(lost)), "{:?}", radio.told);
    assert!((17..=22).contains(&of_words(repeated)), "{:?}", radio.told);
    assert!(late > words / 5, "{:?}", radio.told);
    let order = heard.windows(2).all(|two| two[0].0 <= two[1].0);
    assert!(order, "by their arrival");
}

#[test]
fn a_restart_begins_a_newer_session_and_says_so() {
    let heard = listen(&mut radio(CLEAR, Faults { restarts_per_hour: 4.0, ..WHOLE }, 10), HOUR);
    let starts: Vec<_> = heard.iter().filter(|(.., body)| body["startup"] == true).collect();
    assert!((20..70).contains(&starts.len()), "{}", starts.len());
    assert!(starts.iter().all(|(.., body)| body["sequence"] == 1));
    assert!(starts.iter().any(|(.., body)| body["boot"].as_u64() > Some(1_800_000_001)));
}

#[test]
fn faults_are_as_many_as_asked_for_and_flapping_ends_with_the_rest() {
    let faults = Faults { silent: 0.1, broken: 0.1, flapping: 0.1, ..WHOLE };
    let mut radio = radio(CLEAR, faults, 300);
    let heard = listen(&mut radio, HOUR);
    let count = |wanted: fn(Fault) -> bool| (0..300).filter(|at| wanted(radio.fault(*at))).count();
    let (silent, flapping) =
        (count(|fault| fault == Fault::Silent), count(|fault| fault == Fault::Flapping));
    assert!((15..50).contains(&silent) && (15..50).contains(&flapping), "{silent} {flapping}");
    assert!((15..50).contains(&count(|fault| matches!(fault, Fault::Broken(_)))));
    let mute = (0..300).find(|at| radio.fault(*at) == Fault::Silent).expect("one");
    let topic = format!("parkmesh/devices/d{mute}/up");
    let last = heard.iter().rfind(|(_, at, _)| *at == topic).expect("it spoke");
    assert!(last.0 < 640_000, "and then no more");
    radio.rest(HOUR);
    assert!((0..300).all(|at| radio.fault(at) != Fault::Flapping));
}

#[test]
fn a_wrong_clock_is_off_by_a_day_at_most_either_way() {
    let heard = listen(&mut radio(CLEAR, Faults { wrong_clocks: 1.0, ..WHOLE }, 100), 60_000);
    let off = |body: &serde_json::Value| {
        let time: Timestamp = body["time"].as_str().expect("a time").parse().expect("an instant");
        time.as_second() - 1_800_000_000
    };
    let offs: Vec<i64> = heard.iter().map(|(.., body)| off(body)).collect();
    assert!(offs.iter().all(|off| off.abs() < 86_400 + 120));
    assert!(offs.iter().any(|off| *off > 3_600) && offs.iter().any(|off| *off < -3_600));
}
