use super::*;

#[derive(Debug, thiserror::Error)]
#[error("inner matter")]
struct Refused;

impl Fault for Refused {
    fn kind(&self) -> Kind {
        Kind::Precondition
    }
    fn reason(&self) -> &'static str {
        "REFUSED"
    }
    fn public(&self) -> String {
        "look again".to_owned()
    }
    fn details(&self) -> Details {
        Details {
            metadata: vec![("state", "held".to_owned())],
            violations: vec![invalid("window.end_time", "must be after the start")],
            retry_after: Some(Duration::from_millis(1_500)),
            preconditions: vec![Precondition {
                kind: "STATE",
                subject: "booking/1".to_owned(),
                description: "is held".to_owned(),
            }],
            extra: vec![any(&prost_types::Timestamp { seconds: 7, nanos: 0 })],
        }
    }
}

#[test]
fn a_status_carries_reason_fields_retry_and_own_details() {
    let status = to_status("test.parkmesh", &Refused);
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "look again"));
    let info = status.get_details_error_info().expect("ErrorInfo");
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("REFUSED", "test.parkmesh"));
    assert_eq!(info.metadata.get("state").map(String::as_str), Some("held"));
    let bad = status.get_details_bad_request().expect("BadRequest");
    assert_eq!(bad.field_violations[0].field, "window.end_time");
    let retry = status.get_details_retry_info().expect("RetryInfo");
    assert_eq!(retry.retry_delay, Some(Duration::from_millis(1_500)));
    let failure = status.get_details_precondition_failure().expect("PreconditionFailure");
    assert_eq!(failure.violations[0].subject, "booking/1");
    assert_eq!(find_detail::<prost_types::Timestamp>(&status).map(|time| time.seconds), Some(7));
    assert_eq!(reason_of(&status).as_deref(), Some("REFUSED"));
}

#[test]
fn inner_matters_stay_inside() {
    assert!(!to_status("test.parkmesh", &Refused).message().contains("inner"));
}
