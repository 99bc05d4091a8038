//! Curb Data Specification 1.0: events, and aggregates by the hour (<https://github.com/openmobilityfoundation/curb-data-specification>). A lot is a
//! curb zone, a spot a curb space. Sessions of single cars are not given out: the specification asks to keep them from the public. Pure.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde_json::{Value, json};

use super::events::{Event, Kind, Log, Session};
use super::view::Lot;
use crate::domain::places::Point;

/// The version that documents conform to.
pub const VERSION: &str = "1.0.0";
/// What a document of events is.
pub const JSON_TYPE: &str = "application/vnd.cds+json;version=1.0";
/// What a document of metrics is.
pub const CSV_TYPE: &str = "application/vnd.cds+csv;version=1.0";
/// Hours of the past that aggregates are told of.
const HOURS_MAX: i64 = 24;
/// A device is told by a name that is derived from its spot.
const DEVICES: uuid::Uuid = uuid::Uuid::from_u128(0x6b1d_70e2_9c35_4f0b_8a44_9d6f_2c1e_53a7);

/// Events as a document. `place`: where a spot is.
pub fn events<'a>(
    events: impl Iterator<Item = &'a Event>,
    place: impl Fn(&Event) -> Option<Point>,
    (time_zone, last_updated): (&str, Timestamp),
) -> Value {
    let events: Vec<Value> =
        events.filter_map(|event| Some(curb_event(event, place(event)?))).collect();
    json!({
        "version": VERSION,
        "time_zone": time_zone,
        "last_updated": last_updated.as_millisecond(),
        "data": { "events": events },
    })
}

fn curb_event(event: &Event, place: Point) -> Value {
    let kind = match event.kind {
        Kind::ParkStart => "park_start",
        Kind::ParkEnd => "park_end",
        Kind::Lost => "comms_lost",
        Kind::Restored => "comms_restored",
    };
    let mut told = json!({
        "event_id": event.event_id,
        "event_type": kind,
        "event_location": {
            "type": "Feature",
            "properties": {},
            "geometry": { "type": "Point", "coordinates": [place.longitude, place.latitude] },
        },
        "event_time": event.time.as_millisecond(),
        "event_publication_time": event.told.as_millisecond(),
        "curb_zone_id": event.lot_id,
        "curb_space_id": event.spot_id,
        "data_source_type": "other",
        "data_source_operator_name": "parkmesh",
        "data_source_device_id": device_of(&event.spot_id),
    });
    match event.kind {
        Kind::ParkStart | Kind::ParkEnd => told["event_purpose"] = "parking".into(),
        Kind::Lost => told["sensor_status_is_online"] = false.into(),
        Kind::Restored => told["sensor_status_is_online"] = true.into(),
    }
    told
}

/// A name for the sensor of a spot, the same every time; its own name is nobody's business.
fn device_of(spot_id: &str) -> String {
    uuid::Uuid::new_v5(&DEVICES, spot_id.as_bytes()).to_string()
}

/// Aggregates of whole hours of the last day, as a table. `occupied` says which spots of a lot have a car now.
pub fn aggregates<'a>(
    lots: impl Iterator<Item = (&'a Lot, usize)>,
    log: &Log,
    now: Timestamp,
) -> String {
    let mut table = String::from("curb_place_type,curb_place_id,metric_type,date,hour,value\n");
    let Some(since) = log.since() else { return table };
    for (lot, always) in lots {
        let zone = TimeZone::get(&lot.listing.time_zone).unwrap_or(TimeZone::UTC);
        let sessions = log.sessions(&lot.lot_id);
        for hour in whole_hours(since, now, &zone) {
            for (metric, value) in of_hour(&sessions, &hour, (since, now), (lot.total, always)) {
                let (date, clock) = (hour.date(), hour.hour());
                let lot_id = &lot.lot_id;
                table += &format!("zone,{lot_id},{metric},{date},{clock:02},{value}\n");
            }
        }
    }
    table
}

/// The beginnings of the hours by the local clock that lie wholly in what is remembered.
fn whole_hours(since: Timestamp, now: Timestamp, zone: &TimeZone) -> Vec<Zoned> {
    let hour = SignedDuration::from_hours(1);
    let earliest = since.max(now - hour * i32::try_from(HOURS_MAX).unwrap_or(24));
    let first = earliest.to_zoned(zone.clone());
    let Ok(first) =
        first.round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Ceil))
    else {
        return Vec::new();
    };
    let hours = (0..HOURS_MAX).map_while(|count| {
        let begin = first.timestamp().checked_add(hour * i32::try_from(count).ok()?).ok()?;
        (begin + hour <= now).then(|| begin.to_zoned(zone.clone()))
    });
    hours.collect()
}

