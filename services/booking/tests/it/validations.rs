//! Merchants who validate parking: less is captured than was authorised.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::validate_parking_request::Key;
use parkmesh_contracts::booking::v1::{BookingState, Cause, DiscountKind};

use crate::booking_action::comes_to;
use crate::booking_change::{check_in, extend};
use crate::booking_world::{Bookings, Town, confirm, held, reason};
use crate::discount_world::{
    Discounts, HeldDiscounts, booking_of, cents, client, code, driver, end, in_minutes, leave,
    made, merchant, minor, operator, percent, price, redeemed, validate, validated,
    waiting_for_locks,
};
use crate::timeline::{line, story};
use crate::world::request_id;

async fn reductions(
    operator: &mut Discounts,
    merchant: &proto::Discount,
) -> proto::ListReductionsResponse {
    let request = proto::ListReductionsRequest {
        discount_id: merchant.discount_id.clone(),
        ..Default::default()
    };
    operator.list_reductions(request).await.unwrap().into_inner()
}

async fn read(client: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let request = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    client.get_booking(request).await.unwrap().into_inner().booking.unwrap()
}

#[tokio::test]
async fn what_a_merchant_takes_over_is_authorised_and_not_captured() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let cafe = made(&mut op, merchant(&town, "Café Anna", cents(200), 0)).await;
    let reserved = town.reserve(&mut anna, 0, 0, 120).await;
    check_in(&mut anna, &reserved).await;
    let request = validate(&cafe, &reserved);
    let told = booking_of(op.validate_parking(request.clone()).await);
    assert_eq!((told.state(), price(&told)), (BookingState::Active, (500, 300)));
    assert_eq!(booking_of(op.validate_parking(request).await), told, "a repetition is the same");
    assert_eq!(told.reductions[0].kind(), DiscountKind::Merchant);
    let twice = op.validate_parking(validate(&cafe, &reserved)).await;
    assert_eq!(reason(twice), "VALIDATION_PRESENT");
    assert_eq!(reductions(&mut op, &cafe).await.taken_amount.map(Some).map(minor), Some(0));

    let left = leave(&town, &mut anna, &reserved, 100).await;
    assert_eq!(minor(left.final_amount), 300);
    assert_eq!(town.payment.amounts(), [500], "nothing was authorised anew");
    let mut bookings = town.client(&town.world.tokens.operator("op", [])).await;
    let story = story(&mut bookings, &reserved.booking_id).await;
    assert_eq!(story[3], line("price_reduced", Cause::Operator, "op"));
    let billed = reductions(&mut op, &cafe).await;
    assert_eq!((billed.use_count, minor(billed.taken_amount)), (1, 200));
    let row = &billed.reductions[0];
    assert_eq!((&row.booking_id, row.state()), (&reserved.booking_id, BookingState::Completed));
    assert_eq!(minor(row.taken_amount.clone()), 200);
    town.world.stop().await;
}

#[tokio::test]
async fn a_merchant_is_billed_for_what_a_short_stay_cost_and_no_more() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let cafe = made(&mut op, merchant(&town, "Café Anna", cents(400), 0)).await;
    let reserved = town.reserve(&mut anna, 0, 0, 240).await;
    check_in(&mut anna, &reserved).await;
    assert_eq!(price(&validated(&mut op, &cafe, &reserved).await), (1_000, 600));
    // One begun hour at 2.50: the merchant takes over that.
    let left = leave(&town, &mut anna, &reserved, 30).await;
    assert_eq!(minor(left.final_amount), 0);
    assert_eq!(minor(reductions(&mut op, &cafe).await.taken_amount), 250);
    town.world.stop().await;
}

#[tokio::test]
async fn several_merchants_and_a_code_each_take_their_part_of_what_is_left() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    made(&mut op, code(&town, "HALF", percent(50))).await;
    let cafe = made(&mut op, merchant(&town, "Café Anna", percent(20), 0)).await;
    let shop = made(&mut op, merchant(&town, "Shop", cents(150), 0)).await;
    let held = held(anna.hold_spot(town.hold(0, 0, 120)).await);
    redeemed(&mut driver(&town, "anna").await, &held, "HALF").await;
    anna.confirm_booking(confirm(&held, "ok")).await.unwrap();
    check_in(&mut anna, &held).await;
    validated(&mut op, &cafe, &held).await;
    let told = validated(&mut op, &shop, &held).await;
    // 5.00, half of it 2.50, a fifth of that less 2.00, and 1.50 less.
    assert_eq!(price(&told), (250, 50));
    // Longer: 10.00, 5.00, 4.00, 2.50, of which 2.50 are authorised already.
    let longer = anna.extend_booking(extend(&town, &held, 240, "")).await.unwrap();
    assert_eq!(price(&longer.into_inner().booking.unwrap()), (250, 250));
    assert_eq!(town.payment.amounts(), [250]);
    let left = leave(&town, &mut anna, &held, 230).await;
    assert_eq!(minor(left.final_amount), 250);
    let mut taken = Vec::new();
    for merchant in [&cafe, &shop] {
        taken.push(minor(reductions(&mut op, merchant).await.taken_amount));
    }
    assert_eq!(taken, [100, 150]);
    town.world.stop().await;
}

