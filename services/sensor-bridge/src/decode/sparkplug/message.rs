//! The protobuf messages, as far as we read them.

use jiff::Timestamp;
use serde_json::Value;

/// Types whose value is signed and travels in an unsigned field.
const INT8: u32 = 1;
const INT16: u32 = 2;
const INT32: u32 = 3;
const INT64: u32 = 4;
const BOOLEAN: u32 = 11;
/// The metric that asks a node to be born again.
const REBIRTH: &str = "Node Control/Rebirth";

/// A message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Payload {
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// What it tells.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// 0 to 255 and again, per node.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

/// A value with its name, or with the number that stands for it. The value fields are one `oneof`, which is the same on the wire.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metric {
    /// In births always.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Instead of the name.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// In births always.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// Tells of the past.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// There is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// 8 to 32 bits, signed or not.
    #[prost(uint32, optional, tag = "10")]
    pub int_value: Option<u32>,
    /// 64 bits, signed or not.
    #[prost(uint64, optional, tag = "11")]
    pub long_value: Option<u64>,
    /// 32 bits.
    #[prost(float, optional, tag = "12")]
    pub float_value: Option<f32>,
    /// 64 bits.
    #[prost(double, optional, tag = "13")]
    pub double_value: Option<f64>,
    /// True or false.
    #[prost(bool, optional, tag = "14")]
    pub boolean_value: Option<bool>,
    /// Text.
    #[prost(string, optional, tag = "15")]
    pub string_value: Option<String>,
}

impl Metric {
    /// The value as JSON, in which mappings speak. `datatype` is that of the birth, where the message has none.
    pub fn value(&self, datatype: Option<u32>) -> Option<Value> {
        if self.is_null == Some(true) {
            return None;
        }
        let datatype = self.datatype.or(datatype);
        let small = |int: u32| match (datatype, int.to_le_bytes()) {
            (Some(INT8), [byte, ..]) => i64::from(byte.cast_signed()),
            (Some(INT16), [low, high, ..]) => i64::from(i16::from_le_bytes([low, high])),
            (Some(INT32), _) => i64::from(int.cast_signed()),
            _ => i64::from(int),
        };
        let large = |long: u64| {
            if datatype == Some(INT64) {
                Value::from(long.cast_signed())
            } else {
                Value::from(long)
            }
        };
        let text = || self.string_value.clone().map(Value::from);
        self.boolean_value
            .map(Value::from)
            .or(self.int_value.map(|int| Value::from(small(int))))
            .or(self.long_value.map(large))
            .or(self.float_value.map(|float| Value::from(f64::from(float))))
            .or(self.double_value.map(Value::from))
            .or_else(text)
    }

    /// When it was so.
    pub fn time(&self) -> Option<Timestamp> {
        instant(self.timestamp)
    }
}

impl Payload {
    /// When it was sent.
    pub fn time(&self) -> Option<Timestamp> {
        instant(self.timestamp)
    }
}

fn instant(milliseconds: Option<u64>) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(milliseconds?).ok()?).ok()
}

/// The command that asks a node for its birth.
pub fn rebirth(now: Timestamp) -> Payload {
    let timestamp = u64::try_from(now.as_millisecond()).ok();
    let metric = Metric {
        name: Some(REBIRTH.to_owned()),
        timestamp,
        datatype: Some(BOOLEAN),
        boolean_value: Some(true),
        ..Metric::default()
    };
    Payload { timestamp, metrics: vec![metric], seq: None }
}
