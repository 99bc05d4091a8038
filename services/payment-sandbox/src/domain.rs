//! What the sandbox does with which payment method, and how an authorisation moves on. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where an authorisation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The amount is set aside.
    Authorized,
    /// Refused.
    Declined,
    /// Taken; what was not taken is given back.
    Captured,
    /// Given back.
    Voided,
}

impl Status {
    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Declined => "declined",
            Self::Captured => "captured",
            Self::Voided => "voided",
        }
    }

    /// The status of this word.
    pub fn find(word: &str) -> Option<Self> {
        [Self::Authorized, Self::Declined, Self::Captured, Self::Voided]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// An amount set aside on a card, or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Ours.
    pub authorization_id: Uuid,
    /// The merchant's.
    pub reference: String,
    /// The token that was charged.
    pub payment_method: String,
    /// Set aside, in minor units.
    pub amount_minor: i64,
    /// Taken, in minor units.
    pub captured_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// Where it stands.
    pub status: Status,
    /// Why it was refused.
    pub decline_code: Option<String>,
    /// When it was asked for.
    pub create_time: Timestamp,
}

/// One side of a movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Of which authorisation.
    pub authorization_id: Uuid,
    /// The merchant's id.
    pub reference: String,
    /// `authorize`, `capture` or `void`.
    pub kind: String,
    /// `card:<method>`, `held` or `merchant`.
    pub account: String,
    /// Positive adds to the account.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
}

/// What a payment method does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// `pm_card_ok`: everything works.
    Works,
    /// `pm_card_declined`, `pm_card_insufficient`: the authorisation is refused with this code.
    Declines(&'static str),
    /// `pm_card_timeout_after_success`: authorises, and the first answer comes too late.
    AuthorizesLate,
    /// `pm_card_capture_timeout_after_success`: captures, and the first answer comes too late.
    CapturesLate,
    /// `pm_card_error_once`: the first authorisation by a key fails with 500 and no effect.
    FailsOnce,
}

impl Behaviour {
    /// What this payment method does; `None` when there is no such method.
    pub fn of(payment_method: &str) -> Option<Self> {
        Some(match payment_method {
            "pm_card_ok" => Self::Works,
            "pm_card_declined" => Self::Declines("card_declined"),
            "pm_card_insufficient" => Self::Declines("insufficient_funds"),
            "pm_card_timeout_after_success" => Self::AuthorizesLate,
            "pm_card_capture_timeout_after_success" => Self::CapturesLate,
            "pm_card_error_once" => Self::FailsOnce,
            _ => return None,
        })
    }
}

/// Why an authorisation does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// It is not in the state for it.
    StateWrong,
    /// More than was set aside, or nothing.
    AmountWrong,
}

impl Authorization {
    /// Takes an amount, once; the rest is given back.
    ///
    /// # Errors
    /// When it is not authorised, or the amount is not from 1 to what was set aside.
    pub fn capture(&self, amount_minor: i64) -> Result<Self, Stuck> {
        if self.status != Status::Authorized {
            return Err(Stuck::StateWrong);
        }
        if !(1..=self.amount_minor).contains(&amount_minor) {
            return Err(Stuck::AmountWrong);
        }
        Ok(Self { status: Status::Captured, captured_minor: amount_minor, ..self.clone() })
    }

    /// Gives everything back.
    ///
    /// # Errors
    /// When it is not authorised.
    pub fn void(&self) -> Result<Self, Stuck> {
        if self.status != Status::Authorized {
            return Err(Stuck::StateWrong);
        }
        Ok(Self { status: Status::Voided, ..self.clone() })
    }

    /// The movement that led to where it stands; the sides sum to zero.
    pub fn entries(&self) -> Vec<Entry> {
        let card = format!("card:{}", self.payment_method);
        let (amount, taken) = (self.amount_minor, self.captured_minor);
        let (kind, sides) = match self.status {
            Status::Authorized => ("authorize", vec![(card.as_str(), -amount), ("held", amount)]),
            Status::Captured => (
                "capture",
                vec![("held", -amount), ("merchant", taken), (card.as_str(), amount - taken)],
            ),
            Status::Voided => ("void", vec![("held", -amount), (card.as_str(), amount)]),
            Status::Declined => ("", Vec::new()),
        };
        let entry = |(account, amount_minor): (&str, i64)| Entry {
            authorization_id: self.authorization_id,
            reference: self.reference.clone(),
            kind: kind.to_owned(),
            account: account.to_owned(),
            amount_minor,
            currency: self.currency.clone(),
        };
        sides.into_iter().filter(|(_, amount)| *amount != 0).map(entry).collect()
    }
}

/// Whether the text is a card's number: 12 to 19 digits, apart from spaces and dashes. Such a thing
/// must never get this far.
pub fn is_card_number(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.')).collect();
    (12..=19).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorized() -> Authorization {
        Authorization {
            authorization_id: Uuid::nil(),
            reference: "r".to_owned(),
            payment_method: "pm_card_ok".to_owned(),
            amount_minor: 1_000,
            captured_minor: 0,
            currency: "EUR".to_owned(),
            status: Status::Authorized,
            decline_code: None,
            create_time: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_capture_takes_at_most_what_was_set_aside_and_only_once() {
        let captured = authorized().capture(400);
        assert_eq!(captured.as_ref().map(|a| a.captured_minor), Ok(400));
        assert_eq!(captured.and_then(|a| a.capture(1)), Err(Stuck::StateWrong));
        assert_eq!(authorized().capture(1_001), Err(Stuck::AmountWrong));
        assert_eq!(authorized().capture(0), Err(Stuck::AmountWrong));
    }

    #[test]
    fn the_sides_of_every_movement_sum_to_zero() {
        for moved in [Ok(authorized()), authorized().capture(400), authorized().void()] {
            let entries = moved.map(|a| a.entries()).unwrap_or_default();
            assert!(entries.len() >= 2);
            assert_eq!(entries.iter().map(|entry| entry.amount_minor).sum::<i64>(), 0);
        }
    }

    #[test]
    fn a_card_number_is_known_also_with_gaps() {
        for number in ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242"] {
            assert!(is_card_number(number), "{number}");
        }
        assert!(!is_card_number("pm_card_ok") && !is_card_number("12345"));
    }
}