#[tokio::test]
async fn a_validated_extension_asks_only_for_what_is_not_authorised_yet() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let cafe = made(&mut op, merchant(&town, "Café Anna", cents(200), 0)).await;
    let reserved = town.reserve(&mut anna, 0, 0, 120).await;
    validated(&mut op, &cafe, &reserved).await;
    // Two more hours make 10.00, less 2.00, of which 5.00 are authorised.
    let longer = anna.extend_booking(extend(&town, &reserved, 240, "")).await.unwrap();
    assert_eq!(price(&longer.into_inner().booking.unwrap()), (800, 800));
    assert_eq!(town.payment.beside()[0].0, 300);
    town.world.stop().await;
}

#[tokio::test]
async fn a_session_that_nobody_booked_is_validated_by_the_code_of_its_ticket() {
    let town = Town::start().await;
    let mut op = operator(&town).await;
    let cafe = made(&mut op, merchant(&town, "Café Anna", percent(100), 0)).await;
    let mut kiosk = town.client(&town.world.tokens.operator("op", [])).await;
    use proto::start_walk_in_request::Choice;
    let spot = proto::SpotChoice { spot_id: town.place.spots[0].spot_id.clone(), spot_version: 0 };
    let start = proto::StartWalkInRequest {
        request_id: request_id(),
        choice: Some(Choice::Spot(spot)),
        end_time: in_minutes(&town, 120),
        payment_method: "ok".to_owned(),
        ..Default::default()
    };
    let session = kiosk.start_walk_in(start).await.unwrap().into_inner().booking.unwrap();
    let request = proto::ValidateParkingRequest {
        key: Some(Key::Code(session.code.to_lowercase())),
        ..validate(&cafe, &session)
    };
    assert_eq!(price(&booking_of(op.validate_parking(request).await)), (500, 0));
    let left = leave(&town, &mut kiosk, &session, 90).await;
    assert_eq!((left.state(), minor(left.final_amount)), (BookingState::Completed, 0));
    town.world.stop().await;
}

#[tokio::test]
async fn overstay_and_fees_are_not_reduced_but_no_fee_is_more_than_was_authorised() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let fees = proto::CreateTariffRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        rules: Some(proto::TariffRules {
            step_price: Some(crate::discount_world::euros(250)),
            step_minutes: 60,
            cancellation: Some(proto::CancellationTerms {
                free_until_minutes: 120,
                fee: Some(proto::Fee { kind: Some(proto::fee::Kind::Percent(60)) }),
            }),
            ..Default::default()
        }),
    };
    town.world.operator("op").await.create_tariff(fees).await.unwrap();
    let cafe = made(&mut op, merchant(&town, "Café Anna", percent(100), 0)).await;
    made(&mut op, code(&town, "HALF", percent(50))).await;
    // Validated to nothing, but 60 % of 5.00 are kept of who cancels late.
    let cancelled = town.reserve(&mut anna, 0, 60, 180).await;
    assert_eq!(price(&validated(&mut op, &cafe, &cancelled).await), (500, 0));
    let cancel = |booking: &proto::Booking| proto::CancelBookingRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
    };
    let told = anna.cancel_booking(cancel(&cancelled)).await.unwrap().into_inner();
    assert_eq!(minor(told.booking.unwrap().final_amount), 300);
    assert_eq!(reductions(&mut op, &cafe).await.use_count, 0, "nobody is billed for it");
    // 2.50 are authorised with the code: 60 % of 5.00 would be more.
    let held = held(anna.hold_spot(town.hold(1, 60, 180)).await);
    redeemed(&mut driver(&town, "anna").await, &held, "HALF").await;
    anna.confirm_booking(confirm(&held, "ok")).await.unwrap();
    let told = anna.cancel_booking(cancel(&held)).await.unwrap().into_inner();
    assert_eq!(minor(told.booking.unwrap().final_amount), 250);
    town.world.stop().await;
}

#[tokio::test]
async fn a_merchant_validates_so_many_a_day_by_the_clock_of_the_lot_even_all_at_once() {
    const CARS: usize = 8;
    let town = Town::with(CARS, true).await;
    let mut op = operator(&town).await;
    let cafe = made(&mut op, merchant(&town, "Café Anna", percent(10), 3)).await;
    let mut bookings = Vec::new();
    for spot in 0..CARS {
        let mut driver = town.driver(&format!("driver-{spot}")).await;
        bookings.push(town.reserve(&mut driver, spot, 60, 180).await);
    }
    let all = bookings.iter().map(|booking| {
        let (mut op, request) = (op.clone(), validate(&cafe, booking));
        async move { op.validate_parking(request).await }
    });
    let answers = futures_util::future::join_all(all).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 3);
    for answer in refused {
        assert_eq!(reason(answer), "VALIDATION_USED_UP");
    }
    // The next day: what was booked for today is over, and another day counts from nothing.
    town.advance(24 * 60);
    let mut anna = town.driver("anna").await;
    let tomorrow = town.reserve(&mut anna, 0, 60, 180).await;
    validated(&mut op, &cafe, &tomorrow).await;
    town.world.stop().await;
}

