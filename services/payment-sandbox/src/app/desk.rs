//! The desk: one after the other, many at once. Commands that come while a commit is under way ride
//! the next one together, each with its own outcome: one fsync then pays for all of them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};
use parkmesh_platform::fault::chain;
use parkmesh_platform::postgres;
use serde_json::json;
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::App;
use crate::domain::{Behaviour, Books, Command, Event, Faults, Fresh, Reply, Times};
use crate::error::{Error, error_body};
use crate::store::{self, Answer, Keyed, Told};

/// Commands of one commit.
const BATCH_MAX: usize = 256;
/// Commands that wait.
const WAITING_MAX: usize = 8_192;
/// How often a batch is written that another process was in the way of.
const WRITES_MAX: u32 = 5;
/// `unique_violation`: another process has just used the same key.
const DUPLICATE: &str = "23505";

/// What is asked at the desk.
#[derive(Clone, Debug)]
pub struct Question {
    /// The idempotency key; none for what is no merchant's call.
    pub key: Option<String>,
    /// Of the body.
    pub hash: Vec<u8>,
    /// What.
    pub command: Command,
    /// For what is new.
    pub fresh: Fresh,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Done {
    /// The answer.
    pub answer: Answer,
    /// Whether the card makes it come late, this first time.
    pub late: bool,
}

type Outcome = Result<Done, Error>;
type Waiting = (Question, oneshot::Sender<Outcome>);

/// Where questions are put.
#[derive(Clone, Debug)]
pub struct Desk(mpsc::Sender<Waiting>);

/// What is read and written by one batch.
struct Sheet {
    now: Timestamp,
    times: Times,
    faults: Faults,
    /// `None`: nobody is told; `Some(false)`: only of what nobody asked for with a key.
    tells: Option<bool>,
}

impl Desk {
    /// An empty desk, and what comes in.
    pub fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        (Self(sender), waiting)
    }

    /// Asks, and waits for the commit.
    pub async fn ask(&self, question: Question) -> Outcome {
        let (sender, answer) = oneshot::channel();
        self.0.send((question, sender)).await.map_err(|_| Error::Stopping)?;
        answer.await.map_err(|_| Error::Stopping)?
    }
}

/// Works until the stop.
pub async fn work(app: App, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let (questions, senders): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let outcomes = app.answer_all(Arc::new(questions)).await;
        for (sender, outcome) in senders.into_iter().zip(outcomes) {
            // Whoever asked may have gone away.
            let _gone = sender.send(outcome);
        }
    }
}

impl App {
    async fn answer_all(&self, questions: Arc<Vec<Question>>) -> Vec<Outcome> {
        let mut failed = None;
        for _ in 0..WRITES_MAX {
            match self.try_answer_all(Arc::clone(&questions)).await {
                Ok(outcomes) => return outcomes,
                Err(error) if is_in_the_way(&error) => failed = Some(error),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let failed = Error::from(failed.unwrap_or(sqlx::Error::WorkerCrashed));
        tracing::warn!(error = chain(&failed), "a batch was not written");
        questions.iter().map(|_| Err(failed.clone())).collect()
    }

    async fn try_answer_all(
        &self,
        questions: Arc<Vec<Question>>,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let sheet = self.sheet();
        let ids = self.ids.clone();
        let (outcomes, told) = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let next_id = || ids.next();
                answer_batch(connection, &questions, &sheet, &next_id).await
            })
        })
        .await?;
        if told {
            self.told.notify_one();
        }
        Ok(outcomes)
    }

    fn sheet(&self) -> Sheet {
        let endpoint = self.endpoint.read().unwrap_or_else(PoisonError::into_inner);
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        Sheet {
            now: self.clock.now(),
            times: self.times,
            faults: faults.clone(),
            tells: endpoint.as_ref().map(|endpoint| endpoint.all),
        }
    }
}

fn is_in_the_way(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    postgres::is_retryable(error) || code.as_deref() == Some(DUPLICATE)
}

