//! What a window would cost, by the rules that booking has told.

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::tariff::{Charging, Rules};
use parkmesh_contracts::window::Window;

use super::lot::LotInfo;

/// The tariff of a lot that holds now.
#[derive(Clone, Debug, PartialEq)]
pub struct LotTariff {
    /// What a stay costs.
    pub rules: Rules,
    /// Of every price of it.
    pub currency: Currency,
}

impl LotInfo {
    /// What booking would quote for a window of a spot of this type; None where the tariff is not known.
    #[must_use]
    pub fn price(&self, window: &Window, spot_type: SpotType) -> Option<Money> {
        let tariff = self.tariff.as_ref()?;
        let charging = Charging { rules: &tariff.rules, zone: &self.rules.zone, spot_type };
        let tally = charging.span(window.start(), window.end()).ok()?;
        Some(Money::new(tally.total, tariff.currency))
    }
}
