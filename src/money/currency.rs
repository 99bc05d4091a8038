//! Currencies and the number of decimals of each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::MoneyError;

/// An ISO 4217 currency whose minor unit we know: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Currencies without a minor unit.
const NO_DECIMALS: [&[u8; 3]; 17] = [
    b"BIF", b"CLP", b"DJF", b"GNF", b"ISK", b"JPY", b"KMF", b"KRW", b"PYG", b"RWF", b"UGX", b"UYI",
    b"VND", b"VUV", b"XAF", b"XOF", b"XPF",
];

/// Currencies of a thousand minor units.
const THREE_DECIMALS: [&[u8; 3]; 7] = [b"BHD", b"IQD", b"JOD", b"KWD", b"LYD", b"OMR", b"TND"];

/// Currencies of a hundred minor units.
const TWO_DECIMALS: [&[u8; 3]; 128] = [
    b"AED", b"AFN", b"ALL", b"AMD", b"AOA", b"ARS", b"AUD", b"AWG", b"AZN", b"BAM", b"BBD", b"BDT",
    b"BGN", b"BMD", b"BND", b"BOB", b"BRL", b"BSD", b"BTN", b"BWP", b"BYN", b"BZD", b"CAD", b"CDF",
    b"CHF", b"CNY", b"COP", b"CRC", b"CUP", b"CVE", b"CZK", b"DKK", b"DOP", b"DZD", b"EGP", b"ERN",
    b"ETB", b"EUR", b"FJD", b"FKP", b"GBP", b"GEL", b"GHS", b"GIP", b"GMD", b"GTQ", b"GYD", b"HKD",
    b"HNL", b"HTG", b"HUF", b"IDR", b"ILS", b"INR", b"IRR", b"JMD", b"KES", b"KGS", b"KHR", b"KPW",
    b"KYD", b"KZT", b"LAK", b"LBP", b"LKR", b"LRD", b"LSL", b"MAD", b"MDL", b"MGA", b"MKD", b"MMK",
    b"MNT", b"MOP", b"MRU", b"MUR", b"MVR", b"MWK", b"MXN", b"MYR", b"MZN", b"NAD", b"NGN", b"NIO",
    b"NOK", b"NPR", b"NZD", b"PAB", b"PEN", b"PGK", b"PHP", b"PKR", b"PLN", b"QAR", b"RON", b"RSD",
    b"RUB", b"SAR", b"SBD", b"SCR", b"SDG", b"SEK", b"SGD", b"SHP", b"SLE", b"SOS", b"SRD", b"SSP",
    b"STN", b"SYP", b"SZL", b"THB", b"TJS", b"TMT", b"TOP", b"TRY", b"TTD", b"TWD", b"TZS", b"UAH",
    b"USD", b"UYU", b"UZS", b"VES", b"WST", b"XCD", b"YER", b"ZAR",
];

impl Currency {
    /// Australian dollar.
    pub const AUD: Self = Self(*b"AUD");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// US dollar.
    pub const USD: Self = Self(*b"USD");

    /// The currency of a code such as `EUR`. Codes are capital letters; an unknown one is refused, since the minor unit of its
    /// money would be a guess.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`].
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        let known = |code: &[u8; 3]| {
            [&TWO_DECIMALS[..], &NO_DECIMALS[..], &THREE_DECIMALS[..]]
                .iter()
                .any(|table| table.binary_search(&code).is_ok())
        };
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(letters) if known(&letters) => Ok(Self(letters)),
            _ => Err(MoneyError::UnknownCurrency(code.chars().take(8).collect())),
        }
    }

    /// The code, `EUR`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only letters are accepted")
    }

    /// Number of decimals: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        if NO_DECIMALS.binary_search(&&self.0).is_ok() {
            0
        } else if THREE_DECIMALS.binary_search(&&self.0).is_ok() {
            3
        } else {
            2
        }
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::parse(code)
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::parse(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
