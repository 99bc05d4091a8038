//! One request, one answer: repeated one after the other, at once, and with another body.

use parkmesh_contracts::payment::v1::{self as proto, PaymentStatus};
use prost::Message;
use tonic_types::StatusExt;

use crate::world::{World, eur, reason};

#[tokio::test]
async fn a_repeated_authorisation_is_answered_with_the_same_bytes_however_it_went_on() {
    let world = World::new().await;
    let booking = world.ids.next();
    let asked = world.asking(booking, "pm_card_ok");
    let first = world.authorize(asked.clone()).await.unwrap().encode_to_vec();
    assert_eq!(world.authorize(asked.clone()).await.unwrap().encode_to_vec(), first);
    world.completed(booking, 850, world.in_hours(2)).await;
    let id = proto::Payment::decode(first.as_slice()).unwrap().payment_id;
    world.comes_to(&id, PaymentStatus::Captured).await;
    assert_eq!(world.authorize(asked.clone()).await.unwrap().encode_to_vec(), first);
    world.refund(&world.asking_back(&id, Some(100))).await.unwrap();
    assert_eq!(world.authorize(asked).await.unwrap().encode_to_vec(), first);
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn a_repeated_refund_is_answered_with_the_same_bytes_also_after_another_one() {
    let world = World::new().await;
    let id = world.captured(900).await;
    let asked = world.asking_back(&id, Some(300));
    let first = world.refund(&asked).await.unwrap().encode_to_vec();
    world.refund(&world.asking_back(&id, Some(200))).await.unwrap();
    assert_eq!(world.refund(&asked).await.unwrap().encode_to_vec(), first);
    let given: Vec<_> = world.refunds(&id).await.into_iter().filter_map(|one| one.amount).collect();
    assert_eq!(given, [eur(200), eur(300)]);
}

#[tokio::test]
async fn another_body_under_the_same_id_is_refused_whatever_differs() {
    let world = World::new().await;
    let id = world.captured(900).await;
    let asked = world.asking_back(&id, Some(300));
    world.refund(&asked).await.unwrap();
    let other = world.captured(900).await;
    for changed in [
        proto::RefundPaymentRequest { amount: Some(eur(301)), ..asked.clone() },
        proto::RefundPaymentRequest { amount: None, ..asked.clone() },
        proto::RefundPaymentRequest { reason: "another".to_owned(), ..asked.clone() },
        proto::RefundPaymentRequest { payment_id: other, ..asked.clone() },
    ] {
        assert_eq!(reason(world.refund(&changed).await), "REQUEST_ID_REUSED", "{changed:?}");
    }
    assert_eq!(world.refunds(&id).await.len(), 1);
}

#[tokio::test]
async fn a_repeat_of_what_is_under_way_is_told_to_wait_and_how_long() {
    let world = World::new().await;
    // The provider does it and is silent for longer than a call waits.
    let asked = world.asking(world.ids.next(), "pm_card_timeout_after_success");
    let (first, second) = futures_util::join!(world.authorize(asked.clone()), async {
        parkmesh_testkit::eventually("the provider has been asked", || async {
            (world.provider_did("authorize").await == 1).then_some(())
        })
        .await;
        world.authorize(asked.clone()).await
    });
    let first = first.unwrap();
    let told = second.unwrap_err();
    assert_eq!(told.code(), tonic::Code::Aborted);
    assert!(told.get_details_retry_info().unwrap().retry_delay.is_some());
    assert_eq!(reason::<()>(Err(told)), "REQUEST_IN_FLIGHT");
    assert_eq!(world.authorize(asked).await.unwrap(), first);
    assert_eq!(world.provider_did("authorize").await, 1);
}