/// The four metrics of the specification's methodology. `total` spots, of which `always` have had a car for longer than is remembered.
fn of_hour(
    sessions: &BTreeMap<&str, Vec<Session>>,
    hour: &Zoned,
    (since, now): (Timestamp, Timestamp),
    (total, always): (i32, usize),
) -> [(&'static str, String); 4] {
    let (begin, end) = (hour.timestamp(), hour.timestamp() + SignedDuration::from_hours(1));
    let mut taken_seconds = 3_600.0 * f64::from(u32::try_from(always).unwrap_or(0));
    let (mut begun, mut ended, mut stay_seconds) = (0_u32, 0_u32, 0.0);
    for session in sessions.values().flatten() {
        let (start, left) = (session.start.unwrap_or(since), session.end.unwrap_or(now));
        let inside = left.min(end).duration_since(start.max(begin));
        taken_seconds += inside.as_secs_f64().max(0.0);
        begun += u32::from(session.start.is_some_and(|start| start >= begin && start < end));
        if let (Some(start), Some(left)) = (session.start, session.end)
            && left >= begin
            && left < end
        {
            ended += 1;
            stay_seconds += left.duration_since(start).as_secs_f64();
        }
    }
    let minutes = if ended == 0 { 0.0 } else { stay_seconds / 60.0 / f64::from(ended) };
    let occupied = taken_seconds / 3_600.0 / f64::from(total.max(1));
    [
        ("total_sessions", begun.to_string()),
        ("turnover", begun.to_string()),
        ("average_dwell_time", format!("{minutes:.1}")),
        ("occupancy_percent", format!("{:.3}", occupied.min(1.0))),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::view::examples::garage;
    use super::*;

    fn event(lot: &Lot, time: &str, kind: Kind) -> Event {
        let time: Timestamp = time.parse().expect("an instant");
        Event {
            event_id: uuid::Uuid::new_v5(&DEVICES, time.to_string().as_bytes()).to_string(),
            kind,
            lot_id: lot.lot_id.clone(),
            spot_id: lot.spots[0].spot_id.clone(),
            time,
            told: time,
        }
    }

    /// A car from 08:15 to 08:45 and one from 09:30 on, in UTC; the garage is two hours ahead.
    fn log(lot: &Lot) -> Log {
        let mut log = Log::default();
        for (time, kind) in [
            ("2026-05-01T07:00:00Z", Kind::Restored),
            ("2026-05-01T08:15:00Z", Kind::ParkStart),
            ("2026-05-01T08:45:00Z", Kind::ParkEnd),
            ("2026-05-01T09:30:00Z", Kind::ParkStart),
        ] {
            log.note(event(lot, time, kind));
        }
        log
    }

    #[test]
    fn metrics_follow_the_methodology_by_hours_of_the_local_clock() {
        let lot = garage();
        let now = "2026-05-01T10:20:00Z".parse().expect("an instant");
        let table = aggregates([(&lot, 1)].into_iter(), &log(&lot), now);
        let rows: Vec<&str> = table.lines().skip(1).map(|row| &row[42..]).collect();
        let wanted = [
            "total_sessions,2026-05-01,09,0",
            "turnover,2026-05-01,09,0",
            "average_dwell_time,2026-05-01,09,0.0",
            "occupancy_percent,2026-05-01,09,0.200",
            "total_sessions,2026-05-01,10,1",
            "turnover,2026-05-01,10,1",
            "average_dwell_time,2026-05-01,10,30.0",
            "occupancy_percent,2026-05-01,10,0.300",
            "total_sessions,2026-05-01,11,1",
            "turnover,2026-05-01,11,1",
            "average_dwell_time,2026-05-01,11,0.0",
            "occupancy_percent,2026-05-01,11,0.300",
        ];
        assert_eq!(rows, wanted, "{table}");
    }

    #[test]
    fn events_are_told_newest_first_with_their_place() {
        let lot = garage();
        let log = log(&lot);
        let place = |_: &Event| Some(lot.listing.place);
        let told = events(log.newest(), place, ("Europe/Berlin", lot.as_of));
        let all = told["data"]["events"].as_array().expect("events");
        let kinds: Vec<&Value> = all.iter().map(|one| &one["event_type"]).collect();
        assert_eq!(kinds, ["park_start", "park_end", "park_start", "comms_restored"]);
        assert_eq!(all[0]["event_location"]["geometry"]["coordinates"], json!([13.4132, 52.5219]));
        assert_eq!(all[0]["event_time"], 1_777_627_800_000_i64);
        assert_eq!(all[0]["data_source_device_id"], all[1]["data_source_device_id"]);
    }
}
