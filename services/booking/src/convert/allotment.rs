//! Allotments as messages.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::money::Money;
use parkmesh_contracts::time;

use crate::domain::allotment::Allotment;
use crate::domain::tariff::PRICE_MINOR_MAX;
use crate::error::Error;

/// The price of a ticket.
///
/// # Errors
/// [`Error::Invalid`].
pub fn ticket_price(price: Option<&ProtoMoney>) -> Result<Money, Error> {
    let wrong = |why: String| Error::field("ticket_price", why);
    let price = price.ok_or_else(|| wrong("is required".to_owned()))?;
    let price = Money::try_from(price).map_err(|error| wrong(error.to_string()))?;
    match (0..=PRICE_MINOR_MAX).contains(&price.minor) {
        true => Ok(price),
        false => Err(wrong("must not be negative nor beyond reason".to_owned())),
    }
}

/// An allotment of which so many tickets are taken.
pub fn allotment(allotment: &Allotment, taken: i64) -> proto::Allotment {
    proto::Allotment {
        allotment_id: allotment.allotment_id.to_string(),
        lot_id: allotment.lot_id.to_string(),
        name: allotment.name.clone(),
        window: Some(allotment.window.into()),
        capacity: allotment.capacity,
        taken: i32::try_from(taken).unwrap_or(i32::MAX),
        ticket_price: Some(allotment.ticket_price.into()),
        create_time: Some(time::to_proto(allotment.create_time)),
    }
}
