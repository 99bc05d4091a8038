//! A row of `sensor` as a sensor, and back.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::broken;
use crate::domain::ground::{Ground, Pending, State};
use crate::domain::order::Mark;
use crate::domain::sensor::Sensor;
use crate::error::Error;

/// Bytes of one remembered message id.
const MESSAGE_BYTES: usize = 8;

/// Columns of [`sensor_of`], and what follows `FROM sensor`.
macro_rules! select_sensor {
    ($rest:literal) => {
        concat!(
            "SELECT sensor_id, device_id, spot_id, lot_id, floor_id, model, firmware,
                    heartbeat_seconds, last_seen_time, last_boot, last_sequence, last_device_time,
                    recent_messages, battery_percent, state, change_time, version,
                    pending_occupied, pending_change_time, pending_receive_time, settle_time,
                    flaps, flap_time, silence_look_time, low_confidence, faulty, battery_low,
                    suspect, suspect_count
             FROM sensor ",
            $rest
        )
    };
}
pub(super) use select_sensor;

/// A row with the columns of [`select_sensor`].
pub fn sensor_of(row: &PgRow) -> Result<Sensor, Error> {
    Ok(Sensor {
        sensor_id: row.try_get::<Uuid, _>("sensor_id")?.into(),
        device_id: row.try_get("device_id")?,
        spot_id: row.try_get::<Uuid, _>("spot_id")?.into(),
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        floor_id: row.try_get::<Uuid, _>("floor_id")?.into(),
        model: row.try_get("model")?,
        firmware: row.try_get("firmware")?,
        heartbeat_seconds: row.try_get("heartbeat_seconds")?,
        ground: ground_of(row)?,
    })
}

fn ground_of(row: &PgRow) -> Result<Ground, Error> {
    let change_time = time(row, "change_time")?;
    Ok(Ground {
        mark: mark_of(row)?,
        battery_percent: row.try_get("battery_percent")?,
        state: state_of(row.try_get("state")?)?,
        change_time: change_time.ok_or_else(|| broken("change_time", "is null"))?,
        version: row.try_get("version")?,
        pending: pending_of(row)?,
        flaps: row.try_get("flaps")?,
        flap_time: time(row, "flap_time")?,
        silence_look_time: time(row, "silence_look_time")?,
        low_confidence: row.try_get("low_confidence")?,
        faulty: row.try_get("faulty")?,
        battery_low: row.try_get("battery_low")?,
        suspect: row.try_get("suspect")?,
        suspect_count: row.try_get("suspect_count")?,
    })
}

fn mark_of(row: &PgRow) -> Result<Option<Mark>, Error> {
    let Some(receive_time) = time(row, "last_seen_time")? else { return Ok(None) };
    let recent: Vec<u8> = row.try_get("recent_messages")?;
    Ok(Some(Mark {
        boot: count_of(row.try_get("last_boot")?),
        sequence: row.try_get::<Option<i64>, _>("last_sequence")?.map(count_of),
        device_time: time(row, "last_device_time")?,
        receive_time,
        recent: recent
            .chunks_exact(MESSAGE_BYTES)
            .filter_map(|bytes| bytes.try_into().ok().map(u64::from_be_bytes))
            .collect(),
    }))
}

fn pending_of(row: &PgRow) -> Result<Option<Pending>, Error> {
    let occupied: Option<bool> = row.try_get("pending_occupied")?;
    let change_time = time(row, "pending_change_time")?;
    let receive_time = time(row, "pending_receive_time")?;
    let settle_time = time(row, "settle_time")?;
    Ok(match (occupied, change_time, receive_time, settle_time) {
        (Some(occupied), Some(change_time), Some(receive_time), Some(settle_time)) => {
            Some(Pending { occupied, change_time, receive_time, settle_time })
        }
        _ => None,
    })
}

/// A time that may be null.
pub fn time(row: &PgRow, column: &str) -> Result<Option<Timestamp>, Error> {
    let time: Option<jiff_sqlx::Timestamp> = row.try_get(column)?;
    Ok(time.map(jiff_sqlx::Timestamp::to_jiff))
}

