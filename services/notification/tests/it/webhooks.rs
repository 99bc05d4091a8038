//! Webhooks: signed, tried again, never into a private network, on record, and sent again when asked.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::notification::v1::{Channel, DeliveryState};
use parkmesh_notification::{Config, WebhookConfig, webhook_signature};
use parkmesh_platform::fault::reason_of;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::eventually;
use serde_json::Value;
use tonic::Status;
use uuid::Uuid;

use crate::receiver::{Call, Receiver};
use crate::world::{World, by};

async fn world() -> (World, Receiver) {
    let webhooks = WebhookConfig { private_allowed: true, timeout: Duration::from_secs(5) };
    let world = World::with(Config { webhooks, ..World::config() }).await;
    let receiver = Receiver::start(&Tasks::new(&world.clock)).await;
    (world, receiver)
}

async fn hooked(world: &World, user: &str, url: &str) -> proto::Preferences {
    let wanted = proto::Preferences { webhook_url: url.to_owned(), ..Default::default() };
    world.prefer(user, &["webhook_url"], wanted).await
}

async fn calls(receiver: &Receiver, count: usize) -> Vec<Call> {
    eventually("calls", || async { Some(receiver.calls()).filter(|calls| calls.len() >= count) })
        .await
}

async fn the_delivery(world: &World, state: DeliveryState, attempts: usize) -> proto::Delivery {
    eventually("a delivery in its state", || async {
        let delivery = world.deliveries("anna").await.pop()?;
        let there = delivery.state() == state && delivery.attempts.len() >= attempts;
        there.then_some(delivery)
    })
    .await
}

#[tokio::test]
async fn a_webhook_is_called_with_a_signature_that_holds() {
    let (world, receiver) = world().await;
    let secret = hooked(&world, "anna", &receiver.url).await.webhook_secret;
    let booking = world.ids.next();
    world.reserved(booking).await;
    let call = calls(&receiver, 1).await.remove(0);
    let delivery = the_delivery(&world, DeliveryState::Delivered, 1).await;
    assert_eq!((call.id.as_str(), delivery.channel()), (&*delivery.delivery_id, Channel::Webhook));
    assert_eq!(delivery.attempts[0].status, 204);
    let expected = webhook_signature(&secret, &call.id, &call.time, &call.body);
    assert_eq!(Some(call.signature), expected);
    let told: Value = serde_json::from_str(&call.body).unwrap();
    let message = &world.messages("anna", 1).await[0];
    assert_eq!(told["type"], "parkmesh.reserved");
    assert_eq!(told["data"]["title"], message.title);
    assert_eq!(told["data"]["notification_id"], message.notification_id);
    assert_eq!(told["data"]["booking_id"], booking.to_string());
    assert_eq!(told["data"]["lot_id"], world.lot.to_string());
}

