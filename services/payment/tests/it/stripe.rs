//! The Stripe provider, and the journeys of the service with it, against a local Stripe.

use std::time::Duration;

use parkmesh_contracts::ids::RefundId;
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::payment::v1::{AuthorizePaymentRequest, PaymentStatus, RefundStatus};
use parkmesh_contracts::time::to_proto;
use parkmesh_payment::provider::{
    Charge, Movement, MovementKind, Provider, ProviderError, RefundStanding, Standing,
    StripeProvider, StripeSettings, Taken,
};
use parkmesh_platform::ids::Ids;
use parkmesh_testkit::eventually;
use uuid::Uuid;

use crate::relayed::Relay;
use crate::renewal::payments;
use crate::world::{WEBHOOK_SECRET, World, eur, reason};
use emulator::{Emulator, KEY};

mod emulator;

const VISA: &str = "pm_card_visa";
/// A card that can be kept and not charged.
const REFUSED: &str = "pm_card_chargeCustomerFail";
/// A card whose bank asks its owner first, and one that is refused after that.
const ASKS: &str = "4000002500003155";
const ASKS_IN_VAIN: &str = "4000008260003178";

fn provider(emulator: &Emulator) -> StripeProvider {
    let settings = StripeSettings {
        base_url: emulator.url.clone(),
        secret_key: KEY.to_owned(),
        webhook_secret: None,
        call_timeout: Duration::from_secs(10),
    };
    StripeProvider::connect(settings).unwrap()
}

fn money(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap())
}

/// Of another call.
fn key() -> Uuid {
    Ids::random().next()
}

fn charge(payment_method: &str, reference: &str) -> Charge {
    Charge {
        key: key(),
        amount: money(1_200),
        payment_method: payment_method.to_owned(),
        return_url: None,
        reference: reference.to_owned(),
    }
}

#[tokio::test]
async fn a_payment_is_set_aside_taken_in_part_and_given_back_in_part() {
    let emulator = Emulator::start().await;
    let stripe = provider(&emulator);
    let made = charge(VISA, "r-1");
    let authorized = stripe.authorize(&made).await.unwrap();
    assert_eq!(stripe.authorize(&made).await.unwrap(), authorized, "one key, one effect");
    assert!(authorized.client_secret.is_none() && authorized.expire_time.is_some());
    let id = &authorized.provider_id;
    let found = stripe.find("r-1").await.unwrap().unwrap();
    assert_eq!((&found.provider_id, found.standing), (id, Standing::Authorized));
    let raised = stripe.increase(key(), id, money(1_500)).await;
    assert!(matches!(raised, Err(ProviderError::Unsupported)), "{raised:?}");
    let too_much = stripe.capture(key(), id, money(1_201)).await;
    assert!(matches!(too_much, Err(ProviderError::Refused(_))), "{too_much:?}");
    assert_eq!(stripe.capture(key(), id, money(900)).await.unwrap(), Taken::Done);
    let again = stripe.capture(key(), id, money(900)).await;
    assert!(matches!(again, Err(ProviderError::Refused(_))), "another key is another capture");
    let one = key();
    let refund = stripe.refund(one, id, money(400), "f-1").await.unwrap();
    assert_eq!((refund.amount, &refund.standing), (money(400), &RefundStanding::Succeeded));
    assert_eq!(stripe.refund(one, id, money(400), "f-1").await.unwrap(), refund);
    assert_eq!(stripe.find_refund(id, "f-1").await.unwrap(), Some(refund));
    assert_eq!(stripe.find_refund(id, "f-2").await.unwrap(), None);
    let found = stripe.look(id).await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::Captured(money(900)));
    assert_eq!((found.authorized, found.refunded), (money(1_200), money(400)));
    let page = stripe.movements(jiff::Timestamp::UNIX_EPOCH, None).await.unwrap();
    let told: Vec<_> = page.movements.iter().map(|line| (line.kind, line.amount)).collect();
    assert_eq!(told, [(MovementKind::Capture, money(900)), (MovementKind::Refund, money(400))]);
    let ours = |line: &Movement| line.provider_id == *id && line.reference == "r-1";
    assert!(page.movements.iter().all(ours), "{:?}", page.movements);
    assert_eq!(emulator.balance().await, 500);
}

