//! Promo codes: what they take off the price of a hold, and where that goes.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, Cause, DiscountKind};
use parkmesh_eventbus::Delivered;
use parkmesh_testkit::eventually;

use crate::booking_change::{check_in, extend};
use crate::booking_world::{Town, confirm, held, reason};
use crate::discount_world::{
    HeldDiscounts, cents, client, code, driver, end, in_minutes, leave, limited, made, minor,
    operator, percent, price, redeem, redeemed, waiting_for_locks,
};
use crate::timeline::{line, story};
use crate::world::request_id;

/// The only fact of this type, once it is on the stream.
async fn fact<F: prost::Message + Default + parkmesh_contracts::facts::Fact>(town: &Town) -> F {
    let fact = eventually("the fact", || async {
        let facts = parkmesh_testkit::recorded(&town.world.bus, "BOOKING").await;
        facts.into_iter().find(|fact| fact.fact_type == F::TYPE)
    });
    Delivered::decode(&fact.await).unwrap()
}

#[tokio::test]
async fn a_code_makes_a_hold_cheaper_and_only_what_is_left_is_authorised_and_captured() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let mut codes = driver(&town, "anna").await;
    let made = made(&mut op, code(&town, "summer-26", percent(20))).await;
    let held = held(anna.hold_spot(town.hold(0, 0, 120)).await);
    assert_eq!(price(&held), (500, 500));

    let cheaper = redeemed(&mut codes, &held, " Summer-26 ").await;
    assert_eq!((cheaper.state(), cheaper.version), (BookingState::Held, held.version + 1));
    assert_eq!(price(&cheaper), (400, 400));
    assert_eq!(cheaper.hold_expire_time, held.hold_expire_time);
    let reduction = &cheaper.reductions[0];
    assert_eq!((reduction.kind(), reduction.name.as_str()), (DiscountKind::PromoCode, "SUMMER-26"));
    assert_eq!(reduction.discount_id, made.discount_id);
    let last = cheaper.quote.unwrap().lines.pop().unwrap();
    assert_eq!((last.description.as_str(), minor(last.amount)), ("Promo code SUMMER-26", -100));
    let told: proto::BookingPriceReduced = fact(&town).await;
    assert_eq!((minor(told.amount), minor(told.payable_amount)), (400, 400));
    assert_eq!(told.reduction.as_ref(), Some(reduction));
    assert!(told.hold_expire_time.is_some());

    anna.confirm_booking(confirm(&held, "ok")).await.unwrap();
    assert_eq!(town.payment.amounts(), [400]);
    check_in(&mut anna, &held).await;
    let left = leave(&town, &mut anna, &held, 100).await;
    assert_eq!(minor(left.final_amount), 400);
    let completed: proto::BookingCompleted = fact(&town).await;
    let lines: Vec<i64> = completed.lines.iter().map(|line| minor(line.amount.clone())).collect();
    assert_eq!((minor(completed.amount), lines), (400, vec![500, -100]));
    let expected = [
        line("held", Cause::Driver, ""),
        line("price_reduced", Cause::Driver, ""),
        line("reserved", Cause::Driver, ""),
        line("activated", Cause::Driver, ""),
        line("completed", Cause::Driver, ""),
    ];
    assert_eq!(story(&mut anna, &held.booking_id).await, expected);
    town.world.stop().await;
}

#[tokio::test]
async fn an_early_departure_pays_less_by_the_same_share() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    made(&mut op, code(&town, "HALF", percent(50))).await;
    let held = held(anna.hold_spot(town.hold(0, 0, 240)).await);
    redeemed(&mut driver(&town, "anna").await, &held, "half").await;
    anna.confirm_booking(confirm(&held, "ok")).await.unwrap();
    check_in(&mut anna, &held).await;
    let left = leave(&town, &mut anna, &held, 90).await;
    // Two begun hours at 2.50, not four.
    assert_eq!(minor(left.final_amount), 250);
    assert_eq!(minor(left.reductions[0].amount.clone()), 250);
    town.world.stop().await;
}

