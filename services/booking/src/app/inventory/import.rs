//! ImportSpots: the floors and spots of a whole lot in one stream of batches. One batch is in memory
//! at a time, and each is a transaction of its own: none waits for the stream.

use std::pin::pin;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::import_spots_request::{Batch, Begin, Part};
use parkmesh_contracts::ids::{LotId, RequestId};
use parkmesh_platform::fault;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;
use tokio_stream::{Stream, StreamExt};

use super::Operator;
use super::act::{Act, Line};
use crate::app::App;
use crate::convert::inventory::id;
use crate::convert::{audit, import as convert};
use crate::domain::audit::Object;
use crate::domain::inventory::{Floor, Spot};
use crate::error::Error;
use crate::store::inventory::{floor, lot, spot};
use crate::store::replay::{self, Request};

/// The RPC, as the answers' table and the record know it.
const METHOD: &str = "ImportSpots";
/// Batches of one import at most; the proto says so.
const BATCHES_MAX: i32 = 1_000;
/// Rows that a refusal names at most.
const ROWS_NAMED_MAX: usize = 10;

/// An import under way.
struct Import {
    act: Act,
    lot_id: LotId,
    request_id: RequestId,
    /// The answer that was given when all of it was taken.
    ended: Option<proto::ImportSpotsResponse>,
    /// What was taken so far, now and before.
    taken: proto::ImportSpotsResponse,
}

impl App {
    /// Brings in what the stream says, batch by batch.
    ///
    /// # Errors
    /// What the proto names, or the store's; batches that were taken before stay. The stream's own
    /// errors pass through.
    pub async fn import_spots<E: From<Error>>(
        &self,
        operator: &Operator,
        parts: impl Stream<Item = Result<proto::ImportSpotsRequest, E>>,
    ) -> Result<proto::ImportSpotsResponse, E> {
        let mut parts = pin!(parts);
        let Some(first) = parts.next().await.transpose()? else {
            return Err(Error::field("begin", "must be the first part").into());
        };
        let mut import = self.begin_import(operator, first).await?;
        while let Some(part) = parts.next().await {
            import = self.take_part(import, part?).await?;
        }
        Ok(self.end_import(import).await?)
    }

    async fn begin_import(
        &self,
        operator: &Operator,
        first: proto::ImportSpotsRequest,
    ) -> Result<Import, Error> {
        fault::check(&first)?;
        let Some(Part::Begin(begin)) = first.part else {
            return Err(Error::field("begin", "must be the first part"));
        };
        let Begin { request_id, lot_id } = &begin;
        let lot_id: LotId = id("begin.lot_id", lot_id)?;
        let request_id: RequestId = id("begin.request_id", request_id)?;
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        let act = self.act(operator, METHOD);
        let key = Request::of(&operator.subject, request_id, METHOD, &begin);
        // The begin is remembered with an answer that nobody gets: it keeps the id to this lot.
        let nobody = proto::ImportSpotsResponse::default();
        let end = Request::of(&operator.subject, derived(request_id, 0), METHOD, &begin);
        let (subject, now) = (operator.subject.clone(), act.now);
        let ended = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                lot::lock_own(connection, lot_id, &subject).await?;
                replay::claim(connection, &key, &nobody, now).await?;
                replay::find(connection, &end).await
            })
        })
        .await?;
        let taken = proto::ImportSpotsResponse { lot_id: lot_id.to_string(), ..Default::default() };
        Ok(Import { act, lot_id, request_id, ended, taken })
    }

    async fn take_part(
        &self,
        mut import: Import,
        part: proto::ImportSpotsRequest,
    ) -> Result<Import, Error> {
        let expected = import.taken.batches + 1;
        let in_batch = |cause: Error| refusal(expected, Vec::new(), cause);
        fault::check(&part).map_err(|found| in_batch(found.into()))?;
        let Some(Part::Batch(batch)) = part.part else {
            return Err(Error::field("batch", "must follow; there is one begin only"));
        };
        if batch.number != expected || expected > BATCHES_MAX {
            let why = format!("must be {expected}, at most {BATCHES_MAX}");
            return Err(in_batch(Error::field("batch.number", why)));
        }
        convert::check_batch(&batch).map_err(in_batch)?;
        let count = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
        let (floors, spots) = (count(batch.floors.len()), count(batch.spots.len()));
        self.take_batch(&import, batch).await?;
        import.taken.batches = expected;
        import.taken.floors = import.taken.floors.saturating_add(floors);
        import.taken.spots = import.taken.spots.saturating_add(spots);
        Ok(import)
    }

    /// Makes a batch, or passes over it when it is made already.
    async fn take_batch(&self, import: &Import, batch: Batch) -> Result<(), Error> {
        let number = batch.number;
        let (act, lot_id, ended) = (import.act.clone(), import.lot_id, import.ended.is_some());
        let subject = &act.operator.subject;
        let key = Request::of(subject, derived(import.request_id, number), METHOD, &batch);
        let numbers: Vec<String> = batch
            .spots
            .iter()
            .filter_map(|row| Some(row.spot.as_ref()?.spot_number.clone()))
            .collect();
        let outcome = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let nobody = proto::ImportSpotsResponse::default();
                if replay::claim(connection, &key, &nobody, act.now).await?.is_some() {
                    return Ok(());
                }
                if ended {
                    return Err(Error::RequestIdReused);
                }
                make_batch(connection, &act, lot_id, &batch).await
            })
        })
        .await;
        match outcome {
            Ok(()) => {
                self.relay.wake();
                Ok(())
            }
            Err(Error::SpotNumberTaken(_)) => {
                let taken = spot::taken(&self.pool, lot_id, &numbers).await?;
                let is_taken = |(index, number): (usize, &String)| {
                    taken.contains(number).then(|| format!("spots[{index}]"))
                };
                let rows = numbers.iter().enumerate().filter_map(is_taken).collect();
                Err(refusal(number, rows, Error::SpotNumberTaken(taken)))
            }
            Err(refused @ Error::Batch { .. }) => Err(refused),
            Err(other) => Err(refusal(number, Vec::new(), other)),
        }
    }

    /// Remembers that all of it was taken, or gives the answer that was given then.
    async fn end_import(&self, import: Import) -> Result<proto::ImportSpotsResponse, Error> {
        let Import { act, request_id, ended, taken, lot_id } = import;
        if let Some(before) = ended {
            // Fewer batches than then: it is another request.
            return if before == taken { Ok(before) } else { Err(Error::RequestIdReused) };
        }
        let begin = Begin { request_id: request_id.to_string(), lot_id: lot_id.to_string() };
        let key = Request::of(&act.operator.subject, derived(request_id, 0), METHOD, &begin);
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                match replay::claim(connection, &key, &taken, act.now).await? {
                    None => Ok(taken),
                    Some(before) if before == taken => Ok(before),
                    Some(_) => Err(Error::RequestIdReused),
                }
            })
        })
        .await
    }
}

