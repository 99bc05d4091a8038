//! What the sandbox does: one effect and one answer per idempotency key.

use std::time::Duration;

use jiff::Timestamp;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres;
use parkmesh_platform::tasks::Tasks;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::domain::{Authorization, Behaviour, Entry, Status, Stuck, is_card_number};
use crate::error::{Error, error_body};
use crate::store::{self, Answer, Known};

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Set an amount aside.
    Authorize(Authorize),
    /// Take an amount, once.
    Capture {
        /// Of which.
        authorization_id: Uuid,
        /// How much.
        amount_minor: i64,
    },
    /// Give everything back.
    Void {
        /// Of which.
        authorization_id: Uuid,
    },
}

/// What to set aside.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct Authorize {
    /// In minor units of the currency.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// A token, never a number.
    pub payment_method: String,
    /// The merchant's own id.
    pub reference: String,
}

/// The sandbox.
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) tasks: Tasks,
    pub(crate) late_answer: Duration,
}

impl App {
    /// Does what is asked once per key, and gives the same answer to every repeat.
    pub async fn perform(&self, key: String, command: Command) -> Result<Answer, Error> {
        check(&key, &command)?;
        if self.fails_now(&key, &command).await? {
            return Err(Error::Hiccup);
        }
        let (ids, now) = (self.ids.clone(), self.clock.now());
        let (answer, late) = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move { answer_once(connection, &ids, now, &key, &command).await })
        })
        .await?;
        if late {
            let token = self.tasks.token();
            let _stopped = token.run_until_cancelled(self.tasks.sleep(self.late_answer)).await;
        }
        Ok(answer)
    }

    /// All authorisations of a reference, oldest first.
    pub async fn list(&self, reference: &str) -> Result<Vec<Authorization>, Error> {
        Ok(store::list_by_reference(&self.pool, reference).await?)
    }

    /// Entries of one reference, or the newest of all.
    pub async fn ledger(&self, reference: Option<&str>) -> Result<Vec<Entry>, Error> {
        Ok(store::ledger(&self.pool, reference).await?)
    }

    async fn fails_now(&self, key: &str, command: &Command) -> Result<bool, Error> {
        match command {
            Command::Authorize(asked)
                if Behaviour::of(&asked.payment_method) == Some(Behaviour::FailsOnce) =>
            {
                Ok(store::first_hiccup(&self.pool, key).await?)
            }
            _ => Ok(false),
        }
    }
}

fn check(key: &str, command: &Command) -> Result<(), Error> {
    let invalid = |code, text: &str| Err(Error::Invalid(code, text.to_owned()));
    if key.is_empty() || key.len() > 255 {
        return invalid(
            "idempotency_key_missing",
            "send an Idempotency-Key of 1 to 255 characters",
        );
    }
    let Command::Authorize(asked) = command else { return Ok(()) };
    if is_card_number(&asked.payment_method) || is_card_number(&asked.reference) {
        return Err(Error::CardNumber);
    }
    if Behaviour::of(&asked.payment_method).is_none() {
        return invalid("payment_method_unknown", "there is no such payment method");
    }
    if asked.amount_minor < 1 {
        return invalid("amount_wrong", "amount_minor must be 1 or more");
    }
    if asked.currency.len() != 3 || !asked.currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return invalid("currency_wrong", "currency must be an ISO 4217 code");
    }
    if asked.reference.is_empty() || asked.reference.len() > 255 {
        return invalid("reference_wrong", "reference must have 1 to 255 characters");
    }
    Ok(())
}

/// The answer, and whether it is to come late.
async fn answer_once(
    connection: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    key: &str,
    command: &Command,
) -> Result<(Answer, bool), Error> {
    let hash = Sha256::digest(serde_json::to_vec(command).unwrap_or_default());
    match store::claim(connection, key, &hash, now).await? {
        Known::Answered(answer) => return Ok((answer, false)),
        Known::OtherBody => return Err(Error::KeyReused),
        Known::New => {}
    }
    let (answer, late) = act(connection, ids, now, command).await?;
    store::keep_answer(connection, key, &answer).await?;
    Ok((answer, late))
}

async fn act(
    connection: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    command: &Command,
) -> Result<(Answer, bool), Error> {
    let (moved, slow) = match command {
        Command::Authorize(asked) => (Ok(decide(asked, ids, now)), Behaviour::AuthorizesLate),
        Command::Capture { authorization_id, amount_minor } => {
            let found = store::find_locked(connection, *authorization_id).await?;
            let capture = found.ok_or(Error::NotFound)?.capture(*amount_minor);
            (capture, Behaviour::CapturesLate)
        }
        Command::Void { authorization_id } => {
            let found = store::find_locked(connection, *authorization_id).await?;
            (found.ok_or(Error::NotFound)?.void(), Behaviour::Works)
        }
    };
    match moved {
        Ok(authorization) => {
            store::save(connection, &authorization, now).await?;
            let late = slow != Behaviour::Works
                && Behaviour::of(&authorization.payment_method) == Some(slow);
            Ok((answer_of(&authorization), late))
        }
        Err(stuck) => Ok((stuck_answer(stuck), false)),
    }
}

fn decide(asked: &Authorize, ids: &Ids, now: Timestamp) -> Authorization {
    let decline_code = match Behaviour::of(&asked.payment_method) {
        Some(Behaviour::Declines(code)) => Some(code.to_owned()),
        _ => None,
    };
    let status = if decline_code.is_some() { Status::Declined } else { Status::Authorized };
    Authorization {
        authorization_id: ids.next(),
        reference: asked.reference.clone(),
        payment_method: asked.payment_method.clone(),
        amount_minor: asked.amount_minor,
        captured_minor: 0,
        currency: asked.currency.clone(),
        status,
        decline_code,
        create_time: now,
    }
}

fn answer_of(authorization: &Authorization) -> Answer {
    match &authorization.decline_code {
        Some(code) => Answer {
            status: 402,
            body: error_body("card_declined", Some(code), "the card was declined"),
        },
        None => Answer { status: 200, body: json!(authorization) },
    }
}

fn stuck_answer(stuck: Stuck) -> Answer {
    let message = match stuck {
        Stuck::StateWrong => "the authorization's state does not allow it",
        Stuck::AmountWrong => "the amount must be from 1 to what was set aside",
    };
    Answer { status: 409, body: error_body(stuck.code(), None, message) }
}
