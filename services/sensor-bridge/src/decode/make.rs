//! Which decoder reads a device's frames: a matter of registration, never guessed from the bytes.

use super::nwave_nps405::Order;
use super::{
    Cause, Frame, Unreadable, bosch_tps110, libelium, moko_lw009, nwave_nps405, placepod, tekzipark,
};

/// A model with its firmware, as far as they make a difference to its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Bosch TPS110.
    BoschTps110,
    /// Nwave NPS405.
    NwaveNps405(Order),
    /// PNI PlacePod.
    PlacePod,
    /// Libelium Smart Parking; v2 and v3 frames are laid out alike.
    Libelium,
    /// MOKO LW009.
    MokoLw009(moko_lw009::Make),
    /// Tekzitel TekziPark.
    TekziPark,
}

/// Every model whose frames can be read.
pub const MODELS: &[&str] = &[
    "bosch-tps110",
    "nwave-nps405",
    "placepod",
    "libelium-v2",
    "libelium-v3",
    "moko-lw009-sm",
    "moko-lw009-ig",
    "tekzipark",
];

impl Make {
    /// The make of this model and firmware. Most models read the same in every firmware.
    ///
    /// # Errors
    /// [`Cause::UnknownModel`].
    pub fn choose(model: &str, firmware: &str) -> Result<Self, Unreadable> {
        Ok(match model {
            "bosch-tps110" => Self::BoschTps110,
            "nwave-nps405" => Self::NwaveNps405(Order::of(firmware)?),
            "placepod" => Self::PlacePod,
            "libelium-v2" | "libelium-v3" => Self::Libelium,
            "moko-lw009-sm" => Self::MokoLw009(moko_lw009::Make::Sm),
            "moko-lw009-ig" => Self::MokoLw009(moko_lw009::Make::Ig),
            "tekzipark" => Self::TekziPark,
            other => {
                let detail = format!("no decoder for frames of model {other:?}");
                return Err(Unreadable { cause: Cause::UnknownModel, detail });
            }
        })
    }

    /// Whether the port says which kind of frame it is.
    pub fn tells_by_port(self) -> bool {
        matches!(self, Self::BoschTps110 | Self::NwaveNps405(_))
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`Cause::BadFrame`].
    pub fn decode(self, port: u8, bytes: &[u8]) -> Result<Frame, Unreadable> {
        if bytes.is_empty() {
            // A network's own exchange with the device.
            return Ok(Frame::default());
        }
        match self {
            Self::BoschTps110 => bosch_tps110::decode(port, bytes),
            Self::NwaveNps405(order) => nwave_nps405::decode(order, port, bytes),
            Self::PlacePod => placepod::decode(bytes),
            Self::Libelium => libelium::decode(bytes),
            Self::MokoLw009(make) => moko_lw009::decode(make, bytes),
            Self::TekziPark => tekzipark::decode(port, bytes),
        }
    }
}
