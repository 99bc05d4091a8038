//! One of the crowd, and the operator.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::booking::v1::{Booking, BookingState, SetSpotStatusRequest};
use parkmesh_history::{Call, Id, Op, Outcome, Reason};
use tokio::task::JoinHandle;

use super::Run;
use super::asking::{Ask, ask, id, refused};
use super::chance::Zipf;
use super::recorder::OPERATOR;
use super::wish::{Mine, Taste, Wish};
use crate::Failure;
use crate::client::Gateway;

/// Earlier requests that may be repeated.
const SENT_MAX: usize = 40;
/// Times that a request whose outcome is not known is repeated.
const TRIES_MAX: u32 = 40;
/// Longest wait before it is.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How often the operator closes a spot or opens it again.
const OPERATOR_PERIOD: Duration = Duration::from_millis(700);

/// Books until the sitting is over; gives what is booked then.
pub fn start(run: &Arc<Run>, number: u32) -> JoinHandle<Vec<Mine>> {
    let run = Arc::clone(run);
    run.tasks.clone().detached(async move {
        live(&run, number).await.unwrap_or_else(|failure| {
            eprintln!("  client {number} gave up: {failure}");
            Vec::new()
        })
    })
}

struct Client<'a> {
    run: &'a Run,
    ways: Vec<Gateway>,
    taste: Taste,
    mine: Vec<Mine>,
    sent: Vec<Wish>,
}

async fn live(run: &Run, number: u32) -> Result<Vec<Mine>, Failure> {
    let spots = run.world.places.len() / 2;
    let taste = Taste {
        dice: run.dice(number.into()),
        zipf: Zipf::new(spots, run.options.zipf),
        spots,
        client: number,
    };
    let (ways, mine) = (run.world.ways(number)?, run.before.of_client(number));
    let mut client = Client { run, ways, taste, mine, sent: Vec::new() };
    while !run.is_over() {
        client.step().await?;
    }
    Ok(client.mine)
}

impl Client<'_> {
    async fn step(&mut self) -> Result<(), Failure> {
        let dice = &mut self.taste.dice;
        if !self.sent.is_empty() && dice.percent(6) {
            let at = dice.below(self.sent.len());
            let mut wish = self.sent[at].clone();
            if dice.percent(20) {
                make_other(&mut wish);
            }
            return self.persist(wish).await;
        }
        let twin = dice.percent(2);
        let mut wish = self.taste.next(self.run, &self.mine);
        finish(&mut wish);
        if wish.1.op != Op::Get {
            if self.sent.len() >= SENT_MAX {
                let at = self.taste.dice.below(SENT_MAX);
                self.sent.swap_remove(at);
            }
            self.sent.push(wish.clone());
        }
        if twin { self.both(wish).await } else { self.persist(wish).await }
    }

    /// Asks, and asks again with the same id while nobody knows what became of it.
    async fn persist(&mut self, wish: Wish) -> Result<(), Failure> {
        let first = self.taste.dice.below(self.ways.len());
        for try_ in 0..TRIES_MAX {
            let mut call = wish.1;
            self.run.made.fetch_add(1, Ordering::Relaxed);
            // Another replica may be alive.
            let replica = first + usize::try_from(try_).unwrap_or_default();
            let way = self.ways[replica % self.ways.len()].clone();
            let booking = ask(self.run, way, wish.0.clone(), &mut call).await;
            self.run.recorder.call(&call)?;
            self.learn(&call, booking.as_ref());
            if call.outcome != Outcome::Unknown || call.op == Op::Get {
                return Ok(());
            }
            let wait = Duration::from_millis(20) * (try_ + 1).min(50);
            self.run.tasks.sleep(wait.min(WAIT_MAX)).await;
        }
        Ok(())
    }

    /// Asks at two replicas at once.
    async fn both(&mut self, wish: Wish) -> Result<(), Failure> {
        let (mut one, mut other) = (wish.1, wish.1);
        let ways = (&self.ways[0], &self.ways[1 % self.ways.len()]);
        self.run.made.fetch_add(2, Ordering::Relaxed);
        let answers = tokio::join!(
            ask(self.run, ways.0.clone(), wish.0.clone(), &mut one),
            ask(self.run, ways.1.clone(), wish.0.clone(), &mut other)
        );
        for (call, booking) in [(one, answers.0), (other, answers.1)] {
            self.run.recorder.call(&call)?;
            self.learn(&call, booking.as_ref());
        }
        let unknown = [one, other].iter().all(|call| call.outcome == Outcome::Unknown);
        if unknown && wish.1.op != Op::Get { self.persist(wish).await } else { Ok(()) }
    }

    fn learn(&mut self, call: &Call, booking: Option<&Booking>) {
        if let Some(booking) = booking {
            let live = matches!(
                booking.state(),
                BookingState::Held | BookingState::Reserved | BookingState::Active
            );
            let known = self.mine.iter().position(|one| one.booking_id == booking.booking_id);
            let one = Mine {
                booking_id: booking.booking_id.clone(),
                spot: call.got_spot,
                window: call.kept,
                state: booking.state(),
            };
            match known {
                Some(at) if live => self.mine[at] = one,
                Some(at) => drop(self.mine.swap_remove(at)),
                // An answer that is repeated may be of a booking that has ended since.
                None if live && call.makes() => self.mine.push(one),
                None => {}
            }
        }
        let over = matches!(call.reason, Reason::HoldExpired | Reason::NotFound);
        if over || call.reason == Reason::StateWrong {
            self.mine.retain(|one| id(&one.booking_id) != call.booking);
        }
    }
}

