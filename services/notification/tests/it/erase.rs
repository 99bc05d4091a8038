//! A person who is erased: no message of theirs is left, and none comes after it.

use parkmesh_contracts::booking::v1::UserErased;
use parkmesh_contracts::erasure::Erasure;
use parkmesh_contracts::ids::UserId;
use parkmesh_contracts::notification::v1::{self as proto, UserDataErased};
use parkmesh_testkit::{eventually, recorded};

use crate::world::World;

#[tokio::test]
async fn messages_are_removed_and_a_late_receipt_makes_no_new_one() {
    let world = World::new().await;
    let booking = world.ids.next();
    world.held(booking).await;
    world.reserved(booking).await;
    world.activated(booking).await;
    world.completed(booking).await;
    assert_eq!(world.messages("anna", 3).await.len(), 3);
    let wanted = proto::Preferences {
        email: "anna@example.com".to_owned(),
        webhook_url: "https://192.0.0.1.example/".to_owned(),
        ..Default::default()
    };
    world.prefer("anna", &["email", "webhook_url"], wanted).await;
    world.reserved(world.ids.next()).await;
    world.messages("anna", 4).await;
    let erasure = Erasure {
        erasure_id: world.ids.next(),
        user_id: "anna".parse().unwrap(),
        pseudonym: UserId::erased(world.ids.next()),
    };
    world.tell(erasure.erasure_id.into(), 1, &UserErased::from(&erasure)).await;
    let told = eventually("notification's word", || async {
        recorded(&world.bus, "NOTIFICATION").await.into_iter().next()
    });
    let told: UserDataErased = told.await.decode().unwrap();
    assert_eq!(told.erasure_id, erasure.erasure_id.to_string());
    assert!(world.list("anna").await.is_empty());
    for table in ["recipient", "preferences", "request", "delivery", "delivery_attempt"] {
        let count = format!("SELECT count(*) FROM {table}");
        let kept: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&world.pool).await.unwrap();
        assert_eq!(kept, 0, "{table}");
    }
    let (named,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM booking_place WHERE user_id IS NOT NULL OR remind_of IS NOT NULL",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(named, 0);

    // The receipt was written before payment heard of it. What comes after it in the stream shows that
    // it was passed over.
    world.captured(booking).await;
    let other = world.ids.next();
    world.captured(other).await;
    let messages = world.messages("anna", 1).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].booking_id, other.to_string(), "who comes back is told as before");
    world.stop().await;
}
