//! What the sandbox does: one effect and one answer per idempotency key, and faults on purpose.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::config::Endpoint;
use crate::domain::{
    Authorization, Behaviour, Command, Fault, Faults, Fresh, Kind, Status, Times, is_card_number,
};
use crate::error::Error;
use crate::store::{self, Answer};
use desk::{Desk, Question};

pub mod desk;
pub mod settle;
pub mod webhook;

/// The sandbox.
#[derive(Clone)]
pub struct App {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) tasks: Tasks,
    pub(crate) late_answer: Duration,
    pub(crate) times: Times,
    pub(crate) desk: Desk,
    pub(crate) faults: Arc<Mutex<Faults>>,
    pub(crate) endpoint: Arc<RwLock<Option<Endpoint>>>,
    /// Told when there are new webhooks.
    pub(crate) told: Arc<Notify>,
}

impl App {
    /// Does what is asked once per key, and gives the same answer to every repeat.
    pub async fn perform(&self, key: String, command: Command) -> Result<Answer, Error> {
        check(&key, &command)?;
        let fault = self.fault_before(kind_of(&command)).await?;
        if self.fails_now(&key, &command).await? {
            return Err(Error::Hiccup);
        }
        let done = self.ask(Some(key), command).await?;
        match fault {
            Some(Fault::TimeoutAfter) => self.be_late().await,
            Some(Fault::ErrorAfter) => return Err(Error::Hiccup),
            _ if done.late => self.be_late().await,
            _ => {}
        }
        Ok(done.answer)
    }

    /// Does what nobody pays for twice: what a driver, an admin or the clockwork asks.
    pub async fn ask(&self, key: Option<String>, command: Command) -> Result<desk::Done, Error> {
        let hash = Sha256::digest(serde_json::to_vec(&command).unwrap_or_default()).to_vec();
        let secret = self.ids.bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
        let fresh = Fresh { id: self.ids.next(), secret };
        self.desk.ask(Question { key, hash, command, fresh }).await
    }

    /// What goes wrong with a call, after what goes wrong before its effect.
    pub async fn fault_before(&self, kind: Kind) -> Result<Option<Fault>, Error> {
        let (fault, slow) = {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            (faults.next(kind, self.ids.fraction()), faults.slow_ms)
        };
        match fault {
            Some(Fault::TimeoutBefore) => {
                self.be_late().await;
                return Err(Error::Late);
            }
            Some(Fault::ErrorBefore) => return Err(Error::Hiccup),
            Some(Fault::Slow) => self.wait(Duration::from_millis(slow)).await,
            _ => {}
        }
        Ok(fault)
    }

    /// An authorisation as it stands now.
    pub async fn find(&self, id: Uuid) -> Result<Authorization, Error> {
        let found = store::find(&self.pool, id).await?.ok_or(Error::NotFound)?;
        Ok(self.as_of_now(found))
    }

    /// All authorisations of a reference, oldest first.
    pub async fn list(&self, reference: &str) -> Result<Vec<Authorization>, Error> {
        let found = store::list_by_reference(&self.pool, reference).await?;
        Ok(found.into_iter().map(|found| self.as_of_now(found)).collect())
    }

    /// Its time may be over though the clockwork has not come to it.
    fn as_of_now(&self, found: Authorization) -> Authorization {
        match found.is_over(self.clock.now()) {
            true => Authorization { status: Status::Expired, client_secret: None, ..found },
            false => found,
        }
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

    async fn be_late(&self) {
        self.wait(self.late_answer).await;
    }

    async fn wait(&self, time: Duration) {
        let _stopped = self.tasks.token().run_until_cancelled(self.tasks.sleep(time)).await;
    }
}

fn kind_of(command: &Command) -> Kind {
    match command {
        Command::Authorize(_) => Kind::Authorize,
        Command::Increase { .. } => Kind::Increase,
        Command::Capture { .. } => Kind::Capture,
        Command::Refund { .. } => Kind::Refund,
        _ => Kind::Void,
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
    let reference = match command {
        Command::Authorize(asked) => &asked.reference,
        Command::Refund { reference, .. } => reference,
        _ => return Ok(()),
    };
    if is_card_number(reference) {
        return Err(Error::CardNumber);
    }
    if reference.is_empty() || reference.len() > 255 {
        return invalid("reference_wrong", "reference must have 1 to 255 characters");
    }
    let Command::Authorize(asked) = command else { return Ok(()) };
    if is_card_number(&asked.payment_method) {
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
    Ok(())
}
