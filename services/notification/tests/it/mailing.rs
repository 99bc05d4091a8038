//! Mail through a real server, which may be away.

use std::path::Path;

use jiff::SignedDuration;
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::notification::v1::{Channel, DeliveryState, Language};
use parkmesh_notification::{Config, Mailer};
use parkmesh_testkit::{Mailbox, eventually};
use serde_json::Value;

use crate::world::World;

fn mailbox() -> Mailbox {
    Mailbox::start(Path::new(env!("CARGO_TARGET_TMPDIR")))
}

fn read(mailbox: &Mailbox) -> Vec<Value> {
    mailbox.mails().iter().map(|mail| serde_json::from_str(mail).unwrap()).collect()
}

async fn world(mailbox: &Mailbox) -> World {
    let mailer = Mailer::new(&mailbox.url(), "Parkmesh <parking@park.example>").unwrap();
    World::with(Config { mail: Some(mailer), ..World::config() }).await
}

fn address(email: &str) -> proto::Preferences {
    proto::Preferences {
        email: email.to_owned(),
        language: Language::German.into(),
        ..Default::default()
    }
}

async fn mails(mailbox: &Mailbox, count: usize) -> Vec<Value> {
    eventually("mails", || async { Some(read(mailbox)).filter(|mails| mails.len() >= count) }).await
}

async fn in_state(world: &World, state: DeliveryState, count: usize) -> Vec<proto::Delivery> {
    eventually("deliveries in their state", || async {
        let all = world.deliveries("anna").await;
        let there = all.iter().filter(|delivery| delivery.state() == state).count();
        (there == count).then_some(all)
    })
    .await
}

#[tokio::test]
async fn a_message_is_mailed_once_to_who_has_an_address_in_their_language() {
    let mailbox = mailbox();
    let world = world(&mailbox).await;
    world.prefer("anna", &["email", "language"], address("anna@example.com")).await;
    let booking = world.ids.next();
    world.reserved(booking).await;
    world.activated(booking).await;
    let mut mails = mails(&mailbox, 2).await;
    mails.sort_by_key(|mail| mail["message_id"].to_string());
    assert_eq!(mails[0]["to"], serde_json::json!(["anna@example.com"]));
    assert_eq!(mails[0]["from"], "parking@park.example");
    assert_eq!(mails[0]["subject"], "Platz A-12 gehört Ihnen");
    let body = "Harbour, Fr 20. Nov, 14:00 bis 16:00. Ihr Code ist K7P2.";
    assert_eq!(mails[0]["body"].as_str().unwrap().trim(), body);
    let delivered = in_state(&world, DeliveryState::Delivered, 2).await;
    let id = format!("<{}@park.example>", delivered[1].delivery_id);
    assert_eq!(mails[0]["message_id"], id);
    assert_eq!(delivered[1].channel(), Channel::Email);
    assert_eq!((delivered[1].attempts.len(), delivered[1].attempts[0].status), (1, 250));
    assert_eq!(mailbox.mails().len(), 2);
}

#[tokio::test]
async fn a_mail_has_the_link_by_which_one_acts_and_the_message_in_the_app_has_it_beside_its_text() {
    let mailbox = mailbox();
    let mailer = Mailer::new(&mailbox.url(), "Parkmesh <parking@park.example>").unwrap();
    let app_url = Some("https://park.example".to_owned());
    let world = World::with(Config { mail: Some(mailer), app_url, ..World::config() }).await;
    world.prefer("anna", &["email", "language"], address("anna@example.com")).await;
    let booking = world.ids.next();
    world.declined(booking).await;
    let link = format!("https://park.example/bookings/{booking}/pay");
    let mails = mails(&mailbox, 1).await;
    let told = world.messages("anna", 1).await;
    assert_eq!(told[0].link, link);
    assert!(!told[0].body.contains("http"), "{}", told[0].body);
    let body = mails[0]["body"].as_str().unwrap();
    let paragraphs: Vec<_> = body.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(paragraphs, [told[0].body.as_str(), link.as_str()]);
}

