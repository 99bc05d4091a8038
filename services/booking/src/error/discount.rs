//! What is refused of discounts.

use crate::domain::discount::Source;

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum DiscountRefusal {
    /// No such discount, or not the caller's.
    #[error("there is no such discount")]
    NotFound,
    /// The lot has a code of this text that was not ended.
    #[error("the lot has this promo code already")]
    CodeTaken,
    /// No such code at this lot, or it does not hold now.
    #[error("this promo code does not hold here now")]
    CodeInvalid,
    /// It does not hold now.
    #[error("this merchant does not validate parking now")]
    ValidationInvalid,
    /// It was used as often as it may be.
    #[error("this promo code was used as often as it may be")]
    CodeUsedUp,
    /// The driver has used it as often as one driver may.
    #[error("you have used this promo code as often as you may")]
    CodeUsedUpByDriver,
    /// The merchant has validated as many today as on one day.
    #[error("this merchant has validated as many bookings as on one day")]
    ValidationUsedUp,
    /// The booking has a code, or this merchant has validated it.
    #[error("{}", already(*.0))]
    Present(Source),
    /// There is nothing that could be taken off.
    #[error("there is nothing to pay")]
    NothingToPay,
    /// A card is asked for what the booking costs now.
    #[error("a payment of this booking is under way")]
    PaymentUnderway,
}

const fn already(source: Source) -> &'static str {
    match source {
        Source::PromoCode => "the booking has a promo code already",
        Source::Merchant => "this merchant has validated the booking already",
    }
}

impl DiscountRefusal {
    /// That a discount of this kind does not hold now.
    pub const fn invalid(source: Source) -> Self {
        match source {
            Source::PromoCode => Self::CodeInvalid,
            Source::Merchant => Self::ValidationInvalid,
        }
    }

    /// The reason, listed in docs/errors.md.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "DISCOUNT_NOT_FOUND",
            Self::CodeTaken => "PROMO_CODE_TAKEN",
            Self::CodeInvalid => "PROMO_CODE_INVALID",
            Self::ValidationInvalid => "VALIDATION_INVALID",
            Self::CodeUsedUp | Self::CodeUsedUpByDriver => "PROMO_CODE_USED_UP",
            Self::ValidationUsedUp => "VALIDATION_USED_UP",
            Self::Present(Source::PromoCode) => "PROMO_CODE_PRESENT",
            Self::Present(Source::Merchant) => "VALIDATION_PRESENT",
            Self::NothingToPay => "NOTHING_TO_PAY",
            Self::PaymentUnderway => "PAYMENT_UNDERWAY",
        }
    }
}
