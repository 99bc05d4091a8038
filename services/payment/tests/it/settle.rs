use parkmesh_contracts::booking::v1::{InventoryChanged, Lot, LotPolicy};
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::payment::v1::{
    GetReceiptRequest, PaymentCaptured, PaymentStatus, PaymentVoided, ReceiptLanguage,
};
use parkmesh_contracts::time;
use parkmesh_testkit::eventually;

use crate::world::{World, by, eur, reason};

#[tokio::test]
async fn a_stay_is_captured_with_a_receipt_that_tells_it() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    let (came, left) = (world.in_hours(0), world.in_hours(2));
    world.activated(booking, came).await;
    world.completed(booking, 850, left).await;
    let captured = world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    assert_eq!(captured.captured_amount, Some(eur(850)));
    assert!(captured.version > payment.version);

    let receipt = world.receipt(booking).await.unwrap();
    assert_eq!(receipt.receipt_number, "00000001");
    assert_eq!((receipt.lot_name.as_str(), receipt.spot_number.as_str()), ("Harbour", "A-12"));
    assert_eq!(receipt.time_zone, "Europe/Berlin");
    assert_eq!(receipt.start_time, Some(time::to_proto(came)));
    assert_eq!(receipt.end_time, Some(time::to_proto(left)));
    assert_eq!(receipt.total, Some(eur(850)));
    let lines: Vec<_> =
        receipt.lines.iter().map(|line| (line.description.as_str(), line.quantity)).collect();
    assert_eq!(lines, [("Hours", 2), ("Rest", 1)]);

    let facts = world.facts(&payment.payment_id, 2).await;
    let words: Vec<_> = facts.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["authorized", "captured"]);
    let fact: PaymentCaptured = facts[1].1.decode().unwrap();
    assert_eq!((fact.amount, fact.receipt_number.as_str()), (Some(eur(850)), "00000001"));
    assert_eq!(fact.version, captured.version);
    assert_eq!(world.at_provider(&payment.payment_id).await[0]["captured_minor"], 850);
}

#[tokio::test]
async fn a_receipt_tells_the_tax_that_the_lot_had_then_also_as_a_page() {
    let world = World::new().await;
    let inventory = |version, address: &str, vat_basis_points| InventoryChanged {
        lot_id: world.lot.to_string(),
        version,
        lot: Some(Lot {
            address: address.to_owned(),
            operator_id: "op".to_owned(),
            policy: Some(LotPolicy { vat_basis_points, ..LotPolicy::default() }),
            ..Lot::default()
        }),
        ..InventoryChanged::default()
    };
    let known = |wanted: i64| {
        let pool = world.pool.clone();
        eventually("what booking told of the lot", move || {
            let pool = pool.clone();
            async move {
                let version: Option<i64> = sqlx::query_scalar("SELECT version FROM lot")
                    .fetch_optional(&pool)
                    .await
                    .unwrap();
                version.filter(|version| *version == wanted)
            }
        })
    };
    let lot = BookingId::from(world.lot.as_uuid());
    world.tell(lot, 2, &inventory(2, "Kai 1, Hamburg", 1_900)).await;
    known(2).await;
    let booking = world.ids.next();
    let id = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap().payment_id;
    world.completed(booking, 850, world.in_hours(2)).await;
    world.comes_to(&id, PaymentStatus::Captured).await;
    // An older word comes later, and a newer one changes no receipt that is written.
    world.tell(lot, 1, &inventory(1, "Nowhere", 700)).await;
    world.tell(lot, 3, &inventory(3, "Elsewhere", 500)).await;
    known(3).await;
    let receipt = world.receipt(booking).await.unwrap();
    assert_eq!((receipt.lot_address.as_str(), receipt.vat_basis_points), ("Kai 1, Hamburg", 1_900));
    assert_eq!((receipt.vat_amount, receipt.net_amount), (Some(eur(136)), Some(eur(714))));
    let request = GetReceiptRequest {
        booking_id: booking.to_string(),
        page_language: ReceiptLanguage::German.into(),
    };
    let token = world.tokens.driver("anna");
    let told = world.client.clone().get_receipt(by(&token, request)).await.unwrap().into_inner();
    assert!(told.page.contains("Quittung 00000001") && told.page.contains("USt. 19 %"));
    assert_eq!(told.overstay_page, "");
}

#[tokio::test]
async fn receipt_numbers_ascend_in_a_lot_without_gaps() {
    let world = World::new().await;
    let mut numbers = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..4 {
        let booking = world.ids.next();
        let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
        world.completed(booking, 500, world.in_hours(2)).await;
        ids.push((booking, payment.payment_id));
    }
    for (booking, payment_id) in ids {
        world.comes_to(&payment_id, PaymentStatus::Captured).await;
        numbers.push(world.receipt(booking).await.unwrap().receipt_number);
    }
    numbers.sort();
    assert_eq!(numbers, ["00000001", "00000002", "00000003", "00000004"]);
}

