//! Cards whose bank wants its owner to act first.

use jiff::SignedDuration;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::payment::v1::{AuthorizePaymentRequest, Payment, PaymentStatus};
use parkmesh_testkit::eventually;
use serde_json::json;

use crate::relayed::Relay;
use crate::world::{WEBHOOK_SECRET, World, eur, reason};

const ACCEPTS: &str = "pm_card_action_ok";
const IN_VAIN: &str = "pm_card_action_declined";

/// A driver who can be sent to the bank's page.
fn asking(world: &World, booking: BookingId, card: &str) -> AuthorizePaymentRequest {
    AuthorizePaymentRequest { action_allowed: true, ..world.asking(booking, card) }
}

/// A booking whose driver is on the page, and what was asked for it.
async fn waiting(world: &World) -> (BookingId, AuthorizePaymentRequest, Payment) {
    let booking = world.ids.next();
    let asked = asking(world, booking, ACCEPTS);
    let waiting = world.authorize(asked.clone()).await.unwrap();
    assert_eq!(waiting.status(), PaymentStatus::ActionRequired);
    (booking, asked, waiting)
}

/// What the page says.
async fn page(url: &str) -> String {
    reqwest::get(url).await.unwrap().error_for_status().unwrap().text().await.unwrap()
}

/// Presses one of its buttons; what it says then.
async fn press(url: &str, accepted: bool) -> String {
    let url = reqwest::Url::parse(url).unwrap();
    let mut fields: Vec<(String, String)> =
        url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    fields.push(("accepted".to_owned(), accepted.to_string()));
    let mut to = url.clone();
    to.set_query(None);
    let to = format!("{to}/page");
    let answer = reqwest::Client::new().post(to).form(&fields).send().await.unwrap();
    answer.error_for_status().unwrap().text().await.unwrap()
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

async fn names_of_facts(world: &World, id: &str, wanted: usize) -> Vec<String> {
    world.facts(id, wanted).await.into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn a_driver_who_accepts_has_the_money_set_aside_though_the_webhook_is_lost() {
    let world = World::new().await;
    let (_, asked, first) = waiting(&world).await;
    let again = world.authorize(asked.clone()).await.unwrap();
    assert_eq!(again, first, "who repeats is sent to the same page");
    assert_eq!(world.get(&first.payment_id).await.action_url, "", "for the driver alone");
    assert!(page(&first.action_url).await.contains("12.00 EUR"));
    assert_eq!(world.account_sums().await, "", "nothing is set aside yet");
    let told = press(&first.action_url, true).await;
    let back = format!("href=\"https://park.example/bookings/{}\"", asked.booking_id);
    assert!(told.contains("Accepted") && told.contains(&back), "{told}");
    world.clock.advance(SignedDuration::from_secs(6));
    let paid = world.comes_to(&first.payment_id, PaymentStatus::Authorized).await;
    assert_eq!(paid.authorized_amount, Some(eur(1_200)));
    let facts = names_of_facts(&world, &first.payment_id, 2).await;
    assert_eq!(facts, ["authorized", "action_finished"]);
    assert_eq!(world.authorize(asked).await.unwrap(), paid);
    assert_eq!(world.provider_did("authorize").await, 1);
    assert!(page(&first.action_url).await.contains("Accepted"), "the page may be opened again");
}

#[tokio::test]
async fn a_webhook_tells_at_once_what_the_driver_did() {
    let world = World::new().await;
    let (_relay, url) = Relay::start(world.payment.addr).await;
    let url = format!("{url}/webhooks/provider");
    world.admin(true, "webhooks", json!({ "url": url, "secret": WEBHOOK_SECRET })).await;
    let (_, _, first) = waiting(&world).await;
    press(&first.action_url, true).await;
    world.comes_to(&first.payment_id, PaymentStatus::Authorized).await;
}

#[tokio::test]
async fn a_driver_who_refuses_or_is_refused_after_all_is_declined_and_may_pay_otherwise() {
    let world = World::new().await;
    for (card, accepts, code) in
        [(ACCEPTS, false, "authentication_failed"), (IN_VAIN, true, "insufficient_funds")]
    {
        let booking = world.ids.next();
        let asked = asking(&world, booking, card);
        let first = world.authorize(asked.clone()).await.unwrap();
        assert!(press(&first.action_url, accepts).await.contains("Refused"));
        world.clock.advance(SignedDuration::from_secs(6));
        let declined = world.comes_to(&first.payment_id, PaymentStatus::Declined).await;
        assert_eq!(declined.decline_code, code);
        let facts = names_of_facts(&world, &first.payment_id, 2).await;
        assert_eq!(facts, ["declined", "action_finished"]);
        assert_eq!(reason(world.authorize(asked).await), "PAYMENT_DECLINED");
        let paid = world.authorize(asking(&world, booking, "pm_card_ok")).await.unwrap();
        assert_eq!(paid.status(), PaymentStatus::Authorized);
    }
}

#[tokio::test]
async fn a_driver_who_does_nothing_is_not_waited_for_for_ever() {
    let world = World::new().await;
    let (_, asked, first) = waiting(&world).await;
    world.clock.advance(minutes(9));
    assert_eq!(world.authorize(asked.clone()).await.unwrap(), first, "there is still time");
    world.clock.advance(minutes(2));
    let declined = world.comes_to(&first.payment_id, PaymentStatus::Declined).await;
    assert_eq!(declined.decline_code, "authentication_expired");
    assert_eq!(world.at_provider(&first.payment_id).await[0]["status"], "voided");
    assert!(press(&first.action_url, true).await.contains("Too late"));
    assert_eq!(reason(world.authorize(asked).await), "PAYMENT_DECLINED");
    assert_eq!(world.provider_did("authorize").await, 0);
}

#[tokio::test]
async fn a_booking_that_ends_does_not_wait_for_its_driver() {
    let world = World::new().await;
    let (booking, asked, first) = waiting(&world).await;
    world.expired(booking).await;
    world.comes_to(&first.payment_id, PaymentStatus::Declined).await;
    assert_eq!(world.at_provider(&first.payment_id).await[0]["status"], "voided");
    assert!(press(&first.action_url, true).await.contains("Too late"));
    assert_eq!(reason(world.authorize(asked).await), "PAYMENT_DECLINED");
}

#[tokio::test]
async fn another_card_takes_the_place_of_one_that_waits() {
    let world = World::new().await;
    let (booking, asked, first) = waiting(&world).await;
    let paid = world.authorize(asking(&world, booking, "pm_card_ok")).await.unwrap();
    assert_eq!(paid.status(), PaymentStatus::Authorized);
    assert_ne!(paid.payment_id, first.payment_id);
    assert_eq!(world.get(&first.payment_id).await.status(), PaymentStatus::Declined);
    assert!(press(&first.action_url, true).await.contains("Too late"));
    assert_eq!(reason(world.authorize(asked).await), "PAYMENT_DECLINED");
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn what_is_accepted_when_nobody_waits_any_more_is_given_back_and_counted_on_by_nobody() {
    let world = World::new().await;
    let (booking, asked, first) = waiting(&world).await;
    // As if the process had died between giving up and telling the provider.
    sqlx::query("UPDATE payment SET action_ended = true").execute(&world.pool).await.unwrap();
    press(&first.action_url, true).await;
    world.clock.advance(SignedDuration::from_secs(6));
    world.comes_to(&first.payment_id, PaymentStatus::Voided).await;
    assert_eq!(world.at_provider(&first.payment_id).await[0]["status"], "voided");
    assert_eq!(world.account_sums().await, "driver 0, held 0");
    assert_eq!(reason(world.authorize(asked).await), "PAYMENT_STATE_WRONG");
    let paid = world.authorize(asking(&world, booking, ACCEPTS)).await.unwrap();
    assert_eq!(paid.status(), PaymentStatus::ActionRequired, "another try is one");
}

#[tokio::test]
async fn a_provider_that_is_silent_about_what_the_driver_did_is_asked_until_it_answers() {
    let world = World::new().await;
    let (_, _, first) = waiting(&world).await;
    press(&first.action_url, true).await;
    let away = json!({ "script": [{ "on": "read", "fault": "error_before", "times": 1_000_000 }] });
    world.admin(true, "faults", away).await;
    world.clock.advance(SignedDuration::from_secs(6));
    eventually("it was asked in vain", || async {
        let due: bool = sqlx::query_scalar("SELECT due_time > $1 FROM payment")
            .bind(world.clock.now().to_sqlx())
            .fetch_one(&world.pool)
            .await
            .unwrap();
        due.then_some(())
    })
    .await;
    assert_eq!(world.get(&first.payment_id).await.status(), PaymentStatus::ActionRequired);
    world.admin(true, "faults", json!({})).await;
    world.clock.advance(SignedDuration::from_secs(6));
    world.comes_to(&first.payment_id, PaymentStatus::Authorized).await;
}
