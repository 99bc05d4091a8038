//! Each role with its settings and what it is given: the one page where everything meets.

use parkmesh_eventbus::BusConfig;
use parkmesh_platform::auth::AuthConfig;
use parkmesh_platform::channel::ChannelConfig;
use parkmesh_platform::postgres::PostgresConfig;
use parkmesh_platform::redis::{self, RedisConfig};
use parkmesh_platform::serve::Running;

use super::own::Own;
use super::process::Process;
use crate::Failure;
use crate::names::Role;

/// Starts a role with the settings of the environment.
pub async fn start(role: Role, process: &Process) -> Result<Running, Failure> {
    match role {
        Role::Booking => booking(process).await,
        Role::Availability => availability(process).await,
        Role::Payment => payment(process).await,
        Role::Sensor => sensor(process).await,
        Role::Notification => notification(process).await,
        Role::SensorBridge => sensor_bridge(process).await,
        Role::Gateway => gateway(process).await,
        Role::PaymentSandbox => payment_sandbox(process).await,
    }
}

async fn booking(process: &Process) -> Result<Running, Failure> {
    let mut reader = Process::reader(Role::Booking);
    let config = parkmesh_booking::Config::read(&mut reader);
    let (postgres, bus) = (PostgresConfig::read(&mut reader), BusConfig::read(&mut reader));
    let (auth, own) = (AuthConfig::read(&mut reader), Own::read(Role::Booking, &mut reader));
    let payment = ChannelConfig::read("payment", &mut reader);
    let listener = Process::listener(Role::Booking, &mut reader).await?;
    reader.finish()?;
    let own = own.open(&process.tasks)?;
    let deps = parkmesh_booking::Deps {
        listener,
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        pool: process.pool(&postgres)?,
        bus: process.bus(&bus, &parkmesh_booking::BUS).await?,
        verifier: process.verifier(&auth, own.as_ref()).await?,
        payment: process.channel(&payment, own.as_ref())?,
    };
    Ok(parkmesh_booking::start(config, deps).await?)
}

async fn availability(process: &Process) -> Result<Running, Failure> {
    let mut reader = Process::reader(Role::Availability);
    let config = parkmesh_availability::Config::read(&mut reader);
    let (redis, bus) = (RedisConfig::read(&mut reader), BusConfig::read(&mut reader));
    let (auth, own) = (AuthConfig::read(&mut reader), Own::read(Role::Availability, &mut reader));
    let booking = ChannelConfig::read("booking", &mut reader);
    let sensor = ChannelConfig::read("sensor", &mut reader);
    let listener = Process::listener(Role::Availability, &mut reader).await?;
    reader.finish()?;
    let own = own.open(&process.tasks)?;
    let deps = parkmesh_availability::Deps {
        listener,
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        redis: redis::connect(&redis)?,
        bus: process.bus(&bus, &parkmesh_availability::BUS).await?,
        verifier: process.verifier(&auth, own.as_ref()).await?,
        booking: process.channel(&booking, own.as_ref())?,
        sensor: process.channel(&sensor, own.as_ref())?,
    };
    Ok(parkmesh_availability::start(config, deps).await?)
}

async fn payment(process: &Process) -> Result<Running, Failure> {
    let mut reader = Process::reader(Role::Payment);
    let config = parkmesh_payment::Config::read(&mut reader);
    let (postgres, bus) = (PostgresConfig::read(&mut reader), BusConfig::read(&mut reader));
    let (auth, own) = (AuthConfig::read(&mut reader), Own::read(Role::Payment, &mut reader));
    let listener = Process::listener(Role::Payment, &mut reader).await?;
    reader.finish()?;
    let own = own.open(&process.tasks)?;
    let deps = parkmesh_payment::Deps {
        listener,
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        pool: process.pool(&postgres)?,
        bus: process.bus(&bus, &parkmesh_payment::BUS).await?,
        verifier: process.verifier(&auth, own.as_ref()).await?,
    };
    Ok(parkmesh_payment::start(config, deps).await?)
}

async fn sensor(process: &Process) -> Result<Running, Failure> {
    let mut reader = Process::reader(Role::Sensor);
    let config = parkmesh_sensor::Config::read(&mut reader);
    let (postgres, bus) = (PostgresConfig::read(&mut reader), BusConfig::read(&mut reader));
    let (auth, own) = (AuthConfig::read(&mut reader), Own::read(Role::Sensor, &mut reader));
    let listener = Process::listener(Role::Sensor, &mut reader).await?;
    reader.finish()?;
    let own = own.open(&process.tasks)?;
    let deps = parkmesh_sensor::Deps {
        listener,
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        pool: process.pool(&postgres)?,
        bus: process.bus(&bus, &parkmesh_sensor::BUS).await?,
        verifier: process.verifier(&auth, own.as_ref()).await?,
    };
    Ok(parkmesh_sensor::start(config, deps).await?)
}

async fn notification(process: &Process) -> Result<Running, Failure> {
    let mut reader = Process::reader(Role::Notification);
    let config = parkmesh_notification::Config::read(&mut reader);
    let (postgres, bus) = (PostgresConfig::read(&mut reader), BusConfig::read(&mut reader));
    let (auth, own) = (AuthConfig::read(&mut reader), Own::read(Role::Notification, &mut reader));
    let listener = Process::listener(Role::Notification, &mut reader).await?;
    reader.finish()?;
    let own = own.open(&process.tasks)?;
    let deps = parkmesh_notification::Deps {
        listener,
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        pool: process.pool(&postgres)?,
        bus: process.bus(&bus, &parkmesh_notification::BUS).await?,
        verifier: process.verifier(&auth, own.as_ref()).await?,
    };
    Ok(parkmesh_notification::start(config, deps).await?)
}

async fn sensor_bridge(process: &Process) -> Result<Running, Failure> {
    let mut reader = Process::reader(Role::SensorBridge);
    let config = parkmesh_sensor_bridge::Config::read(&mut reader);
    let own = Own::read(Role::SensorBridge, &mut reader);
    let sensor = ChannelConfig::read("sensor", &mut reader);
    reader.finish()?;
    let own = own.open(&process.tasks)?;
    let deps = parkmesh_sensor_bridge::Deps {
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        sensor: process.channel(&sensor, own.as_ref())?,
    };
    Ok(parkmesh_sensor_bridge::start(config, deps).await?)
}

async fn gateway(process: &Process) -> Result<Running, Failure> {
    let mut reader = Process::reader(Role::Gateway);
    let config = parkmesh_gateway::Config::read(&mut reader);
    let auth = AuthConfig::read(&mut reader);
    let listener = Process::listener(Role::Gateway, &mut reader).await?;
    reader.finish()?;
    let deps = parkmesh_gateway::Deps {
        listener,
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        verifier: process.verifier(&auth, None).await?,
    };
    let running = parkmesh_gateway::start(config, deps).await?;
    // It serves as soon as it listens: what lies behind it has health of its own.
    running.ready().await;
    Ok(running)
}

async fn payment_sandbox(process: &Process) -> Result<Running, Failure> {
    let mut reader = Process::reader(Role::PaymentSandbox);
    let config = parkmesh_payment_sandbox::Config::read(&mut reader);
    let postgres = PostgresConfig::read(&mut reader);
    let listener = Process::listener(Role::PaymentSandbox, &mut reader).await?;
    reader.finish()?;
    let deps = parkmesh_payment_sandbox::Deps {
        listener,
        clock: process.clock.clone(),
        ids: process.ids.clone(),
        pool: process.pool(&postgres)?,
    };
    Ok(parkmesh_payment_sandbox::start(config, deps).await?)
}
