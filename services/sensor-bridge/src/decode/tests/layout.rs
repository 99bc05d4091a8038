//! Layouts without a published frame: what is written by the layout is read again. The encoders exist for these tests
//! only; they follow the vendors' tables and not the decoders.

use proptest::prelude::*;

use crate::decode::{Frame, Kind, Make};

fn read(model: &str, firmware: &str, port: u8, bytes: &[u8]) -> Frame {
    let make = Make::choose(model, firmware).expect("a model with a decoder");
    make.decode(port, bytes).expect("readable")
}

/// The code of a duration, by the vendor's table: the greatest that does not say more than there is.
fn nwave_code(minutes: u16) -> u8 {
    let code = match minutes {
        0..90 => minutes,
        90..240 => 90 + (minutes - 90) / 5,
        240..660 => 120 + (minutes - 240) / 60,
        _ => 127,
    };
    u8::try_from(code).expect("7 bits")
}

struct Moko {
    tags: Vec<u8>,
}

impl Moko {
    fn tag(mut self, tag: u8, value: &[u8]) -> Self {
        self.tags.extend([tag, u8::try_from(value.len()).expect("short")]);
        self.tags.extend(value);
        self
    }

    fn frame(self, seconds: u32, count: u16) -> Vec<u8> {
        let length = u16::try_from(self.tags.len()).expect("short");
        let mut bytes = vec![0x7e, 0x10];
        bytes.extend(seconds.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend([0x01, 0x00]);
        bytes.extend(self.tags);
        bytes.extend([0x00, 0x00, 0x7e]);
        bytes
    }
}

proptest! {
    #[test]
    fn an_nwave_duration_is_read_in_both_orders_and_lies_within_its_slack(
        minutes in 0_u16..1_000, occupied: bool,
    ) {
        let code = nwave_code(minutes);
        let new = read("nwave-nps405", "2.4.9", 1, &[code << 1 | u8::from(occupied)]);
        let old = read("nwave-nps405", "old", 1, &[u8::from(occupied) << 7 | code]);
        prop_assert_eq!(&new, &old);
        prop_assert_eq!((new.kind, new.occupied), (Kind::Change, Some(occupied)));
        let told = new.previous.expect("a duration");
        let most = told.slack_minutes.map_or(u16::MAX, |slack| told.minutes + slack);
        prop_assert!((told.minutes..=most).contains(&minutes), "{} in {:?}", minutes, told);
    }

    #[test]
    fn an_nwave_heartbeat_is_read(occupied: bool, steps: u8, half_degrees: i8) {
        let bytes = [u8::from(occupied), steps, half_degrees.cast_unsigned()];
        let frame = read("nwave-nps405", "", 2, &bytes);
        prop_assert_eq!((frame.kind, frame.occupied), (Kind::Heartbeat, Some(occupied)));
        let celsius = f64::from(half_degrees) / 2.0 + 10.0;
        prop_assert_eq!(frame.temperature_celsius, Some(celsius));
        let volts = frame.battery_volts.expect("volts") - (2.5 + f64::from(steps) * 0.004);
        prop_assert!(volts.abs() < 1e-9);
    }

    #[test]
    fn every_libelium_type_that_reports_a_state_is_read(
        occupied: bool, low: bool, kind in 0_u8..=8, counter: u8, celsius: i8, rest: [u8; 7],
    ) {
        let header = u8::from(occupied) << 7 | u8::from(low) << 6 | kind;
        let mut bytes = vec![header, counter, 0, celsius.cast_unsigned()];
        bytes.extend(rest);
        for model in ["libelium-v2", "libelium-v3"] {
            let frame = read(model, "", 1, &bytes);
            let started = (4..=5).contains(&kind);
            prop_assert_eq!(frame.is_startup(), started);
            prop_assert_eq!(frame.occupied, (occupied || !started).then_some(occupied));
            prop_assert_eq!(frame.battery_low, Some(low));
            prop_assert_eq!(frame.frame_count, Some(u16::from(counter)));
            let told = (kind < 2).then(|| f64::from(celsius));
            prop_assert_eq!(frame.temperature_celsius, told);
        }
    }

    #[test]
    fn a_moko_in_the_ground_tells_events_and_one_with_radar_its_status(
        seconds: u32, count: u16, occupied: bool, percent in 0_u8..=100, celsius: i8,
        strange in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let event = if occupied { 0x0c } else { 0x0b };
        let ground = Moko { tags: Vec::new() }
            .tag(0x02, &[event]).tag(0xaa, &strange).tag(0x24, &[percent]).frame(seconds, count);
        let ground = read("moko-lw009-ig", "", 1, &ground);
        prop_assert_eq!((ground.kind, ground.occupied), (Kind::Change, Some(occupied)));
        prop_assert_eq!((ground.battery_percent, ground.unknown_parts), (Some(percent), 1));
        let surface = Moko { tags: Vec::new() }
            .tag(0x02, &[0]).tag(0x32, &[u8::from(occupied)])
            .tag(0x0b, &[celsius.cast_unsigned()]).frame(seconds, count);
        let surface = read("moko-lw009-sm", "", 1, &surface);
        prop_assert_eq!((surface.kind, surface.occupied), (Kind::Heartbeat, Some(occupied)));
        prop_assert_eq!(surface.temperature_celsius, Some(f64::from(celsius)));
        for frame in [ground, surface] {
            prop_assert_eq!(frame.frame_count, Some(count));
            let time = frame.device_time.map(|time| time.as_second());
            prop_assert_eq!(time, Some(i64::from(seconds)));
        }
    }

    #[test]
    fn a_tekzipark_is_read_on_both_ports(flags: u8, celsius: i8, cycles: u8, port in 1_u8..=2) {
        let frame = read("tekzipark", "", port, &[flags, celsius.cast_unsigned(), cycles]);
        prop_assert_eq!(frame.occupied, Some(flags & 0x80 != 0));
        prop_assert_eq!(frame.is_startup(), flags & 0x02 != 0);
        prop_assert_eq!(frame.kind == Kind::Heartbeat, flags & 0x03 == 0x01);
        prop_assert_eq!(frame.battery_low, Some(flags & 0x20 == 0));
        prop_assert_eq!(frame.notices.contains(&"obstruction"), flags & 0x10 != 0);
        prop_assert_eq!(frame.notices.contains(&"radar"), flags & 0x08 != 0);
        prop_assert_eq!(frame.temperature_celsius, Some(f64::from(celsius)));
        prop_assert_eq!(frame.vehicle_count, Some(cycles));
    }

    #[test]
    fn a_placepod_count_is_read_and_a_great_one_is_a_new_beginning(count: u8, alive: bool) {
        let channel = if alive { 0x37 } else { 0x21 };
        let frame = read("placepod", "", 2, &[channel, 0x00, count]);
        prop_assert_eq!(frame.is_startup(), count > 0x80);
        prop_assert_eq!(frame.vehicle_count, (count <= 0x80).then_some(count));
        prop_assert_eq!(frame.occupied, None);
    }
}
