//! Ground and books: what booking says is taken in, and where the ground says otherwise is told.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::{DiscrepancyId, FactId, LotId};
use parkmesh_eventbus::{inbox, outbox};
use parkmesh_platform::auth::Caller;
use parkmesh_platform::page::{self, List};
use parkmesh_platform::postgres::transaction;

use super::App;
use crate::domain::discrepancy::Discrepancy;
use crate::error::Error;
use crate::events;
use crate::store::books::{self, Session};
use crate::store::discrepancy;

/// Spots that one transaction looks at.
const ROWS_MAX: i64 = 500;
/// Transactions of one tick: the next goes on.
const ROUNDS_MAX: usize = 20;
/// How long those that have ended are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 500;

impl App {
    /// Takes in, once, that a session has begun or ended.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_session(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        session: Session,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if inbox::admit(connection, consumer, fact_id, now).await? {
                    books::apply(connection, &session).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Opens and closes discrepancies, as ground and books stand now. Does nothing while another process
    /// does.
    ///
    /// # Errors
    /// The store's; what was committed before stays.
    pub async fn compare(&self, now: Timestamp) -> Result<(), Error> {
        for _round in 0..ROUNDS_MAX {
            let (looked, told) = self.compare_some(now).await?;
            if told {
                self.relay.wake();
            }
            if looked < ROWS_MAX {
                break;
            }
        }
        let before = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        discrepancy::trim(&self.pool, before).await
    }

    async fn compare_some(&self, now: Timestamp) -> Result<(i64, bool), Error> {
        let ids = self.ids.clone();
        transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if !discrepancy::lock(connection).await? {
                    return Ok((0, false));
                }
                let found = discrepancy::candidates(connection, now, ROWS_MAX).await?;
                let (mut ended, mut begun) = (Vec::new(), Vec::new());
                for (both, standing) in &found {
                    match standing {
                        Some(standing) if !standing.is_over(both) => continue,
                        Some(standing) => {
                            ended.push(Discrepancy { close_time: Some(now), ..*standing });
                        }
                        None => {}
                    }
                    let begins = both.lasting(now).map(|kind| {
                        let discrepancy_id = ids.next();
                        Discrepancy { discrepancy_id, kind, both: *both, close_time: None }
                    });
                    begun.extend(begins);
                }
                discrepancy::close(connection, &ended, now).await?;
                discrepancy::open(connection, &begun).await?;
                let all = ended.iter().chain(&begun);
                let facts: Vec<_> = all.map(|one| events::discrepancy(&ids, now, one)).collect();
                outbox::append(connection, &facts).await?;
                let looked = i64::try_from(found.len()).unwrap_or(i64::MAX);
                Ok::<_, Error>((looked, !facts.is_empty()))
            })
        })
        .await
    }

    /// A page of a lot's discrepancies, and the token of the next one.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_discrepancies(
        &self,
        caller: &Caller,
        lot_id: LotId,
        with_closed: bool,
        (page_size, page_token): (i32, &str),
    ) -> Result<(Vec<Discrepancy>, String), Error> {
        self.check_lot(caller, lot_id).await?;
        let arguments = [lot_id.to_string(), with_closed.to_string()];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let list = List::of("ListDiscrepancies", &caller.subject, &arguments);
        let after: Option<String> = list.after(page_token)?;
        let after: Option<DiscrepancyId> = after.and_then(|id| id.parse().ok());
        let size = page::size(page_size, PAGE_DEFAULT, PAGE_MAX);
        let limit = page::limit(size);
        let rows = discrepancy::list(&self.pool, lot_id, with_closed, after, limit).await?;
        Ok(list.cut(rows, size, |last| last.discrepancy_id.to_string()))
    }
}