#[tokio::test]
async fn an_extension_and_a_move_cost_what_the_code_leaves_of_them() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    made(&mut op, code(&town, "HALF", percent(50))).await;
    let held = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    redeemed(&mut driver(&town, "anna").await, &held, "half").await;
    let answer = anna.confirm_booking(confirm(&held, "ok")).await.unwrap();
    let reserved = answer.into_inner().booking.unwrap();
    let longer = anna.extend_booking(extend(&town, &reserved, 180, "")).await.unwrap();
    let longer = longer.into_inner().booking.unwrap();
    assert_eq!(price(&longer), (375, 375));
    assert_eq!(town.payment.beside()[0].0, 250);
    let request = proto::MoveBookingRequest {
        request_id: request_id(),
        booking_id: held.booking_id.clone(),
        window: Some(town.window(300, 540)),
        ..Default::default()
    };
    let moved = anna.move_booking(request).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(price(&moved), (500, 500));
    assert_eq!(town.payment.amounts(), [125, 250, 125]);
    town.world.stop().await;
}

#[tokio::test]
async fn a_price_that_becomes_zero_is_confirmed_and_left_without_a_card() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let mut codes = driver(&town, "anna").await;
    made(&mut op, code(&town, "FREE", cents(100_000))).await;
    let held = held(anna.hold_spot(town.hold(0, 0, 120)).await);
    let unpaid = anna.confirm_booking(confirm(&held, "")).await;
    assert_eq!(reason(unpaid), "ARGUMENT_INVALID", "there is something to pay");
    assert_eq!(price(&redeemed(&mut codes, &held, "FREE").await), (0, 0));
    let again = codes.redeem_promo_code(redeem(&held, "FREE")).await;
    assert_eq!(reason(again), "PROMO_CODE_PRESENT");
    let answer = anna.confirm_booking(confirm(&held, "")).await.unwrap();
    assert_eq!(answer.into_inner().booking.unwrap().payment_id, "");
    check_in(&mut anna, &held).await;
    let left = leave(&town, &mut anna, &held, 100).await;
    assert_eq!(minor(left.final_amount), 0);
    assert_eq!(minor(left.reductions[0].amount.clone()), 500, "what it was worth");
    assert_eq!(town.payment.asked(), 0);
    town.world.stop().await;
}

#[tokio::test]
async fn a_repeated_request_gets_its_answer_and_another_body_is_refused() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let mut codes = driver(&town, "anna").await;
    let create = code(&town, "SUMMER", percent(20));
    let first = made(&mut op, create.clone()).await;
    assert_eq!(made(&mut op, create.clone()).await, first);
    let other = proto::CreateDiscountRequest { off: Some(percent(30)), ..create };
    assert_eq!(reason(op.create_discount(other).await), "REQUEST_ID_REUSED");
    let held = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let request = redeem(&held, "summer");
    let answer = codes.redeem_promo_code(request.clone()).await.unwrap().into_inner();
    let repeated = codes.redeem_promo_code(request.clone()).await.unwrap().into_inner();
    assert_eq!(repeated, answer);
    let other = proto::RedeemPromoCodeRequest { code: "WINTER".to_owned(), ..request };
    assert_eq!(reason(codes.redeem_promo_code(other).await), "REQUEST_ID_REUSED");
    town.world.stop().await;
}

