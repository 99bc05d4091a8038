//! Who may speak for which device.

use parkmesh_platform::auth::{Caller, Role};

use super::App;
use super::apply::Batch;
use crate::error::Error;
use crate::store::sensor;

impl App {
    /// Checks that the caller may send this batch: the bridge for all, a device for itself, an
    /// operator for the sensors of
    /// the lots that the token is bound to.
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
            Role::Guest => false,
            Role::Driver | Role::Kiosk | Role::Operator if caller.lots.is_empty() => true,
            Role::Driver | Role::Kiosk | Role::Operator => self.all_at_lots(caller, batch).await?,
        };
        if own { Ok(()) } else { Err(Error::DeviceNotOwn) }
    }

    async fn all_at_lots(&self, caller: &Caller, batch: &Batch) -> Result<bool, Error> {
        let mut names: Vec<String> =
            batch.readings.iter().map(|reading| reading.device_id.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let known = sensor::of_devices(&self.pool, &names).await?;
        let at_lots = known.iter().all(|sensor| caller.may_act_at(sensor.lot_id));
        Ok(at_lots && known.len() == names.len())
    }
}
