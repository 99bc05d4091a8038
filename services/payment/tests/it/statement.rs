//! What an operator is paid out, and that it is what the ledger says.

use jiff::SignedDuration;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::payment::v1::{self as proto, PaymentStatus};
use parkmesh_platform::postgres::constraint_of;
use parkmesh_testkit::eventually;
use prost::Message;
use tonic::Status;
use uuid::Uuid;

use crate::debts::{owing, retry, with};
use crate::notices::{dispute, told};
use crate::world::{World, by, eur, reason, run_by};

/// From the first to the last of these days of UTC.
async fn statement(
    world: &World,
    token: &str,
    (first, last): (&str, &str),
) -> Result<proto::GetPayoutStatementResponse, Status> {
    let request = proto::GetPayoutStatementRequest {
        currency: "EUR".to_owned(),
        first_date: first.to_owned(),
        last_date: last.to_owned(),
        time_zone: String::new(),
        page_language: proto::ReceiptLanguage::English.into(),
    };
    Ok(world.client.clone().get_payout_statement(by(token, request)).await?.into_inner())
}

fn today(world: &World) -> String {
    world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// A payment at this lot of which so much was captured.
async fn captured_at(world: &World, lot: LotId, minor: i64) -> String {
    let booking = world.ids.next();
    let asked = proto::AuthorizePaymentRequest {
        lot_id: lot.to_string(),
        ..world.asking(booking, "pm_card_ok")
    };
    let id = world.authorize(asked).await.unwrap().payment_id;
    world.completed(booking, minor, world.in_hours(2)).await;
    world.comes_to(&id, PaymentStatus::Captured).await;
    id
}

/// What the accounts of a lot, and the other sides of their movements, come to.
async fn ledger_of(world: &World, lot: LotId) -> (i64, i64) {
    sqlx::query_as(
        "SELECT coalesce(sum(amount_minor) FILTER (WHERE account LIKE 'operator:%'), 0)::bigint,
             coalesce(sum(amount_minor) FILTER (WHERE account NOT LIKE 'operator:%'), 0)::bigint
         FROM ledger_entry JOIN payment USING (payment_id) WHERE lot_id = $1",
    )
    .bind(lot.as_uuid())
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

/// The provider keeps so much of a payment.
async fn keeps_fee(world: &World, payment_id: &str, lot: LotId, minor: i64) {
    sqlx::query(
        "INSERT INTO ledger_entry (movement_id, payment_id, kind, account, amount_minor, currency,
             create_time)
         VALUES ($1, $2::uuid, 'fee', 'operator:' || $3, -$4::bigint, 'EUR', $5),
                ($1, $2::uuid, 'fee', 'fees:' || $3, $4, 'EUR', $5)",
    )
    .bind(world.ids.next::<Uuid>())
    .bind(payment_id)
    .bind(lot.to_string())
    .bind(minor)
    .bind(jiff_sqlx::ToSqlx::to_sqlx(world.clock.now()))
    .execute(&world.pool)
    .await
    .unwrap();
}

/// A debt of this much is written, and paid when its card works again.
async fn owes_and_pays(world: &World, minor: i64) {
    let booking = world.ids.next();
    let asked = world.asking(booking, "pm_card_capture_fails");
    let first = world.authorize(asked).await.unwrap();
    world.completed(booking, minor, world.in_hours(2)).await;
    world.comes_to(&first.payment_id, PaymentStatus::Declined).await;
    let mended = "UPDATE payment SET payment_method = 'pm_card_ok' WHERE kind = 'debt'
         RETURNING payment_id::text";
    let (debt,): (String,) = sqlx::query_as(mended).fetch_one(&world.pool).await.unwrap();
    world.clock.advance(SignedDuration::from_secs(3_601));
    world.comes_to(&debt, PaymentStatus::Captured).await;
}

#[tokio::test]
async fn a_statement_is_what_the_ledger_says_to_the_cent_and_sums_to_zero_with_its_other_sides() {
    let (world, _relay) = told().await;
    let (second, elses): (LotId, LotId) = (world.ids.next(), world.ids.next());
    run_by(&world.pool, second, "op").await;
    run_by(&world.pool, elses, "eve").await;
    let first_day = today(&world);
    let given_back = captured_at(&world, world.lot, 900).await;
    let disputed = captured_at(&world, world.lot, 500).await;
    captured_at(&world, second, 300).await;
    captured_at(&world, elses, 700).await;
    world.refund(&world.asking_back(&given_back, Some(200))).await.unwrap();
    keeps_fee(&world, &given_back, world.lot, 27).await;
    dispute(&world, &disputed, "opened").await;
    eventually("the dispute", || async {
        (ledger_of(&world, world.lot).await.0 == 900 - 200 - 27).then_some(())
    })
    .await;
    owes_and_pays(&world, 850).await;
    let op = world.tokens.operator("op", []);
    let days = (first_day.as_str(), today(&world));
    let answer = statement(&world, &op, (days.0, &days.1)).await.unwrap();
    let told = answer.statement.unwrap();
    assert!(!told.closed, "its days are not over");
    let line = |lot: LotId| told.lots.iter().find(|line| line.lot_id == lot.to_string()).unwrap();
    let own = line(world.lot).clone();
    assert_eq!((own.booking_amount, own.debt_paid_amount), (Some(eur(1_400)), Some(eur(850))));
    assert_eq!((own.refunded_amount, own.chargeback_amount), (Some(eur(200)), Some(eur(500))));
    assert_eq!((own.fee_amount, own.debt_written_amount), (Some(eur(27)), Some(eur(850))));
    assert_eq!((own.captures, own.refunds), (3, 1));
    assert_eq!(told.lots.len(), 2, "nobody else's");
    let mut sum = 0;
    for lot in [world.lot, second] {
        let (ours, others) = ledger_of(&world, lot).await;
        assert_eq!(line(lot).opening_balance, Some(eur(0)));
        assert_eq!(line(lot).payout_amount, Some(eur(ours)));
        assert_eq!(line(lot).closing_balance, Some(eur(ours)));
        assert_eq!(ours + others, 0);
        sum += ours;
    }
    let total = told.total.unwrap();
    assert_eq!((sum, total.payout_amount), (1_823, Some(eur(1_823))));
    for told in ["Pay-out statement", "Paid out</th><td class=\"n\">18.23 EUR", "Not closed yet"] {
        assert!(answer.page.contains(told), "{told} in {}", answer.page);
    }
}

#[tokio::test]
async fn a_time_that_is_closed_has_the_same_statement_for_ever_and_the_next_begins_where_it_ends() {
    let world = World::new().await;
    let first = today(&world);
    let id = world.captured(900).await;
    world.clock.advance(SignedDuration::from_hours(48));
    let op = world.operator(&["payment.audit"]);
    let closed = statement(&world, &op, (&first, &first)).await.unwrap();
    let told = closed.statement.clone().unwrap();
    assert!(told.closed && !closed.page.contains("Not closed yet"));
    assert_eq!(told.total.as_ref().unwrap().payout_amount, Some(eur(900)));
    let later = today(&world);
    world.refund(&world.asking_back(&id, Some(900))).await.unwrap();
    world.captured(300).await;
    let again = statement(&world, &op, (&first, &first)).await.unwrap();
    assert_eq!(again.encode_to_vec(), closed.encode_to_vec());
    let next = statement(&world, &op, (&later, &later)).await.unwrap().statement.unwrap();
    let next = next.total.unwrap();
    assert_eq!(next.opening_balance, told.total.unwrap().closing_balance);
    assert_eq!((next.payout_amount, next.closing_balance), (Some(eur(-600)), Some(eur(300))));
    // Nobody can write into it, whatever their clock says.
    let late = sqlx::query(
        "INSERT INTO ledger_entry (movement_id, payment_id, kind, account, amount_minor, currency,
             create_time)
         SELECT gen_random_uuid(), payment_id, kind, account, amount_minor, currency, create_time
         FROM ledger_entry WHERE payment_id = $1::uuid AND kind = 'capture'",
    )
    .bind(&id)
    .execute(&world.pool)
    .await;
    assert_eq!(constraint_of(&late.unwrap_err()), Some("ledger_time_open"));
}