#[tokio::test]
async fn only_what_is_reserved_or_active_at_the_merchants_lot_is_validated_and_only_by_its_operator()
 {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let cafe = made(&mut op, merchant(&town, "Café Anna", percent(50), 0)).await;
    let promo = made(&mut op, code(&town, "HALF", percent(50))).await;
    let reserved = town.reserve(&mut anna, 0, 0, 60).await;
    let request = validate(&cafe, &reserved);
    let refused = driver(&town, "anna").await.validate_parking(request.clone()).await;
    assert!(["OPERATOR_REQUIRED", "SCOPE_MISSING"].contains(&reason(refused).as_str()));
    let mut otto = client(&town, &town.world.tokens.operator("otto", [])).await;
    assert_eq!(reason(otto.validate_parking(request).await), "DISCOUNT_NOT_FOUND");
    assert_eq!(
        reason(op.validate_parking(validate(&promo, &reserved)).await),
        "DISCOUNT_NOT_FOUND",
        "a code is for drivers"
    );
    // Otto's own booking at this lot is not Otto's to validate with a merchant of another lot.
    let mut ottos = town.client(&town.world.tokens.driver("otto")).await;
    let at_mall = town.reserve(&mut ottos, 2, 0, 60).await;
    let mut inventory = town.world.operator("otto").await;
    let other = crate::world::make_place(&mut inventory, "Other", 1).await;
    let elsewhere = proto::CreateDiscountRequest {
        lot_id: other.lot.lot_id,
        ..merchant(&town, "Otto's", percent(100), 0)
    };
    let elsewhere = made(&mut otto, elsewhere).await;
    let foreign = otto.validate_parking(validate(&elsewhere, &at_mall)).await;
    assert_eq!(reason(foreign), "BOOKING_NOT_FOUND");

    let held = held(anna.hold_spot(town.hold(1, 60, 120)).await);
    let answer = op.validate_parking(validate(&cafe, &held)).await;
    assert_eq!(reason(answer), "BOOKING_STATE_WRONG");
    check_in(&mut anna, &reserved).await;
    let left = leave(&town, &mut anna, &reserved, 20).await;
    let answer = op.validate_parking(validate(&cafe, &left)).await;
    assert_eq!(reason(answer), "BOOKING_STATE_WRONG");
    assert_eq!(minor(read(&mut anna, &reserved).await.final_amount), 250);
    let second = town.reserve(&mut anna, 0, 60, 120).await;
    end(&mut op, &cafe).await;
    let answer = op.validate_parking(validate(&cafe, &second)).await;
    assert_eq!(reason(answer), "VALIDATION_INVALID");
    town.world.stop().await;
}

#[tokio::test]
async fn a_merchant_is_billed_for_a_stay_that_its_deadline_ends_too() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let cafe = made(&mut op, merchant(&town, "Café Anna", cents(200), 0)).await;
    let reserved = town.reserve(&mut anna, 0, 0, 60).await;
    check_in(&mut anna, &reserved).await;
    validated(&mut op, &cafe, &reserved).await;
    town.advance(24 * 60);
    let ended = comes_to(&anna, &reserved, |now| now.state() == BookingState::Completed).await;
    assert_eq!(minor(ended.final_amount), 50);
    assert_eq!(minor(reductions(&mut op, &cafe).await.taken_amount), 200);
    town.world.stop().await;
}

#[tokio::test]
async fn who_waits_for_a_booking_that_is_being_validated_ends_it_at_the_reduced_price() {
    let town = Town::start().await;
    let (mut op, mut anna) = (operator(&town).await, town.driver("anna").await);
    let cafe = made(&mut op, merchant(&town, "Café Anna", cents(200), 0)).await;
    let reserved = town.reserve(&mut anna, 0, 0, 60).await;
    check_in(&mut anna, &reserved).await;
    // The merchant's row is held, so that the validation waits with the booking locked, and the exit behind it.
    let blocking = HeldDiscounts::take(&town).await;
    let (request, mut second) = (validate(&cafe, &reserved), op.clone());
    let validating = async move { second.validate_parking(request).await };
    let leaving = async {
        waiting_for_locks(&town, 1).await;
        let request = proto::EndSessionRequest {
            request_id: request_id(),
            booking_id: reserved.booking_id.clone(),
        };
        anna.end_session(request).await
    };
    let releasing = async {
        waiting_for_locks(&town, 2).await;
        blocking.give_back().await;
    };
    let (told, left, ()) = tokio::join!(validating, leaving, releasing);
    assert_eq!(price(&booking_of(told)), (250, 50));
    let left = left.unwrap().into_inner().booking.unwrap();
    assert_eq!(minor(left.final_amount), 50);
    assert_eq!(minor(reductions(&mut op, &cafe).await.taken_amount), 200);
    town.world.stop().await;
}
