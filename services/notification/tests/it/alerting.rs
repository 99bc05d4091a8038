//! Operators are told what they should look at, in their own lots.

use parkmesh_contracts::booking::v1::{InventoryChanged, Lot, Spot, SpotStateChanged};
use parkmesh_contracts::google::r#type::Money;
use parkmesh_contracts::ids::{LotId, SpotId};
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::notification::v1::NotificationKind as Kind;
use parkmesh_contracts::payment::v1::{PaymentStuck, PaymentStuckCause};
use parkmesh_contracts::sensor::v1::{DiscrepancyKind, DiscrepancyOpened, SensorSilent};
use parkmesh_contracts::time::to_proto;
use parkmesh_testkit::eventually;
use uuid::Uuid;

use crate::world::{World, by};

async fn list_as(world: &World, token: &str) -> Vec<proto::Notification> {
    let request = by(token, proto::ListNotificationsRequest::default());
    let answer = world.client.clone().list_notifications(request).await.unwrap();
    answer.into_inner().notifications
}

async fn named(world: &World, spot: SpotId) {
    let lot = Lot {
        lot_id: world.lot.to_string(),
        name: "Harbour".to_owned(),
        operator_id: "otto".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        ..Default::default()
    };
    let (lot_id, version) = (world.lot.to_string(), 1);
    let fact = InventoryChanged { lot_id, version, lot: Some(lot), ..Default::default() };
    world.tell(world.lot.into(), 1, &fact).await;
    let painted =
        Spot { spot_id: spot.to_string(), spot_number: "A-12".to_owned(), ..Default::default() };
    let (lot_id, spot_of) = (world.lot.to_string(), Some(painted));
    world.tell(spot.into(), 1, &SpotStateChanged { lot_id, version, spot: spot_of }).await;
    eventually("the names", || async {
        let (known,): (i64,) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM lot_name) + (SELECT count(*) FROM spot_name)",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        (known == 2).then_some(())
    })
    .await;
}

fn silent(lot: LotId, spot: SpotId, version: i64) -> SensorSilent {
    SensorSilent {
        lot_id: lot.to_string(),
        spot_id: spot.to_string(),
        last_seen_time: Some(to_proto("2026-11-20T13:05:00Z".parse().unwrap())),
        version,
        ..Default::default()
    }
}

#[tokio::test]
async fn operators_of_the_lot_are_alerted_and_nobody_else() {
    let world = World::new().await;
    let spot: SpotId = world.ids.next();
    let elsewhere: LotId = world.ids.next();
    let own = world.tokens.operator("otto", []);
    let every = world.tokens.operator("olga", []);
    let other = world.tokens.operator("oleg", [elsewhere]);
    let named_it = world.tokens.operator("oda", [world.lot]);
    let driver = world.tokens.driver("anna");
    for token in [&own, &every, &other, &named_it, &driver] {
        assert!(list_as(&world, token).await.is_empty());
    }
    named(&world, spot).await;
    // Just registered: no alert.
    let mut silent = silent(world.lot, spot, 6);
    silent.last_seen_time = None;
    world.tell(spot.into(), 6, &silent).await;
    let silent = self::silent(world.lot, spot, 7);
    world.tell(spot.into(), 7, &silent).await;
    let mut opened = DiscrepancyOpened {
        lot_id: world.lot.to_string(),
        version: 1,
        discrepancy_id: world.ids.next::<SpotId>().to_string(),
        spot_id: spot.to_string(),
        since_time: Some(to_proto("2026-11-20T13:05:00Z".parse().unwrap())),
        ..Default::default()
    };
    opened.set_kind(DiscrepancyKind::CarWithoutSession);
    world.tell(world.ids.next(), 1, &opened).await;
    {
        let token = &own;
        let told = eventually("two alerts", || async {
            Some(list_as(&world, token).await).filter(|told| told.len() == 2)
        })
        .await;
        assert_eq!(told[1].kind(), Kind::SensorSilent);
        assert_eq!(told[1].title, "A sensor is silent at Harbour");
        assert!(told[1].body.starts_with("Spot A-12: it was last heard on Fri 20 Nov, 14:05"));
        assert_eq!(told[0].kind(), Kind::Discrepancy);
        assert!(told[0].body.contains("a car stands there, and no session"), "{}", told[0].body);
        assert_eq!((told[0].lot_id.as_str(), told[0].booking_id.as_str()), (&*opened.lot_id, ""));
    }
    for token in [&every, &other, &named_it, &driver] {
        assert!(list_as(&world, token).await.is_empty());
    }
}

#[tokio::test]
async fn an_operator_who_speaks_for_a_lot_no_longer_is_not_alerted_of_it() {
    let world = World::new().await;
    let elsewhere: LotId = world.ids.next();
    world.run_by(elsewhere, "otto").await;
    list_as(&world, &world.tokens.operator("otto", [world.lot])).await;
    list_as(&world, &world.tokens.operator("otto", [elsewhere])).await;
    let spot: SpotId = world.ids.next();
    for (lot, version) in [(world.lot, 1), (elsewhere, 2)] {
        world.tell(spot.into(), version, &silent(lot, spot, version)).await;
    }
    let token = world.tokens.operator("otto", [elsewhere]);
    let told = eventually("an alert", || async {
        Some(list_as(&world, &token).await).filter(|told| !told.is_empty())
    })
    .await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].lot_id, elsewhere.to_string());
}

#[tokio::test]
async fn operators_are_told_of_a_payment_that_is_stuck() {
    let world = World::new().await;
    let token = world.tokens.operator("otto", [world.lot]);
    list_as(&world, &token).await;
    let (payment, booking): (Uuid, Uuid) = (world.ids.next(), world.ids.next());
    let fact = PaymentStuck {
        lot_id: world.lot.to_string(),
        version: 3,
        payment_id: payment.to_string(),
        booking_id: booking.to_string(),
        amount: Some(Money { currency_code: "EUR".to_owned(), units: 8, nanos: 500_000_000 }),
        cause: PaymentStuckCause::Capture.into(),
        since_time: Some(to_proto("2026-11-20T13:05:00Z".parse().unwrap())),
    };
    world.tell(payment, 3, &fact).await;
    let told = eventually("an alert", || async {
        Some(list_as(&world, &token).await).filter(|told| !told.is_empty())
    })
    .await;
    assert_eq!((told.len(), told[0].kind()), (1, Kind::PaymentStuck));
    let body = format!("Payment {payment} (8.50 EUR): since Fri 20 Nov, 13:05");
    assert!(told[0].body.starts_with(&body), "{}", told[0].body);
    assert!(told[0].body.contains("does not say whether the money is taken"), "{}", told[0].body);
    assert_eq!(told[0].booking_id, booking.to_string());
}
