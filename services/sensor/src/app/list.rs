//! Reads: sensors, devices, one spot, the quarantine.

use jiff::Timestamp;
use parkmesh_contracts::ids::{LotId, SpotId};
use parkmesh_platform::auth::Caller;

use super::App;
use parkmesh_platform::page::{self, List};

use crate::domain::sensor::Sensor;
use crate::error::Error;
use crate::store::quarantine::{self, Quarantined};
use crate::store::sensor;

const SENSORS_DEFAULT: usize = 200;
const SENSORS_MAX: usize = 1_000;
const QUARANTINED_DEFAULT: usize = 50;
const QUARANTINED_MAX: usize = 200;

impl App {
    /// A page of a lot's sensors, and the token of the next one.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_sensors(
        &self,
        caller: &Caller,
        lot_id: LotId,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<Sensor>, String), Error> {
        self.check_lot(caller, lot_id).await?;
        let list = List::of("ListSensors", &caller.subject, &[&lot_id.to_string()]);
        let after: String = list.after(page_token)?.unwrap_or_default();
        let size = page::size(page_size, SENSORS_DEFAULT, SENSORS_MAX);
        let rows = sensor::of_lot(&self.pool, lot_id, &after, page::limit(size)).await?;
        let (rows, token) = list.cut(rows, size, |last| last.device_id.clone());
        Ok((rows, token))
    }

    /// The known ones of these devices.
    ///
    /// # Errors
    /// The store's.
    pub async fn resolve(&self, device_ids: &[String]) -> Result<Vec<Sensor>, Error> {
        sensor::of_devices(&self.pool, device_ids).await
    }

    /// The sensor of a spot.
    ///
    /// # Errors
    /// [`Error::SpotNotFound`], or the store's.
    pub async fn get_spot(&self, caller: &Caller, spot_id: SpotId) -> Result<Sensor, Error> {
        let found = sensor::find_of_spot(&self.pool, spot_id).await?.ok_or(Error::SpotNotFound)?;
        match self.check_lot(caller, found.lot_id).await {
            Err(Error::LotNotFound) => Err(Error::SpotNotFound),
            checked => checked.map(|()| found),
        }
    }

    /// A page of what is the caller's of the quarantine, newest first, and the token of the next one.
    ///
    /// # Errors
    /// [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_quarantine(
        &self,
        caller: &Caller,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<Quarantined>, String), Error> {
        let list = List::of("ListQuarantine", &caller.subject, &[]);
        let before: Option<(Timestamp, String)> = list.after(page_token)?;
        let size = page::size(page_size, QUARANTINED_DEFAULT, QUARANTINED_MAX);
        let rows = quarantine::list(&self.pool, &caller.subject, before, page::limit(size)).await?;
        let (rows, token) =
            list.cut(rows, size, |row| (row.last.receive_time, row.last.device_id.clone()));
        Ok((rows, token))
    }
}
