use parkmesh_contracts::payment::v1::PaymentStatus;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn every_movement_and_every_finished_payment_sums_to_zero() {
    let world = World::new().await;
    let (stay, gone) = (world.ids.next(), world.ids.next());
    let first = world.authorize(world.asking(stay, "pm_card_ok")).await.unwrap();
    let second = world.authorize(world.asking(gone, "pm_card_ok")).await.unwrap();
    world.completed(stay, 850, world.in_hours(1)).await;
    world.expired(gone).await;
    world.comes_to(&first.payment_id, PaymentStatus::Captured).await;
    world.comes_to(&second.payment_id, PaymentStatus::Voided).await;

    let movements: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT movement_id, sum(amount_minor)::bigint FROM ledger_entry GROUP BY movement_id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(movements.len(), 4);
    assert!(movements.iter().all(|(_, sum)| *sum == 0), "{movements:?}");
    assert_eq!(world.account_sums().await, "driver -850, held 0, operator 850");
}

#[tokio::test]
async fn the_database_refuses_a_movement_that_does_not_sum_to_zero() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    let payment = world.authorize(asked).await.unwrap();
    let crooked = sqlx::query(
        "INSERT INTO ledger_entry (movement_id, payment_id, kind, account, amount_minor, currency,
             create_time)
         VALUES ($1, $2::uuid, 'capture', 'a', -5, 'EUR', now()),
                ($1, $2::uuid, 'capture', 'b', 4, 'EUR', now())",
    )
    .bind(world.ids.next::<Uuid>())
    .bind(&payment.payment_id)
    .execute(&world.pool)
    .await;
    let constraint = constraint(crooked);
    assert_eq!(constraint, "ledger_movement_balanced");
}

#[tokio::test]
async fn the_ledger_cannot_be_changed_nor_a_movement_written_twice() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    world.authorize(asked).await.unwrap();
    for change in [
        "UPDATE ledger_entry SET amount_minor = amount_minor + 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
    ] {
        let changed = sqlx::query(change).execute(&world.pool).await;
        assert_eq!(constraint(changed), "ledger_append_only", "{change}");
    }
    let twice = sqlx::query(
        "INSERT INTO ledger_entry (movement_id, payment_id, kind, account, amount_minor, currency,
             create_time)
         SELECT movement_id, payment_id, kind, account, amount_minor, currency, create_time
         FROM ledger_entry",
    )
    .execute(&world.pool)
    .await;
    assert_eq!(constraint(twice), "ledger_entry_once");
}

fn constraint<T: std::fmt::Debug>(answer: Result<T, sqlx::Error>) -> String {
    let error = answer.unwrap_err();
    parkmesh_platform::postgres::constraint_of(&error).unwrap_or_default().to_owned()
}
