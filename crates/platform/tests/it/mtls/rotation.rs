//! Certificates and authorities that change under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parkmesh_platform::channel::Channel;
use parkmesh_platform::serve::ServeConfig;
use parkmesh_platform::tls::{Authority, Mtls};
use parkmesh_testkit::{Certificates, authority, eventually, issued};
use tokio::time::Instant;

use super::world::{World, authorize};

/// How long it goes on, and how often something changes.
const LOAD: Duration = Duration::from_secs(4);
const STEP: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Tally {
    good: AtomicUsize,
    bad: AtomicUsize,
}

/// Calls without a pause: over connections that the server retires all the time, and over a new one for each call.
fn callers(world: &World, booking: &Mtls) -> Arc<Tally> {
    let tally = Arc::new(Tally::default());
    for stays in [true, true, false] {
        let (tally, kept) = (Arc::clone(&tally), world.channel(booking));
        let fresh = fresh(world, booking);
        world.tasks.spawn("caller", async move {
            loop {
                let channel = if stays { kept.clone() } else { fresh() };
                let answer = authorize(channel).await;
                let counter = if answer.is_ok() { &tally.good } else { &tally.bad };
                counter.fetch_add(1, Ordering::SeqCst);
                if let Err(refused) = answer {
                    eprintln!("a call failed: {refused}");
                }
            }
        });
    }
    tally
}

fn fresh(world: &World, booking: &Mtls) -> impl Fn() -> Channel + use<> {
    let (booking, tasks) = (booking.clone(), world.tasks.clone());
    let config =
        parkmesh_platform::channel::ChannelConfig::of("payment", format!("http://{}", world.addr));
    move || Channel::connect(&config, booking.clone(), &tasks).unwrap()
}

/// Both sides, whose files change at the same time, as far as anything does.
struct Sides<'w> {
    sides: [(&'w Certificates, &'w Mtls, &'static str); 2],
}

impl Sides<'_> {
    async fn trust(&self, authorities: &[&Authority]) {
        self.change(|files, _| files.trust(authorities)).await;
    }

    async fn show(&self, authority: &Authority) {
        self.change(|files, service| files.show(&issued(authority, service))).await;
    }

    /// Changes the files of both and waits until both have seen it, as whoever changes authorities must.
    async fn change(&self, change: impl Fn(&Certificates, &str)) {
        let next = tokio::time::sleep(STEP);
        let before = self.sides.map(|(_, mtls, _)| mtls.renewals());
        self.sides.iter().for_each(|(files, _, service)| change(files, service));
        for ((_, mtls, _), before) in self.sides.iter().zip(before) {
            eventually("the new files are taken", || async {
                (mtls.renewals() > before).then_some(())
            })
            .await;
        }
        next.await;
    }
}

#[tokio::test]
async fn certificates_and_authorities_that_change_under_load_cost_no_call() {
    let config = ServeConfig {
        connection_age: Duration::from_millis(150),
        connection_grace: Duration::from_secs(5),
        ..ServeConfig::default()
    };
    let world = World::with(config).await;
    let (files, booking) = world.service("booking");
    let sides =
        Sides { sides: [(&world.payment, &world.mtls, "payment"), (&files, &booking, "booking")] };
    let (tally, started) = (callers(&world, &booking), Instant::now());
    let (mut current, mut takeovers) = (authority(), 0);
    // From the authority of the world to the first of its own.
    sides.trust(&[&world.authority, &current]).await;
    sides.show(&current).await;
    sides.trust(&[&current]).await;
    while started.elapsed() < LOAD {
        sides.show(&current).await;
        let next = authority();
        sides.trust(&[&current, &next]).await;
        sides.show(&next).await;
        sides.trust(&[&next]).await;
        current = next;
        takeovers += 1;
    }
    let counts = (tally.good.load(Ordering::SeqCst), tally.bad.load(Ordering::SeqCst));
    assert_eq!(counts.1, 0, "of {} calls, over {takeovers} authorities", counts.0);
    assert!(takeovers >= 2 && counts.0 >= 100, "{counts:?}, {takeovers} authorities");
    // Whom the first authority vouches for is a stranger now.
    let (_old, stranger) = world.service("booking");
    assert!(authorize(world.channel(&stranger)).await.is_err());
    authorize(world.channel(&booking)).await.unwrap();
}
