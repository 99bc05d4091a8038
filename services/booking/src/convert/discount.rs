//! Discounts: requests into what they take off, what they take off into messages.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::create_discount_request as asked;
use parkmesh_contracts::booking::v1::discount as told;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::ids::DiscountId;
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::time::{self, from_proto};

use super::inventory::{check_text, id, none_found};
use crate::domain::booking::Price;
use crate::domain::discount::{Discount, Kind, Off, Reduction, Source, promo_code};
use crate::domain::tariff::PRICE_MINOR_MAX;
use crate::error::Error;
use crate::store::discount::{Reduced, Sums};

type ProtoTime = prost_types::Timestamp;

/// The discount that a request asks for, under this id.
///
/// # Errors
/// [`Error::Invalid`]; [`Error::WindowPast`] for one that has ended.
pub fn discount(
    request: &proto::CreateDiscountRequest,
    discount_id: DiscountId,
    now: Timestamp,
) -> Result<Discount, Error> {
    let valid_from = optional_time("valid_from_time", request.valid_from_time.as_ref())?;
    let valid_from = valid_from.unwrap_or(now);
    let valid_until = optional_time("valid_until_time", request.valid_until_time.as_ref())?;
    match valid_until {
        Some(until) if until <= valid_from => {
            return Err(Error::field("valid_until_time", "must be after valid_from_time"));
        }
        Some(until) if until <= now => {
            return Err(Error::field("valid_until_time", "must be in the future"));
        }
        _ => {}
    }
    Ok(Discount {
        discount_id,
        lot_id: id("lot_id", &request.lot_id)?,
        kind: kind(request.kind.as_ref())?,
        off: off(request.off.as_ref())?,
        valid_from,
        valid_until,
        end_time: None,
        create_time: now,
    })
}

/// The moment in this field, where there is one.
///
/// # Errors
/// [`Error::Invalid`] that names the field.
pub fn optional_time(field: &str, at: Option<&ProtoTime>) -> Result<Option<Timestamp>, Error> {
    at.map(from_proto).transpose().map_err(|error| Error::field(field, error.to_string()))
}

fn kind(kind: Option<&asked::Kind>) -> Result<Kind, Error> {
    match kind {
        Some(asked::Kind::PromoCode(asked)) => {
            let why = "must be 3 to 32 letters from A to Z, digits and dashes";
            let code = promo_code(&asked.code).ok_or_else(|| Error::field("promo_code.code", why));
            let (most_uses, most_uses_per_driver) = (asked.most_uses, asked.most_uses_per_driver);
            Ok(Kind::PromoCode { code: code?, most_uses, most_uses_per_driver })
        }
        Some(asked::Kind::Merchant(asked)) => {
            let (mut found, name) = (Vec::new(), asked.name.trim());
            check_text("merchant.name", &asked.name, &mut found);
            none_found(found)?;
            let most_uses_per_day = asked.most_uses_per_day;
            Ok(Kind::Merchant { name: name.to_owned(), most_uses_per_day })
        }
        None => Err(Error::field("kind", "is required")),
    }
}

fn off(off: Option<&asked::Off>) -> Result<Off, Error> {
    match off {
        Some(asked::Off::BasisPoints(points)) => Ok(Off::Share(*points)),
        Some(asked::Off::Amount(amount)) => amount_off(amount).map(Off::Amount),
        None => Err(Error::field("off", "is required")),
    }
}

fn amount_off(amount: &ProtoMoney) -> Result<Money, Error> {
    let wrong = |why: String| Error::field("amount", why);
    let amount = Money::try_from(amount).map_err(|error| wrong(error.to_string()))?;
    match (1..=PRICE_MINOR_MAX).contains(&amount.minor) {
        true => Ok(amount),
        false => Err(wrong("must be more than nothing and not beyond reason".to_owned())),
    }
}

/// Checks that an amount is in the currency of its lot.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_currency(discount: &Discount, currency: Currency) -> Result<(), Error> {
    match discount.off {
        Off::Amount(amount) if amount.currency != currency => {
            Err(Error::field("amount.currency_code", format!("must be the lot's, {currency}")))
        }
        _ => Ok(()),
    }
}

/// The kind of a filter; None for any.
pub const fn source(kind: proto::DiscountKind) -> Option<Source> {
    match kind {
        proto::DiscountKind::Unspecified => None,
        proto::DiscountKind::PromoCode => Some(Source::PromoCode),
        proto::DiscountKind::Merchant => Some(Source::Merchant),
    }
}

impl From<Source> for proto::DiscountKind {
    fn from(source: Source) -> Self {
        match source {
            Source::PromoCode => Self::PromoCode,
            Source::Merchant => Self::Merchant,
        }
    }
}

/// A discount of which so much came.
pub fn told(discount: &Discount, sums: &Sums) -> proto::Discount {
    let kind = match &discount.kind {
        Kind::PromoCode { code, most_uses, most_uses_per_driver } => {
            told::Kind::PromoCode(proto::PromoCode {
                code: code.clone(),
                most_uses: *most_uses,
                most_uses_per_driver: *most_uses_per_driver,
            })
        }
        Kind::Merchant { name, most_uses_per_day } => told::Kind::Merchant(proto::Merchant {
            name: name.clone(),
            most_uses_per_day: *most_uses_per_day,
        }),
    };
    let off = match discount.off {
        Off::Share(points) => told::Off::BasisPoints(points),
        Off::Amount(amount) => told::Off::Amount(amount.into()),
    };
    proto::Discount {
        discount_id: discount.discount_id.to_string(),
        lot_id: discount.lot_id.to_string(),
        kind: Some(kind),
        off: Some(off),
        valid_from_time: Some(time::to_proto(discount.valid_from)),
        valid_until_time: discount.valid_until.map(time::to_proto),
        end_time: discount.end_time.map(time::to_proto),
        create_time: Some(time::to_proto(discount.create_time)),
        use_count: sums.uses,
        taken_amount: Some(sums.taken.into()),
    }
}

/// A booking that a discount reduces.
pub fn reduced(row: &Reduced) -> proto::ReducedBooking {
    proto::ReducedBooking {
        booking_id: row.booking_id.to_string(),
        code: row.code.clone(),
        state: row.state.into(),
        create_time: Some(time::to_proto(row.create_time)),
        taken_amount: row.taken.map(Into::into),
    }
}

/// What is taken off a price: of its window, until its booking has ended.
pub fn reductions(price: &Price) -> Vec<proto::Reduction> {
    let Some(reductions) = &price.reductions else { return Vec::new() };
    // They have been taken off this price before, when the booking was written.
    let of_window = reductions.of(reductions.full).unwrap_or_default();
    let told = |(one, off): (&Reduction, Money)| proto::Reduction {
        discount_id: one.discount_id.to_string(),
        kind: proto::DiscountKind::from(one.source).into(),
        name: one.name.clone(),
        amount: Some(one.taken.unwrap_or(off).into()),
    };
    reductions.each.iter().zip(of_window).map(told).collect()
}
