//! Redis and NATS, seen by a process of ours that was taken over: it can do what its role does, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_eventbus::{Bus, BusConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;

use crate::support::{Car, Driver, Up, eventually, eventually_ok};

const SPOT: &str = "0-077";
/// A durable of payment's: the facts that it has still to hear.
const OF_PAYMENT: &str = "payment-booking";

struct Stores<'a> {
    up: &'a Up,
    passwords: BTreeMap<String, String>,
}

impl<'a> Stores<'a> {
    fn of(up: &'a Up) -> Self {
        let text = fs::read(up.home().join("keys/stores.json")).expect("the passwords");
        Self { up, passwords: serde_json::from_slice(&text).expect("JSON") }
    }

    /// Host and port of a server, without its administrator.
    fn address(&self, server: &str) -> String {
        let url = self.up.told(&format!("/servers/{server}"));
        url.rsplit_once('@').expect("an administrator").1.to_owned()
    }

    /// What Redis answers to one command of a user.
    fn redis(&self, user: Option<&str>, command: &str) -> String {
        let stream = TcpStream::connect(self.address("redis")).expect("Redis");
        let mut stream = BufReader::new(stream);
        let mut say = |command: &str| {
            write!(stream.get_mut(), "{command}\r\n").expect("sent");
            let mut line = String::new();
            stream.read_line(&mut line).expect("an answer");
            line.trim_end().to_owned()
        };
        if let Some(user) = user {
            assert_eq!(say(&format!("AUTH {user} {}", self.passwords[user])), "+OK");
        }
        say(command)
    }

    async fn nats(&self, user: &str) -> Bus {
        let url = format!("nats://{user}:{}@{}", self.passwords[user], self.address("nats"));
        let config = BusConfig { url, ..Default::default() };
        Bus::connect(&config, &Clock::system(), &Ids::random()).await.expect("NATS")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_does_in_redis_and_nats_what_it_has_to_and_nothing_else() {
    let up = Up::start(&[]);
    a_stay(&up).await;
    let stores = Stores::of(&up);
    the_picture_is_shared(&stores).await;
    redis_knows_who_asks(&stores);
    nobody_without_a_name_is_heard(&stores);
    facts_are_their_services_own(&stores).await;
    for role in ["booking", "availability", "payment", "sensor", "notification", "gateway"] {
        let log = fs::read_to_string(up.home().join(format!("run/{role}.log"))).expect("a log");
        // Of NATS, and of Redis as its client writes it.
        for refused in ["NATS refuses", "no permissions"] {
            assert!(!log.contains(refused), "{role} lacks a permission: {log}");
        }
    }
}

/// Everything that roles say to each other on the bus: a booking, a car that comes and goes, and what is told of it.
async fn a_stay(up: &Up) {
    let anna = Driver::new(up, "driver");
    let spot = eventually_ok("the map", || anna.spot(up, SPOT)).await;
    let wish = anna.wish(&spot, up.now(), SignedDuration::from_hours(1));
    let held = anna.hold(&wish).await.expect("a hold");
    let request_id = uuid::Uuid::now_v7().to_string();
    anna.confirm(&held, "pm_card_ok", &request_id).await.expect("a reservation");
    Car::at(up, SPOT).stands(up).await;
    eventually("the stay begins", || async {
        let booking = anna.look(&held.booking_id).await.ok()?;
        (booking.state() == BookingState::Active).then_some(())
    })
    .await;
    eventually("a message", || async {
        let messages = anna.messages().await.ok()?;
        messages.iter().any(|one| one.booking_id == held.booking_id).then_some(())
    })
    .await;
}

/// What availability writes into Redis as the user that it is there: the picture, which is then trusted, and how full the lot was.
async fn the_picture_is_shared(stores: &Stores<'_>) {
    let told = |command: String| async move {
        let answer = stores.redis(Some("admin"), &command);
        (answer != "$-1" && answer != ":0").then_some(answer)
    };
    let lot = stores.up.lot();
    eventually("a trusted picture", || told("GET avail:epoch".to_owned())).await;
    assert_eq!(stores.redis(Some("admin"), &format!("SISMEMBER avail:lots {lot}")), ":1");
    stores.up.advance(SignedDuration::from_mins(20));
    eventually("a record", || told(format!("EXISTS avail:{{{lot}}}:history"))).await;
}

fn redis_knows_who_asks(stores: &Stores<'_>) {
    assert!(stores.redis(None, "GET avail:epoch").starts_with("-NOAUTH"));
    assert!(stores.redis(Some("admin"), "GET avail:epoch").starts_with('$'));
    assert!(stores.redis(Some("availability"), "GET avail:epoch").starts_with('$'));
    for (user, command) in [
        ("gateway", "GET avail:epoch"),
        ("availability", "GET gateway:rate:0"),
        ("availability", "FLUSHALL"),
        ("availability", "KEYS *"),
        ("gateway", "CONFIG GET *"),
    ] {
        let answer = stores.redis(Some(user), command);
        assert!(answer.starts_with("-NOPERM"), "{user}, {command}: {answer}");
    }
}

fn nobody_without_a_name_is_heard(stores: &Stores<'_>) {
    let stream = TcpStream::connect(stores.address("nats")).expect("NATS");
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n").expect("sent");
    let lines: Vec<String> = stream.lines().map_while(Result::ok).take(2).collect();
    assert!(lines[1].contains("Authorization Violation"), "{lines:?}");
}

async fn facts_are_their_services_own(stores: &Stores<'_>) {
    let (admin, payment) = (stores.nats("admin").await, stores.nats("payment").await);
    let count = async || admin.last_sequence("BOOKING").await.expect("the stream");
    let before = count().await;
    let lot = stores.up.lot();
    let sent = payment.jetstream();
    let forged = format!("parkmesh.booking.v1.booking_completed.{lot}");
    let forged = sent.publish(forged, "forged".into()).await.expect("sent");
    assert!(forged.await.is_err(), "payment told a fact of booking's");
    assert_eq!(count().await, before);

    // Availability follows the same stream; it may not take what payment has still to hear.
    let availability = stores.nats("availability").await;
    let stream = availability.jetstream().get_stream("BOOKING").await.expect("the stream");
    assert!(stream.delete_consumer(OF_PAYMENT).await.is_err(), "it ended payment's consumer");
    let stream = admin.jetstream().get_stream("BOOKING").await.expect("the stream");
    assert!(stream.consumer_info(OF_PAYMENT).await.is_ok(), "payment's consumer is gone");
    assert!(availability.jetstream().delete_stream("BOOKING").await.is_err());
    assert_eq!(count().await, before);
}
