//! A person whose plate, address and name nobody could mistake parks, is told, and is refused things. Afterwards
//! none of them stands anywhere but with the person: no fact, log, trace, metric, error or table has it.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::{BookingState, JoinWaitlistRequest};
use parkmesh_contracts::notification::v1 as notification;
use prost::Message;
use sqlx::{Connection, PgConnection};
use tonic::Status;

use crate::support::{Car, Collector, Driver, Up, eventually};

const SPOT: &str = "0-061";
const PLATE: &str = "zq canary 77";
const EMAIL: &str = "zebulon.quagga@canary-mail.example";
const WEBHOOK: &str = "https://quagga.canary-hook.example/secret-path";
/// What is looked for, in small letters.
const CANARIES: [&str; 6] =
    ["zq canary", "zqcanary", "zebulon", "quagga", "canary-mail", "canary-hook"];

#[tokio::test(flavor = "multi_thread")]
async fn what_names_a_person_stands_in_no_fact_log_trace_metric_error_or_table() {
    let (collector, endpoint) = Collector::start().await;
    let up = Up::start(&["--otlp-endpoint", &endpoint]);
    let anna = Driver::new(&up, "driver");

    let mut told = refused(&up, &anna).await;
    prefers(&anna).await;
    let booking_id = parks(&up, &anna).await;
    let seen = anna.look(&booking_id).await.expect("the booking");
    assert_eq!(seen.plate, PLATE.to_uppercase(), "the person sees it");

    told.extend(metrics(&up).await);
    let traces = collector.kept().iter().flat_map(Message::encode_to_vec).collect();
    told.push(("traces".to_owned(), traces));
    told.extend(tables(&up).await);
    told.extend(files(up.home()));
    let texts: Vec<(String, String)> = told
        .into_iter()
        .map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).to_lowercase()))
        .collect();
    // What must be there is seen: whoever searches nothing finds nothing.
    for (place, what) in [
        ("/nats/", "demo mall"),
        ("traces", "holdspot"),
        ("run/booking.log", "personal data is sealed"),
        ("a row of booking.booking", "sealed:"),
        ("the metrics at", "parkmesh_deliveries"),
    ] {
        let seen = texts.iter().any(|(name, text)| name.contains(place) && text.contains(what));
        assert!(seen, "{place} was searched and has no {what:?}");
    }
    for (name, text) in texts {
        for canary in CANARIES {
            assert!(!text.contains(canary), "{name} has {canary:?}");
        }
    }
}

/// Things that are refused, and what was said to it.
async fn refused(up: &Up, anna: &Driver) -> Vec<(String, Vec<u8>)> {
    let spot = eventually("the map", || async { anna.spot(up, SPOT).await.ok() }).await;
    let hour = SignedDuration::from_hours(1);
    let mut wish = anna.wish(&spot, up.now() + hour, hour);
    wish.request.plate = format!("{PLATE} {PLATE}");
    let too_long = anna.hold(&wish).await.expect_err("too long");
    wish.request.plate = "zq\ncanary".to_owned();
    let no_plate = anna.hold(&wish).await.expect_err("control characters");
    let wrong = JoinWaitlistRequest { plate: PLATE.to_owned(), ..Default::default() };
    let no_lot = anna.booking().join_waitlist(wrong).await.expect_err("no lot");
    let mut all = vec![too_long, no_plate, no_lot];
    for (email, webhook_url) in [
        ("zebulon quagga", ""),
        (EMAIL, "https://quagga@canary-hook.example/"),
        (EMAIL, "http://quagga.canary-hook.example/"),
    ] {
        let (email, webhook_url) = (email.to_owned(), webhook_url.to_owned());
        let wanted = notification::Preferences { email, webhook_url, ..Default::default() };
        all.push(update(anna, wanted).await.expect_err("nonsense"));
    }
    let said = |status: Status| {
        let text = format!("{status:?} {:?}", status.metadata());
        (format!("the error {}", status.message()), [text.as_bytes(), status.details()].concat())
    };
    all.into_iter().map(said).collect()
}

async fn update(anna: &Driver, wanted: notification::Preferences) -> Result<(), Status> {
    let request = notification::UpdatePreferencesRequest {
        request_id: uuid::Uuid::now_v7().to_string(),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["email".to_owned(), "webhook_url".to_owned()],
        }),
        preferences: Some(wanted),
        version: 0,
    };
    anna.notification().update_preferences(request).await.map(drop)
}

