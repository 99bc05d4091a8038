//! Messages while NATS and the notification service are killed and the mail server is down: each once in the app,
//! at least once by webhook under one id, and each in the mailbox.

mod receiver;
pub(crate) mod senders;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::notification::v1::notification_service_client::NotificationServiceClient;
use parkmesh_platform::auth::{Claims, Issuer, Role};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_testkit::Mailbox;
use tonic::Request;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::Failure;
use crate::city::bearer;
use crate::proof::{Figure, repository};
use crate::up::{self, Up};
use receiver::Receiver;

/// People who are told.
const PEOPLE: usize = 100;
/// Every so manieth has mail, too.
const MAILED_EVERY: usize = 5;
/// How long tokens hold, in seconds.
const TOKEN_SECONDS: u32 = 24 * 3_600;
/// Between two kills, in seconds: from, and at most so many more.
const KILL_EVERY_S: (f64, f64) = (6.0, 12.0);
/// The mail server is away for so long, in the middle.
const MAIL_AWAY: Duration = Duration::from_secs(45);
/// How long it may take after the last kill: a lease, and the longest wait of what has failed.
const SETTLE_MAX: Duration = Duration::from_secs(20 * 60);
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// How much is proved.
#[derive(Debug, clap::Args)]
pub struct Messages {
    /// Messages.
    #[arg(long, default_value_t = 5_000)]
    size: usize,
}

/// Who is told, and of which bookings.
pub(crate) struct Person {
    name: String,
    token: String,
    bookings: Vec<Uuid>,
}

impl Person {
    fn is_mailed(at: usize) -> bool {
        at.is_multiple_of(MAILED_EVERY)
    }
}

/// What was counted.
#[derive(Debug, Default)]
struct Told {
    kills: u32,
    in_app_wrong: u64,
    webhook_wrong: u64,
    webhook_again: u64,
    mail_missing: u64,
    mail_again: u64,
}

/// Proves it.
pub fn prove(options: &Messages) -> Result<bool, Failure> {
    let (binary, home) = (up::binary()?, up::home("messages")?);
    let folder = repository().join("target/proof-homes");
    let told = crate::runtime()?.block_on(async {
        let receiver = Receiver::start().await?;
        let mut mailbox = Mailbox::start(&folder);
        let settings = [
            ("PARKMESH_WEBHOOKS_PRIVATE", "true".to_owned()),
            ("PARKMESH_SMTP_URL", mailbox.url()),
            ("PARKMESH_SMTP_FROM", "Parkmesh <parking@park.example>".to_owned()),
        ];
        let up = Up::start_with(&binary, &home, &["--no-seed", "--ephemeral"], &settings)?;
        let issuer = Issuer::open(&home.join("keys/issuer.pem"), &Clock::system(), &Ids::random())?;
        let mut house = House { up, issuer };
        let people = house.people(options.size, &receiver).await?;
        let mut told = house.flow(options.size, &people, &mut mailbox).await?;
        house.judge(&people, &receiver, &mailbox, &mut told).await?;
        Ok::<_, Failure>(told)
    })?;
    judge(options.size, &told)
}

fn judge(size: usize, told: &Told) -> Result<bool, Failure> {
    println!(
        "  {size} messages, {} kills; {} calls and {} mails came again",
        told.kills, told.webhook_again, told.mail_again
    );
    let zero = |name, figure: u64, unit| Figure {
        name,
        figure: figure as f64,
        unit,
        yardstick: "none",
        ask: "0".to_owned(),
        holds: figure == 0 && told.kills > 1,
    };
    let all = [
        zero("messages", told.in_app_wrong, "messages that are missing or doubled in the app"),
        zero(
            "messages-webhooks",
            told.webhook_wrong,
            "messages of which no webhook was called, or under two ids, or unsigned",
        ),
        zero("messages-mail", told.mail_missing, "messages that are not in the mailbox"),
    ];
    let mut holds = true;
    for figure in &all {
        holds &= figure.tell()?;
    }
    Ok(holds)
}

/// Everything that runs.
struct House {
    up: Up,
    issuer: Issuer,
}

impl House {
    fn client(&self) -> Result<NotificationServiceClient<Channel>, Failure> {
        let url = self.up.told("/services/notification")?;
        let channel = tonic::transport::Endpoint::from_shared(url)?.connect_lazy();
        Ok(NotificationServiceClient::new(channel))
    }

    /// People with a webhook, some with mail, and the bookings of which they will be told.
    async fn people(&self, size: usize, receiver: &Receiver) -> Result<Vec<Person>, Failure> {
        let ids = Ids::random();
        let mut people = Vec::with_capacity(PEOPLE);
        for at in 0..PEOPLE.min(size) {
            let name = format!("person-{at}");
            let token = self.issuer.mint(&Claims::new(&name, Role::Driver, TOKEN_SECONDS))?;
            let mailed = Person::is_mailed(at);
            let preferences = proto::Preferences {
                webhook_url: receiver.url(at),
                email: if mailed { format!("{name}@example.com") } else { String::new() },
                ..Default::default()
            };
            let request = proto::UpdatePreferencesRequest {
                request_id: ids.next::<Uuid>().to_string(),
                update_mask: Some(prost_types::FieldMask {
                    paths: vec!["webhook_url".to_owned(), "email".to_owned()],
                }),
                preferences: Some(preferences),
                version: 0,
            };
            let request = bearer(Request::new(request), &token)?;
            let answer = self.client()?.update_preferences(request).await?.into_inner();
            receiver.secret(at, answer.preferences.unwrap_or_default().webhook_secret);
            people.push(Person { name, token, bookings: Vec::new() });
        }
        let count = people.len();
        for number in 0..size {
            people[number % count].bookings.push(ids.next());
        }
        Ok(people)
    }

