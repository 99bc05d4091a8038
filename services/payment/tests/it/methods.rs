//! Cards on file: tokens of their owner, and never a number.

use parkmesh_contracts::ids::RequestId;
use parkmesh_contracts::payment::v1::{self as proto, PaymentStatus};
use prost::Message;
use tonic::Status;

use crate::world::{World, by, reason};

fn asking(world: &World, token: &str) -> proto::CreatePaymentMethodRequest {
    let request_id = world.ids.next::<RequestId>().to_string();
    proto::CreatePaymentMethodRequest { request_id, token: token.to_owned() }
}

async fn create(
    world: &World,
    user: &str,
    request: &proto::CreatePaymentMethodRequest,
) -> Result<proto::PaymentMethod, Status> {
    let token = world.tokens.driver(user);
    let answer = world.client.clone().create_payment_method(by(&token, request.clone())).await?;
    Ok(answer.into_inner().payment_method.unwrap())
}

async fn list(world: &World, user: &str) -> Vec<proto::PaymentMethod> {
    let (token, request) = (world.tokens.driver(user), proto::ListPaymentMethodsRequest {});
    let answer = world.client.clone().list_payment_methods(by(&token, request)).await.unwrap();
    answer.into_inner().payment_methods
}

async fn delete(world: &World, user: &str, id: &str) -> Result<(), Status> {
    let request = proto::DeletePaymentMethodRequest { payment_method_id: id.to_owned() };
    let token = world.tokens.driver(user);
    world.client.clone().delete_payment_method(by(&token, request)).await.map(drop)
}

#[tokio::test]
async fn a_card_on_file_shows_its_face_and_pays_by_its_id_for_its_owner_alone() {
    let world = World::new().await;
    let first = create(&world, "anna", &asking(&world, "pm_card_ok")).await.unwrap();
    let second = create(&world, "anna", &asking(&world, "pm_card_mastercard")).await.unwrap();
    assert_eq!((first.brand.as_str(), first.last_four.len()), ("visa", 4));
    assert_eq!(list(&world, "anna").await, [second.clone(), first.clone()]);
    assert_eq!(list(&world, "ben").await, []);

    let asked = world.asking(world.ids.next(), &second.payment_method_id);
    let payment = world.authorize(asked).await.unwrap();
    assert_eq!(payment.status(), PaymentStatus::Authorized);
    let known = &world.at_provider(&payment.payment_id).await[0];
    assert_eq!(known["payment_method"], "pm_card_mastercard");
    let mut others = world.asking(world.ids.next(), &second.payment_method_id);
    others.user_id = "ben".to_owned();
    assert_eq!(reason(world.authorize(others).await), "PAYMENT_METHOD_NOT_FOUND");
}

#[tokio::test]
async fn a_card_taken_off_file_pays_no_more_and_its_token_is_forgotten() {
    let world = World::new().await;
    let card = create(&world, "anna", &asking(&world, "pm_card_mastercard")).await.unwrap();
    let id = card.payment_method_id.as_str();
    assert_eq!(reason(delete(&world, "ben", id).await), "PAYMENT_METHOD_NOT_FOUND");
    assert_eq!(list(&world, "anna").await.len(), 1);
    for _ in 0..2 {
        delete(&world, "anna", id).await.unwrap();
    }
    assert_eq!(list(&world, "anna").await, []);
    let answer = world.authorize(world.asking(world.ids.next(), id)).await;
    assert_eq!(reason(answer), "PAYMENT_METHOD_NOT_FOUND");
    let kept: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM payment_method AS kept WHERE to_jsonb(kept)::text LIKE '%mastercard%'
         AND token IS NOT NULL",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_repeated_request_puts_one_card_on_file_with_the_same_bytes() {
    let world = World::new().await;
    let asked = asking(&world, "pm_card_ok");
    let both = futures_util::join!(create(&world, "anna", &asked), create(&world, "anna", &asked));
    let first = both.0.unwrap().encode_to_vec();
    assert_eq!(both.1.unwrap().encode_to_vec(), first);
    assert_eq!(list(&world, "anna").await.len(), 1);
    let other = proto::CreatePaymentMethodRequest {
        token: "pm_card_mastercard".to_owned(),
        ..asked.clone()
    };
    assert_eq!(reason(create(&world, "anna", &other).await), "REQUEST_ID_REUSED");
    // Another person's request ids are another person's.
    create(&world, "ben", &other).await.unwrap();
    let id = list(&world, "anna").await[0].payment_method_id.clone();
    delete(&world, "anna", &id).await.unwrap();
    assert_eq!(create(&world, "anna", &asked).await.unwrap().encode_to_vec(), first);
    assert_eq!(list(&world, "anna").await, [], "a repeat brings nothing back");
}

#[tokio::test]
async fn a_number_an_unknown_token_and_one_card_too_many_are_refused() {
    let world = World::new().await;
    for number in ["4242424242424242", "4242 4242 4242 4242", "card=4242424242424242"] {
        let answer = create(&world, "anna", &asking(&world, number)).await;
        assert_eq!(reason(answer), "CARD_NUMBER_REFUSED", "{number}");
    }
    let answer = create(&world, "anna", &asking(&world, "pm_nobody_knows")).await;
    assert_eq!(reason(answer), "PAYMENT_METHOD_UNKNOWN");
    for _ in 0..20 {
        create(&world, "anna", &asking(&world, "pm_card_ok")).await.unwrap();
    }
    let answer = create(&world, "anna", &asking(&world, "pm_card_ok")).await;
    assert_eq!(reason(answer), "PAYMENT_METHOD_LIMIT_REACHED");
    assert_eq!(list(&world, "anna").await.len(), 20);
}
