//! What a crash leaves open. The crash itself is a row as the process would have left it.

use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::payment::v1::PaymentStatus;
use parkmesh_testkit::eventually;
use serde_json::json;
use uuid::Uuid;

use crate::world::{World, eur};

/// An intent that a process committed just before it died: to authorise twelve euros.
async fn left_pending(world: &World, booking: BookingId) -> (String, Uuid) {
    let (payment_id, key): (Uuid, Uuid) = (world.ids.next(), world.ids.next());
    sqlx::query("INSERT INTO booking_money (booking_id) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(booking.as_uuid())
        .execute(&world.pool)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO payment (payment_id, booking_id, lot_id, user_id, currency, authorized_minor,
             payment_method, status, authorize_key, intent, due_time, version, create_time,
             update_time)
         VALUES ($1, $2, $3, 'anna', 'EUR', 1200, 'pm_card_ok', 'pending', $4, 'authorize',
             now() + interval '30 seconds', 1, now(), now())",
    )
    .bind(payment_id)
    .bind(booking.as_uuid())
    .bind(world.lot.as_uuid())
    .bind(key)
    .execute(&world.pool)
    .await
    .unwrap();
    (payment_id.to_string(), key)
}

/// What the dead process had already said to the provider.
async fn said_to_provider(world: &World, reference: &str, key: Uuid) {
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/authorizations", world.provider_url))
        .header("idempotency-key", key.to_string())
        .json(&json!({
            "amount_minor": 1_200,
            "currency": "EUR",
            "payment_method": "pm_card_ok",
            "reference": reference,
        }))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());
}

#[tokio::test]
async fn a_crash_between_intent_and_call_is_made_good() {
    let world = World::new().await;
    let (payment_id, _) = left_pending(&world, world.ids.next()).await;
    assert_eq!(world.get(&payment_id).await.status(), PaymentStatus::Pending);
    world.clock.advance(jiff::SignedDuration::from_secs(31));
    world.comes_to(&payment_id, PaymentStatus::Authorized).await;
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn a_crash_between_call_and_outcome_finds_the_outcome() {
    let world = World::new().await;
    let (payment_id, key) = left_pending(&world, world.ids.next()).await;
    said_to_provider(&world, &payment_id, key).await;
    world.clock.advance(jiff::SignedDuration::from_secs(31));
    world.comes_to(&payment_id, PaymentStatus::Authorized).await;
    assert_eq!(world.provider_did("authorize").await, 1);
    assert_eq!(world.facts(&payment_id, 1).await[0].0, "authorized");
}

#[tokio::test]
async fn an_authorisation_that_is_found_after_the_hold_expired_is_given_back() {
    let world = World::new().await;
    let booking = world.ids.next();
    let (payment_id, key) = left_pending(&world, booking).await;
    said_to_provider(&world, &payment_id, key).await;
    world.expired(booking).await;
    world.closed(booking).await;
    assert_eq!(world.get(&payment_id).await.status(), PaymentStatus::Pending);
    world.clock.advance(jiff::SignedDuration::from_secs(31));
    world.comes_to(&payment_id, PaymentStatus::Voided).await;
    assert_eq!(world.at_provider(&payment_id).await[0]["status"], "voided");
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn a_capture_that_was_made_by_a_process_that_died_is_not_made_again() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    // Taken under a key that nobody knows any more: the same as another provider's forgotten key.
    let provider_id = world.at_provider(&payment.payment_id).await[0]["authorization_id"].clone();
    let path = format!("/v1/authorizations/{}/capture", provider_id.as_str().unwrap());
    reqwest::Client::new()
        .post(format!("{}{path}", world.provider_url))
        .header("idempotency-key", "forgotten")
        .json(&json!({ "amount_minor": 800 }))
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    world.completed(booking, 800, world.in_hours(1)).await;
    let captured = world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    assert_eq!(captured.captured_amount, Some(eur(800)));
    assert_eq!(world.provider_did("capture").await, 1);
}

#[tokio::test]
async fn after_a_long_fault_money_waits_no_longer_than_after_a_short_one() {
    let mut world = World::new().await;
    let address = world.sandbox.addr;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    std::mem::replace(&mut world.sandbox, World::nothing()).stop().await;
    world.completed(booking, 800, world.in_hours(1)).await;
    world.closed(booking).await;
    // The provider has been away for hours: this is the tenth attempt.
    let again = "UPDATE payment SET attempts = 9, due_time = create_time WHERE intent = 'capture'
                 RETURNING payment_id";
    let asked: Vec<(Uuid,)> = sqlx::query_as(again).fetch_all(&world.pool).await.unwrap();
    assert_eq!(asked.len(), 1, "the capture is open");
    eventually("the tenth attempt", || async {
        let tenth = "SELECT true FROM payment WHERE attempts = 10";
        let row: Option<(bool,)> = sqlx::query_as(tenth).fetch_optional(&world.pool).await.unwrap();
        row
    })
    .await;
    let pool = world.sandbox_pool().await;
    world.sandbox = World::start_sandbox_at(address, &world.clock, &world.ids, pool).await;
    world.clock.advance(jiff::SignedDuration::from_secs(40));
    world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    assert_eq!(world.provider_did("capture").await, 1);
}
