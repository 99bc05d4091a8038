//! Facts that nobody can understand, among others that everybody can: each becomes a dead letter with its cause
//! within a minute, the others go on, and those that were repaired are replayed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::{BookingCompleted, BookingReserved};
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::payment::v1::PaymentCaptured;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use parkmesh_eventbus::outbox::{self, Row};
use parkmesh_platform::ids::Ids;
use prost::Message;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Failure;
use crate::messages::senders::reserved;
use crate::proof::Figure;
use crate::up::{self, Up};

/// How long a fact may take to its dead letter, or to its message.
const SECONDS_MAX: f64 = 60.0;
/// Facts that are written in a second, half of them poison: what consumers carry on a slow machine.
const A_SECOND: usize = 200;
/// Facts that are written at once.
const AT_ONCE: usize = 20;
/// How long all may take after the last was written.
const SETTLE_MAX: Duration = Duration::from_secs(180);
const LOOK_PERIOD: Duration = Duration::from_millis(500);

/// How much is proved.
#[derive(Debug, clap::Args)]
pub struct Poison {
    /// Facts that nobody can understand; as many others go with them.
    #[arg(long, default_value_t = 2_000)]
    size: usize,
}

/// A way in which a fact may be wrong.
struct Wrong {
    fact_type: &'static str,
    /// The body, of this booking.
    body: fn(Uuid) -> Vec<u8>,
    /// Who takes such facts, and so cannot.
    consumers: &'static [&'static str],
    /// What the cause says.
    cause: &'static str,
}

/// No message begins like this.
fn garbage(_booking: Uuid) -> Vec<u8> {
    vec![0xff; 24]
}

const WRONGS: [Wrong; 4] = [
    Wrong {
        fact_type: BookingReserved::TYPE,
        body: |_| BookingReserved { version: 2, ..Default::default() }.encode_to_vec(),
        consumers: &["notification-booking", "payment-booking"],
        cause: "booking is missing",
    },
    Wrong {
        fact_type: BookingCompleted::TYPE,
        body: garbage,
        consumers: &["notification-booking", "payment-booking", "sensor-booking"],
        cause: "not a parkmesh.booking.v1.completed",
    },
    Wrong {
        fact_type: PaymentCaptured::TYPE,
        body: |_| {
            let booking_id = "nobody's".to_owned();
            PaymentCaptured { booking_id, version: 2, ..Default::default() }.encode_to_vec()
        },
        consumers: &["notification-payment"],
        cause: "UUID",
    },
    Wrong {
        fact_type: SpotOccupied::TYPE,
        body: garbage,
        consumers: &["booking-sensor"],
        cause: "not a parkmesh.sensor.v1.spot_occupied",
    },
];

/// A fact that was written.
struct Written {
    fact_id: Uuid,
    time: Timestamp,
    booking: Uuid,
    /// How it is wrong; `None`: it is not.
    wrong: Option<&'static Wrong>,
}

/// A dead letter, as `parkmesh dead-letters list --json` shows it.
struct Letter {
    sequence: u64,
    consumer: String,
    reason: String,
    fact_id: Uuid,
    failed_at: Timestamp,
}

/// Proves it.
pub fn prove(options: &Poison) -> Result<bool, Failure> {
    let (binary, home) = (up::binary()?, up::home("poison")?);
    let up = Up::start(&binary, &home, &["--no-seed", "--ephemeral"])?;
    let commands = Commands { binary, nats: up.told("/servers/nats")? };
    let told = crate::runtime()?.block_on(async {
        let mut connection = up.database("notification").await?;
        let lot: Uuid = Ids::random().next();
        let mut outboxes = Outboxes::open(&up).await?;
        let written = outboxes.write(options.size, lot).await?;
        let expected: usize =
            written.iter().filter_map(|fact| fact.wrong).map(|wrong| wrong.consumers.len()).sum();
        let letters = commands.letters(expected).await?;
        let mut told = Told::default();
        told.judge(&written, &letters);
        told.others(&mut connection, &written).await?;
        let bodies = home.join("repaired");
        let (given, repaired) = repair(&written, &letters, lot, &bodies)?;
        commands.redrive(&bodies)?;
        told.replayed(&mut connection, &repaired).await?;
        let left = commands.letters(expected - given).await?;
        told.unreplayed += left.len().abs_diff(expected - given);
        Ok::<_, Failure>(told)
    })?;
    told.tell(options.size)
}

/// The outbox of each role that is to say something wrong: nobody may publish the facts of another.
struct Outboxes {
    roles: BTreeMap<&'static str, PgConnection>,
}

