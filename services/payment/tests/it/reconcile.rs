//! The provider's ledger beside ours, and what an operator reads of it.

use parkmesh_contracts::payment::v1::{self as proto, PaymentStatus};
use parkmesh_testkit::eventually;
use tonic::Status;

use crate::world::{World, by, eur, reason};

/// Differences that stand, as (payment, ours, theirs).
async fn differences(world: &World) -> Vec<(String, i64, i64)> {
    sqlx::query_as(
        "SELECT payment_id::text, ours_minor, theirs_minor FROM ledger_difference
         WHERE mend_time IS NULL ORDER BY payment_id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

/// Waits until every line of the provider was read.
async fn all_read(world: &World, lines: i64) {
    eventually("the provider's lines", || async {
        let read: i64 = sqlx::query_scalar("SELECT count(*) FROM provider_movement")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        (read == lines).then_some(())
    })
    .await;
}

#[tokio::test]
async fn ledgers_that_agree_differ_in_nothing_and_a_cent_that_one_lacks_is_found_and_mended() {
    let world = World::new().await;
    let id = world.captured(900).await;
    world.refund(&world.asking_back(&id, Some(200))).await.unwrap();
    let other = world.captured(500).await;
    all_read(&world, 3).await;
    // Somebody moved money at the provider without us, and says that it was for this payment.
    let stray = "INSERT INTO provider_movement (movement_id, kind, payment_id, amount_minor,
            fee_minor, currency, move_time)
         VALUES ('stray', 'refund', $1::uuid, -1, 0, 'EUR', now())";
    sqlx::query(stray).bind(&other).execute(&world.pool).await.unwrap();
    // At rest: nobody has touched them for a while.
    world.clock.advance(jiff::SignedDuration::from_secs(120));
    let found = eventually("the difference", || async {
        Some(differences(&world).await).filter(|found| !found.is_empty())
    })
    .await;
    assert_eq!(found, [(other.clone(), 500, 499)]);
    let mended = "DELETE FROM provider_movement WHERE movement_id = 'stray'";
    sqlx::query(mended).execute(&world.pool).await.unwrap();
    eventually("the difference is mended", || async {
        differences(&world).await.is_empty().then_some(())
    })
    .await;
}

async fn report(
    world: &World,
    token: &str,
    first: &str,
    last: &str,
) -> Result<proto::GetRevenueReportResponse, Status> {
    let request = proto::GetRevenueReportRequest {
        lot_id: world.lot.to_string(),
        first_date: first.to_owned(),
        last_date: last.to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
    };
    Ok(world.client.clone().get_revenue_report(by(token, request)).await?.into_inner())
}

#[tokio::test]
async fn a_report_tells_each_day_and_adds_up_to_what_is_paid_out() {
    let world = World::new().await;
    let berlin = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let today = || world.clock.now().to_zoned(berlin.clone()).date().to_string();
    let first = today();
    let id = world.captured(900).await;
    world.captured(500).await;
    world.clock.advance(jiff::SignedDuration::from_hours(24));
    let last = today();
    world.refund(&world.asking_back(&id, Some(200))).await.unwrap();
    let op = world.operator(&["payment.audit"]);
    let told = report(&world, &op, &first, &last).await.unwrap();
    let total = told.total.unwrap();
    assert_eq!((total.captures, total.refunds), (2, 1));
    assert_eq!(total.booking_amount, Some(eur(1_400)));
    assert_eq!(total.refunded_amount, Some(eur(200)));
    assert_eq!(total.payout_amount, Some(eur(1_200)));
    let days: Vec<_> =
        told.days.iter().map(|day| (day.date.clone(), day.payout_amount.clone())).collect();
    assert_eq!(days, [(first.clone(), Some(eur(1_400))), (last.clone(), Some(eur(-200)))]);
    let only = report(&world, &op, &last, &last).await.unwrap();
    assert_eq!(only.days.len(), 1);
    let none = report(&world, &op, "2020-01-01", "2020-12-31").await.unwrap();
    assert_eq!((none.days.len(), none.total), (0, None));
}

#[tokio::test]
async fn a_report_is_for_operators_of_the_lot_and_of_days_that_make_sense() {
    let world = World::new().await;
    let elsewhere = world.tokens.operator("op", [world.ids.next()]);
    let answer = report(&world, &elsewhere, "2026-11-01", "2026-11-02").await;
    assert_eq!(reason(answer), "LOT_NOT_FOUND");
    let driver = world.driver_with(&["payment.audit"]);
    let answer = report(&world, &driver, "2026-11-01", "2026-11-02").await;
    assert_eq!(reason(answer), "OPERATOR_REQUIRED");
    let op = world.operator(&["payment.audit"]);
    for (first, last) in [
        ("2026-11-02", "2026-11-01"),
        ("2025-01-01", "2026-11-01"),
        ("2026-13-01", "2026-11-01"),
        ("yesterday!", "2026-11-01"),
    ] {
        assert_eq!(reason(report(&world, &op, first, last).await), "ARGUMENT_INVALID", "{first}");
    }
}

#[tokio::test]
async fn a_voided_payment_is_in_neither_ledger() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.expired(booking).await;
    world.comes_to(&payment.payment_id, PaymentStatus::Voided).await;
    world.captured(300).await;
    all_read(&world, 1).await;
    world.clock.advance(jiff::SignedDuration::from_secs(120));
    // Compared at rest: what is read after this was compared after it.
    let later = world.captured(400).await;
    all_read(&world, 2).await;
    assert_eq!(differences(&world).await, []);
    assert_eq!(world.get(&later).await.status(), PaymentStatus::Captured);
}
