use parkmesh_contracts::payment::v1::{
    GetLedgerRequest, GetPaymentRequest, GetReceiptRequest, ListPaymentsRequest,
};

use crate::world::{World, by, reason};

#[tokio::test]
async fn somebody_elses_payment_and_receipt_are_not_found() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    let get = GetPaymentRequest { payment_id: payment.payment_id.clone() };
    world.completed(booking, 600, world.in_hours(1)).await;
    world
        .comes_to(&payment.payment_id, parkmesh_contracts::payment::v1::PaymentStatus::Captured)
        .await;
    let receipt = GetReceiptRequest { booking_id: booking.to_string(), ..Default::default() };
    let mut client = world.client.clone();
    for token in [world.tokens.driver("eve"), world.tokens.operator("op", [world.ids.next()])] {
        assert_eq!(reason(client.get_payment(by(&token, get.clone())).await), "PAYMENT_NOT_FOUND");
        let answer = client.get_receipt(by(&token, receipt.clone())).await;
        assert_eq!(reason(answer), "RECEIPT_NOT_FOUND");
    }
    for token in [world.tokens.driver("anna"), world.tokens.operator("op", [world.lot])] {
        assert!(client.get_payment(by(&token, get.clone())).await.is_ok());
        assert!(client.get_receipt(by(&token, receipt.clone())).await.is_ok());
    }
}

#[tokio::test]
async fn a_list_shows_own_payments_newest_first_page_by_page() {
    let world = World::new().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let asked = world.asking(world.ids.next(), "pm_card_ok");
        made.push(world.authorize(asked).await.unwrap());
    }
    let mut other = world.asking(world.ids.next(), "pm_card_ok");
    other.user_id = "eve".to_owned();
    world.authorize(other).await.unwrap();
    made.reverse();

    let anna = world.tokens.driver("anna");
    let mut client = world.client.clone();
    let mut request = ListPaymentsRequest { page_size: 2, ..ListPaymentsRequest::default() };
    let first = client.list_payments(by(&anna, request.clone())).await.unwrap().into_inner();
    assert_eq!(first.payments, made[..2]);
    request.page_token = first.next_page_token;
    let second = client.list_payments(by(&anna, request.clone())).await.unwrap().into_inner();
    assert_eq!(second.payments, made[2..]);
    assert_eq!(second.next_page_token, "");

    let eve = world.tokens.driver("eve");
    let answer = client.list_payments(by(&eve, request.clone())).await;
    assert_eq!(reason(answer), "PAGE_TOKEN_INVALID");
    request.page_token = String::new();
    request.booking_id = made[1].booking_id.clone();
    let of_booking = client.list_payments(by(&anna, request)).await.unwrap().into_inner();
    assert_eq!(of_booking.payments, made[1..2]);
}

#[tokio::test]
async fn the_ledger_is_for_operators_of_the_lot_who_may_audit() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    let id = world.authorize(asked).await.unwrap().payment_id;
    let request = GetLedgerRequest { payment_id: id.clone() };
    let mut client = world.client.clone();
    let auditor = world.operator(&["payment.audit"]);
    let entries = client.get_ledger(by(&auditor, request.clone())).await.unwrap().into_inner();
    let accounts: Vec<_> = entries.entries.iter().map(|entry| entry.account.clone()).collect();
    assert_eq!(accounts, ["driver:anna".to_owned(), format!("held:{id}")]);

    let without = world.operator(&["payment.read"]);
    let answer = client.get_ledger(by(&without, request.clone())).await;
    assert_eq!(answer.unwrap_err().code(), tonic::Code::PermissionDenied);
    let driver = world.driver_with(&["payment.audit"]);
    let answer = client.get_ledger(by(&driver, request.clone())).await;
    assert_eq!(reason(answer), "OPERATOR_REQUIRED");
}