#[tokio::test]
async fn a_card_whose_bank_asks_its_owner_is_authorised_or_declined_after_that() {
    let emulator = Emulator::start().await;
    let stripe = provider(&emulator);
    for (number, success, standing) in [
        (ASKS, true, Standing::Authorized),
        (ASKS, false, Standing::Declined("authentication_failed".to_owned())),
    ] {
        let card = emulator.card(number).await;
        let asked = stripe.authorize(&charge(&card, &card)).await.unwrap();
        let secret = asked.client_secret.unwrap();
        let found = stripe.look(&asked.provider_id).await.unwrap().unwrap();
        assert_eq!(found.standing, Standing::ActionRequired(secret.clone()));
        emulator.authenticate(&asked.provider_id, &secret, success).await;
        let found = stripe.find(&card).await.unwrap().unwrap();
        assert_eq!(found.standing, standing);
    }
    let card = emulator.card(ASKS_IN_VAIN).await;
    let asked = stripe.authorize(&charge(&card, &card)).await.unwrap();
    stripe.void(key(), &asked.provider_id).await.unwrap();
    let found = stripe.look(&asked.provider_id).await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::Voided, "nobody waits for the driver any more");
}

#[tokio::test]
async fn a_refused_card_is_declined_and_an_unknown_one_is_refused() {
    let emulator = Emulator::start().await;
    let stripe = provider(&emulator);
    let declined = stripe.authorize(&charge(REFUSED, "r-2")).await;
    assert!(matches!(&declined, Err(ProviderError::Declined(code)) if code == "card_declined"));
    let found = stripe.find("r-2").await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::Declined("card_declined".to_owned()));
    let unknown = stripe.authorize(&charge("pm_of_nobody", "r-3")).await;
    assert!(matches!(unknown, Err(ProviderError::Refused(_))), "{unknown:?}");
    assert_eq!(stripe.find("r-3").await.unwrap(), None);
    assert_eq!(stripe.look("pi_of_nobody").await.unwrap(), None);
    let card = stripe.inspect(VISA).await.unwrap().unwrap();
    assert_eq!((card.brand.as_str(), card.last_four.as_str()), ("visa", "4242"));
    assert_eq!(stripe.inspect("pm_of_nobody").await.unwrap(), None);
}

/// The service with Stripe, which tells it what happens.
async fn journey() -> (World, Emulator) {
    let emulator = Emulator::start().await;
    let world = World::with_stripe(&emulator.url, KEY).await;
    let (_relay, url) = Relay::start(world.payment.addr).await;
    emulator.tell(&format!("{url}/webhooks/provider"), WEBHOOK_SECRET).await;
    (world, emulator)
}

#[tokio::test]
async fn a_stay_is_paid_by_stripe_from_the_booking_to_the_refund() {
    let (world, emulator) = journey().await;
    let booking = world.ids.next();
    let id = world.authorize(world.asking(booking, VISA)).await.unwrap().payment_id;
    assert_eq!(emulator.intents(&id).await[0]["status"], "requires_capture");
    world.completed(booking, 900, world.in_hours(2)).await;
    let taken = world.comes_to(&id, PaymentStatus::Captured).await;
    assert_eq!(taken.captured_amount, Some(eur(900)));
    assert_eq!(world.receipt(booking).await.unwrap().total, Some(eur(900)));
    let refund = world.refund(&world.asking_back(&id, Some(400))).await.unwrap();
    assert_eq!(refund.status(), RefundStatus::Refunded);
    assert_eq!(emulator.balance().await, 500);
    assert_eq!(world.account_sums().await, "driver -500, held 0, operator 500");
}