#[tokio::test]
async fn a_code_is_for_its_own_lot_and_time_and_no_more_once_it_is_ended() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let mut codes = driver(&town, "anna").await;
    let mut inventory = town.world.operator("op").await;
    let other = crate::world::make_place(&mut inventory, "Other", 1).await;
    let elsewhere = proto::CreateDiscountRequest {
        lot_id: other.lot.lot_id,
        ..code(&town, "ELSEWHERE", percent(10))
    };
    made(&mut op, elsewhere).await;
    let later = proto::CreateDiscountRequest {
        valid_from_time: in_minutes(&town, 5),
        valid_until_time: in_minutes(&town, 8),
        ..code(&town, "LATER", percent(10))
    };
    let later = made(&mut op, later).await;
    let ended = made(&mut op, code(&town, "ENDED", percent(10))).await;
    let once_more = end(&mut op, &ended).await;
    assert!(once_more.end_time.is_some());
    assert_eq!(end(&mut op, &ended).await, once_more, "ending it again changes nothing");
    let held = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let mut refused = async |text: &str| {
        assert_eq!(
            reason(codes.redeem_promo_code(redeem(&held, text)).await),
            "PROMO_CODE_INVALID"
        );
    };
    for text in ["UNKNOWN", "ELSEWHERE", "LATER", "ENDED", "?"] {
        refused(text).await;
    }
    town.advance(8);
    refused("LATER").await;
    // What was ended may be made anew, as another.
    let anew = made(&mut op, code(&town, "ended", percent(50))).await;
    assert_ne!(anew.discount_id, ended.discount_id);
    let twice = op.create_discount(code(&town, "Ended", percent(50))).await;
    assert_eq!(reason(twice), "PROMO_CODE_TAKEN");
    assert_eq!(price(&redeemed(&mut codes, &held, "Ended").await), (125, 125));
    assert!(later.valid_until_time.is_some());
    town.world.stop().await;
}

#[tokio::test]
async fn a_code_is_for_a_hold_that_stands_and_is_nobody_elses() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let (mut codes, mut bens) = (driver(&town, "anna").await, driver(&town, "ben").await);
    made(&mut op, code(&town, "SUMMER", percent(20))).await;
    let reserved = town.reserve(&mut anna, 0, 60, 120).await;
    let answer = codes.redeem_promo_code(redeem(&reserved, "SUMMER")).await;
    assert_eq!(reason(answer), "BOOKING_STATE_WRONG");
    let held = held(anna.hold_spot(town.hold(1, 60, 120)).await);
    assert_eq!(reason(bens.redeem_promo_code(redeem(&held, "SUMMER")).await), "BOOKING_NOT_FOUND");
    let operators = op.redeem_promo_code(redeem(&held, "SUMMER")).await;
    assert_eq!(reason(operators), "BOOKING_NOT_FOUND", "a code is the driver's to use");
    town.advance(11);
    let late = codes.redeem_promo_code(redeem(&held, "SUMMER")).await;
    assert!(["HOLD_EXPIRED", "BOOKING_STATE_WRONG"].contains(&reason(late).as_str()));
    town.world.stop().await;
}

#[tokio::test]
async fn no_price_changes_while_a_card_is_asked_for_it() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let mut codes = driver(&town, "anna").await;
    made(&mut op, code(&town, "SUMMER", percent(20))).await;
    let held = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let mut paying = anna.clone();
    let confirming = confirm(&held, "gate");
    let confirming = async move { paying.confirm_booking(confirming).await };
    let meanwhile = async {
        eventually("payment is asked", || async { (town.payment.asked() == 1).then_some(()) })
            .await;
        let answer = codes.redeem_promo_code(redeem(&held, "SUMMER")).await;
        assert_eq!(reason(answer), "PAYMENT_UNDERWAY");
        town.payment.gate.add_permits(1);
    };
    let (confirmed, ()) = tokio::join!(confirming, meanwhile);
    let booking = confirmed.unwrap().into_inner().booking.unwrap();
    assert_eq!((booking.state(), price(&booking)), (BookingState::Reserved, (500 / 2, 250)));
    // A card that was refused leaves the way open again.
    let held = crate::booking_world::held(anna.hold_spot(town.hold(1, 60, 120)).await);
    let declined = anna.confirm_booking(confirm(&held, "declined")).await;
    assert_eq!(reason(declined), "PAYMENT_DECLINED");
    assert_eq!(price(&redeemed(&mut codes, &held, "SUMMER").await), (200, 200));
    anna.confirm_booking(confirm(&held, "ok")).await.unwrap();
    assert_eq!(town.payment.amounts(), [250, 250, 200]);
    town.world.stop().await;
}