#[tokio::test]
async fn a_statement_is_for_operators_of_their_own_lots_and_of_days_and_a_currency_that_make_sense()
{
    let world = World::new().await;
    world.captured(900).await;
    let day = today(&world);
    let elsewhere = world.tokens.operator("op", [world.ids.next()]);
    let told = statement(&world, &elsewhere, (&day, &day)).await.unwrap().statement.unwrap();
    assert_eq!((told.lots.len(), told.total.unwrap().payout_amount), (0, Some(eur(0))));
    let driver = world.driver_with(&["payment.audit"]);
    assert_eq!(reason(statement(&world, &driver, (&day, &day)).await), "OPERATOR_REQUIRED");
    let without = world.operator(&["payment.read"]);
    let answer = statement(&world, &without, (&day, &day)).await;
    assert_eq!(answer.unwrap_err().code(), tonic::Code::PermissionDenied);
    let op = world.operator(&["payment.audit"]);
    for days in [("2026-11-02", "2026-11-01"), ("2025-01-01", "2026-11-01"), ("tomorrow!!", &*day)]
    {
        assert_eq!(reason(statement(&world, &op, days).await), "ARGUMENT_INVALID", "{days:?}");
    }
    let request = proto::GetPayoutStatementRequest {
        currency: "ABC".to_owned(),
        first_date: day.clone(),
        last_date: day,
        ..Default::default()
    };
    let answer = world.client.clone().get_payout_statement(by(&op, request)).await;
    assert_eq!(reason(answer), "ARGUMENT_INVALID");
}

#[tokio::test]
async fn a_debt_that_is_paid_with_another_card_was_written_once() {
    let world = World::new().await;
    let day = today(&world);
    let (_, _, debt) = owing(&world).await;
    let paid = retry(&world, "anna", &with(&world, &debt.payment_id, "pm_card_ok")).await.unwrap();
    world.comes_to(&paid.payment_id, PaymentStatus::Captured).await;
    let op = world.operator(&["payment.audit"]);
    let told = statement(&world, &op, (&day, &today(&world))).await.unwrap().statement.unwrap();
    let total = told.total.unwrap();
    assert_eq!(
        (total.debt_written_amount, total.debt_paid_amount),
        (Some(eur(850)), Some(eur(850)))
    );
}
