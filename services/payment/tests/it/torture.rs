//! Processes killed in the middle of everything, and the provider's books as the judge.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::payment::v1::{AuthorizePaymentRequest, Payment};
use parkmesh_testkit::eventually;
use tonic::{Code, Status};

use crate::world::{World, by, reason};

const CARDS: [&str; 5] = [
    "pm_card_ok",
    "pm_card_declined",
    "pm_card_timeout_after_success",
    "pm_card_error_once",
    "pm_card_capture_timeout_after_success",
];
const ROUNDS: u64 = 4;
const BOOKINGS: usize = 15;

/// Asks a process that is killed while it works; what it answered is nobody's business.
async fn ask_and_kill(
    world: &World,
    asked: &[(BookingId, AuthorizePaymentRequest)],
    after: Duration,
) {
    let doomed = world.doomed().await;
    let token = world.tokens.service("booking");
    let calls = asked.iter().map(|(_, request)| {
        let mut client = doomed.client.clone();
        let request = by(&token, request.clone());
        async move { client.authorize_payment(request).await }
    });
    let calls = futures_util::future::join_all(calls);
    let _cut = tokio::time::timeout(after, calls).await;
    doomed.kill();
}

/// Repeats a call. For a moment nobody can know that the process which had it is dead.
async fn come_back(world: &World, request: &AuthorizePaymentRequest) -> Result<Payment, Status> {
    eventually("an answer of a process that lives", || async {
        let answer = world.authorize(request.clone()).await;
        let told_to_wait = answer.as_ref().is_err_and(|status| status.code() == Code::Aborted);
        (!told_to_wait).then_some(answer)
    })
    .await
}

/// Every second booking ends well; the others are given up in one way or another.
async fn end(world: &World, place: usize, booking: BookingId) {
    match place % 4 {
        0 | 2 => world.completed(booking, 850, world.in_hours(2)).await,
        1 => world.expired(booking).await,
        _ => world.cancelled(booking, 200).await,
    }
}

#[tokio::test]
async fn whenever_a_process_is_killed_the_providers_books_agree_with_ours() {
    let world = World::new().await;
    let (mut bookings, mut left_open) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let asked: Vec<_> = (0..BOOKINGS)
            .map(|place| {
                let booking = world.ids.next();
                (booking, world.asking(booking, CARDS[place % CARDS.len()]))
            })
            .collect();
        ask_and_kill(&world, &asked, Duration::from_millis(20 + 120 * round)).await;
        left_open += open_intents(&world).await;
        // A third of the callers, of each kind some, come back with the same request; the others are never seen again.
        let again = asked.iter().step_by(3).map(|(_, request)| come_back(&world, request));
        for answer in futures_util::future::join_all(again).await {
            match answer {
                Err(status) if status.code() == Code::FailedPrecondition => {
                    assert_eq!(reason::<()>(Err(status)), "PAYMENT_DECLINED");
                }
                other => drop(other.unwrap()),
            }
        }
        for (place, (booking, _)) in asked.into_iter().enumerate() {
            end(&world, place, booking).await;
            bookings.push(booking);
        }
    }
    assert!(left_open > 0, "no process was killed in the middle of anything");
    for booking in &bookings {
        world.closed(*booking).await;
    }
    world.clock.advance(SignedDuration::from_secs(31));
    eventually("no open intent", || async { (open_intents(&world).await == 0).then_some(()) })
        .await;
    books_agree(&world).await;
}

async fn open_intents(world: &World) -> i64 {
    let open = sqlx::query_scalar("SELECT count(*) FROM payment WHERE intent IS NOT NULL");
    open.fetch_one(&world.pool).await.unwrap()
}

async fn books_agree(world: &World) {
    let ours: Vec<(String, String, Option<i64>)> =
        sqlx::query_as("SELECT payment_id::text, status, captured_minor FROM payment")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for (payment_id, status, captured) in &ours {
        let theirs = world.at_provider(payment_id).await;
        assert_eq!(theirs.len(), 1, "one authorisation of {payment_id}: {theirs:?}");
        assert_eq!(theirs[0]["status"], status.as_str(), "{payment_id}");
        assert_eq!(theirs[0]["captured_minor"], captured.unwrap_or(0), "{payment_id}");
        *ends.entry(status.clone()).or_default() += 1;
    }
    let kinds: Vec<_> = ends.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["captured", "declined", "voided"], "{ends:?}");
    // Receipts without gaps, one to each capture; nothing held back for anybody.
    let (receipts, last): (i64, i64) =
        sqlx::query_as("SELECT count(*), max(receipt_number) FROM receipt")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!((usize::try_from(receipts).unwrap(), last), (ends["captured"], receipts));
    assert_eq!(world.provider_did("authorize").await, ends["captured"] + ends["voided"]);
    let held: (Option<i64>,) = sqlx::query_as(
        "SELECT sum(amount_minor)::bigint FROM ledger_entry WHERE account LIKE 'held:%'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(held.0, Some(0));
}
