//! What cannot be understood.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use parkmesh_eventbus::consumer::{self, Consumer, Handler};
use parkmesh_eventbus::outbox::Row;
use parkmesh_eventbus::{Delivered, Failure, deadletter};
use parkmesh_testkit::eventually;

use crate::world::{Effect, STREAM, World};

const FACTS: &[&str] = &[SpotOccupied::TYPE];

/// Understands the third fact only once it is mended.
struct Learning {
    effect: Effect,
    mended: Arc<AtomicBool>,
    panics: bool,
}

impl Handler for Learning {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let message: SpotOccupied = fact.decode()?;
        if message.version == 3 && !self.mended.load(Ordering::SeqCst) {
            assert!(!self.panics, "a mistake of the handler");
            return Err(Failure::Poison("what is a third fact?\nno idea".to_owned()));
        }
        self.effect.handle(fact).await
    }
}

async fn world_with_a_letter(panics: bool) -> (World, Arc<AtomicBool>, consumer::Listening) {
    let world = World::new().await;
    let relay = world.relay();
    let mended = Arc::new(AtomicBool::new(false));
    let consumer = Consumer { name: "booking-sensor", stream: STREAM, fact_types: FACTS };
    let effect = world.effect("booking-sensor");
    let handler = Learning { effect, mended: Arc::clone(&mended), panics };
    let listening = consumer::start(&world.bus, consumer, handler, &world.tasks);
    world.tell(world.ids.next(), 1..=4).await;
    relay.idle().await.unwrap();
    listening.idle().await.unwrap();
    (world, mended, listening)
}

#[tokio::test]
async fn poison_becomes_a_dead_letter_and_does_not_hold_up_the_rest() {
    let (world, _mended, _listening) = world_with_a_letter(false).await;
    assert_eq!(world.effects().await, [1, 2, 4]);
    let letters = deadletter::list(&world.bus, 0, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(letter.consumer, "booking-sensor");
    assert_eq!(letter.reason, "what is a third fact? no idea");
    assert_eq!(letter.fact_type.as_deref(), Some(SpotOccupied::TYPE));
    assert_eq!(letter.stream_sequence, 3);
    assert_eq!(letter.subject, format!("{}.{}", SpotOccupied::TYPE, world.lot));
    assert!(letter.failed_at.is_some() && !letter.body.is_empty());
}

#[tokio::test]
async fn a_panic_is_poison() {
    let (world, _mended, _listening) = world_with_a_letter(true).await;
    assert_eq!(world.effects().await, [1, 2, 4]);
    let letters = deadletter::list(&world.bus, 0, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "the handler panicked");
}

#[tokio::test]
async fn a_redriven_letter_reaches_its_consumer_and_no_other() {
    let (world, mended, listening) = world_with_a_letter(false).await;
    let other = Consumer { name: "other", stream: STREAM, fact_types: FACTS };
    let (told, mut others) = tokio::sync::mpsc::unbounded_channel();
    let listening_too = consumer::start(&world.bus, other, Counting(told), &world.tasks);
    listening_too.idle().await.unwrap();

    let letter = deadletter::list(&world.bus, 0, 10).await.unwrap().remove(0);
    // Too early: it comes back, as a letter of its own.
    deadletter::redrive(&world.bus, letter.sequence, None).await.unwrap();
    let again = eventually("the letter comes back", || async {
        deadletter::list(&world.bus, 0, 10).await.unwrap().pop()
    })
    .await;
    assert_ne!(again.sequence, letter.sequence);
    assert_eq!(again.fact_id, letter.fact_id);

    mended.store(true, Ordering::SeqCst);
    deadletter::redrive(&world.bus, again.sequence, None).await.unwrap();
    listening.idle().await.unwrap();
    assert_eq!(world.effects().await, [1, 2, 4, 3]);
    assert!(deadletter::list(&world.bus, 0, 10).await.unwrap().is_empty());
    let mut seen = 0;
    while others.try_recv().is_ok() {
        seen += 1;
    }
    assert_eq!(seen, 4, "the other consumer saw each fact once");
    assert!(deadletter::redrive(&world.bus, again.sequence, None).await.is_err(), "it is gone");
}

#[tokio::test]
async fn a_letter_whose_body_was_repaired_is_understood() {
    let (world, _mended, listening) = world_with_a_letter(false).await;
    let letter = deadletter::list(&world.bus, 0, 10).await.unwrap().remove(0);
    let repaired = SpotOccupied { version: 33, ..SpotOccupied::default() };
    let row = Row::of(&world.ids, world.clock.now(), world.ids.next(), 33, &repaired);
    deadletter::redrive(&world.bus, letter.sequence, Some(row.body)).await.unwrap();
    listening.idle().await.unwrap();
    assert_eq!(world.effects().await, [1, 2, 4, 33]);
    assert!(deadletter::list(&world.bus, 0, 10).await.unwrap().is_empty());
}

struct Counting(tokio::sync::mpsc::UnboundedSender<()>);

impl Handler for Counting {
    async fn handle(&self, _fact: Delivered) -> Result<(), Failure> {
        self.0.send(()).map_err(Failure::retry)
    }
}

#[tokio::test]
async fn a_message_that_is_no_fact_becomes_a_dead_letter() {
    let world = World::new().await;
    let consumer = Consumer { name: "booking-sensor", stream: STREAM, fact_types: FACTS };
    let effect = world.effect("booking-sensor");
    let listening = consumer::start(&world.bus, consumer, effect, &world.tasks);
    let subject = world.bus.subject(&format!("{}.none", SpotOccupied::TYPE));
    let publish = world.bus.jetstream().publish(subject, "hello".into());
    publish.await.unwrap().await.unwrap();
    listening.idle().await.unwrap();
    let letters = deadletter::list(&world.bus, 0, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "the header ce-id is missing");
    assert_eq!(&letters[0].body[..], b"hello");
}
