//! Open data over plain HTTP: what maps and cities read, without a token. ParkAPI, CDS, DATEX II and APDS, each translated by a file of
//! its own from the same plain values ([`view`]). Answered from memory like everything here; nothing of persons is in it.

mod apds;
mod cds;
mod datex;
pub mod directory;
mod events;
mod parkapi;
mod request;
pub mod view;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::serve::Pages;
use serde_json::{Value, json};

use crate::app::App;
use directory::Directory;
use events::{Event, Kind};
use request::Asked;
use view::Lot;

/// What the paths of all documents begin with.
pub const PREFIX: &str = "/opendata/";
/// How long a document may be kept by whoever passes it on, in seconds: about as long as a sensor takes to be sure.
const AGE_MAX_SECONDS: u32 = 10;
const JSON: &str = "application/json";

/// Whoever answers.
pub struct Door {
    /// The picture.
    pub app: Arc<App>,
    /// What is known beside it.
    pub directory: Arc<Directory>,
    /// Time.
    pub clock: Clock,
}

/// A document, or why there is none.
type Outcome = Result<(&'static str, String), StatusCode>;

impl Pages for Door {
    fn answer(&self, request: &Parts) -> Response<Bytes> {
        let outcome = Asked::read(request).and_then(|asked| self.document(&asked));
        match outcome {
            Ok((kind, text)) => respond(request, kind, text),
            Err(status) => refuse(status),
        }
    }
}

impl Door {
    fn document(&self, asked: &Asked<'_>) -> Outcome {
        let told = |value: Value| Ok((JSON, value.to_string()));
        match asked.path {
            "parkapi/v3/parking-sites" => {
                let lots = self.lots(asked, false)?;
                let (page, total) = asked.page(&lots);
                told(list(asked, page.iter().map(parkapi::site).collect(), total))
            }
            "parkapi/v3/parking-spots" => {
                let lots = self.lots(asked, true)?;
                let all: Vec<_> =
                    lots.iter().flat_map(|lot| lot.spots.iter().map(move |s| (lot, s))).collect();
                let (page, total) = asked.page(&all);
                let spots = page.iter().map(|(lot, spot)| parkapi::spot(lot, spot)).collect();
                told(list(asked, spots, total))
            }
            "cds/events/event" => self.events(asked),
            "cds/metrics/aggregates" => self.aggregates(asked),
            // Optional by the specification; of single cars we tell nobody, and curbs are not ours to draw.
            "cds/metrics/sessions" | "cds/events/status" => Err(StatusCode::NOT_IMPLEMENTED),
            "datex2/v3/parking-light" => {
                let lots = self.lots(asked, asked.lot.is_some())?;
                told(datex::publication(asked.page(&lots).0, self.clock.now()))
            }
            "apds/v4/places" => {
                let lots = self.lots(asked, asked.lot.is_some())?;
                told(apds::places(asked.page(&lots).0))
            }
            _ => Err(StatusCode::NOT_FOUND),
        }
    }

    /// All lots, or the one asked for, with or without their spots, always in the same order.
    fn lots(&self, asked: &Asked<'_>, spots: bool) -> Result<Vec<Lot>, StatusCode> {
        let known = self.directory.read();
        let lots = self.app.open_lots(&known, asked.lot, spots);
        let mut lots = lots.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        if asked.lot.is_some() && lots.is_empty() {
            return Err(StatusCode::NOT_FOUND);
        }
        lots.sort_by(|one, other| one.lot_id.cmp(&other.lot_id));
        Ok(lots)
    }

    fn events(&self, asked: &Asked<'_>) -> Outcome {
        asked.accepts(cds::JSON_TYPE)?;
        let known = self.directory.read();
        let place = |event: &Event| {
            let spot = event.spot_id.parse().ok().and_then(|spot| known.spots.get(&spot));
            let lot = || Some(known.lots.get(&LotId::parse(&event.lot_id).ok()?)?.place);
            spot.copied().or_else(lot)
        };
        let wanted = |event: &&Event| {
            asked.lot.is_none_or(|lot| event.lot_id == lot.to_string())
                && asked.spot.is_none_or(|spot| event.spot_id == spot.to_string())
        };
        let events = known.log.newest().filter(wanted).skip(asked.start).take(asked.limit);
        let updated = known.log.newest().next().map_or(Timestamp::UNIX_EPOCH, |event| event.told);
        let zone = asked.lot.and_then(|lot| known.lots.get(&lot));
        let zone = zone.or_else(|| known.lots.values().min_by_key(|lot| lot.told));
        let zone = zone.map_or("UTC", |lot| lot.time_zone.as_str());
        Ok((cds::JSON_TYPE, cds::events(events, place, (zone, updated)).to_string()))
    }

    fn aggregates(&self, asked: &Asked<'_>) -> Outcome {
        asked.accepts(cds::CSV_TYPE)?;
        let lots = self.lots(asked, true)?;
        let known = self.directory.read();
        let (page, _) = asked.page(&lots);
        let with_always = page.iter().map(|lot| (lot, always_taken(lot, &known.log)));
        Ok((cds::CSV_TYPE, cds::aggregates(with_always, &known.log, self.clock.now())))
    }
}

/// Spots whose car came before anything that is remembered.
fn always_taken(lot: &Lot, log: &events::Log) -> usize {
    let moved: std::collections::HashSet<&str> = log
        .newest()
        .filter(|event| matches!(event.kind, Kind::ParkStart | Kind::ParkEnd))
        .map(|event| event.spot_id.as_str())
        .collect();
    let stays = |spot: &&view::Spot| {
        spot.watched
            && spot.status == SpotStatus::Occupied
            && !moved.contains(spot.spot_id.as_str())
    };
    lot.spots.iter().filter(stays).count()
}

fn list(asked: &Asked<'_>, items: Vec<Value>, total: usize) -> Value {
    let next = asked.start + items.len();
    let mut page = json!({ "items": items, "total_count": total });
    if next < total {
        let query = format!("start={next}&limit={}", asked.limit);
        let lot = asked.lot.map(|lot| format!("&lot={lot}")).unwrap_or_default();
        page["next_path"] = format!("{PREFIX}{}?{query}{lot}", asked.path).into();
    }
    page
}

/// The document, or nothing but a word where the asker has it already.
fn respond(request: &Parts, kind: &'static str, text: String) -> Response<Bytes> {
    let digest = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes());
    let etag = format!("\"{}\"", digest.simple());
    let known = request.headers.get_all(header::IF_NONE_MATCH).iter();
    let known = known.filter_map(|value| value.to_str().ok());
    let same = known.flat_map(|value| value.split(',')).any(|one| one.trim() == etag);
    let mut response = Response::new(if same { Bytes::new() } else { Bytes::from(text) });
    if same {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let age = format!("public, max-age={AGE_MAX_SECONDS}");
    for (name, value) in [(header::CACHE_CONTROL, age), (header::ETAG, etag)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    response
}

fn refuse(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
