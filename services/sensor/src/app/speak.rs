//! Who may speak for which device.

use parkmesh_contracts::ids::LotId;
use parkmesh_platform::auth::{Caller, Role};

use super::App;
use super::apply::Batch;
use crate::error::Error;
use crate::store::sensor;

impl App {
    /// Checks that the caller may send this batch: the bridge for all, a device for itself, an
    /// operator for the sensors of
    /// own lots, a kiosk for those of the lots that its token is bound to.
    ///
    /// # Errors
    /// [`Error::DeviceNotOwn`], or the store's.
    pub async fn check_speaker(&self, caller: &Caller, batch: &Batch) -> Result<(), Error> {
        let own = match caller.role {
            Role::Service => true,
            // Whoever reads plates without the bridge says so by SubmitPlateRead.
            _ if !batch.plates.is_empty() => false,
            Role::Device => {
                let own = |name: &str| name == caller.subject.as_str();
                batch.readings.iter().all(|reading| own(&reading.device_id))
                    && batch.strays.iter().all(|stray| own(&stray.device_id))
            }
            Role::Guest | Role::Driver => false,
            Role::Kiosk | Role::Operator => self.all_at_lots(caller, batch).await?,
        };
        if own { Ok(()) } else { Err(Error::DeviceNotOwn) }
    }

    async fn all_at_lots(&self, caller: &Caller, batch: &Batch) -> Result<bool, Error> {
        let mut names: Vec<String> =
            batch.readings.iter().map(|reading| reading.device_id.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let known = sensor::of_devices(&self.pool, &names).await?;
        let mut lots: Vec<LotId> = known.iter().map(|sensor| sensor.lot_id).collect();
        lots.sort_unstable();
        lots.dedup();
        for lot_id in lots {
            match self.check_lot(caller, lot_id).await {
                Err(Error::LotNotFound) => return Ok(false),
                checked => checked?,
            }
        }
        Ok(known.len() == names.len())
    }
}
