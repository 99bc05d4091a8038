//! Drivers whose banks want them to act first: one accepts, another pays otherwise.

use parkmesh_contracts::booking::v1::{BookingState, GetBookingRequest};
use serde_json::json;
use tonic::Status;

use super::Town;
use crate::Failure;
use crate::chance::Dice;
use crate::names::Role;
use crate::torture::money::{http, insist};

/// A card whose bank asks; its owner may accept.
const ASKS: &str = "pm_card_action_ok";

impl Town<'_> {
    /// Accepts, is reserved without calling again, and cancels.
    pub(super) async fn accepted(&self, number: u64) -> Result<(), Failure> {
        let mut dice = Dice::new(self.seed, number);
        let held = self.held(number, &mut dice).await?;
        let confirmed = self.confirmed(&held, ASKS, &mut dice).await?;
        let action = confirmed.payment_action.ok_or("the bank does not ask")?;
        let (page, query) = action.action_url.split_once('?').ok_or("a page without a secret")?;
        let secret = query.split('&').find_map(|part| part.strip_prefix("client_secret="));
        let address = self.ground.plan.address(Role::PaymentSandbox).unwrap_or_default();
        let path = page.split_once(&address).ok_or("another provider's page")?.1;
        let body = json!({ "client_secret": secret, "accepted": true });
        http(&address, "POST", path, &body).await?;
        let booking_id = held.booking_id;
        insist(&self.ground.tasks, || {
            let mut client = self.bookings();
            let request = GetBookingRequest { booking_id: booking_id.clone() };
            async move {
                let answer = client.get_booking(request).await?;
                let state = answer.get_ref().booking.as_ref().map(|booking| booking.state());
                match state {
                    Some(BookingState::Reserved) => Ok(answer),
                    _ => Err(Status::unavailable("not reserved yet")),
                }
            }
        })
        .await?;
        self.cancel(booking_id, &mut dice).await
    }

    /// Does nothing, takes another card, and cancels.
    pub(super) async fn paid_otherwise(&self, number: u64) -> Result<(), Failure> {
        let mut dice = Dice::new(self.seed, number);
        let held = self.held(number, &mut dice).await?;
        self.confirmed(&held, ASKS, &mut dice).await?;
        self.confirmed(&held, "pm_card_ok", &mut dice).await?;
        self.cancel(held.booking_id, &mut dice).await
    }
}
