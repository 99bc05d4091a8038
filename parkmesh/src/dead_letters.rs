//! `parkmesh dead-letters`: facts that no consumer could take.

use parkmesh_eventbus::{Bus, BusConfig, deadletter};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;

use crate::Failure;
use crate::cli::{DeadLetterAction, DeadLetters};

/// Lists dead letters, or sends one again.
pub fn run(options: DeadLetters) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(act(options))
}

async fn act(options: DeadLetters) -> Result<(), Failure> {
    let config = BusConfig { url: options.nats_url, ..Default::default() };
    let bus = Bus::connect(&config, &Clock::system(), &Ids::random()).await?;
    match options.action {
        DeadLetterAction::List => {
            let letters = deadletter::list(&bus, 0, deadletter::LIST_MAX).await?;
            println!("{} dead letters", letters.len());
            for letter in letters {
                println!(
                    "{}  {}  {}: {}",
                    letter.sequence, letter.consumer, letter.subject, letter.reason
                );
            }
        }
        DeadLetterAction::Redrive { sequence } => {
            deadletter::redrive(&bus, sequence).await?;
            println!("dead letter {sequence} was given back to its consumer");
        }
    }
    Ok(())
}
