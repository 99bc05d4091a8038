//! Series: requests into a rule and what is wanted, outcomes into messages.

use jiff::civil::Date;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::window::Window;
use parkmesh_platform::fault::Fault;

use super::booking::Wanted;
use crate::domain::series::{Occurrence, Rule, RuleWrong};
use crate::error::Error;

impl TryFrom<&proto::SeriesRule> for Rule {
    type Error = Error;

    fn try_from(rule: &proto::SeriesRule) -> Result<Self, Error> {
        Ok(Self {
            weekdays: rule.weekdays.iter().filter_map(|day| i8::try_from(*day).ok()).collect(),
            start_minute: rule.start_minute,
            end_minute: rule.end_minute,
            first: date("rule.first_date", &rule.first_date)?,
            last: date("rule.last_date", &rule.last_date)?,
        })
    }
}

fn date(field: &str, text: &str) -> Result<Date, Error> {
    let wrong = |_| Error::field(field, "must be a day of the calendar, as 2026-11-30");
    text.parse().map_err(wrong)
}

impl From<RuleWrong> for Error {
    fn from(RuleWrong(field, why): RuleWrong) -> Self {
        Self::field(field, why)
    }
}

/// What one occurrence is to keep.
///
/// # Errors
/// [`Error::Invalid`].
pub fn occurrence(
    request: &proto::CreateBookingSeriesRequest,
    window: Window,
) -> Result<Wanted, Error> {
    use proto::create_booking_series_request::Choice as Asked;
    use proto::hold_spot_request::Choice as Held;
    let hold = proto::HoldSpotRequest {
        choice: request.choice.clone().map(|choice| match choice {
            Asked::Spot(spot) => Held::Spot(spot),
            Asked::Pool(pool) => Held::Pool(pool),
        }),
        window: Some(window.into()),
        plate: request.plate.clone(),
        disability_permit: request.disability_permit,
        ..Default::default()
    };
    Wanted::try_from(&hold)
}

/// What became of an occurrence.
pub fn outcome(
    occurrence: &Occurrence,
    outcome: Result<proto::Booking, &Error>,
) -> proto::SeriesOccurrence {
    let (booking, refused) = match outcome {
        Ok(booking) => (Some(booking), None),
        Err(error) => (None, Some(error)),
    };
    proto::SeriesOccurrence {
        date: occurrence.date.to_string(),
        window: occurrence.window.map(Into::into),
        booking,
        reason: refused.map(|error| error.reason().to_owned()).unwrap_or_default(),
        message: refused.map(Fault::public).unwrap_or_default(),
    }
}