#[tokio::test]
async fn a_webhook_that_fails_is_tried_again_under_the_same_id() {
    let (world, receiver) = world().await;
    hooked(&world, "anna", &receiver.url).await;
    receiver.answer(503);
    world.reserved(world.ids.next()).await;
    let failed = the_delivery(&world, DeliveryState::Waiting, 1).await;
    assert_eq!((failed.attempts[0].status, &*failed.attempts[0].error), (503, "it said 503"));
    // Redirections are not followed: they might lead anywhere.
    receiver.answer(302);
    world.clock.advance(SignedDuration::from_secs(10));
    let failed = the_delivery(&world, DeliveryState::Waiting, 2).await;
    assert_eq!(failed.attempts[0].error, "it leads elsewhere");
    receiver.answer(200);
    world.clock.advance(SignedDuration::from_mins(5));
    the_delivery(&world, DeliveryState::Delivered, 3).await;
    let calls = receiver.calls();
    assert!(calls.len() >= 3 && calls.iter().all(|call| call.id == failed.delivery_id));
    receiver.answer(410);
    world.reserved(world.ids.next()).await;
    eventually("a refusal", || async {
        let newest = world.deliveries("anna").await.remove(0);
        (newest.state() == DeliveryState::Failed).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_not_called() {
    let world = World::new().await;
    let receiver = Receiver::start(&Tasks::new(&world.clock)).await;
    let port = receiver.url.split([':', '/']).nth(4).unwrap();
    // Its name says nothing of where it leads.
    hooked(&world, "anna", &format!("https://localhost:{port}/hook")).await;
    world.reserved(world.ids.next()).await;
    let failed = the_delivery(&world, DeliveryState::Waiting, 1).await;
    assert_eq!(failed.attempts[0].error, "it leads into a private network");
    assert!(receiver.calls().is_empty());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let (world, receiver) = world().await;
    // It speaks plain HTTP: whatever it is, it is not who it should be.
    hooked(&world, "anna", &receiver.url.replace("http:", "https:")).await;
    world.reserved(world.ids.next()).await;
    let failed = the_delivery(&world, DeliveryState::Waiting, 1).await;
    assert_eq!(failed.attempts[0].error, "its certificate is not to be trusted");
    assert!(receiver.calls().is_empty());
}

async fn resend(
    world: &World,
    token: &str,
    request: &proto::ResendDeliveryRequest,
) -> Result<proto::Delivery, Status> {
    let answer = world.client.clone().resend_delivery(by(token, request.clone())).await?;
    Ok(answer.into_inner().delivery.unwrap())
}

#[tokio::test]
async fn a_delivery_is_sent_again_by_its_owner_or_an_operator_of_the_lot_alone() {
    let (world, receiver) = world().await;
    hooked(&world, "anna", &receiver.url).await;
    receiver.answer(410);
    world.reserved(world.ids.next()).await;
    let failed = the_delivery(&world, DeliveryState::Failed, 1).await;
    receiver.answer(204);
    let elsewhere: LotId = world.ids.next();
    let request = || proto::ResendDeliveryRequest {
        request_id: Ids::random().next::<Uuid>().to_string(),
        delivery_id: failed.delivery_id.clone(),
    };
    let strangers = [vec![], vec![elsewhere], vec![world.lot]];
    let strangers = strangers.map(|lots| world.tokens.operator("oleg", lots));
    for token in strangers.into_iter().chain([world.tokens.driver("eve")]) {
        let refused = resend(&world, &token, &request()).await.unwrap_err();
        assert_eq!(reason_of(&refused).as_deref(), Some("DELIVERY_NOT_FOUND"));
    }
    let (anna, by_anna) = (world.tokens.driver("anna"), request());
    let first = resend(&world, &anna, &by_anna).await.unwrap();
    assert_eq!(first.state(), DeliveryState::Waiting);
    the_delivery(&world, DeliveryState::Delivered, 2).await;
    assert_eq!(resend(&world, &anna, &by_anna).await.unwrap(), first, "a repetition sends nothing");
    let operator = world.tokens.operator("otto", [world.lot]);
    resend(&world, &operator, &request()).await.unwrap();
    the_delivery(&world, DeliveryState::Delivered, 3).await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.id == failed.delivery_id), "one id for ever");
}

#[tokio::test]
async fn deliveries_are_listed_to_their_owner_and_to_operators_of_the_lot() {
    let (world, receiver) = world().await;
    hooked(&world, "anna", &receiver.url).await;
    for _ in 0..3 {
        world.reserved(world.ids.next()).await;
    }
    calls(&receiver, 3).await;
    let all = world.deliveries("anna").await;
    assert_eq!(all.len(), 3);
    assert!(world.deliveries("eve").await.is_empty());
    let list = |token: String, request: proto::ListDeliveriesRequest| {
        let mut client = world.client.clone();
        async move { client.list_deliveries(by(&token, request)).await.map(|it| it.into_inner()) }
    };
    let of_lot = proto::ListDeliveriesRequest {
        lot_id: world.lot.to_string(),
        page_size: 2,
        ..Default::default()
    };
    let operator = || world.tokens.operator("otto", [world.lot]);
    let first = list(operator(), of_lot.clone()).await.unwrap();
    let ids = |page: &proto::ListDeliveriesResponse| {
        page.deliveries.iter().map(|delivery| delivery.delivery_id.clone()).collect::<Vec<_>>()
    };
    let page_token = first.next_page_token.clone();
    let rest = proto::ListDeliveriesRequest { page_token, ..of_lot.clone() };
    let rest = list(operator(), rest).await.unwrap();
    let expected: Vec<_> = all.iter().map(|delivery| delivery.delivery_id.clone()).collect();
    assert_eq!([ids(&first), ids(&rest)].concat(), expected);
    for token in [world.tokens.driver("anna"), world.tokens.operator("oleg", [world.ids.next()])] {
        let refused = list(token, of_lot.clone()).await.unwrap_err();
        assert_eq!(reason_of(&refused).as_deref(), Some("LOT_NOT_FOUND"));
    }
}