    /// Lets the messages flow, kills what carries them, and waits until all are where they belong.
    async fn flow(
        &mut self,
        size: usize,
        people: &[Person],
        mailbox: &mut Mailbox,
    ) -> Result<Told, Failure> {
        let mut told = Told::default();
        let sending = senders::start(self.up.database("booking").await?, people);
        let mut connection = self.up.database("notification").await?;
        let (ids, began) = (Ids::random(), Instant::now());
        let (mut kill_at, mut mail_back) = (KILL_EVERY_S.0, None);
        let bound = Duration::from_secs(u64::try_from(size)? / 20) + SETTLE_MAX;
        loop {
            crate::pause(LOOK_PERIOD).await;
            let (written, waiting): (i64, i64) = sqlx::query_as(
                "SELECT (SELECT count(*) FROM notification),
                     (SELECT count(*) FROM delivery WHERE state = 'waiting')",
            )
            .fetch_one(&mut connection)
            .await?;
            let all = usize::try_from(written)? >= size;
            if all && waiting == 0 && mail_back.is_none_or(|back| Instant::now() > back) {
                sending.await??;
                return Ok(told);
            }
            if began.elapsed() > bound {
                return Err(format!("{written} messages, {waiting} on their way, no end").into());
            }
            let half = usize::try_from(written)? > size / 3;
            match mail_back {
                None if half => {
                    mailbox.kill();
                    mail_back = Some(Instant::now() + MAIL_AWAY);
                }
                Some(back) if !mailbox.is_running() && Instant::now() > back => {
                    mailbox.start_again();
                }
                _ => {}
            }
            if !all && began.elapsed().as_secs_f64() > kill_at {
                let victim = if ids.fraction() < 0.4 { "nats" } else { "notification" };
                told.kills += u32::from(self.up.kill(victim).is_ok());
                let pause = ids.fraction().mul_add(KILL_EVERY_S.1, KILL_EVERY_S.0);
                kill_at = began.elapsed().as_secs_f64() + pause;
            }
        }
    }

    async fn judge(
        &self,
        people: &[Person],
        receiver: &Receiver,
        mailbox: &Mailbox,
        told: &mut Told,
    ) -> Result<(), Failure> {
        let mut calls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for call in receiver.calls() {
            told.webhook_wrong += u64::from(!call.signed);
            let ids = calls.entry(call.booking).or_default();
            told.webhook_again += u64::from(!ids.insert(call.id));
        }
        let mails = mailbox.mails();
        let mut ids = BTreeSet::new();
        let mut mailed: BTreeSet<String> = BTreeSet::new();
        for mail in &mails {
            let mail: serde_json::Value = serde_json::from_str(mail)?;
            told.mail_again += u64::from(!ids.insert(mail["message_id"].to_string()));
            let body = mail["body"].as_str().unwrap_or_default();
            mailed.extend(body.split("Your code is ").nth(1).map(|code| code.trim().to_owned()));
        }
        for (at, person) in people.iter().enumerate() {
            told.in_app_wrong += self.in_app_wrong(person).await?;
            for booking in &person.bookings {
                let ids = calls.get(&booking.to_string()).map_or(0, BTreeSet::len);
                told.webhook_wrong += u64::from(ids != 1);
                let there = mailed.contains(&format!("{}.", senders::code(*booking)));
                told.mail_missing += u64::from(Person::is_mailed(at) && !there);
            }
        }
        Ok(())
    }

    /// Messages of a person that are missing, doubled, or out of their count.
    async fn in_app_wrong(&self, person: &Person) -> Result<u64, Failure> {
        let (mut page_token, mut all) = (String::new(), Vec::new());
        loop {
            let request =
                proto::ListNotificationsRequest { page_size: 200, page_token, unread_only: false };
            let request = bearer(Request::new(request), &person.token)?;
            let answer = self.client()?.list_notifications(request).await?.into_inner();
            all.extend(answer.notifications);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let bookings: BTreeSet<String> = all.iter().map(|told| told.booking_id.clone()).collect();
        let expected: BTreeSet<String> = person.bookings.iter().map(Uuid::to_string).collect();
        let missing = expected.symmetric_difference(&bookings).count();
        let doubled = all.len() - bookings.len();
        let counted = all.iter().rev().zip(1..).filter(|(told, at)| told.sequence != *at).count();
        if missing + doubled + counted > 0 {
            println!(
                "  {}: {missing} missing, {doubled} doubled, {counted} miscounted",
                person.name
            );
        }
        Ok(u64::try_from(missing + doubled + counted)?)
    }
}