#[tokio::test]
async fn who_pays_while_a_code_is_being_redeemed_pays_what_it_leaves() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let mut codes = driver(&town, "anna").await;
    made(&mut op, code(&town, "SUMMER", percent(20))).await;
    let held = held(anna.hold_spot(town.hold(0, 60, 180)).await);
    // The code's row is held, so that the redeeming waits with the booking locked, and the payment behind it.
    let blocking = HeldDiscounts::take(&town).await;
    let redeeming = codes.redeem_promo_code(redeem(&held, "SUMMER"));
    let paying = async {
        waiting_for_locks(&town, 1).await;
        anna.confirm_booking(confirm(&held, "ok")).await
    };
    let releasing = async {
        waiting_for_locks(&town, 2).await;
        blocking.give_back().await;
    };
    let (told, paid, ()) = tokio::join!(redeeming, paying, releasing);
    assert_eq!(price(&told.unwrap().into_inner().booking.unwrap()), (400, 400));
    assert_eq!(price(&paid.unwrap().into_inner().booking.unwrap()), (400, 400));
    assert_eq!(town.payment.amounts(), [400]);
    town.world.stop().await;
}

#[tokio::test]
async fn what_an_operator_makes_is_checked_listed_and_of_nobody_else() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, driver(&town, "anna").await);
    let mut otto = client(&town, &town.world.tokens.operator("otto", [])).await;
    let summer =
        made(&mut op, crate::discount_world::asked(&town, limited("SUMMER", 10, 1), percent(20)))
            .await;
    let cafe =
        made(&mut op, crate::discount_world::merchant(&town, " Café Anna ", cents(200), 5)).await;
    assert!(
        matches!(&cafe.kind, Some(proto::discount::Kind::Merchant(told)) if told.name == "Café Anna")
    );
    for request in [
        code(&town, "two words", percent(20)),
        code(&town, "FREE", cents(0)),
        code(&town, "FREE", cents(-100)),
        code(&town, "FREE", percent(0)),
        code(&town, "FREE", percent(101)),
        proto::CreateDiscountRequest {
            off: Some(proto::create_discount_request::Off::Amount(
                parkmesh_contracts::google::r#type::Money {
                    currency_code: "CHF".to_owned(),
                    units: 1,
                    nanos: 0,
                },
            )),
            ..code(&town, "SWISS", percent(1))
        },
        crate::discount_world::merchant(&town, "  ", percent(20), 0),
        proto::CreateDiscountRequest {
            valid_until_time: in_minutes(&town, -1),
            ..code(&town, "LATE", percent(1))
        },
        proto::CreateDiscountRequest {
            valid_from_time: in_minutes(&town, 9),
            valid_until_time: in_minutes(&town, 8),
            ..code(&town, "NEVER", percent(1))
        },
    ] {
        assert_eq!(
            reason(op.create_discount(request.clone()).await),
            "ARGUMENT_INVALID",
            "{request:?}"
        );
    }
    assert_eq!(
        reason(otto.create_discount(code(&town, "OTTO", percent(1))).await),
        "LOT_NOT_FOUND"
    );
    let refused = anna.create_discount(code(&town, "MINE", percent(100))).await;
    assert!(["OPERATOR_REQUIRED", "SCOPE_MISSING"].contains(&reason(refused).as_str()));

    let ask = |kind: DiscountKind, page_token: String| proto::ListDiscountsRequest {
        lot_id: town.place.lot.lot_id.clone(),
        kind: kind.into(),
        page_size: 1,
        page_token,
    };
    let first = op
        .list_discounts(ask(DiscountKind::Unspecified, String::new()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.discounts, std::slice::from_ref(&cafe));
    let token = first.next_page_token;
    let second =
        op.list_discounts(ask(DiscountKind::Unspecified, token)).await.unwrap().into_inner();
    assert_eq!((second.discounts, second.next_page_token.as_str()), (vec![summer.clone()], ""));
    let codes =
        op.list_discounts(ask(DiscountKind::PromoCode, String::new())).await.unwrap().into_inner();
    assert_eq!(codes.discounts, std::slice::from_ref(&summer));
    let foreign = otto.list_discounts(ask(DiscountKind::Unspecified, String::new())).await;
    assert_eq!(reason(foreign), "LOT_NOT_FOUND");
    let ending =
        proto::EndDiscountRequest { request_id: request_id(), discount_id: summer.discount_id };
    assert_eq!(reason(otto.end_discount(ending).await), "DISCOUNT_NOT_FOUND");
    town.world.stop().await;
}
