//! The headers of a fact on the wire: CloudEvents names, JetStream's id, W3C trace context.

use async_nats::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use parkmesh_contracts::facts::{self, NO_LOT};
use parkmesh_contracts::ids::{FactId, LotId};
use parkmesh_platform::telemetry::trace_context;

/// JetStream drops a second message with the same one within the stream's window.
pub(crate) const MESSAGE_ID: &str = "Nats-Msg-Id";
const CE_ID: &str = "ce-id";
const CE_TYPE: &str = "ce-type";
const CE_SOURCE: &str = "ce-source";
const CE_TIME: &str = "ce-time";
const CE_SPECVERSION: &str = "ce-specversion";
/// The aggregate.
const CE_SUBJECT: &str = "ce-subject";
/// Version of the aggregate after the fact.
const CE_SEQUENCE: &str = "ce-sequence";
const CE_LOT: &str = "ce-lotid";

/// A fact as a row of the outbox has it.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub seq: i64,
    pub fact_id: FactId,
    pub aggregate_id: String,
    pub version: i64,
    pub fact_type: String,
    pub lot_id: String,
    pub body: Bytes,
    pub trace_parent: Option<String>,
    pub time: Timestamp,
}

impl Published {
    /// Where it goes, without a prefix.
    pub fn subject(&self) -> String {
        // A lot that is no id would make a subject that no filter finds.
        facts::subject(&self.fact_type, LotId::parse(&self.lot_id).ok())
    }

    /// The stream that keeps it. A type that this build does not know was written by a newer one
    /// of the same service: its domain names the stream.
    pub fn stream(&self) -> String {
        match facts::find(&self.fact_type) {
            Some(info) => info.stream.to_owned(),
            None => domain(&self.fact_type).to_ascii_uppercase(),
        }
    }

    /// `source` is the service; `trace_parent` the span of the publishing.
    pub fn headers(&self, source: &str, trace_parent: Option<&str>) -> HeaderMap {
        let id = self.fact_id.to_string();
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, id.as_str());
        headers.insert(CE_ID, id.as_str());
        headers.insert(CE_TYPE, self.fact_type.as_str());
        headers.insert(CE_SOURCE, format!("parkmesh/{source}"));
        headers.insert(CE_TIME, self.time.to_string());
        headers.insert(CE_SPECVERSION, "1.0");
        headers.insert(CE_SUBJECT, self.aggregate_id.as_str());
        headers.insert(CE_SEQUENCE, self.version.to_string());
        headers.insert(CE_LOT, if self.lot_id.is_empty() { NO_LOT } else { self.lot_id.as_str() });
        if let Some(parent) = trace_parent.or(self.trace_parent.as_deref()) {
            headers.insert(trace_context::HEADER, parent);
        }
        headers
    }
}

/// The second word of a fact's type: `booking` of `parkmesh.booking.v1.held`.
pub(crate) fn domain(fact_type: &str) -> &str {
    fact_type.split('.').nth(1).unwrap_or_default()
}

/// What a fact's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FactHeaders {
    pub fact_id: FactId,
    pub fact_type: String,
    /// Empty when it belongs to none.
    pub lot_id: String,
    pub time: Timestamp,
    pub trace_parent: Option<String>,
}

/// What a message is about, where it says so.
pub(crate) fn aggregate(headers: Option<&HeaderMap>) -> Option<&str> {
    headers.and_then(|headers| headers.get(CE_SUBJECT)).map(|value| value.as_str())
}

/// Reads them; the error says which is missing or wrong.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Result<FactHeaders, String> {
    let text =
        |name: &str| headers.and_then(|headers| headers.get(name)).map(|value| value.as_str());
    let needed = |name: &str| text(name).ok_or_else(|| format!("the header {name} is missing"));
    let fact_id = FactId::parse(needed(CE_ID)?).map_err(|error| format!("{CE_ID}: {error}"))?;
    let time = needed(CE_TIME)?.parse().map_err(|error| format!("{CE_TIME}: {error}"))?;
    Ok(FactHeaders {
        fact_id,
        fact_type: needed(CE_TYPE)?.to_owned(),
        lot_id: text(CE_LOT).filter(|lot| *lot != NO_LOT).unwrap_or_default().to_owned(),
        time,
        trace_parent: text(trace_context::HEADER).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(lot_id: &str) -> Published {
        Published {
            seq: 1,
            fact_id: FactId::parse("01890a5d-ac96-774b-bcce-b302099a8057").expect("an id"),
            aggregate_id: "01890a5d-ac96-774b-bcce-b302099a8058".to_owned(),
            version: 7,
            fact_type: "parkmesh.booking.v1.held".to_owned(),
            lot_id: lot_id.to_owned(),
            body: Bytes::new(),
            trace_parent: Some("00-1-2-01".to_owned()),
            time: "2026-01-02T03:04:05.000006Z".parse().expect("a time"),
        }
    }

    #[test]
    fn headers_are_read_back_as_they_were_written() {
        let fact = published("01890a5d-ac96-774b-bcce-b302099a8059");
        let headers = read(Some(&fact.headers("booking", None))).expect("headers");
        assert_eq!(headers.fact_id, fact.fact_id);
        assert_eq!(headers.fact_type, fact.fact_type);
        assert_eq!(headers.lot_id, fact.lot_id);
        assert_eq!(headers.time, fact.time);
        assert_eq!(headers.trace_parent, fact.trace_parent);
    }

    #[test]
    fn a_fact_without_a_lot_goes_to_the_subject_of_none() {
        let fact = published("");
        assert_eq!(fact.subject(), "parkmesh.booking.v1.held.none");
        assert_eq!(read(Some(&fact.headers("booking", None))).expect("headers").lot_id, "");
    }

    #[test]
    fn an_unknown_type_goes_to_the_stream_of_its_domain() {
        let fact =
            Published { fact_type: "parkmesh.sensor.v9.moved_house".to_owned(), ..published("") };
        assert_eq!(fact.stream(), "SENSOR");
        assert_eq!(published("").stream(), "BOOKING");
    }

    #[test]
    fn a_missing_header_is_named() {
        assert_eq!(read(None), Err("the header ce-id is missing".to_owned()));
    }
}