#[tokio::test]
async fn what_is_given_up_is_given_back_by_stripe_and_a_fee_is_taken() {
    let (world, emulator) = journey().await;
    let (gone, late) = (world.ids.next(), world.ids.next());
    let expired = world.authorize(world.asking(gone, VISA)).await.unwrap().payment_id;
    let fee = world.authorize(world.asking(late, VISA)).await.unwrap().payment_id;
    world.expired(gone).await;
    world.cancelled(late, 250).await;
    world.comes_to(&expired, PaymentStatus::Voided).await;
    world.comes_to(&fee, PaymentStatus::Captured).await;
    assert_eq!(emulator.intents(&expired).await[0]["status"], "canceled");
    assert_eq!(emulator.intents(&fee).await[0]["amount_received"], 250);
    assert_eq!(emulator.balance().await, 250);
}

#[tokio::test]
async fn a_card_that_stripe_refuses_is_declined_and_another_one_may_pay() {
    let (world, emulator) = journey().await;
    let booking = world.ids.next();
    for card in [REFUSED, "pm_of_nobody"] {
        let refused = world.authorize(world.asking(booking, card)).await;
        assert_eq!(reason(refused), "PAYMENT_DECLINED", "{card}");
    }
    let paid = world.authorize(world.asking(booking, VISA)).await.unwrap();
    assert_eq!(paid.status(), PaymentStatus::Authorized);
    assert_eq!(emulator.balance().await, 0);
}

#[tokio::test]
async fn a_driver_whose_bank_asks_is_sent_to_stripes_page_and_what_they_do_there_counts() {
    let (world, emulator) = journey().await;
    for (accepts, status) in [(true, PaymentStatus::Authorized), (false, PaymentStatus::Declined)] {
        let card = emulator.card(ASKS).await;
        let asked = world.asking(world.ids.next(), &card);
        let asked = AuthorizePaymentRequest { action_allowed: true, ..asked };
        let first = world.authorize(asked.clone()).await.unwrap();
        assert_eq!(first.status(), PaymentStatus::ActionRequired);
        let intent = emulator.intents(&first.payment_id).await.remove(0);
        let (id, secret) = (intent["id"].as_str().unwrap(), &intent["client_secret"]);
        assert!(first.action_url.ends_with(id), "{}", first.action_url);
        assert_eq!(world.authorize(asked).await.unwrap(), first);
        emulator.authenticate(id, secret.as_str().unwrap(), accepts).await;
        world.clock.advance(jiff::SignedDuration::from_secs(6));
        world.comes_to(&first.payment_id, status).await;
    }
    assert_eq!(world.account_sums().await, "driver -1200, held 1200");
}

#[tokio::test]
async fn what_is_far_ahead_and_what_is_long_is_set_aside_by_stripe_when_it_is_time() {
    let (world, emulator) = journey().await;
    let (long, ahead) = (world.ids.next(), world.ids.next());
    let first = world.authorize(world.asking(long, VISA)).await.unwrap().payment_id;
    let start_time = Some(to_proto(world.in_hours(30 * 24)));
    let asked = AuthorizePaymentRequest { start_time, ..world.asking(ahead, VISA) };
    let later = world.authorize(asked).await.unwrap();
    assert_eq!(later.status(), PaymentStatus::Pending);
    assert_eq!(emulator.all().await.len(), 1, "that of the long one");
    world.clock.advance(jiff::SignedDuration::from_hours(6 * 24 + 1));
    world.comes_to(&first, PaymentStatus::Voided).await;
    assert_eq!(emulator.intents(&first).await[0]["status"], "canceled");
    world.completed(long, 900, world.in_hours(2)).await;
    let all = payments(&world, long).await;
    world.comes_to(&all[0].payment_id, PaymentStatus::Captured).await;
    world.clock.advance(jiff::SignedDuration::from_hours(21 * 24));
    world.comes_to(&later.payment_id, PaymentStatus::Authorized).await;
    world.completed(ahead, 500, world.in_hours(2)).await;
    world.comes_to(&later.payment_id, PaymentStatus::Captured).await;
    assert_eq!(emulator.balance().await, 1_400);
    assert_eq!(world.account_sums().await, "driver -1400, held 0, operator 1400");
}