#[tokio::test]
async fn a_mail_server_that_is_down_for_minutes_loses_nothing() {
    let mut mailbox = mailbox();
    let mut world = world(&mailbox).await;
    world.prefer("anna", &["email", "language"], address("anna@example.com")).await;
    mailbox.kill();
    for _ in 0..10 {
        world.reserved(world.ids.next()).await;
    }
    eventually("attempts that failed", || async {
        let all = world.deliveries("anna").await;
        let tried = all.iter().all(|delivery| !delivery.attempts.is_empty());
        (all.len() == 10 && tried).then_some(())
    })
    .await;
    // It stays away for some minutes, and another process takes over meanwhile.
    for _ in 0..5 {
        world.clock.advance(SignedDuration::from_mins(1));
        eventually("another attempt", || async {
            let all = world.deliveries("anna").await;
            all.iter().all(|delivery| delivery.state() == DeliveryState::Waiting).then_some(())
        })
        .await;
    }
    world.replica().await;
    let tried_again = eventually("a second attempt at each, noted", || async {
        let all = world.deliveries("anna").await;
        let waiting = all.iter().filter(|one| one.state() == DeliveryState::Waiting);
        (waiting.filter(|one| one.attempts.len() > 1).count() == 10).then_some(all)
    });
    for delivery in tried_again.await {
        assert_eq!(delivery.attempts[0].error, "the mail server cannot be reached");
    }
    mailbox.start_again();
    // By little at a time: a lease that ends by the clock while its mail is sent is another's to send again.
    let mails = eventually("mails", || async {
        world.clock.advance(SignedDuration::from_secs(2));
        Some(read(&mailbox)).filter(|mails| mails.len() >= 10)
    })
    .await;
    let mut ids: Vec<_> = mails.iter().map(|mail| mail["message_id"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10, "every message, none twice");
    in_state(&world, DeliveryState::Delivered, 10).await;
}

#[tokio::test]
async fn an_address_that_is_not_known_is_given_up_and_one_that_is_full_is_not() {
    let mailbox = mailbox();
    let world = world(&mailbox).await;
    world.prefer("anna", &["email"], address("nobody@example.com")).await;
    world.reserved(world.ids.next()).await;
    let failed = in_state(&world, DeliveryState::Failed, 1).await;
    assert_eq!(failed[0].attempts[0].status, 550);
    assert_eq!(failed[0].attempts[0].error, "the mail server said 550", "and no address");

    world.prefer("anna", &["email"], address("later@example.com")).await;
    world.reserved(world.ids.next()).await;
    let all = eventually("an attempt", || async {
        let all = world.deliveries("anna").await;
        (all.len() == 2 && !all[0].attempts.is_empty()).then_some(all)
    })
    .await;
    assert_eq!((all[0].state(), all[0].attempts[0].status), (DeliveryState::Waiting, 452));
    assert!(all[0].next_attempt_time.is_some());
}

#[tokio::test]
async fn mail_waits_for_the_end_of_quiet_hours_unless_it_cannot() {
    let mailbox = mailbox();
    let world = world(&mailbox).await;
    // From an hour ago for five hours, by the clock of UTC.
    let minute = i64::from(world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).hour()) * 60;
    let quiet_hours = Some(proto::QuietHours {
        start_minute: i32::try_from((minute + 23 * 60) % 1440).unwrap(),
        end_minute: i32::try_from((minute + 4 * 60) % 1440).unwrap(),
        time_zone: "Etc/UTC".to_owned(),
    });
    let wanted = proto::Preferences { quiet_hours, ..address("anna@example.com") };
    world.prefer("anna", &["email", "quiet_hours"], wanted).await;
    world.reserved(world.ids.next()).await;
    world.messages("anna", 1).await;
    world.declined(world.ids.next()).await;
    let told = mails(&mailbox, 1).await;
    assert_eq!(told[0]["subject"], "Your payment was declined");
    assert_eq!(in_state(&world, DeliveryState::Waiting, 1).await.len(), 2);
    world.clock.advance(SignedDuration::from_hours(4));
    let told = mails(&mailbox, 2).await;
    assert_eq!(told[1]["subject"], "Spot A-12 is yours");
}
