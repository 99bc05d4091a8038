//! Amounts as Stripe counts them: in the currency's smallest unit, as we do, with exceptions.

use parkmesh_contracts::money::{Currency, Money};

use crate::provider::ProviderError;

/// Currencies without decimals of which Stripe wants hundredths all the same.
const IN_HUNDREDTHS: [&str; 2] = ["ISK", "UGX"];
/// One with two decimals by ISO 4217 and none at Stripe.
const WHOLE: &str = "MGA";
/// Digits after the point of currencies whose last one Stripe wants to be zero.
const FINE: u32 = 3;

/// The amount and the currency in a request.
pub fn told(money: Money) -> Result<(String, String), ProviderError> {
    let code = money.currency.as_str();
    let refused = || ProviderError::Refused("amount_not_representable".to_owned());
    let amount = match code {
        WHOLE if money.minor % 100 != 0 => return Err(refused()),
        WHOLE => money.minor / 100,
        _ if money.currency.exponent() == FINE && money.minor % 10 != 0 => return Err(refused()),
        _ if IN_HUNDREDTHS.contains(&code) => money.minor.checked_mul(100).ok_or_else(refused)?,
        _ => money.minor,
    };
    Ok((amount.to_string(), code.to_ascii_lowercase()))
}

/// Money of an answer.
pub fn money(amount: i64, currency: &str) -> Result<Money, ProviderError> {
    let unknown = |what: String| ProviderError::Unknown(what.into());
    let currency = Currency::parse(&currency.to_ascii_uppercase())
        .map_err(|error| unknown(error.to_string()))?;
    let minor = match currency.as_str() {
        WHOLE => amount.checked_mul(100).ok_or_else(|| unknown(format!("{amount} MGA")))?,
        code if IN_HUNDREDTHS.contains(&code) => amount / 100,
        _ => amount,
    };
    Ok(Money::new(minor, currency))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn amounts_are_told_in_the_smallest_unit_with_stripes_exceptions_and_come_back_the_same() {
        for (minor, code, amount) in [
            (1_250, "EUR", "1250"),
            (500, "JPY", "500"),
            (500, "ISK", "50000"),
            (500, "UGX", "50000"),
            (1_250, "KWD", "1250"),
            (50_000, "MGA", "500"),
        ] {
            let money = Money::new(minor, Currency::parse(code).unwrap());
            assert_eq!(told(money).unwrap(), (amount.to_owned(), code.to_ascii_lowercase()));
            assert_eq!(super::money(amount.parse().unwrap(), code).unwrap(), money);
        }
        for (minor, code) in [(1_251, "KWD"), (50_001, "MGA")] {
            assert!(told(Money::new(minor, Currency::parse(code).unwrap())).is_err(), "{code}");
        }
    }
}