#[tokio::test]
async fn stripes_lost_answers_lead_to_one_authorisation_one_capture_and_one_refund() {
    let (world, emulator) = journey().await;
    let booking = world.ids.next();
    emulator.lose(2);
    let id = world.authorize(world.asking(booking, VISA)).await.unwrap().payment_id;
    emulator.lose(2);
    world.completed(booking, 900, world.in_hours(2)).await;
    world.comes_to(&id, PaymentStatus::Captured).await;
    emulator.lose(2);
    let refund = world.refund(&world.asking_back(&id, Some(400))).await.unwrap();
    assert!(refund.refund_id.parse::<RefundId>().is_ok());
    let intents = emulator.intents(&id).await;
    assert_eq!((intents.len(), &intents[0]["amount_received"]), (1, &900.into()));
    assert_eq!(emulator.balance().await, 500);
    assert_eq!(world.account_sums().await, "driver -500, held 0, operator 500");
}

#[tokio::test]
async fn an_effect_whose_key_stripe_has_forgotten_is_found_and_not_made_again() {
    let (world, emulator) = journey().await;
    let booking = world.ids.next();
    emulator.lose_and_go();
    let silent = world.authorize(world.asking(booking, VISA)).await;
    assert_eq!(reason(silent), "PAYMENT_UNKNOWN");
    let made = emulator.all().await.remove(0);
    emulator.forget_keys();
    world.clock.advance(jiff::SignedDuration::from_hours(25));
    // Twice, so that whatever began to ask before the day was over has ended.
    let before = emulator.searches();
    eventually("a look-up", || async { (emulator.searches() > before + 1).then_some(()) }).await;
    emulator.come_back();
    let id = made["metadata"]["reference"].as_str().unwrap();
    world.comes_to(id, PaymentStatus::Authorized).await;
    assert_eq!(emulator.all().await.len(), 1);
}

#[tokio::test]
async fn what_stripe_tells_is_believed_when_it_is_signed_and_applied_once() {
    let (world, emulator) = journey().await;
    let booking = world.ids.next();
    let id = world.authorize(world.asking(booking, VISA)).await.unwrap().payment_id;
    world.completed(booking, 900, world.in_hours(2)).await;
    world.comes_to(&id, PaymentStatus::Captured).await;
    let intent = emulator.intents(&id).await[0]["id"].as_str().unwrap().to_owned();
    let told: Vec<(String, String)> = eventually("a notice of Stripe's, applied", || async {
        let kept = sqlx::query_as(
            "SELECT provider_id, reference FROM provider_notice WHERE due_time IS NULL",
        )
        .fetch_all(&world.pool)
        .await
        .unwrap();
        Some(kept).filter(|kept: &Vec<_>| !kept.is_empty())
    })
    .await;
    assert_eq!(told, [(intent, id.clone())]);
    assert_eq!(world.get(&id).await.captured_amount, Some(eur(900)));
    // Signed with the secret of somebody else.
    let (relay, url) = Relay::start(world.payment.addr).await;
    relay.hold();
    emulator.tell(&format!("{url}/webhooks/provider"), "whsec_other").await;
    let other = world.ids.next();
    let id = world.authorize(world.asking(other, VISA)).await.unwrap().payment_id;
    world.completed(other, 900, world.in_hours(2)).await;
    world.comes_to(&id, PaymentStatus::Captured).await;
    let forged = eventually("a webhook", || async { relay.held().pop() }).await;
    assert_eq!(relay.post(&forged).await, 400);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM provider_notice")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(count, 1);
}
