//! What is known of each model of sensor: how long a change must stand, and how often it reports.

use jiff::SignedDuration;

/// How long a change must stand before it counts. Asymmetric: a car that arrives is told soon, a
/// car that leaves is told when
/// it is certain, because an exit is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settle {
    /// Before a spot counts as occupied.
    pub occupied: SignedDuration,
    /// Before a spot counts as vacant.
    pub vacant: SignedDuration,
}

impl Settle {
    /// Settle times of most sensors.
    pub const DEFAULT: Self =
        Self { occupied: SignedDuration::from_secs(3), vacant: SignedDuration::from_secs(10) };

    /// How long a change to this must stand.
    pub fn of(&self, occupied: bool) -> SignedDuration {
        if occupied { self.occupied } else { self.vacant }
    }
}

/// A model of sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its name, which also chooses the bridge's decoder.
    pub name: &'static str,
    /// How long its changes must stand.
    pub settle: Settle,
    /// Seconds between two heartbeats as the vendor ships it.
    pub heartbeat_seconds: i32,
}

const DAY_SECONDS: i32 = 86_400;

/// Every model that can be registered.
pub const MODELS: &[Model] = &[
    Model { name: "plain-json", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
    Model { name: "bosch-tps110", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
    Model { name: "nwave-nps405", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
    Model { name: "placepod", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
    Model { name: "libelium-v2", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
    Model { name: "libelium-v3", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
    Model { name: "moko-lw009-sm", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
    Model { name: "moko-lw009-ig", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
    Model { name: "tekzipark", settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS },
];

/// The names of all models.
pub fn model_names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|model| model.name)
}

/// The models as this process is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Models {
    /// Settle times instead of those of every model.
    pub settle: Option<Settle>,
}

impl Models {
    /// The model of this name.
    pub fn find(&self, name: &str) -> Option<Model> {
        let found = MODELS.iter().find(|model| model.name == name)?;
        Some(Model { settle: self.settle.unwrap_or(found.settle), ..*found })
    }

    /// Settle times of a model; the usual ones of a model that a newer version has registered.
    pub fn settle(&self, name: &str) -> Settle {
        self.find(name).map_or(self.settle.unwrap_or(Settle::DEFAULT), |model| model.settle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_must_stand_longer_than_occupied() {
        for model in MODELS {
            assert!(model.settle.vacant > model.settle.occupied, "{}", model.name);
        }
    }

    const NONE: Settle = Settle { occupied: SignedDuration::ZERO, vacant: SignedDuration::ZERO };

    #[test]
    fn a_setting_replaces_the_settle_times_of_every_model() {
        let models = Models { settle: Some(NONE) };
        assert_eq!(models.settle("placepod"), NONE);
        assert_eq!(models.settle("a-model-of-tomorrow"), NONE);
        assert_eq!(models.find("placepod").map(|model| model.heartbeat_seconds), Some(86_400));
        assert_eq!(models.find("a-model-of-tomorrow"), None);
    }
}
