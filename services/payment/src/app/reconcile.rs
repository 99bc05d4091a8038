//! The provider's own ledger is read again and again and compared with ours: a cent that only one of
//! them knows is somebody's money.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::fault::chain;
use parkmesh_platform::postgres;
use uuid::Uuid;

use super::{Access, App};
use crate::domain::days::Days;
use crate::domain::revenue::report;
use crate::domain::{Entry, Moved, Report};
use crate::error::Error;
use crate::provider::{Movement, MovementKind};
use crate::store;
use crate::store::reconcile::Line;

/// How far back lines are read again: the provider may write them out of the order of their times.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// How far back payments are compared again.
const COMPARED: SignedDuration = SignedDuration::from_hours(24);
/// A payment that was touched a moment ago may stand in one ledger and not yet in the other.
const REST: SignedDuration = SignedDuration::from_secs(60);
/// Parts of the provider's ledger that one turn reads.
const PARTS_MAX: usize = 1_000;

/// What is asked of a report.
#[derive(Clone, Debug)]
pub struct AskReport {
    /// The lot.
    pub lot_id: LotId,
    /// Which days.
    pub days: Days,
}

impl App {
    /// Reads what is new in the provider's ledger, compares, and tells how many payments differ now.
    ///
    /// # Errors
    /// When the store or the provider fails.
    pub async fn reconcile(&self, now: Timestamp) -> Result<i64, Error> {
        let last = store::reconcile::last_time(&self.pool).await?;
        let since = last.map_or(Timestamp::UNIX_EPOCH, |last| earlier(last, OVERLAP));
        self.read_movements(since).await?;
        let (since, rest) = (earlier(now, COMPARED), earlier(now, REST));
        for found in store::reconcile::compare(&self.pool, since, rest).await? {
            if store::reconcile::note(&self.pool, &found, now).await? {
                let payment_id = found.payment_id;
                let (ours, theirs) = (found.ours_minor, found.theirs_minor);
                tracing::error!(%payment_id, ours, theirs, "our ledger and the provider's differ");
            }
        }
        Ok(store::reconcile::standing(&self.pool).await?
            + store::reconcile::nobodys(&self.pool).await?)
    }

    async fn read_movements(&self, since: Timestamp) -> Result<(), Error> {
        let mut next: Option<String> = None;
        for _ in 0..PARTS_MAX {
            let part = self.provider.movements(since, next.as_deref()).await;
            let part = part.map_err(|error| {
                tracing::info!(error = chain(&error), "the provider's ledger is not readable");
                Error::ProviderAway
            })?;
            let lines: Vec<Line> = part.movements.iter().map(line).collect();
            self.keep_lines(lines).await?;
            next = part.next;
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Keeps lines, and books what the provider has kept for itself.
    async fn keep_lines(&self, lines: Vec<Line>) -> Result<(), Error> {
        let now = self.clock.now();
        postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                for line in &lines {
                    if !store::reconcile::keep(connection, line).await? || line.fee.minor == 0 {
                        continue;
                    }
                    let Some(payment_id) = line.payment_id else { continue };
                    let payment = store::payment::find_locked(connection, payment_id).await?;
                    let Some(payment) = payment else { continue };
                    let name = format!("fee:{}", line.movement_id);
                    let movement_id = Uuid::new_v5(&payment_id.as_uuid(), name.as_bytes());
                    let side = |account: String, minor: i64| Entry {
                        movement_id,
                        account,
                        amount: parkmesh_contracts::money::Money::new(minor, line.fee.currency),
                        kind: "fee",
                        payment_id,
                    };
                    let entries = [
                        side(format!("operator:{}", payment.lot_id), -line.fee.minor),
                        side(format!("fees:{}", payment.lot_id), line.fee.minor),
                    ];
                    store::ledger::append(connection, &entries, now).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await
    }

    /// What a lot earned; `None`: no money moved.
    ///
    /// # Errors
    /// The reasons of `GetRevenueReport`.
    pub async fn revenue(
        &self,
        access: &Access,
        asked: &AskReport,
    ) -> Result<Option<Report>, Error> {
        access.may_move_money()?;
        if !access.reaches(asked.lot_id) {
            return Err(Error::LotNotFound);
        }
        let span = asked.days.span().map_err(|(field, text)| Error::field(field, text))?;
        let zone = &asked.days.time_zone_name;
        let moved = store::reconcile::moved(&self.pool, asked.lot_id, span, zone);
        let moved: Vec<Moved> = moved.await?.into_iter().map(told).collect::<Result<_, _>>()?;
        report(&moved).map_err(|_other| Error::CurrenciesMixed)
    }
}

fn told(
    row: (String, String, bool, parkmesh_contracts::money::Money, i64),
) -> Result<Moved, Error> {
    let (day, kind, overstay, amount, count) = row;
    let date = day.parse().map_err(|_| Error::Broken(format!("a ledger's day {day}")))?;
    Ok(Moved { date, kind, overstay, amount, count })
}

fn earlier(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn line(movement: &Movement) -> Line {
    let (kind, sign) = match movement.kind {
        MovementKind::Capture => ("capture", 1),
        MovementKind::Refund => ("refund", -1),
        MovementKind::RefundFailed => ("refund_failed", 1),
        MovementKind::Chargeback => ("chargeback", -1),
        MovementKind::ChargebackReversed => ("chargeback_reversed", 1),
    };
    let mut amount = movement.amount;
    amount.minor *= sign;
    Line {
        movement_id: movement.movement_id.clone(),
        kind,
        payment_id: movement.reference.parse().ok(),
        amount,
        fee: movement.fee,
        time: movement.time,
    }
}
