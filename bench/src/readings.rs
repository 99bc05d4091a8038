//! Readings a second from the bridge's stream to the durable acknowledgement, beside UNNEST upserts of the same rows
//! direct into the same Postgres.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_contracts::sensor::v1::{Reading, StreamReadingsRequest};
use parkmesh_contracts::time::to_proto;
use sqlx::{Connection, PgConnection, Row};
use tokio::sync::mpsc;
use tonic::Request;
use uuid::Uuid;

use crate::Failure;
use crate::city::{City, bearer};
use crate::lab::stats::median;
use crate::proof::Figure;

/// What is asked: our rate against the yardstick's.
const SHARE_MIN: f64 = 0.5;
/// As the bridge does it.
const BATCH: usize = 500;
const WINDOW: usize = 8;
/// What a transaction of the sensor service takes at most.
const ROWS_DIRECT: usize = 4_000;
/// Sessions of devices are counted from here: newer than anything that was said before.
const BOOT: u64 = 1 << 40;

/// How much is measured.
#[derive(Debug, clap::Args)]
pub struct Readings {
    /// Sensors.
    #[arg(long, default_value_t = 10_000)]
    sensors: u32,
    /// Readings of each sensor in a round.
    #[arg(long, default_value_t = 20)]
    each: u64,
    /// Rounds, ours and the yardstick's in turn; the medians count.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
}

/// Measures both in turn.
pub fn prove(options: &Readings) -> Result<bool, Failure> {
    let city = City::start("readings", options.sensors)?;
    let (ours, theirs) = crate::runtime()?.block_on(async {
        let devices = city.devices().await?;
        let mut rows = Direct::prepare(&city.postgres()).await?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..options.rounds {
            ours.push(stream_all(&city, &devices, options.each, BOOT + round).await?);
            theirs.push(rows.upsert_all(options.each).await?);
        }
        let none = || Failure::from("no round was measured");
        Ok::<_, Failure>((median(ours).ok_or_else(none)?, median(theirs).ok_or_else(none)?))
    })?;
    Figure::told("readings-rate", ours, "readings/s, bridge's stream to durable acknowledgement")
        .tell()?;
    Figure::told("readings-direct", theirs, "rows/s, UNNEST upserts of 4,000 direct into Postgres")
        .tell()?;
    let share = Figure {
        name: "readings",
        figure: ours / theirs,
        unit: "× the rate of UNNEST upserts of the same rows direct into the same Postgres",
        yardstick: "readings-direct",
        ask: format!("≥ {SHARE_MIN}"),
        holds: ours / theirs >= SHARE_MIN,
    };
    share.tell()
}

/// Sends so many readings of each device in batches; how many became durable in a second.
async fn stream_all(city: &City, devices: &[String], each: u64, boot: u64) -> Result<f64, Failure> {
    let mut client = SensorServiceClient::new(city.channel("sensor")?);
    let (batches, waiting) = mpsc::channel::<StreamReadingsRequest>(WINDOW);
    let sent = stream::unfold(waiting, |mut waiting| async {
        waiting.recv().await.map(|batch| (batch, waiting))
    });
    let request = bearer(Request::new(sent), &city.service_token("sensor-bridge")?)?;
    let mut answers = client.stream_readings(request).await?.into_inner();
    let now = crate::city::now();
    let all: Vec<(u64, &String)> =
        (1..=each).flat_map(|count| devices.iter().map(move |device| (count, device))).collect();
    let began = Instant::now();
    let (mut durable, mut number) = (0, 0);
    for some in all.chunks(BATCH) {
        number += 1;
        let readings = some.iter().map(|(sequence, device)| Reading {
            device_id: (*device).clone(),
            occupied: Some(false),
            receive_time: Some(to_proto(now)),
            boot,
            sequence: Some(*sequence),
            ..Reading::default()
        });
        let batch = StreamReadingsRequest {
            batch: number,
            readings: readings.collect(),
            unreadable: Vec::new(),
            plates: Vec::new(),
        };
        while number - durable > u64::try_from(WINDOW)? {
            durable = next(&mut answers).await?;
        }
        batches.send(batch).await?;
    }
    while durable < number {
        durable = next(&mut answers).await?;
    }
    Ok(all.len() as f64 / began.elapsed().as_secs_f64())
}

