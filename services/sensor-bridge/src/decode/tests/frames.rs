//! Published frames say what their publishers say, and frames that cannot be are named.

use proptest::prelude::*;

use super::corpus::hex;
use crate::decode::{Cause, Frame, Kind, Make, Previous, Unreadable};

fn frame(model: &str, port: u8, text: &str) -> Result<Frame, Unreadable> {
    frame_of(model, "", port, text)
}

fn frame_of(model: &str, firmware: &str, port: u8, text: &str) -> Result<Frame, Unreadable> {
    Make::choose(model, firmware)?.decode(port, &hex(text))
}

fn cause(outcome: Result<Frame, Unreadable>) -> Option<Cause> {
    outcome.err().map(|error| error.cause)
}

/// Model, firmware, port, frame, occupied, °C, then what else it says.
type Row =
    (&'static str, &'static str, u8, &'static str, Option<bool>, Option<f64>, fn(&Frame) -> bool);

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

/// Every frame that a vendor or a public decoder publishes with its meaning.
const PUBLISHED: &[Row] = &[
    ("bosch-tps110", "", 1, "01", YES, None, |f| f.kind == Kind::Change),
    ("bosch-tps110", "", 2, "01FF", YES, Some(-1.0), |f| f.kind == Kind::Heartbeat),
    ("bosch-tps110", "", 3, "0000000099020206006F00000017030200", NO, None, |f| {
        f.kind == Kind::Startup
            && f.device_firmware.as_deref() == Some("0.23.3")
            && f.reset_cause == Some("power-on")
    }),
    ("nwave-nps405", "", 1, "95", YES, None, |f| {
        f.previous == Some(Previous { minutes: 74, slack_minutes: Some(0) })
    }),
    ("nwave-nps405", "2.4.9", 2, "00D3D800590B", NO, Some(-10.0), |f| {
        f.battery_volts == Some(3.344)
    }),
    ("nwave-nps405", "", 3, "0204090200", NO, None, |f| {
        f.device_firmware.as_deref() == Some("2.4.9") && f.reset_cause == Some("power-on")
    }),
    ("placepod", "", 2, "376601", YES, None, |f| f.kind == Kind::Heartbeat),
    ("placepod", "", 2, "026700C3376601", YES, Some(19.5), |f| f.kind == Kind::Heartbeat),
    ("placepod", "", 2, "0302016D026700E1156600", NO, Some(22.5), |f| {
        f.kind == Kind::Change && f.battery_volts == Some(3.65)
    }),
    ("libelium-v2", "", 1, "006E000900390000000000", NO, Some(9.0), |f| {
        f.kind == Kind::Change && f.frame_count == Some(110)
    }),
    ("libelium-v3", "", 1, "805B0009001400DE0A0801", YES, Some(9.0), |f| {
        f.kind == Kind::Change && f.frame_count == Some(91)
    }),
    ("libelium-v2", "", 1, "829F665700000D9F00FF00", YES, None, |f| {
        f.kind == Kind::Heartbeat && f.frame_count == Some(159)
    }),
    (
        "moko-lw009-sm",
        "",
        1,
        "7E1165F027B20009001D010002010023031C003C29020DE92506F01DF040FD6F3201000B011635012600007E",
        NO,
        Some(22.0),
        |f| {
            f.kind == Kind::Heartbeat
                && f.frame_count == Some(9)
                && f.battery_volts == Some(3.561)
                && f.humidity_percent == Some(38)
                && f.device_time.is_some_and(|time| time.to_string() == "2024-03-12T10:00:18Z")
                && f.unknown_parts == 2
        },
    ),
];

#[test]
fn published_frames_say_what_is_published() {
    for (model, firmware, port, text, occupied, celsius, rest) in PUBLISHED {
        let read = frame_of(model, firmware, *port, text).expect(text);
        assert_eq!((read.occupied, read.temperature_celsius), (*occupied, *celsius), "{text}");
        assert!(rest(&read), "{model} {text}: {read:?}");
    }
}

#[test]
fn bosch_frames_that_cannot_be_are_named() {
    assert_eq!(frame("bosch-tps110", 2, "00"), Ok(Frame::of(Kind::Heartbeat, false)), "early");
    assert_eq!(cause(frame("bosch-tps110", 4, "01")), Some(Cause::BadFrame));
    assert_eq!(cause(frame("bosch-tps110", 3, &"00".repeat(16))), Some(Cause::BadFrame));
    assert_eq!(frame("bosch-tps110", 1, ""), Ok(Frame::default()), "a sign of life");
}

#[test]
fn the_order_of_an_nwave_byte_depends_on_its_firmware_and_on_nothing_else() {
    let read = |firmware| {
        let read = frame_of("nwave-nps405", firmware, 1, "95").expect(firmware);
        (read.occupied, read.previous.map(|previous| previous.minutes))
    };
    for new in ["", "new", "2.4.9", "v2.4.0", "2", "2.10", "3.0.1"] {
        assert_eq!(read(new), (YES, Some(74)), "{new}");
    }
    for old in ["old", "2.3.9", "v1.9", "0.1.2", "1"] {
        assert_eq!(read(old), (YES, Some(21)), "{old}");
    }
    for odd in ["newest", "2.x", "-1", "2..4", "2.4.9-beta"] {
        let outcome = frame_of("nwave-nps405", odd, 1, "95");
        assert_eq!(cause(outcome), Some(Cause::UnknownModel), "{odd}");
    }
}

#[test]
fn a_frame_that_is_cut_off_is_named_and_nothing_is_made_up() {
    let whole = [
        ("nwave-nps405", 2, "01D3D8"),
        ("nwave-nps405", 3, "0204090200"),
        ("placepod", 2, "026700C3376601"),
        ("libelium-v2", 1, "006E000900390000000000"),
        ("moko-lw009-sm", 1, "7E1165F027B2000A0006010002010C32010100007E"),
        ("moko-lw009-ig", 1, "7E1065F027B200010006010002010C24016300007E"),
        ("tekzipark", 1, "A01507"),
    ];
    for (model, port, text) in whole {
        assert!(frame(model, port, text).is_ok(), "{model}");
        let cut = &text[..text.len() - 2];
        assert_eq!(cause(frame(model, port, cut)), Some(Cause::BadFrame), "{model} {cut}");
    }
}

#[test]
fn placepod_channels_that_no_table_lists_are_passed_over_and_counted() {
    let read = frame("placepod", 2, "056601AA02BEEF156601").expect("readable");
    assert_eq!((read.occupied, read.unknown_parts), (YES, 2));
    let read = frame("placepod", 2, "156601AA99").expect("the state came first");
    assert_eq!((read.occupied, read.unknown_parts), (YES, 1));
    for broken in ["AA99", "1566", "15660115", "156607"] {
        assert_eq!(cause(frame("placepod", 2, broken)), Some(Cause::BadFrame), "{broken}");
    }
    let again = frame("placepod", 2, "3700813F0101").expect("readable");
    assert_eq!((again.kind, again.vehicle_count), (Kind::Startup, None));
}

#[test]
fn a_libelium_that_has_just_started_does_not_say_free() {
    let start = frame("libelium-v3", 1, "04001E0E7CF2D9F91E0DDF").expect("readable");
    assert_eq!((start.kind, start.occupied), (Kind::Startup, None));
    let odd = frame("libelium-v3", 1, "090A00001F00C60561ED91");
    assert_eq!(cause(odd), Some(Cause::BadFrame), "type 9");
    let flags = frame("libelium-v2", 1, "F06E010900390000000000").expect("readable");
    assert_eq!((flags.occupied, flags.battery_low), (YES, YES));
    assert_eq!(flags.notices, ["configuration refused", "recalibrated", "sensor error"]);
}

#[test]
fn a_moko_frame_must_fit_together_and_its_unknown_tags_are_counted() {
    let tagged = |model, tags: &str| {
        let length = tags.len() / 2;
        frame(model, 1, &format!("7E1165F027B20009{length:04X}0100{tags}00007E"))
    };
    let odd = tagged("moko-lw009-sm", "AA03010203FF0032010124FF").map_err(|error| error.cause);
    assert_eq!(odd, Err(Cause::BadFrame), "a tag longer than the frame");
    let read = tagged("moko-lw009-sm", "AA03010203FF00320101").expect("readable");
    assert_eq!((read.occupied, read.unknown_parts), (YES, 2));
    let ground = tagged("moko-lw009-ig", "32010102010B").expect("readable");
    assert_eq!((ground.occupied, ground.unknown_parts), (NO, 1), "no status tag is known of it");
    let both = tagged("moko-lw009-sm", "02010B320101").expect("readable");
    assert_eq!(both.occupied, YES, "its status stands above the event");
    let weak = tagged("moko-lw009-ig", "02010E24010A").expect("readable");
    assert_eq!((weak.occupied, weak.battery_low, weak.battery_percent), (None, YES, Some(10)));
    for notice in ["02010D", "02010F", "020110", "020112"] {
        let read = tagged("moko-lw009-sm", notice).expect("readable");
        assert_eq!((read.kind, read.notices.len()), (Kind::Notice, 1), "{notice}");
    }
    for broken in [
        "7E1165F027B2000900030100320102", /* neither 0 nor 1 */
        "7E1165F027B2000900030101320101", /* encrypted */
        "7F1165F027B2000900030100320101",
        "7E1165F027B2000900040100320101",
    ] {
        let text = format!("{}00007E", &broken[..30]);
        assert_eq!(cause(frame("moko-lw009-sm", 1, &text)), Some(Cause::BadFrame), "{text}");
    }
}

#[test]
fn a_model_without_decoder_is_named() {
    for model in ["plain-json", "", "of-tomorrow"] {
        assert_eq!(cause(frame(model, 1, "01")), Some(Cause::UnknownModel), "{model}");
    }
}

#[test]
fn a_frame_in_json_always_says_whether_it_knows() {
    let json = |model, port, text| {
        let read = frame(model, port, text).expect("readable");
        serde_json::to_value(read).expect("JSON")
    };
    let nwave = serde_json::json!({
        "kind": "change", "occupied": true,
        "previous_state_minutes": 74, "previous_state_slack_minutes": 0,
    });
    assert_eq!(json("nwave-nps405", 1, "95"), nwave);
    let reboot = serde_json::json!({ "kind": "startup", "occupied": null });
    assert_eq!(json("placepod", 2, "3F0101"), reboot);
}

proptest! {
    #[test]
    fn a_placepod_state_is_found_wherever_it_stands(
        before in proptest::collection::vec((0x40_u8..0xff, any::<u16>()), 0..10),
        occupied: bool,
    ) {
        let mut text: String =
            before.iter().map(|(channel, value)| format!("{channel:02X}02{value:04X}")).collect();
        text.push_str(if occupied { "156601" } else { "156600" });
        let read = frame("placepod", 2, &text);
        prop_assert_eq!(read.map(|read| read.occupied), Ok(Some(occupied)));
    }
}
