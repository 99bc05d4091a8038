//! What is read at the end: all bookings of every client, and all facts.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::booking::v1::{
    BookingActivated, BookingCancelled, BookingCompleted, BookingExpired, BookingExtended,
    BookingHeld, BookingMoved, BookingNoShow, BookingRelocated, BookingReserved, BookingSummary,
    GetBookingRequest, ListBookingsRequest, ListBookingsResponse,
};
use parkmesh_contracts::facts::Fact as _;
use parkmesh_eventbus::{Bus, BusConfig, Delivered, Failure as Undelivered, follow};
use parkmesh_history::{Call, Fact, Id, Op, Outcome};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;

use super::Run;
use super::asking::{Ask, answered, ask};
use crate::Failure;
use crate::client::{ANSWER_BYTES_MAX, Gateway};

/// Bookings of a page.
const PAGE_SIZE: i32 = 200;
/// Of so many bookings one is also read alone.
const ALONE_EVERY: usize = 50;
/// Times that a page is asked for.
const TRIES_MAX: usize = 100;
/// Between two of them.
const RETRY_WAIT: Duration = Duration::from_millis(200);
/// How long facts may stay away before they are taken for lost.
const FACTS_WAIT_MAX: Duration = Duration::from_secs(60);

/// Facts of a booking's life.
const FACT_TYPES: &[&str] = &[
    BookingHeld::TYPE,
    BookingReserved::TYPE,
    BookingActivated::TYPE,
    BookingCompleted::TYPE,
    BookingCancelled::TYPE,
    BookingExpired::TYPE,
    BookingNoShow::TYPE,
    BookingExtended::TYPE,
    BookingMoved::TYPE,
    BookingRelocated::TYPE,
];

/// Reads everything back; false when it was stopped on the way.
pub async fn all(run: &Run) -> Result<bool, Failure> {
    println!("· reading everything back");
    let mut versions = HashMap::new();
    for client in 0..run.options.clients {
        of_client(run, client, &mut versions).await?;
        if run.is_stopped() {
            return Ok(false);
        }
    }
    if let Some(url) = &run.world.nats_url {
        facts(run, url, versions).await?;
    }
    Ok(!run.is_stopped())
}

async fn of_client(run: &Run, client: u32, versions: &mut HashMap<Id, u32>) -> Result<(), Failure> {
    let ways = run.world.ways(client)?;
    let begun = run.recorder.now();
    let (mut page_token, mut count) = (String::new(), 0);
    loop {
        let invoke = run.recorder.now();
        let way = ways[count / 200 % ways.len()].clone();
        let page = page(run, way, page_token).await?;
        let ret = run.recorder.now();
        for booking in &page.bookings {
            let mut call = Call { ret, ..Call::new(client, Op::Get, invoke) };
            answered(run, &mut call, booking);
            run.recorder.read(&call)?;
            versions.insert(call.booking, call.version);
            count += 1;
            if count % ALONE_EVERY == 0 {
                let request = GetBookingRequest { booking_id: booking.booking_id.clone() };
                let mut alone = Call { booking: call.booking, ..Call::new(client, Op::Get, 0) };
                let way = ways[count / ALONE_EVERY % ways.len()].clone();
                ask(run, way, Ask::Get(request), &mut alone).await;
                run.recorder.read(&alone)?;
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    // Says that nothing is left out.
    let (ret, outcome) = (run.recorder.now(), Outcome::Done);
    run.recorder.read(&Call { ret, outcome, ..Call::new(client, Op::Get, begun) })
}

async fn page(
    run: &Run,
    way: Gateway,
    page_token: String,
) -> Result<ListBookingsResponse, Failure> {
    let mut last = None;
    for _try in 0..TRIES_MAX {
        let mut client =
            BookingServiceClient::new(way.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let page_token = page_token.clone();
        let request =
            ListBookingsRequest { page_size: PAGE_SIZE, page_token, ..Default::default() };
        match client.list_bookings(request).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => last = Some(status),
        }
        run.tasks.sleep(RETRY_WAIT).await;
    }
    Err(format!("bookings cannot be listed: {last:?}").into())
}

/// Reads the stream from its beginning until every version that was read is there, or nothing more comes.
async fn facts(run: &Run, url: &str, versions: HashMap<Id, u32>) -> Result<(), Failure> {
    let config = BusConfig { url: url.to_owned(), ..Default::default() };
    let bus = Bus::connect(&config, &Clock::system(), &Ids::random()).await?;
    let from_sequence = Some(1);
    let wanted = follow::Follow { stream: "BOOKING", fact_types: FACT_TYPES, from_sequence };
    let mut receiver = follow::start(&bus, wanted, &run.tasks);
    let mut missing: HashSet<(Id, u32)> = versions
        .iter()
        .flat_map(|(booking, last)| (1..=*last).map(|version| (*booking, version)))
        .collect();
    while !missing.is_empty() && !run.is_stopped() {
        let next = tokio::time::timeout(FACTS_WAIT_MAX, receiver.recv()).await;
        let Ok(Some(followed)) = next else { break };
        let follow::Followed::Fact(delivered) = followed else { continue };
        let Ok(Some(fact)) = read(&delivered) else { continue };
        if versions.contains_key(&fact.booking) {
            missing.remove(&(fact.booking, fact.version));
            run.recorder.fact(&fact)?;
        }
    }
    Ok(())
}

fn read(fact: &Delivered) -> Result<Option<Fact>, Undelivered> {
    let summary = match fact.fact_type.as_str() {
        BookingHeld::TYPE => fact.decode::<BookingHeld>()?.booking,
        BookingReserved::TYPE => fact.decode::<BookingReserved>()?.booking,
        BookingActivated::TYPE => fact.decode::<BookingActivated>()?.booking,
        BookingCompleted::TYPE => fact.decode::<BookingCompleted>()?.booking,
        BookingCancelled::TYPE => fact.decode::<BookingCancelled>()?.booking,
        BookingExpired::TYPE => fact.decode::<BookingExpired>()?.booking,
        BookingNoShow::TYPE => fact.decode::<BookingNoShow>()?.booking,
        BookingExtended::TYPE => fact.decode::<BookingExtended>()?.booking,
        BookingMoved::TYPE => fact.decode::<BookingMoved>()?.booking,
        BookingRelocated::TYPE => fact.decode::<BookingRelocated>()?.booking,
        _ => None,
    };
    Ok(summary.map(|summary: BookingSummary| Fact {
        booking: super::asking::id(&summary.booking_id),
        version: u32::try_from(summary.version).unwrap_or(u32::MAX),
        state: u8::try_from(summary.state).unwrap_or(u8::MAX),
    }))
}
