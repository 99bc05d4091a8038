//! Drivers whose cards fail them, and who give another.

use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use parkmesh_contracts::payment::v1::{
    ListPaymentsRequest, Payment, PaymentKind, PaymentStatus, RetryPaymentRequest,
};
use tonic::Status;

use super::Town;
use crate::Failure;
use crate::chance::Dice;
use crate::client::Gateway;
use crate::names::Role;
use crate::torture::money::insist;

/// A card of which nothing can be taken.
const CAPTURE_FAILS: &str = "pm_card_capture_fails";
/// A card on which money is set aside for a minute, and anew after fifteen seconds.
const EXPIRES_SOON: &str = "pm_card_expires_soon";

impl Town<'_> {
    /// Parks, owes, and pays with another card.
    pub(super) async fn paid_later(&self, number: u64) -> Result<(), Failure> {
        let mut dice = Dice::new(self.seed, number);
        let held = self.held(number, &mut dice).await?;
        self.confirmed(&held, CAPTURE_FAILS, &mut dice).await?;
        self.parked(&held.booking_id, &mut dice).await?;
        let payments = self.ground.driver(Role::Payment, "torture-driver")?;
        let owed = |one: &Payment| {
            one.kind() == PaymentKind::Debt && one.status() == PaymentStatus::Pending
        };
        let debt = self.payment_of(&payments, &held.booking_id, owed).await?;
        let request = RetryPaymentRequest {
            request_id: dice.uuid().to_string(),
            payment_id: debt.payment_id,
            payment_method: "pm_card_ok".to_owned(),
        };
        insist(&self.ground.tasks, || {
            let mut client = PaymentServiceClient::new(payments.clone());
            let request = request.clone();
            async move { client.retry_payment(request).await }
        })
        .await?;
        Ok(())
    }

    /// Is set aside anew before its time is over, and cancels.
    pub(super) async fn renewed(&self, number: u64) -> Result<(), Failure> {
        let mut dice = Dice::new(self.seed, number);
        let held = self.held(number, &mut dice).await?;
        self.confirmed(&held, EXPIRES_SOON, &mut dice).await?;
        let payments = self.ground.driver(Role::Payment, "torture-driver")?;
        let given_back = |one: &Payment| one.status() == PaymentStatus::Voided;
        self.payment_of(&payments, &held.booking_id, given_back).await?;
        self.cancel(held.booking_id, &mut dice).await
    }

    /// The payment of a booking that is so, as soon as there is one.
    pub(super) async fn payment_of(
        &self,
        payments: &Gateway,
        booking_id: &str,
        is_so: impl Fn(&Payment) -> bool,
    ) -> Result<Payment, Failure> {
        let is_so = &is_so;
        let found = insist(&self.ground.tasks, || {
            let mut client = PaymentServiceClient::new(payments.clone());
            let booking_id = booking_id.to_owned();
            async move {
                let request = ListPaymentsRequest { booking_id, ..Default::default() };
                let answer = client.list_payments(request).await?;
                match answer.get_ref().payments.iter().any(is_so) {
                    true => Ok(answer),
                    false => Err(Status::unavailable("no such payment yet")),
                }
            }
        })
        .await?;
        found.payments.into_iter().find(is_so).ok_or_else(|| "the payment is gone".into())
    }
}