async fn prefers(anna: &Driver) {
    let wanted = notification::Preferences {
        email: EMAIL.to_owned(),
        webhook_url: WEBHOOK.to_owned(),
        ..Default::default()
    };
    update(anna, wanted).await.expect("preferences");
}

/// Books with the plate, comes, goes, pays, and is told of it; the webhook leads nowhere.
async fn parks(up: &Up, anna: &Driver) -> String {
    let car = Car::at(up, SPOT);
    car.gone(up).await;
    let spot = eventually("the map", || async { anna.spot(up, SPOT).await.ok() }).await;
    let start = up.now() + SignedDuration::from_mins(5);
    let mut wish = anna.wish(&spot, start, SignedDuration::from_hours(2));
    wish.request.plate = PLATE.to_owned();
    let held = anna.hold(&wish).await.expect("a hold");
    assert_eq!(held.plate, PLATE.to_uppercase());
    let again = anna.hold(&wish).await.expect("the same hold");
    assert_eq!(again, held, "a repetition has the first answer");
    let request_id = uuid::Uuid::now_v7().to_string();
    anna.confirm(&held, "pm_card_ok", &request_id).await.expect("a reservation");
    up.advance(SignedDuration::from_mins(6));
    car.stands(up).await;
    becomes(anna, &held.booking_id, BookingState::Active).await;
    up.advance(SignedDuration::from_mins(30));
    car.gone(up).await;
    becomes(anna, &held.booking_id, BookingState::Completed).await;
    let request = || notification::ListDeliveriesRequest::default();
    eventually("an attempt to call the webhook", || async {
        let listed = anna.notification().list_deliveries(request()).await.ok()?.into_inner();
        listed.deliveries.iter().any(|delivery| !delivery.attempts.is_empty()).then_some(())
    })
    .await;
    eventually("the receipt", || async {
        let told = anna.messages().await.ok()?;
        let receipt = notification::NotificationKind::Receipt;
        told.iter().any(|message| message.kind() == receipt).then_some(())
    })
    .await;
    held.booking_id
}

async fn becomes(anna: &Driver, booking_id: &str, state: BookingState) {
    eventually("the booking's next state", || async {
        (anna.look(booking_id).await.ok()?.state() == state).then_some(())
    })
    .await;
}

/// What every process tells of itself.
async fn metrics(up: &Up) -> Vec<(String, Vec<u8>)> {
    let gateway = up.gateway();
    let base: u16 = gateway.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let mut told = Vec::new();
    for port in base + 100..base + 108 {
        let Ok(mut stream) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await else {
            continue;
        };
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let request = b"GET /metrics HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("it takes a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        told.push((format!("the metrics at {port}"), answer));
    }
    assert!(told.len() >= 7, "only {} processes told of themselves", told.len());
    told
}

/// Every row of every table.
async fn tables(up: &Up) -> Vec<(String, Vec<u8>)> {
    let mut connection = PgConnection::connect(&up.told("/servers/postgres")).await.expect("it");
    let names: Vec<(String,)> = sqlx::query_as(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut connection)
    .await
    .expect("tables");
    let mut told = Vec::new();
    for (name,) in names {
        let statement = format!("SELECT row::text FROM {name} AS row");
        let rows: Vec<(String,)> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .fetch_all(&mut connection)
            .await
            .expect("rows");
        for (text,) in rows {
            told.push((format!("a row of {name}: {text}"), unhex(&text)));
        }
    }
    told
}

/// The text of a row, and beside it what stands in it as bytes.
fn unhex(text: &str) -> Vec<u8> {
    let mut all = text.as_bytes().to_vec();
    for part in text.split("\\x").skip(1) {
        let digits: Vec<u8> = part.bytes().take_while(u8::is_ascii_hexdigit).collect();
        all.extend(
            digits
                .chunks_exact(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()),
        );
        all.push(b'\n');
    }
    all
}

/// Every file of the home: logs, what NATS, Redis and the broker keep, what Postgres keeps.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                all.push((path.display().to_string(), bytes));
            }
        }
    }
    all
}
