//! A person who is erased: money stays accounted for, and nothing tells whose it was.

use parkmesh_contracts::booking::v1::UserErased;
use parkmesh_contracts::erasure::Erasure;
use parkmesh_contracts::ids::UserId;
use parkmesh_contracts::payment::v1::{PaymentStatus, UserDataErased};
use parkmesh_testkit::{eventually, recorded};
use sqlx::Row;

use crate::world::{World, eur, reason};

/// Asks for anna to be erased, and waits until payment says so.
async fn erase(world: &World) -> UserId {
    let erasure = Erasure {
        erasure_id: world.ids.next(),
        user_id: "anna".parse().unwrap(),
        pseudonym: UserId::erased(world.ids.next()),
    };
    world.tell(world.ids.next(), 1, &UserErased::from(&erasure)).await;
    let told = eventually("payment's word", || async {
        let facts = recorded(&world.bus, "PAYMENT").await;
        facts.into_iter().find(|fact| fact.fact_type == "parkmesh.payment.v1.user_data_erased")
    });
    let told: UserDataErased = told.await.decode().unwrap();
    assert_eq!(told.erasure_id, erasure.erasure_id.to_string());
    erasure.pseudonym
}

/// Rows of a table, as JSON, in which the text occurs.
async fn told_of(world: &World, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["payment", "receipt", "ledger_entry", "booking_money", "payment_request"] {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT to_jsonb(t)::text AS row FROM {table} AS t WHERE to_jsonb(t)::text LIKE $1"
        )))
        .bind(format!("%{text}%"))
        .fetch_all(&world.pool)
        .await
        .unwrap();
        found.extend(rows.iter().map(|row| format!("{table} {}", row.get::<String, _>("row"))));
    }
    found
}

#[tokio::test]
async fn payments_receipts_and_ledger_stay_without_the_person() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.completed(booking, 850, world.in_hours(2)).await;
    world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    let before: i64 = sqlx::query_scalar("SELECT count(*) FROM ledger_entry")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(!told_of(&world, "anna").await.is_empty());
    let pseudonym = erase(&world).await;
    assert_eq!(told_of(&world, "anna").await, Vec::<String>::new());
    assert_eq!(told_of(&world, "pm_card_ok").await, Vec::<String>::new());
    assert!(told_of(&world, pseudonym.as_str()).await.len() >= 3, "it is one account still");
    let row = sqlx::query(
        "SELECT count(*) AS entries, sum(amount_minor)::bigint AS sum FROM ledger_entry",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!((row.get::<i64, _>("entries"), row.get::<i64, _>("sum")), (before, 0));
    assert_eq!(reason(world.receipt(booking).await), "RECEIPT_NOT_FOUND");
    // The ledger still lets nobody change it otherwise.
    for change in [
        "UPDATE ledger_entry SET amount_minor = 1",
        "UPDATE ledger_entry SET account = 'driver:ben'",
        "UPDATE ledger_entry SET account = 'driver:erased:x', kind = 'void'",
        "DELETE FROM ledger_entry",
    ] {
        sqlx::query(change).execute(&world.pool).await.unwrap_err();
    }
}

#[tokio::test]
async fn money_that_is_still_on_its_way_arrives_and_the_card_is_forgotten_with_it() {
    let world = World::new().await;
    let booking = world.ids.next();
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    // Erased before the capture is even asked for.
    let pseudonym = erase(&world).await;
    world.completed(booking, 850, world.in_hours(2)).await;
    eventually("the capture", || async {
        let row = sqlx::query(
            "SELECT captured_minor, user_id, payment_method FROM payment
             WHERE payment_id = $1::uuid AND status = 'captured'",
        )
        .bind(&payment.payment_id)
        .fetch_optional(&world.pool)
        .await
        .unwrap()?;
        assert_eq!(row.get::<i64, _>("captured_minor"), 850);
        assert_eq!(row.get::<String, _>("user_id"), pseudonym.as_str());
        assert_eq!(row.get::<String, _>("payment_method"), "erased");
        Some(())
    })
    .await;
    assert_eq!(world.at_provider(&payment.payment_id).await[0]["captured_minor"], 850);
    assert_eq!(told_of(&world, "driver:anna").await, Vec::<String>::new());
    assert_eq!(payment.authorized_amount, Some(eur(1_200)));
}