async fn answer_batch(
    connection: &mut PgConnection,
    questions: &[Question],
    sheet: &Sheet,
    next_id: &(dyn Fn() -> Uuid + Sync),
) -> Result<(Vec<Outcome>, bool), sqlx::Error> {
    let keys: Vec<String> = questions.iter().filter_map(|asked| asked.key.clone()).collect();
    let mut known = store::known_calls(connection, &keys).await?;
    let commands = || questions.iter().map(|asked| &asked.command);
    let ids: Vec<Uuid> = commands().filter_map(Command::authorization_id).collect();
    let refund_ids: Vec<Uuid> = commands().filter_map(Command::refund_id).collect();
    let authorizations = match ids.is_empty() {
        true => Vec::new(),
        false => store::lock_authorizations(connection, &ids).await?,
    };
    let refunds = match refund_ids.is_empty() {
        true => Vec::new(),
        false => store::lock_refunds(connection, &refund_ids).await?,
    };
    let mut books = Books::new(sheet.now, sheet.times, authorizations, refunds);
    let (mut outcomes, mut fresh_keys) = (Vec::with_capacity(questions.len()), Vec::new());
    for asked in questions {
        let outcome = answer(&mut books, &mut known, &mut fresh_keys, asked, sheet);
        outcomes.push(outcome);
    }
    let keyed: Vec<Keyed> = fresh_keys.iter().filter_map(|key| known.remove(key)).collect();
    let told = tell(&mut books, sheet, next_id);
    store::write(connection, &books, &keyed, &told, sheet.now).await?;
    Ok((outcomes, !told.is_empty()))
}

fn answer(
    books: &mut Books,
    known: &mut HashMap<String, Keyed>,
    fresh_keys: &mut Vec<String>,
    asked: &Question,
    sheet: &Sheet,
) -> Outcome {
    if let Some(first) = asked.key.as_ref().and_then(|key| known.get(key)) {
        return match first.hash == asked.hash {
            true => Ok(Done { answer: first.answer.clone(), late: false }),
            false => Err(Error::KeyReused),
        };
    }
    let events = books.events.len();
    let reply = books.apply(&asked.command, asked.fresh.clone());
    if sheet.tells == Some(false) && asked.key.is_some() {
        books.events.truncate(events);
    }
    let late = is_late(books, &asked.command, &reply);
    let answer = answer_of(reply)?;
    if let Some(key) = &asked.key {
        let keyed = Keyed { key: key.clone(), hash: asked.hash.clone(), answer: answer.clone() };
        known.insert(key.clone(), keyed);
        fresh_keys.push(key.clone());
    }
    Ok(Done { answer, late })
}

fn is_late(books: &Books, command: &Command, reply: &Reply) -> bool {
    let slow = match command {
        Command::Authorize(_) => Behaviour::AuthorizesLate,
        Command::Capture { .. } => Behaviour::CapturesLate,
        Command::Refund { .. } => Behaviour::RefundsLate,
        _ => return false,
    };
    let id = match reply {
        Reply::Done(of) => of.authorization_id,
        Reply::Refunded(refund) => refund.authorization_id,
        _ => return false,
    };
    books.payment_method(id).and_then(Behaviour::of) == Some(slow)
}

fn tell(books: &mut Books, sheet: &Sheet, next_id: &(dyn Fn() -> Uuid + Sync)) -> Vec<Told> {
    if sheet.tells.is_none() {
        return Vec::new();
    }
    let told = |event: Event| {
        let event_id = next_id();
        let (copies, wait_ms) = sheet.faults.delivery(event_id);
        let wait = SignedDuration::from_millis(i64::try_from(wait_ms).unwrap_or(0));
        let body = event.body(event_id, sheet.now);
        Told { event_id, body, copies, due: sheet.now + wait }
    };
    books.events.drain(..).map(told).collect()
}

fn answer_of(reply: Reply) -> Result<Answer, Error> {
    Ok(match reply {
        Reply::Done(of) => Answer { status: 200, body: json!(of) },
        Reply::Refunded(refund) => Answer { status: 200, body: json!(refund) },
        Reply::Declined(code) => Answer {
            status: 402,
            body: error_body("card_declined", Some(&code), "the card was declined"),
        },
        Reply::Stuck(stuck) => {
            let (code, message) = stuck.told();
            Answer { status: 409, body: error_body(code, None, message) }
        }
        Reply::NotFound => return Err(Error::NotFound),
    })
}
