//! Promo codes and merchants: what their tests share.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::create_discount_request::{Kind, Off};
use parkmesh_contracts::booking::v1::discount_service_client::DiscountServiceClient;
use parkmesh_contracts::booking::v1::validate_parking_request::Key;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::money::Money;
use parkmesh_contracts::time::to_proto;
use parkmesh_testkit::eventually;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tonic::{Response, Status};

use crate::booking_world::{Bookings, Town};
use crate::world::{Line, request_id};

/// A client of DiscountService.
pub type Discounts = DiscountServiceClient<Line>;

/// The operator of the town, and what it asks.
pub async fn operator(town: &Town) -> Discounts {
    client(town, &town.world.tokens.operator("op", [])).await
}

/// A driver's client.
pub async fn driver(town: &Town, name: &str) -> Discounts {
    client(town, &town.world.tokens.driver(name)).await
}

/// A client with this token.
pub async fn client(town: &Town, token: &str) -> Discounts {
    DiscountServiceClient::new(town.world.line(token).await)
}

pub fn euros(minor: i64) -> ProtoMoney {
    Money::new(minor, "EUR".parse().unwrap()).into()
}

pub fn minor(money: Option<ProtoMoney>) -> i64 {
    Money::try_from(&money.unwrap()).unwrap().minor
}

/// A quarter is 25.
pub fn percent(percent: i32) -> Off {
    Off::BasisPoints(percent * 100)
}

/// So many cents.
pub fn cents(minor: i64) -> Off {
    Off::Amount(euros(minor))
}

/// A code without limits.
pub fn code(town: &Town, code: &str, off: Off) -> proto::CreateDiscountRequest {
    let kind = proto::PromoCode { code: code.to_owned(), ..Default::default() };
    asked(town, Kind::PromoCode(kind), off)
}

/// A code that so many bookings may use, in all and of one driver.
pub fn limited(text: &str, most_uses: i32, most_uses_per_driver: i32) -> Kind {
    Kind::PromoCode(proto::PromoCode { code: text.to_owned(), most_uses, most_uses_per_driver })
}

/// A merchant who may validate so many on a day.
pub fn merchant(
    town: &Town,
    name: &str,
    off: Off,
    most_uses_per_day: i32,
) -> proto::CreateDiscountRequest {
    asked(town, Kind::Merchant(proto::Merchant { name: name.to_owned(), most_uses_per_day }), off)
}

pub fn asked(town: &Town, kind: Kind, off: Off) -> proto::CreateDiscountRequest {
    proto::CreateDiscountRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        kind: Some(kind),
        off: Some(off),
        valid_from_time: None,
        valid_until_time: None,
    }
}

/// So many minutes from now.
pub fn in_minutes(town: &Town, minutes: i64) -> Option<prost_types::Timestamp> {
    Some(to_proto(town.world.clock.now() + SignedDuration::from_mins(minutes)))
}

pub async fn made(
    operator: &mut Discounts,
    request: proto::CreateDiscountRequest,
) -> proto::Discount {
    operator.create_discount(request).await.unwrap().into_inner().discount.unwrap()
}

pub async fn end(operator: &mut Discounts, discount: &proto::Discount) -> proto::Discount {
    let request = proto::EndDiscountRequest {
        request_id: request_id(),
        discount_id: discount.discount_id.clone(),
    };
    operator.end_discount(request).await.unwrap().into_inner().discount.unwrap()
}

pub fn redeem(booking: &proto::Booking, code: &str) -> proto::RedeemPromoCodeRequest {
    proto::RedeemPromoCodeRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
        code: code.to_owned(),
    }
}

pub async fn redeemed(
    driver: &mut Discounts,
    booking: &proto::Booking,
    code: &str,
) -> proto::Booking {
    let answer = driver.redeem_promo_code(redeem(booking, code)).await;
    answer.unwrap().into_inner().booking.unwrap()
}

/// By the booking's id.
pub fn validate(
    merchant: &proto::Discount,
    booking: &proto::Booking,
) -> proto::ValidateParkingRequest {
    proto::ValidateParkingRequest {
        request_id: request_id(),
        discount_id: merchant.discount_id.clone(),
        key: Some(Key::BookingId(booking.booking_id.clone())),
    }
}

pub async fn validated(
    operator: &mut Discounts,
    merchant: &proto::Discount,
    booking: &proto::Booking,
) -> proto::Booking {
    booking_of(operator.validate_parking(validate(merchant, booking)).await)
}

pub fn booking_of(
    answer: Result<Response<proto::ValidateParkingResponse>, Status>,
) -> proto::Booking {
    answer.unwrap().into_inner().booking.unwrap()
}

/// What is authorised and what is to be paid for the window; the lines add up to the latter.
pub fn price(booking: &proto::Booking) -> (i64, i64) {
    let quote = booking.quote.clone().unwrap();
    let (amount, payable) = (minor(quote.amount), minor(quote.payable_amount));
    let lines = quote.lines.into_iter().map(|line| minor(line.amount));
    assert_eq!(lines.sum::<i64>(), payable, "the lines add up");
    (amount, payable)
}

/// Ends the session of a booking that has begun, so many minutes later.
pub async fn leave(
    town: &Town,
    driver: &mut Bookings,
    booking: &proto::Booking,
    minutes: i64,
) -> proto::Booking {
    town.advance(minutes);
    let booking_id = booking.booking_id.clone();
    let request = proto::EndSessionRequest { request_id: request_id(), booking_id };
    driver.end_session(request).await.unwrap().into_inner().booking.unwrap()
}

/// Until so many sessions of the test's database wait for locks.
pub async fn waiting_for_locks(town: &Town, sessions: i64) {
    eventually("sessions wait for locks", || async {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&town.world.pool)
        .await
        .unwrap();
        (waiting >= sessions).then_some(())
    })
    .await;
}

/// Every discount's row, held until it is given back: whoever uses one waits.
pub struct HeldDiscounts(PoolConnection<Postgres>);

impl HeldDiscounts {
    pub async fn take(town: &Town) -> Self {
        let mut connection = town.world.pool.acquire().await.unwrap();
        let hold = "BEGIN; SELECT FROM discount FOR NO KEY UPDATE";
        sqlx::raw_sql(hold).execute(&mut *connection).await.unwrap();
        Self(connection)
    }

    pub async fn give_back(mut self) {
        sqlx::raw_sql("ROLLBACK").execute(&mut *self.0).await.unwrap();
    }
}