async fn next(
    answers: &mut tonic::Streaming<parkmesh_contracts::sensor::v1::StreamReadingsResponse>,
) -> Result<u64, Failure> {
    let answer = answers.next().await.ok_or("the stream ended")??;
    Ok(answer.durable_batch)
}

/// The same rows in a table of the bench's own.
struct Direct {
    connection: PgConnection,
    sensors: Vec<Uuid>,
    said: i64,
}

impl Direct {
    async fn prepare(url: &str) -> Result<Self, Failure> {
        let mut connection = PgConnection::connect(url).await?;
        for statement in [
            "DROP TABLE IF EXISTS sensor.bench_direct",
            "CREATE TABLE sensor.bench_direct (LIKE sensor.sensor INCLUDING ALL)",
            "INSERT INTO sensor.bench_direct SELECT * FROM sensor.sensor",
        ] {
            sqlx::query(statement).execute(&mut connection).await?;
        }
        let rows = sqlx::query("SELECT sensor_id FROM sensor.bench_direct ORDER BY device_id")
            .fetch_all(&mut connection)
            .await?;
        let sensors = rows.iter().map(|row| row.try_get("sensor_id")).collect::<Result<_, _>>()?;
        Ok(Self { connection, sensors, said: 0 })
    }

    /// Writes each row so often; rows in a second.
    async fn upsert_all(&mut self, each: u64) -> Result<f64, Failure> {
        let began = Instant::now();
        let mut rows = 0;
        for _count in 0..each {
            self.said += 1;
            for some in self.sensors.clone().chunks(ROWS_DIRECT) {
                rows += some.len();
                self.upsert(some).await?;
            }
        }
        Ok(rows as f64 / began.elapsed().as_secs_f64())
    }

    async fn upsert(&mut self, sensors: &[Uuid]) -> Result<(), Failure> {
        let (count, time) = (sensors.len(), Timestamp::UNIX_EPOCH.to_sqlx());
        // The columns that a heartbeat moves, and those that are written beside them.
        sqlx::query(
            "UPDATE sensor.bench_direct AS known
             SET last_seen_time = new.seen, last_boot = new.boot, last_sequence = new.sequence,
                 last_device_time = new.device, recent_messages = new.recent,
                 battery_percent = new.battery, state = new.state, change_time = new.change,
                 version = new.version, flaps = new.flaps, low_confidence = new.low,
                 faulty = new.faulty, battery_low = new.battery_low, suspect = new.suspect,
                 suspect_count = new.suspects
             FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::timestamptz[],
                         $6::bytea[], $7::smallint[], $8::smallint[], $9::timestamptz[], $10::bigint[],
                         $11::int[], $12::smallint[], $13::bool[], $14::bool[], $15::bool[], $16::bigint[])
                  AS new (sensor_id, seen, boot, sequence, device, recent, battery, state, change,
                          version, flaps, low, faulty, battery_low, suspect, suspects)
             WHERE known.sensor_id = new.sensor_id",
        )
        .bind(sensors)
        .bind(vec![Some(time); count])
        .bind(vec![1_i64; count])
        .bind(vec![Some(self.said); count])
        .bind(vec![None::<jiff_sqlx::Timestamp>; count])
        .bind(vec![Vec::<u8>::new(); count])
        .bind(vec![None::<i16>; count])
        .bind(vec![1_i16; count])
        .bind(vec![time; count])
        .bind(vec![2_i64; count])
        .bind(vec![0_i32; count])
        .bind(vec![0_i16; count])
        .bind(vec![false; count])
        .bind(vec![false; count])
        .bind(vec![false; count])
        .bind(vec![0_i64; count])
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }
}
