//! The books at work: what is asked, of what is known, and what becomes of it. One command after the
//! other; what changed is written down afterwards.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use uuid::Uuid;

use super::ledger::{Account, entries};
use super::{
    Authorization, Authorize, Behaviour, Command, Dispute, Entry, Event, Fresh, Refund,
    RefundStatus, Reply, Status, Stuck, Times,
};

/// Why a driver is refused who does not do what the bank asks for.
const NOT_PROVEN: &str = "authentication_failed";

/// What is known of what a batch of commands asks for, and what came of it.
#[derive(Debug)]
pub struct Books {
    now: Timestamp,
    times: Times,
    authorizations: HashMap<Uuid, Authorization>,
    refunds: HashMap<Uuid, Refund>,
    changed: BTreeSet<Uuid>,
    changed_refunds: BTreeSet<Uuid>,
    /// In their order.
    pub entries: Vec<Entry>,
    /// In their order.
    pub events: Vec<Event>,
}

impl Books {
    /// With what is known.
    pub fn new(
        now: Timestamp,
        times: Times,
        authorizations: Vec<Authorization>,
        refunds: Vec<Refund>,
    ) -> Self {
        Self {
            now,
            times,
            authorizations: authorizations.into_iter().map(|a| (a.authorization_id, a)).collect(),
            refunds: refunds.into_iter().map(|refund| (refund.refund_id, refund)).collect(),
            changed: BTreeSet::new(),
            changed_refunds: BTreeSet::new(),
            entries: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The authorisations that changed.
    pub fn changed(&self) -> Vec<&Authorization> {
        self.changed.iter().filter_map(|id| self.authorizations.get(id)).collect()
    }

    /// The refunds that changed.
    pub fn changed_refunds(&self) -> Vec<&Refund> {
        self.changed_refunds.iter().filter_map(|id| self.refunds.get(id)).collect()
    }

    /// What an authorisation was asked for with.
    pub fn payment_method(&self, id: Uuid) -> Option<&str> {
        self.authorizations.get(&id).map(|of| of.payment_method.as_str())
    }

    /// Does what is asked.
    pub fn apply(&mut self, command: &Command, fresh: Fresh) -> Reply {
        let Some(id) = command.authorization_id() else {
            let Command::Authorize(asked) = command else { return Reply::NotFound };
            return self.authorize(asked, fresh);
        };
        let Some(mut of) = self.authorizations.get(&id).cloned() else { return Reply::NotFound };
        if of.is_over(self.now) || matches!(command, Command::Expire { .. }) {
            of = self.expire(of);
        }
        match command {
            Command::Authorize(_) => Reply::NotFound,
            Command::Increase { amount_minor, .. } => self.increase(of, *amount_minor),
            Command::Capture { amount_minor, .. } => self.capture(of, *amount_minor),
            Command::Void { .. } => self.void(of),
            Command::Refund { amount_minor, reference, .. } => {
                self.refund(of, *amount_minor, reference, fresh.id)
            }
            Command::Act { client_secret, accepted, .. } => self.act(of, client_secret, *accepted),
            Command::Settle { .. } => self.settle(of),
            Command::SettleRefund { refund_id, .. } => self.settle_refund(of, *refund_id),
            Command::Expire { .. } => match of.status {
                Status::Expired => Reply::Done(of),
                _ => Reply::Stuck(Stuck::StateWrong),
            },
            Command::Dispute { dispute, .. } => self.dispute(of, *dispute),
        }
    }

    fn authorize(&mut self, asked: &Authorize, fresh: Fresh) -> Reply {
        let behaviour = Behaviour::of(&asked.payment_method);
        let hold = match behaviour {
            Some(Behaviour::ExpiresSoon) => self.times.short_hold,
            _ => self.times.hold,
        };
        let (status, decline_code) = match behaviour {
            Some(Behaviour::Declines(code)) => (Status::Declined, Some(code.to_owned())),
            Some(Behaviour::Asks(_)) => (Status::ActionRequired, None),
            _ => (Status::Authorized, None),
        };
        let secret = || format!("{}_secret_{}", fresh.id, fresh.secret);
        let of = Authorization {
            authorization_id: fresh.id,
            reference: asked.reference.clone(),
            payment_method: asked.payment_method.clone(),
            amount_minor: asked.amount_minor,
            captured_minor: 0,
            refunded_minor: 0,
            currency: asked.currency.clone(),
            status,
            decline_code,
            client_secret: (status == Status::ActionRequired).then(secret),
            create_time: self.now,
            expire_time: self.now + hold,
            settle_time: None,
            dispute: None,
            disputed_minor: 0,
        };
        match status {
            Status::Declined => self.decline(of),
            Status::Authorized => self.hold(of),
            _ => self.keep(of, "", &[]),
        }
    }

    /// Sets the whole amount aside.
    fn hold(&mut self, of: Authorization) -> Reply {
        let amount = of.amount_minor;
        self.keep(of, "authorize", &[(Account::Card, -amount), (Account::Held, amount)])
    }

    fn decline(&mut self, of: Authorization) -> Reply {
        let code = of.decline_code.clone().unwrap_or_default();
        self.keep(of, "", &[]);
        Reply::Declined(code)
    }

    fn act(&mut self, of: Authorization, client_secret: &str, accepted: bool) -> Reply {
        if of.status != Status::ActionRequired {
            return Reply::Stuck(Stuck::StateWrong);
        }
        if of.client_secret.as_deref() != Some(client_secret) {
            return Reply::NotFound;
        }
        let refusal = match Behaviour::of(&of.payment_method) {
            _ if !accepted => Some(NOT_PROVEN),
            Some(Behaviour::Asks(refusal)) => refusal,
            _ => None,
        };
        match refusal {
            Some(code) => {
                let decline_code = Some(code.to_owned());
                let refused = Authorization {
                    status: Status::Declined,
                    decline_code,
                    client_secret: None,
                    ..of
                };
                self.decline(refused)
            }
            None => {
                self.hold(Authorization { status: Status::Authorized, client_secret: None, ..of })
            }
        }
    }

    fn increase(&mut self, of: Authorization, total_minor: i64) -> Reply {
        if of.status != Status::Authorized {
            return Reply::Stuck(Stuck::StateWrong);
        }
        let more = total_minor - of.amount_minor;
        match Behaviour::of(&of.payment_method) {
            _ if more < 1 => Reply::Stuck(Stuck::AmountWrong),
            Some(Behaviour::NoIncrease) => Reply::Stuck(Stuck::IncreaseNotSupported),
            Some(Behaviour::IncreaseDeclined(code)) => Reply::Declined(code.to_owned()),
            _ => {
                let of = Authorization { amount_minor: total_minor, ..of };
                self.keep(of, "increase", &[(Account::Card, -more), (Account::Held, more)])
            }
        }
    }

    fn capture(&mut self, of: Authorization, amount_minor: i64) -> Reply {
        if of.status != Status::Authorized {
            return Reply::Stuck(Stuck::StateWrong);
        }
        if !(1..=of.amount_minor).contains(&amount_minor) {
            return Reply::Stuck(Stuck::AmountWrong);
        }
        match Behaviour::of(&of.payment_method) {
            Some(Behaviour::CaptureDeclined(code)) => self.capture_declined(of, code),
            Some(Behaviour::CaptureSettles(_)) => {
                let settle_time = Some(self.now + self.times.settle);
                let status = Status::Capturing;
                let of = Authorization { status, captured_minor: amount_minor, settle_time, ..of };
                self.keep(of, "", &[])
            }
            _ => self.take(of, amount_minor),
        }
    }

    fn take(&mut self, of: Authorization, taken: i64) -> Reply {
        let disputed = Behaviour::of(&of.payment_method) == Some(Behaviour::Disputed);
        let settle_time = disputed.then(|| self.now + self.times.settle);
        let amount = of.amount_minor;
        let of =
            Authorization { status: Status::Captured, captured_minor: taken, settle_time, ..of };
        let sides =
            [(Account::Held, -amount), (Account::Merchant, taken), (Account::Card, amount - taken)];
        self.keep(of, "capture", &sides)
    }

    fn capture_declined(&mut self, of: Authorization, code: &str) -> Reply {
        let of = Authorization {
            status: Status::Declined,
            decline_code: Some(code.to_owned()),
            captured_minor: 0,
            settle_time: None,
            ..of
        };
        self.let_go(of, "void");
        Reply::Declined(code.to_owned())
    }

    fn void(&mut self, of: Authorization) -> Reply {
        match of.status {
            Status::Authorized => {
                self.let_go(Authorization { status: Status::Voided, ..of }, "void")
            }
            Status::ActionRequired => {
                let of = Authorization { status: Status::Voided, client_secret: None, ..of };
                self.keep(of, "", &[])
            }
            _ => Reply::Stuck(Stuck::StateWrong),
        }
    }

    /// Gives everything back that is set aside.
    fn let_go(&mut self, of: Authorization, kind: &str) -> Reply {
        let amount = of.amount_minor;
        self.keep(of, kind, &[(Account::Held, -amount), (Account::Card, amount)])
    }

    /// The authorisation after its time, if it was still open.
    fn expire(&mut self, of: Authorization) -> Authorization {
        let expired = Authorization { status: Status::Expired, client_secret: None, ..of.clone() };
        match of.status {
            Status::Authorized => drop(self.let_go(expired.clone(), "expire")),
            Status::ActionRequired => drop(self.keep(expired.clone(), "", &[])),
            _ => return of,
        }
        expired
    }

    fn settle(&mut self, of: Authorization) -> Reply {
        if of.settle_time.is_none_or(|due| due > self.now) {
            return Reply::Done(of);
        }
        let taken = of.captured_minor;
        match (of.status, Behaviour::of(&of.payment_method)) {
            (Status::Capturing, Some(Behaviour::CaptureSettles(Some(code)))) => {
                self.capture_declined(of, code)
            }
            (Status::Capturing, _) => self.take(of, taken),
            (Status::Captured, _) => {
                self.dispute(Authorization { settle_time: None, ..of }, Dispute::Opened)
            }
            _ => self.keep(Authorization { settle_time: None, ..of }, "", &[]),
        }
    }

    fn refund(&mut self, of: Authorization, minor: i64, reference: &str, id: Uuid) -> Reply {
        if of.status != Status::Captured {
            return Reply::Stuck(Stuck::StateWrong);
        }
        let disputed = match of.dispute {
            Some(Dispute::Opened | Dispute::Lost) => of.disputed_minor,
            Some(Dispute::Won) | None => 0,
        };
        let gone = of.refunded_minor + disputed;
        if !(1..=of.captured_minor - gone).contains(&minor) {
            return Reply::Stuck(Stuck::AmountWrong);
        }
        let settles =
            matches!(Behaviour::of(&of.payment_method), Some(Behaviour::RefundSettles(_)));
        let refund = Refund {
            refund_id: id,
            authorization_id: of.authorization_id,
            reference: reference.to_owned(),
            amount_minor: minor,
            currency: of.currency.clone(),
            status: if settles { RefundStatus::Pending } else { RefundStatus::Succeeded },
            failure_code: None,
            settle_time: settles.then(|| self.now + self.times.settle),
            create_time: self.now,
        };
        let of = Authorization { refunded_minor: of.refunded_minor + minor, ..of };
        let sides = [(Account::Merchant, -minor), (Account::Card, minor)];
        self.keep_refund(of, refund, "refund", &sides)
    }

    fn settle_refund(&mut self, of: Authorization, refund_id: Uuid) -> Reply {
        let Some(refund) = self.refunds.get(&refund_id).cloned() else { return Reply::NotFound };
        if refund.settle_time.is_none_or(|due| due > self.now) {
            return Reply::Refunded(refund);
        }
        let settled = Refund { settle_time: None, ..refund };
        let minor = settled.amount_minor;
        match Behaviour::of(&of.payment_method) {
            Some(Behaviour::RefundSettles(Some(code))) => {
                let failure_code = Some(code.to_owned());
                let failed = Refund { status: RefundStatus::Failed, failure_code, ..settled };
                let of = Authorization { refunded_minor: of.refunded_minor - minor, ..of };
                let sides = [(Account::Merchant, minor), (Account::Card, -minor)];
                self.keep_refund(of, failed, "refund_failed", &sides)
            }
            _ => {
                let done = Refund { status: RefundStatus::Succeeded, ..settled };
                self.keep_refund(of, done, "", &[])
            }
        }
    }

    fn dispute(&mut self, of: Authorization, dispute: Dispute) -> Reply {
        let left = of.captured_minor - of.refunded_minor;
        let (of, kind, sign) = match (of.dispute, dispute) {
            (None, Dispute::Opened) if of.status == Status::Captured && left > 0 => {
                let of = Authorization { disputed_minor: left, dispute: Some(dispute), ..of };
                (of, "chargeback", -1)
            }
            (Some(Dispute::Opened), Dispute::Won) => {
                (Authorization { dispute: Some(dispute), ..of }, "chargeback_reversed", 1)
            }
            (Some(Dispute::Opened), Dispute::Lost) => {
                (Authorization { dispute: Some(dispute), ..of }, "", 0)
            }
            _ => return Reply::Stuck(Stuck::StateWrong),
        };
        let minor = sign * of.disputed_minor;
        self.write(&of, kind, &[(Account::Merchant, minor), (Account::Card, -minor)]);
        self.events.push(Event::Chargeback(of.clone(), dispute));
        Reply::Done(of)
    }

    /// Notes where an authorisation stands, and how it came there.
    fn keep(&mut self, of: Authorization, kind: &str, sides: &[(Account, i64)]) -> Reply {
        self.write(&of, kind, sides);
        self.events.push(Event::Authorization(of.clone()));
        Reply::Done(of)
    }

    fn keep_refund(
        &mut self,
        of: Authorization,
        refund: Refund,
        kind: &str,
        sides: &[(Account, i64)],
    ) -> Reply {
        self.write(&of, kind, sides);
        self.changed_refunds.insert(refund.refund_id);
        self.refunds.insert(refund.refund_id, refund.clone());
        self.events.push(Event::Refund(of, refund.clone()));
        Reply::Refunded(refund)
    }

    fn write(&mut self, of: &Authorization, kind: &str, sides: &[(Account, i64)]) {
        self.changed.insert(of.authorization_id);
        self.authorizations.insert(of.authorization_id, of.clone());
        self.entries.extend(entries(of, kind, sides, self.now));
    }
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