impl Outboxes {
    async fn open(up: &Up) -> Result<Self, Failure> {
        let mut roles = BTreeMap::new();
        for wrong in &WRONGS {
            let role = role_of(wrong.fact_type);
            roles.insert(role, up.database(role).await?);
        }
        Ok(Self { roles })
    }

    /// Writes poison and others in turn, as fast as it was said.
    async fn write(&mut self, size: usize, lot: Uuid) -> Result<Vec<Written>, Failure> {
        let ids = Ids::random();
        let mut all = Vec::with_capacity(size * 2);
        let begun = Instant::now();
        while all.len() < size * 2 {
            let mut rows: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
            for _ in 0..AT_ONCE.min(size * 2 - all.len()) {
                let (number, booking) = (all.len(), ids.next());
                let now = crate::city::now();
                let good = reserved(lot, &format!("person-{}", number % 50), booking);
                let mut row = Row::of(&ids, now, booking, 2, &good);
                let wrong = (number % 2 == 1).then(|| &WRONGS[(number / 2) % WRONGS.len()]);
                if let Some(wrong) = wrong {
                    row.fact_type = wrong.fact_type;
                    row.body = (wrong.body)(booking).into();
                }
                let fact_id = row.fact_id.as_uuid();
                all.push(Written { fact_id, time: now, booking, wrong });
                rows.entry(role_of(row.fact_type)).or_default().push(row);
            }
            for (role, rows) in rows {
                let outbox = self.roles.get_mut(role).ok_or("nobody's fact")?;
                outbox::append(outbox, &rows).await?;
            }
            let due = Duration::from_secs_f64(all.len() as f64 / A_SECOND as f64);
            crate::pause(due.saturating_sub(begun.elapsed())).await;
        }
        Ok(all)
    }
}

