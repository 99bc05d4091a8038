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
    /// Changes after a start-up that are of low confidence.
    pub warm_up: i16,
}

const DAY_SECONDS: i32 = 86_400;
/// A device that has just started does not know its empty spot yet: it learns from the first cars.
const WARM_UP: i16 = 3;
/// Bosch says so itself: detection is poor for about ten parking events.
const WARM_UP_BOSCH: i16 = 10;

/// A model like most.
const fn usual(name: &'static str) -> Model {
    Model { name, settle: Settle::DEFAULT, heartbeat_seconds: DAY_SECONDS, warm_up: WARM_UP }
}

/// Every model that can be registered.
pub const MODELS: &[Model] = &[
    usual("plain-json"),
    Model { warm_up: WARM_UP_BOSCH, ..usual("bosch-tps110") },
    usual("nwave-nps405"),
    usual("placepod"),
    usual("libelium-v2"),
    usual("libelium-v3"),
    usual("moko-lw009-sm"),
    usual("moko-lw009-ig"),
    usual("tekzipark"),
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

    /// What a model's sensors are held to; the usual of a model that a newer version has registered.
    pub fn of(&self, name: &str) -> Model {
        let unknown = usual("");
        let usual = Model { settle: self.settle.unwrap_or(unknown.settle), ..unknown };
        self.find(name).unwrap_or(usual)
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
        assert_eq!(models.of("placepod").settle, NONE);
        assert_eq!(models.of("a-model-of-tomorrow").settle, NONE);
        assert_eq!(models.find("placepod").map(|model| model.heartbeat_seconds), Some(86_400));
        assert_eq!(models.find("a-model-of-tomorrow"), None);
    }
}