#[tokio::test]
async fn a_capture_whose_answer_comes_too_late_is_made_once() {
    let world = World::new().await;
    let booking = world.ids.next();
    let asked = world.asking(booking, "pm_card_capture_timeout_after_success");
    let payment = world.authorize(asked).await.unwrap();
    world.completed(booking, 700, world.in_hours(2)).await;
    let captured = world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    assert_eq!(captured.captured_amount, Some(eur(700)));
    assert_eq!(world.provider_did("capture").await, 1);
}

#[tokio::test]
async fn an_expired_hold_gives_the_money_back_and_closes_the_booking() {
    let world = World::new().await;
    let booking = world.ids.next();
    let asked = world.asking(booking, "pm_card_ok");
    let payment = world.authorize(asked.clone()).await.unwrap();
    world.expired(booking).await;
    world.comes_to(&payment.payment_id, PaymentStatus::Voided).await;
    let facts = world.facts(&payment.payment_id, 2).await;
    let fact: PaymentVoided = facts[1].1.decode().unwrap();
    assert_eq!((facts[1].0.as_str(), fact.amount), ("voided", Some(eur(1_200))));
    assert_eq!(reason(world.authorize(asked).await), "BOOKING_CLOSED");
    let again = world.authorize(world.asking(booking, "pm_card_ok")).await;
    assert_eq!(reason(again), "BOOKING_CLOSED");
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn nothing_is_authorised_for_a_booking_whose_end_came_first() {
    let world = World::new().await;
    let (expired, cancelled) = (world.ids.next(), world.ids.next());
    world.expired(expired).await;
    world.cancelled(cancelled, 0).await;
    for booking in [expired, cancelled] {
        world.closed(booking).await;
        let answer = world.authorize(world.asking(booking, "pm_card_ok")).await;
        assert_eq!(reason(answer), "BOOKING_CLOSED");
    }
    assert_eq!(world.provider_did("authorize").await, 0);
}

#[tokio::test]
async fn a_fee_is_captured_and_the_rest_given_back() {
    let world = World::new().await;
    let (absent, cancelled) = (world.ids.next(), world.ids.next());
    let first = world.authorize(world.asking(absent, "pm_card_ok")).await.unwrap();
    let second = world.authorize(world.asking(cancelled, "pm_card_ok")).await.unwrap();
    world.no_show(absent, 300).await;
    world.cancelled(cancelled, 200).await;
    for (payment, booking, fee, text) in
        [(first, absent, 300, "No-show fee"), (second, cancelled, 200, "Cancellation fee")]
    {
        let captured = world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
        assert_eq!(captured.captured_amount, Some(eur(fee)));
        assert_eq!(world.receipt(booking).await.unwrap().lines[0].description, text);
    }
}

#[tokio::test]
async fn an_end_without_a_fee_gives_everything_back_and_writes_no_receipt() {
    let world = World::new().await;
    let (absent, cancelled) = (world.ids.next(), world.ids.next());
    let first = world.authorize(world.asking(absent, "pm_card_ok")).await.unwrap();
    let second = world.authorize(world.asking(cancelled, "pm_card_ok")).await.unwrap();
    world.no_show(absent, 0).await;
    world.cancelled(cancelled, 0).await;
    for (payment, booking) in [(first, absent), (second, cancelled)] {
        world.comes_to(&payment.payment_id, PaymentStatus::Voided).await;
        assert_eq!(reason(world.receipt(booking).await), "RECEIPT_NOT_FOUND");
    }
}

#[tokio::test]
async fn the_first_end_of_a_booking_stays() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.completed(booking, 600, world.in_hours(2)).await;
    world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    world.expired(booking).await;
    // A later fact of another booking shows that the second end has been heard.
    let marker = world.ids.next();
    world.expired(marker).await;
    world.closed(marker).await;
    assert_eq!(world.get(&payment.payment_id).await.status(), PaymentStatus::Captured);
    assert_eq!(world.provider_did("void").await, 0);
}

#[tokio::test]
async fn never_more_than_was_authorised_is_taken_whatever_the_fact_says() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.completed(booking, 5_000, world.in_hours(2)).await;
    let captured = world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    assert_eq!(captured.captured_amount, Some(eur(1_200)));
    let receipt = world.receipt(booking).await.unwrap();
    assert_eq!((receipt.total, receipt.lines.len()), (Some(eur(1_200)), 1));
}

#[tokio::test]
async fn facts_that_are_delivered_again_have_no_second_effect() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.completed(booking, 600, world.in_hours(2)).await;
    let captured = world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    // Without its durable, the consumer begins again with the oldest fact.
    let stream = world.bus.jetstream().get_stream(world.bus.name("BOOKING")).await.unwrap();
    stream.delete_consumer(&world.bus.name("payment-booking")).await.unwrap();
    let marker = world.ids.next();
    world.expired(marker).await;
    world.closed(marker).await;
    assert_eq!(world.get(&payment.payment_id).await, captured);
    assert_eq!(world.provider_did("capture").await, 1);
    assert_eq!(world.facts(&payment.payment_id, 2).await.len(), 2);
}
