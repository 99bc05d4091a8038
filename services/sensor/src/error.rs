//! Everything that this service refuses or fails with, and what a caller is told.

use std::sync::Arc;
use std::time::Duration;

use parkmesh_contracts::validate::Violation;
use parkmesh_platform::fault::{self, Details, Fault, Kind, invalid};
use parkmesh_platform::page::PageTokenInvalid;

mod reasons;
mod store;

pub use reasons::REASONS;

/// Who says so, in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "sensor.parkmesh";

/// When a caller may ask again after a part was away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What went wrong. `Display` is the sentence for the caller, except where [`Fault::public`] hides
/// what is inside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields that break a rule.
    #[error("{}", fault::sentence(.0))]
    Invalid(Vec<Violation>),
    /// A page token that is not ours, or of other arguments or another caller.
    #[error("page_token is not of this list; begin again without one")]
    PageTokenInvalid,
    /// No model of this name; the field that names it.
    #[error("{0} is not a model that is known here")]
    ModelUnknown(String),
    /// Devices that watch other spots.
    #[error("devices that watch another spot: {}", .0.join(", "))]
    DeviceTaken(Vec<String>),
    /// Spots that other devices watch.
    #[error("spots that another device watches: {}", .0.join(", "))]
    SpotTakenByDevice(Vec<String>),
    /// Not a lot of the caller's.
    #[error("there is no such lot")]
    LotNotFound,
    /// No sensor there, or not a lot of the caller's.
    #[error("there is no spot of this id with a sensor")]
    SpotNotFound,
    /// No such reading at this lot, or too long ago.
    #[error("there is no such reading of a plate at this lot")]
    PlateReadNotFound,
    /// A request id that was used for something else.
    #[error("this request_id was used for another request")]
    RequestIdReused,
    /// A reading of a device that the token is not for.
    #[error("the token is not for this device")]
    DeviceNotOwn,
    /// Too many batches wait for one that never came.
    #[error("batches are missing; number them from 1 without gaps")]
    BatchMissing,
    /// The snapshot waits for its reader.
    #[error("the snapshot was not read in time; begin again")]
    ReaderTooSlow,
    /// A watch has lived for as long as it may.
    #[error("the watch has lived for as long as it may; open it again")]
    StreamExpired,
    /// The service stops.
    #[error("the service stops; open the stream again")]
    StreamEnding,
    /// The database failed or is away.
    #[error("the store failed")]
    Store(#[source] sqlx::Error),
    /// A transaction that several streams rode together failed.
    #[error(transparent)]
    Shared(Arc<Error>),
    /// The stream of facts is away.
    #[error("the stream of facts is away")]
    Bus(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row or an answer that cannot be; our mistake.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// One field that breaks a rule.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid(vec![invalid(field, description)])
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        let reason = self.reason();
        let row = REASONS.iter().find(|(name, ..)| *name == reason);
        row.map_or(Kind::Internal, |(_, kind, _)| *kind)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "ARGUMENT_INVALID",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::ModelUnknown(_) => "MODEL_UNKNOWN",
            Self::DeviceTaken(_) => "DEVICE_TAKEN",
            Self::SpotTakenByDevice(_) => "SPOT_TAKEN_BY_DEVICE",
            Self::LotNotFound => "LOT_NOT_FOUND",
            Self::SpotNotFound => "SPOT_NOT_FOUND",
            Self::PlateReadNotFound => "PLATE_READ_NOT_FOUND",
            Self::RequestIdReused => "REQUEST_ID_REUSED",
            Self::DeviceNotOwn => "DEVICE_NOT_OWN",
            Self::BatchMissing => "BATCH_MISSING",
            Self::ReaderTooSlow => "READER_TOO_SLOW",
            Self::StreamExpired => "STREAM_EXPIRED",
            Self::StreamEnding => "STREAM_ENDING",
            Self::Store(error) => store::reason(error),
            Self::Shared(error) => error.reason(),
            Self::Bus(_) => "BUS_UNAVAILABLE",
            Self::Broken(_) => "INTERNAL",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Shared(error) => error.public(),
            Self::Store(_) | Self::Bus(_) | Self::Broken(_) => match self.kind() {
                Kind::Internal => "internal error".to_owned(),
                Kind::Timeout => "it took too long".to_owned(),
                _ => "a part of the service is away; try again".to_owned(),
            },
            told => told.to_string(),
        }
    }

    fn details(&self) -> Details {
        let mut details = Details::default();
        match self {
            Self::Invalid(violations) => details.violations.clone_from(violations),
            Self::PageTokenInvalid => {
                details.violations = vec![invalid("page_token", "is not of this list")];
            }
            Self::ModelUnknown(field) => {
                details.violations = vec![invalid(field, "is not a model that is known here")];
            }
            Self::DeviceTaken(devices) => {
                details.metadata = vec![("device_ids", devices.join(","))];
            }
            Self::SpotTakenByDevice(spots) => {
                details.metadata = vec![("spot_ids", spots.join(","))];
            }
            Self::StreamExpired
            | Self::StreamEnding
            | Self::Shared(_)
            | Self::Store(_)
            | Self::Bus(_)
                if self.kind() != Kind::Internal =>
            {
                details.retry_after = Some(RETRY_AFTER);
            }
            _ => {}
        }
        details
    }
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        fault::to_status(DOMAIN, &error)
    }
}

impl From<PageTokenInvalid> for Error {
    fn from(_: PageTokenInvalid) -> Self {
        Self::PageTokenInvalid
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    /// One of each variant.
    fn all() -> Vec<Error> {
        vec![
            Error::field("lot_id", "must be a UUID"),
            Error::PageTokenInvalid,
            Error::ModelUnknown("sensors[3].model".to_owned()),
            Error::DeviceTaken(vec!["a".to_owned()]),
            Error::SpotTakenByDevice(vec!["s".to_owned()]),
            Error::LotNotFound,
            Error::SpotNotFound,
            Error::PlateReadNotFound,
            Error::RequestIdReused,
            Error::DeviceNotOwn,
            Error::BatchMissing,
            Error::ReaderTooSlow,
            Error::StreamExpired,
            Error::StreamEnding,
            Error::Store(sqlx::Error::PoolTimedOut),
            Error::Store(sqlx::Error::RowNotFound),
            Error::Shared(Arc::new(Error::Store(sqlx::Error::PoolTimedOut))),
            Error::Bus("away".into()),
            Error::Broken("a spot without a lot".to_owned()),
        ]
    }

    #[test]
    fn every_error_stands_in_the_list_of_reasons_once() {
        for error in all() {
            let reason = error.reason();
            let rows = REASONS.iter().filter(|(name, ..)| *name == reason).count();
            assert_eq!(rows, 1, "{reason}");
        }
    }

    #[test]
    fn a_store_error_does_not_tell_what_is_inside() {
        let status = tonic::Status::from(Error::Store(sqlx::Error::RowNotFound));
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
        let status = tonic::Status::from(Error::Store(sqlx::Error::PoolTimedOut));
        assert_eq!(status.code(), Code::Unavailable);
    }

    #[test]
    fn an_unknown_model_names_its_field() {
        let violations = Error::ModelUnknown("sensors[3].model".to_owned()).details().violations;
        assert_eq!(violations.first().map(|found| found.field.as_str()), Some("sensors[3].model"));
    }
}
