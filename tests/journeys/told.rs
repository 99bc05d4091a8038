//! The payment provider tells by itself what becomes of money, through the gateway, as anybody outside would.

use jiff::SignedDuration;
use parkmesh_contracts::payment::v1::{ListPaymentsRequest, Payment, PaymentStatus};
use serde_json::{Value, json};

use crate::support::{Driver, Up, eventually, eventually_ok};

const SPOT: &str = "0-058";

async fn payment(anna: &Driver, booking_id: &str) -> Option<Payment> {
    let request = ListPaymentsRequest { booking_id: booking_id.to_owned(), ..Default::default() };
    let payments = anna.payment().list_payments(request).await.ok()?.into_inner().payments;
    payments.into_iter().next()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_lets_go_of_is_given_back_here_by_its_webhook() {
    let up = Up::start(&[]);
    let anna = Driver::new(&up, "driver");
    let spot = eventually_ok("the spot", || anna.spot(&up, SPOT)).await;
    let start = up.now() + SignedDuration::from_hours(3);
    let held = anna.hold(&anna.wish(&spot, start, SignedDuration::from_hours(1))).await;
    let held = held.expect("a hold");
    let request_id = uuid::Uuid::now_v7().to_string();
    anna.confirm(&held, "pm_card_ok", &request_id).await.expect("a reservation");
    let paid = payment(&anna, &held.booking_id).await.expect("a payment");
    assert_eq!(paid.status(), PaymentStatus::Authorized);

    // At the provider the authorisation's time is over. Nobody here asks about it: only the webhook tells.
    let provider = up.told("/services/payment-sandbox");
    let url = format!("{provider}/v1/authorizations?reference={}", paid.payment_id);
    let known: Value = reqwest::get(url).await.expect("the provider").json().await.expect("JSON");
    let id = known["authorizations"][0]["authorization_id"].as_str().expect("an id");
    let expire = format!("{provider}/admin/authorizations/{id}/expire");
    let answer = reqwest::Client::new().post(expire).json(&json!({})).send().await;
    assert!(answer.expect("the provider").status().is_success());
    eventually("the money is given back", || async {
        let payment = payment(&anna, &held.booking_id).await?;
        (payment.status() == PaymentStatus::Voided).then_some(())
    })
    .await;
}
