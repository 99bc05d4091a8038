//! Stripe's events: what its webhooks say, and what of it concerns us.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::minor::money;
use super::wire::{Metadata, Refund, reference};
use crate::domain::{Chargeback, Dispute};
use crate::provider::{Notice, NoticeError, Told};

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

#[derive(Deserialize)]
struct Intent {
    id: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Disputed {
    id: String,
    amount: i64,
    currency: String,
    reason: String,
    payment_intent: Option<String>,
    status: String,
}

/// What a verified body says; `None`: nothing that concerns us.
pub fn notice(body: &[u8]) -> Result<Option<Notice>, NoticeError> {
    let unreadable = |_| NoticeError::Unreadable;
    let event: Event = serde_json::from_slice(body).map_err(unreadable)?;
    let time = Timestamp::from_second(event.created).map_err(|_| NoticeError::Unreadable)?;
    let object = event.data.object;
    let (provider_id, reference, told) = match event.kind.as_str() {
        kind if kind.starts_with("payment_intent.") => {
            let intent: Intent = serde_json::from_value(object).map_err(unreadable)?;
            let reference = reference(&intent.metadata);
            (intent.id, reference, Told::Moved)
        }
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            let refund: Refund = serde_json::from_value(object).map_err(unreadable)?;
            let Some(intent) = refund.payment_intent.clone() else { return Ok(None) };
            let told = refund.refund().map_err(|_| NoticeError::Unreadable)?;
            (intent, String::new(), Told::Refund { reference: refund.reference(), refund: told })
        }
        // A dispute may be only a question at first: what counts is when the money goes and comes back.
        "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated"
        | "charge.dispute.closed" => {
            let disputed: Disputed = serde_json::from_value(object).map_err(unreadable)?;
            let dispute = match (event.kind.as_str(), disputed.status.as_str()) {
                ("charge.dispute.funds_withdrawn", _) => Dispute::Opened,
                ("charge.dispute.funds_reinstated", _) => Dispute::Won,
                (_, "lost") => Dispute::Lost,
                _ => return Ok(None),
            };
            let Some(intent) = disputed.payment_intent else { return Ok(None) };
            let amount =
                money(disputed.amount, &disputed.currency).map_err(|_| NoticeError::Unreadable)?;
            let (chargeback_id, reason) = (disputed.id, disputed.reason);
            let told = Chargeback { chargeback_id, amount, reason, dispute };
            (intent, String::new(), Told::Chargeback(told))
        }
        _ => return Ok(None),
    };
    Ok(Some(Notice { event_id: event.id, provider_id, reference, time, told }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn read(kind: &str, object: Value) -> Result<Option<Notice>, NoticeError> {
        let event = json!({
            "id": "evt_1", "type": kind, "created": 1_700_000_000, "data": { "object": object },
        });
        notice(event.to_string().as_bytes())
    }

    #[test]
    fn an_intents_event_names_it_and_our_reference() {
        let object =
            json!({ "id": "pi_1", "metadata": { "reference": "r" }, "status": "canceled" });
        let notice = read("payment_intent.canceled", object).unwrap().unwrap();
        assert_eq!((notice.provider_id.as_str(), notice.reference.as_str()), ("pi_1", "r"));
        assert_eq!((notice.event_id.as_str(), notice.told), ("evt_1", Told::Moved));
    }

    #[test]
    fn a_refunds_event_names_both() {
        let object = json!({
            "id": "re_1", "amount": 400, "currency": "eur", "payment_intent": "pi_1", "status": "failed",
            "failure_reason": "expired_or_canceled_card", "metadata": { "reference": "f" },
        });
        let notice = read("refund.failed", object).unwrap().unwrap();
        let Told::Refund { reference, refund } = notice.told else { panic!("no refund") };
        assert_eq!((reference.as_str(), refund.amount.minor), ("f", 400));
    }

    #[test]
    fn a_dispute_counts_when_the_money_moves() {
        let object = |status: &str| {
            json!({
                "id": "dp_1", "amount": 900, "currency": "eur", "reason": "fraudulent",
                "payment_intent": "pi_1", "status": status,
            })
        };
        for (kind, status, dispute) in [
            ("charge.dispute.created", "warning_needs_response", None),
            ("charge.dispute.funds_withdrawn", "needs_response", Some(Dispute::Opened)),
            ("charge.dispute.funds_reinstated", "won", Some(Dispute::Won)),
            ("charge.dispute.closed", "lost", Some(Dispute::Lost)),
            ("charge.dispute.closed", "warning_closed", None),
        ] {
            let told = read(kind, object(status)).unwrap().map(|notice| notice.told);
            let told = told.map(|told| match told {
                Told::Chargeback(told) => told.dispute,
                other => panic!("{other:?}"),
            });
            assert_eq!(told, dispute, "{kind} {status}");
        }
    }

    #[test]
    fn other_events_do_not_concern_us_and_broken_ones_are_unreadable() {
        assert_eq!(read("payout.paid", json!({})), Ok(None));
        assert_eq!(read("payment_intent.succeeded", json!({})), Err(NoticeError::Unreadable));
        assert_eq!(notice(b"{}"), Err(NoticeError::Unreadable));
    }
}
