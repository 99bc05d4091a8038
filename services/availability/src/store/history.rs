//! What was recorded of a lot's occupancy, in Redis: a ring of records of 16 bytes, one for each quarter of an hour of
//! the last weeks. A record says of which quarter it is, so that nothing need be cleared when the ring has come round.

use parkmesh_contracts::ids::LotId;
use parkmesh_platform::redis::redis::{self, AsyncCommands as _};

use super::{SharedPicture, StoreError};
use crate::domain::forecast::{History, QUARTERS, Sample, WEEKS, place};

/// Bytes of a record: quarter, occupied, capacity, clamped; each a number of 32 bits, the highest byte first.
const RECORD_BYTES: usize = 16;
/// A lot of which nothing more is recorded is forgotten after the time that the ring holds.
const KEPT_SECONDS: i64 = WEEKS * 7 * 24 * 3_600;

/// What Redis has not of a lot: what was noted after a quarter.
#[derive(Debug)]
pub struct Unwritten {
    /// The lot.
    pub lot_id: LotId,
    /// What Redis has is up to here.
    pub after: Option<i64>,
    /// All that is known.
    pub history: History,
}

impl SharedPicture {
    /// What was recorded of a lot, in no order.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn load_history(&self, lot_id: LotId) -> Result<Vec<(i64, Sample)>, StoreError> {
        let ring: Vec<u8> = self.connection().await?.get(self.keys.history(lot_id)).await?;
        Ok(ring.chunks_exact(RECORD_BYTES).filter_map(read).collect())
    }

    /// Writes what Redis has not of a lot; everything where it has nothing, or has lost it.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn write_history(&self, unwritten: &Unwritten) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let key = self.keys.history(unwritten.lot_id);
        let stands: bool = connection.exists(&key).await?;
        let mut write = redis::pipe();
        if stands {
            let samples = unwritten.history.iter();
            for (quarter, sample) in samples.filter(|(quarter, _)| Some(*quarter) > unwritten.after)
            {
                let offset = isize::try_from(place(quarter) * RECORD_BYTES).unwrap_or_default();
                write.setrange(&key, offset, record(quarter, sample).to_vec()).ignore();
            }
        } else {
            let mut ring = vec![0; QUARTERS * RECORD_BYTES];
            for (quarter, sample) in unwritten.history.iter() {
                let at = place(quarter) * RECORD_BYTES;
                ring[at..at + RECORD_BYTES].copy_from_slice(&record(quarter, sample));
            }
            write.set(&key, ring).ignore();
        }
        let _: () = write.expire(&key, KEPT_SECONDS).ignore().query_async(&mut connection).await?;
        Ok(())
    }
}

fn record(quarter: i64, sample: Sample) -> [u8; RECORD_BYTES] {
    let quarter = u32::try_from(quarter).unwrap_or_default();
    let numbers = [quarter, sample.occupied, sample.capacity, u32::from(sample.clamped)];
    let mut bytes = [0; RECORD_BYTES];
    for (part, number) in bytes.chunks_exact_mut(4).zip(numbers) {
        part.copy_from_slice(&number.to_be_bytes());
    }
    bytes
}

/// A record as it was written; None for an empty place. What nobody of ours can have written is made possible, and
/// says so.
fn read(bytes: &[u8]) -> Option<(i64, Sample)> {
    let mut numbers = bytes.chunks_exact(4).map(|part| {
        let part = <[u8; 4]>::try_from(part).unwrap_or_default();
        i64::from(u32::from_be_bytes(part))
    });
    let (quarter, occupied, capacity) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let was_clamped = numbers.next()? != 0;
    let sample = Sample::of(occupied, capacity)?;
    Some((quarter, Sample { clamped: sample.clamped || was_clamped, ..sample }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_an_empty_place_is_none() {
        let sample = Sample { occupied: 7, capacity: 70_000, clamped: false };
        assert_eq!(read(&record(1_990_000, sample)), Some((1_990_000, sample)));
        let clamped = Sample { clamped: true, ..sample };
        assert_eq!(read(&record(5, clamped)), Some((5, clamped)));
        assert_eq!(read(&[0; RECORD_BYTES]), None);
        let impossible = Sample { occupied: 80_000, ..sample };
        let made_possible = Sample { occupied: 70_000, capacity: 70_000, clamped: true };
        assert_eq!(read(&record(5, impossible)), Some((5, made_possible)));
    }
}