/// The id under which a batch of an import is remembered; 0 stands for the end.
fn derived(request_id: RequestId, number: i32) -> RequestId {
    replay::step(request_id, &number.to_be_bytes())
}

fn refusal(number: i32, mut rows: Vec<String>, cause: Error) -> Error {
    rows.truncate(ROWS_NAMED_MAX);
    Error::Batch { number, rows, cause: Box::new(cause) }
}

async fn make_batch(
    connection: &mut PgConnection,
    act: &Act,
    lot_id: LotId,
    batch: &Batch,
) -> Result<(), Error> {
    let lot = lot::lock_own(connection, lot_id, &act.operator.subject).await?;
    let had = floor::list(&mut *connection, lot_id).await?;
    let is_had = |(index, new): (usize, &proto::NewFloor)| {
        let taken = had.iter().any(|floor| floor.floor_number == new.floor_number);
        taken.then(|| format!("floors[{index}]"))
    };
    let taken: Vec<String> = batch.floors.iter().enumerate().filter_map(is_had).collect();
    if !taken.is_empty() {
        return Err(refusal(batch.number, taken, Error::FloorNumberTaken));
    }
    let mut floors: Vec<Floor> = had;
    for new in &batch.floors {
        let made = convert::floor(new, act.ids.next(), lot_id);
        floor::insert(&mut *connection, &made, act.now).await?;
        let (object, after) = ((Object::Floor, made.floor_id.into()), Some(audit::floor(&made)));
        act.note(connection, Line { lot_id, object, before: None, after }).await?;
        floors.push(made);
    }
    if !batch.floors.is_empty() {
        act.count_lot(connection, &lot).await?;
    }
    let spots = convert::spots(&batch.spots, &floors, lot_id, || act.ids.next());
    let spots: Vec<Spot> =
        spots.map_err(|rows| refusal(batch.number, rows, Error::FloorNotFound))?;
    if !spots.is_empty() {
        spot::insert_all(&mut *connection, &spots, act.now).await?;
        act.tell_spots(connection, &spots).await?;
        let (object, after) = ((Object::Lot, lot_id.into()), Some(audit::spots_made(&spots)));
        act.note(connection, Line { lot_id, object, before: None, after }).await?;
    }
    Ok(())
}
