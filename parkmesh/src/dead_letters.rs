//! `parkmesh dead-letters`: facts that no consumer could take.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parkmesh_eventbus::deadletter::{self, DeadLetter, LIST_MAX};
use parkmesh_eventbus::{Bus, BusConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use serde_json::json;

use crate::Failure;
use crate::cli::{DeadLetterAction, DeadLetters};

/// Lists dead letters, or sends some again.
pub fn run(options: DeadLetters) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(act(options))
}

async fn act(options: DeadLetters) -> Result<(), Failure> {
    let config = BusConfig { url: options.nats_url, ..Default::default() };
    let bus = Bus::connect(&config, &Clock::system(), &Ids::random()).await?;
    match options.action {
        DeadLetterAction::List { consumer, json } => {
            let letters = all(&bus, consumer.as_deref()).await?;
            if json {
                letters.iter().for_each(|letter| println!("{}", as_json(letter)));
                return Ok(());
            }
            println!("{} dead letters", letters.len());
            for DeadLetter { sequence, consumer, subject, reason, .. } in letters {
                println!("{sequence}  {consumer}  {subject}: {reason}");
            }
        }
        DeadLetterAction::Redrive { sequence: Some(sequence), bodies, .. } => {
            let repaired = body(bodies.as_deref(), sequence)?;
            deadletter::redrive(&bus, sequence, repaired.map(Into::into)).await?;
            println!("dead letter {sequence} was given back to its consumer");
        }
        DeadLetterAction::Redrive { sequence: None, consumer, bodies } => {
            let mut given = 0;
            for letter in all(&bus, consumer.as_deref()).await? {
                let repaired = body(bodies.as_deref(), letter.sequence)?;
                if bodies.is_none() || repaired.is_some() {
                    let repaired = repaired.map(Into::into);
                    deadletter::redrive(&bus, letter.sequence, repaired).await?;
                    given += 1;
                }
            }
            println!("{given} dead letters were given back to their consumers");
        }
    }
    Ok(())
}

/// All letters, or all of a consumer: those that there are now.
async fn all(bus: &Bus, consumer: Option<&str>) -> Result<Vec<DeadLetter>, Failure> {
    let (mut letters, mut from) = (Vec::new(), 0);
    loop {
        let some = deadletter::list(bus, from, LIST_MAX).await?;
        let Some(last) = some.last() else { return Ok(letters) };
        from = last.sequence + 1;
        let wanted = |letter: &DeadLetter| consumer.is_none_or(|name| letter.consumer == name);
        letters.extend(some.into_iter().filter(wanted));
    }
}

/// The body that was repaired, if there is one.
fn body(folder: Option<&Path>, sequence: u64) -> Result<Option<Vec<u8>>, Failure> {
    let Some(folder) = folder else { return Ok(None) };
    match std::fs::read(folder.join(sequence.to_string())) {
        Ok(body) => Ok(Some(body)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn as_json(letter: &DeadLetter) -> serde_json::Value {
    json!({
        "sequence": letter.sequence,
        "consumer": letter.consumer,
        "reason": letter.reason,
        "subject": letter.subject,
        "stream_sequence": letter.stream_sequence,
        "fact_id": letter.fact_id.map(|id| id.to_string()),
        "fact_type": letter.fact_type,
        "failed_at": letter.failed_at.map(|time| time.to_string()),
        "body": STANDARD.encode(&letter.body),
    })
}