/// The state of this number.
pub fn state_of(number: i16) -> Result<State, Error> {
    match number {
        1 => Ok(State::Vacant),
        2 => Ok(State::Occupied),
        3 => Ok(State::Unknown),
        other => Err(broken("state", format!("{other} is no state"))),
    }
}

/// The number of this state.
pub fn state_number(state: State) -> i16 {
    match state {
        State::Vacant => 1,
        State::Occupied => 2,
        State::Unknown => 3,
    }
}

/// Postgres counts to half of where protos count; no device gets that far.
fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn count_of(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

/// What moves, column by column, for `unnest`.
#[derive(Default)]
pub struct GroundColumns {
    pub sensor_ids: Vec<Uuid>,
    pub last_seen_times: Vec<Option<jiff_sqlx::Timestamp>>,
    pub last_boots: Vec<i64>,
    pub last_sequences: Vec<Option<i64>>,
    pub last_device_times: Vec<Option<jiff_sqlx::Timestamp>>,
    pub recent_messages: Vec<Vec<u8>>,
    pub battery_percents: Vec<Option<i16>>,
    pub states: Vec<i16>,
    pub change_times: Vec<jiff_sqlx::Timestamp>,
    pub versions: Vec<i64>,
    pub pending_occupieds: Vec<Option<bool>>,
    pub pending_change_times: Vec<Option<jiff_sqlx::Timestamp>>,
    pub pending_receive_times: Vec<Option<jiff_sqlx::Timestamp>>,
    pub settle_times: Vec<Option<jiff_sqlx::Timestamp>>,
    pub flaps: Vec<i32>,
    pub flap_times: Vec<Option<jiff_sqlx::Timestamp>>,
    pub silence_look_times: Vec<Option<jiff_sqlx::Timestamp>>,
    pub low_confidences: Vec<i16>,
    pub faulties: Vec<bool>,
    pub battery_lows: Vec<bool>,
    pub suspects: Vec<bool>,
    pub suspect_counts: Vec<i64>,
}

impl GroundColumns {
    /// The columns of these sensors, in their order.
    pub fn of<'a>(sensors: impl IntoIterator<Item = &'a Sensor>) -> Self {
        let mut columns = Self::default();
        for sensor in sensors {
            columns.sensor_ids.push(sensor.sensor_id.as_uuid());
            columns.push(&sensor.ground);
        }
        columns
    }

    fn push(&mut self, ground: &Ground) {
        let mark = ground.mark.as_ref();
        self.last_seen_times.push(mark.map(|mark| mark.receive_time.to_sqlx()));
        self.last_boots.push(mark.map_or(0, |mark| stored_count(mark.boot)));
        self.last_sequences.push(mark.and_then(|mark| mark.sequence).map(stored_count));
        self.last_device_times.push(mark.and_then(|mark| mark.device_time).map(ToSqlx::to_sqlx));
        let recent = mark.map(|mark| mark.recent.iter().flat_map(|id| id.to_be_bytes()).collect());
        self.recent_messages.push(recent.unwrap_or_default());
        self.battery_percents.push(ground.battery_percent);
        self.states.push(state_number(ground.state));
        self.change_times.push(ground.change_time.to_sqlx());
        self.versions.push(ground.version);
        let pending = ground.pending;
        self.pending_occupieds.push(pending.map(|pending| pending.occupied));
        self.pending_change_times.push(pending.map(|pending| pending.change_time.to_sqlx()));
        self.pending_receive_times.push(pending.map(|pending| pending.receive_time.to_sqlx()));
        self.settle_times.push(pending.map(|pending| pending.settle_time.to_sqlx()));
        self.flaps.push(ground.flaps);
        self.flap_times.push(ground.flap_time.map(ToSqlx::to_sqlx));
        self.silence_look_times.push(ground.silence_look_time.map(ToSqlx::to_sqlx));
        self.low_confidences.push(ground.low_confidence);
        self.faulties.push(ground.faulty);
        self.battery_lows.push(ground.battery_low);
        self.suspects.push(ground.suspect);
        self.suspect_counts.push(ground.suspect_count);
    }
}