/// Whose fact it is: `booking` of `parkmesh.booking.v1.reserved`.
fn role_of(fact_type: &'static str) -> &'static str {
    fact_type.split('.').nth(1).unwrap_or_default()
}

/// Bodies for all reserved facts that were wrong. How many letters they are for, and the bookings of which there
/// will be messages.
fn repair(
    written: &[Written],
    letters: &[Letter],
    lot: Uuid,
    folder: &Path,
) -> Result<(usize, BTreeSet<Uuid>), Failure> {
    std::fs::create_dir_all(folder)?;
    let facts: BTreeMap<Uuid, &Written> = written.iter().map(|fact| (fact.fact_id, fact)).collect();
    let (mut given, mut repaired) = (0, BTreeSet::new());
    for letter in letters {
        let Some(fact) = facts.get(&letter.fact_id) else { continue };
        if fact.wrong.is_some_and(|wrong| wrong.fact_type == BookingReserved::TYPE) {
            let body = reserved(lot, "repaired", fact.booking).encode_to_vec();
            std::fs::write(folder.join(letter.sequence.to_string()), body)?;
            repaired.insert(fact.booking);
            given += 1;
        }
    }
    Ok((given, repaired))
}

/// `parkmesh dead-letters`.
struct Commands {
    binary: std::path::PathBuf,
    nats: String,
}

impl Commands {
    fn run(&self, args: &[&str]) -> Result<String, Failure> {
        let output = Command::new(&self.binary)
            .args(["dead-letters", "--nats-url", &self.nats])
            .args(args)
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// All letters, once there are so many, or no more come.
    async fn letters(&self, count: usize) -> Result<Vec<Letter>, Failure> {
        let begun = Instant::now();
        loop {
            let text = self.run(&["list", "--json"])?;
            let letters: Vec<Letter> = text.lines().map(read).collect::<Result<_, _>>()?;
            if letters.len() == count || begun.elapsed() > SETTLE_MAX {
                return Ok(letters);
            }
            crate::pause(LOOK_PERIOD).await;
        }
    }

    fn redrive(&self, bodies: &Path) -> Result<(), Failure> {
        let folder = bodies.display().to_string();
        println!("  {}", self.run(&["redrive", "--bodies", &folder])?.trim());
        Ok(())
    }
}

fn read(line: &str) -> Result<Letter, Failure> {
    let letter: Value = serde_json::from_str(line)?;
    let text = |name: &str| letter[name].as_str().unwrap_or_default().to_owned();
    Ok(Letter {
        sequence: letter["sequence"].as_u64().unwrap_or_default(),
        consumer: text("consumer"),
        reason: text("reason"),
        fact_id: text("fact_id").parse()?,
        failed_at: text("failed_at").parse()?,
    })
}

/// What was counted.
#[derive(Debug, Default)]
struct Told {
    /// Letters that are missing, or say another cause.
    wrong: usize,
    letter_seconds: f64,
    message_seconds: f64,
    /// Others that were not told.
    stalled: usize,
    unreplayed: usize,
}

impl Told {
    fn judge(&mut self, written: &[Written], letters: &[Letter]) {
        let mut by_fact: BTreeMap<Uuid, Vec<&Letter>> = BTreeMap::new();
        for letter in letters {
            by_fact.entry(letter.fact_id).or_default().push(letter);
        }
        for fact in written {
            let letters = by_fact.remove(&fact.fact_id).unwrap_or_default();
            let consumers = fact.wrong.map(|wrong| wrong.consumers).unwrap_or_default();
            let cause = fact.wrong.map(|wrong| wrong.cause).unwrap_or_default();
            for consumer in consumers {
                let right = letters.iter().filter(|letter| letter.consumer == *consumer);
                let right = right.filter(|letter| letter.reason.contains(cause)).count();
                self.wrong += usize::from(right != 1);
            }
            self.wrong += letters.len().saturating_sub(consumers.len());
            for letter in letters {
                let took = letter.failed_at.duration_since(fact.time).as_secs_f64();
                self.letter_seconds = self.letter_seconds.max(took);
            }
        }
    }

    /// How long the others took to their messages.
    async fn others(
        &mut self,
        connection: &mut PgConnection,
        written: &[Written],
    ) -> Result<(), Failure> {
        let good = written.iter().filter(|fact| fact.wrong.is_none());
        let good: BTreeMap<Uuid, f64> =
            good.map(|fact| (fact.fact_id, fact.time.as_duration().as_secs_f64())).collect();
        let begun = Instant::now();
        loop {
            let told: Vec<(Uuid, f64)> = sqlx::query_as(
                "SELECT fact_id, extract(epoch FROM create_time)::float8 FROM notification",
            )
            .fetch_all(&mut *connection)
            .await?;
            let took = told.iter().filter_map(|(fact, at)| good.get(fact).map(|from| at - from));
            self.stalled = good.len().abs_diff(told.len());
            self.message_seconds = took.fold(0.0, f64::max);
            if self.stalled == 0 || begun.elapsed() > SETTLE_MAX {
                return Ok(());
            }
            crate::pause(LOOK_PERIOD).await;
        }
    }

    /// Waits for the messages of what was repaired.
    async fn replayed(
        &mut self,
        connection: &mut PgConnection,
        repaired: &BTreeSet<Uuid>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            let told: Vec<(Uuid,)> =
                sqlx::query_as("SELECT booking_id FROM notification WHERE user_id = 'repaired'")
                    .fetch_all(&mut *connection)
                    .await?;
            let bookings: BTreeSet<Uuid> = told.iter().map(|(booking,)| *booking).collect();
            self.unreplayed = repaired.symmetric_difference(&bookings).count();
            self.unreplayed += told.len() - bookings.len();
            if self.unreplayed == 0 || begun.elapsed() > SETTLE_MAX {
                println!("  {} repaired facts were replayed", told.len());
                return Ok(());
            }
            crate::pause(LOOK_PERIOD).await;
        }
    }

    fn tell(&self, size: usize) -> Result<bool, Failure> {
        println!("  {size} facts that nobody can understand, among as many others");
        let figure = |name, figure, unit, ask: &str, holds| Figure {
            name,
            figure,
            unit,
            yardstick: "none",
            ask: ask.to_owned(),
            holds,
        };
        let soon = format!("≤ {SECONDS_MAX}");
        let letters = "dead letters that are missing, too many, or without their cause";
        let slowest = "s from a poison fact to its last dead letter, the slowest";
        let others = "s from a good fact among them to its message, the slowest";
        let stalled = "good facts among them without their message";
        let replayed = "repaired facts that were not replayed, or more than once";
        let (wrong, stalls) = (self.wrong as f64, self.stalled as f64);
        let (letter, message) = (self.letter_seconds, self.message_seconds);
        let all = [
            figure("poison", wrong, letters, "0", self.wrong == 0),
            figure("poison-seconds", letter, slowest, &soon, letter <= SECONDS_MAX),
            figure("poison-others", message, others, &soon, message <= SECONDS_MAX),
            figure("poison-stalled", stalls, stalled, "0", self.stalled == 0),
            figure("poison-replayed", self.unreplayed as f64, replayed, "0", self.unreplayed == 0),
        ];
        let mut holds = true;
        for figure in &all {
            holds &= figure.tell()?;
        }
        Ok(holds)
    }
}