/// Fills in what the line tells of the request.
fn finish((ask, call): &mut Wish) {
    call.body = ask.digest();
    call.request = ask.request_id().map_or(Id::NONE, |text| id(text));
}

/// Another request under the same id.
fn make_other(wish: &mut Wish) {
    match &mut wish.0 {
        Ask::Hold(request) => request.plate.push('X'),
        Ask::Create(request) => request.plate.push('X'),
        Ask::Confirm(request) => request.payment_method = "pm_card_ok2".to_owned(),
        // These say nothing that could be said otherwise.
        _ => return,
    }
    finish(wish);
}

/// Closes spots and opens them again until the run is over; leaves all open.
pub fn operator(run: &Arc<Run>) -> JoinHandle<()> {
    let run = Arc::clone(run);
    run.tasks.clone().detached(async move {
        if let Err(failure) = operate(&run).await {
            eprintln!("  the operator gave up: {failure}");
        }
    })
}

async fn operate(run: &Run) -> Result<(), Failure> {
    let ways = run.world.operator_ways()?;
    let mut dice = run.dice(u64::MAX);
    while run.faults.load(Ordering::Relaxed) {
        let spot = dice.below(run.world.places.len());
        for out_of_service in [true, false] {
            set(run, &ways, spot, out_of_service).await?;
            run.tasks.sleep(OPERATOR_PERIOD).await;
        }
    }
    Ok(())
}

/// Repeats it until it is known to have been done: a spot that is so already stays as it is.
async fn set(run: &Run, ways: &[Gateway], spot: usize, out: bool) -> Result<(), Failure> {
    let number = u32::try_from(spot).unwrap_or(u32::MAX);
    let mut call = Call { spot: number, ..Call::new(OPERATOR, Op::SpotStatus, 0) };
    call.invoke = run.recorder.now();
    for try_ in 0.. {
        let mut client = InventoryServiceClient::new(ways[try_ % ways.len()].clone());
        let spot_id = run.world.places[spot].spot_id.clone();
        let request = SetSpotStatusRequest { spot_id, out_of_service: out, version: 0 };
        match client.set_spot_status(request).await {
            Ok(answer) => {
                let version = answer.into_inner().spot.map_or(0, |spot| spot.version);
                call.ret = run.recorder.now();
                call.outcome = Outcome::Done;
                call.seen = u32::try_from(version).unwrap_or(u32::MAX);
                call.got_spot = u32::from(out);
                run.note_seen(number, call.seen);
                return run.recorder.read(&call);
            }
            Err(status) => {
                let mut why = call;
                refused(&mut why, &status);
                if why.outcome == Outcome::Refused {
                    return Err(format!("a spot could not be closed: {status}").into());
                }
            }
        }
        run.tasks.sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
