//! Reading, by whoever may see it: an object of somebody else is not found.

use std::collections::HashSet;

use parkmesh_contracts::ids::{BookingId, LotId, PaymentId, UserId};
use parkmesh_platform::auth::{Caller, PeerIdentity, Role};

use super::App;
use crate::domain::{Payment, Receipt, Refund, Status};
use crate::error::Error;
use crate::store;
use crate::store::ledger::Written;

/// What a caller may see and move.
#[derive(Clone, Debug)]
pub enum Access {
    /// One of our services: everything that its methods reach.
    Service,
    /// An operator: what belongs to these lots.
    Lots(HashSet<LotId>),
    /// Anybody else: their own.
    Own(UserId),
}

impl Access {
    /// Whether it reaches what belongs to this lot and user.
    pub fn sees(&self, lot_id: LotId, user_id: &UserId) -> bool {
        match self {
            Self::Own(own) => own == user_id,
            _ => self.reaches(lot_id),
        }
    }

    /// Whether it reaches everything of this lot.
    pub fn reaches(&self, lot_id: LotId) -> bool {
        match self {
            Self::Service => true,
            Self::Lots(lots) => lots.contains(&lot_id),
            Self::Own(_) => false,
        }
    }

    /// Drivers neither capture nor void, whatever scopes they hold.
    ///
    /// # Errors
    /// [`Error::OperatorRequired`].
    pub fn may_move_money(&self) -> Result<(), Error> {
        match self {
            Self::Service | Self::Lots(_) => Ok(()),
            Self::Own(_) => Err(Error::OperatorRequired),
        }
    }
}

impl App {
    /// What a verified caller reaches: an operator the lots that they run and that their token names, if
    /// it names any.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn access(&self, caller: &Caller) -> Result<Access, Error> {
        Ok(match (caller.peer(), caller.role) {
            (PeerIdentity::Service(_), _) => Access::Service,
            (_, Role::Operator) => {
                let mut lots = store::lot::run_by(&self.pool, &caller.subject).await?;
                lots.retain(|lot_id| caller.may_act_at(*lot_id));
                Access::Lots(lots)
            }
            _ => Access::Own(caller.subject.clone()),
        })
    }

    /// One payment.
    ///
    /// # Errors
    /// [`Error::PaymentNotFound`], also for somebody else's.
    pub async fn get(&self, access: &Access, payment_id: PaymentId) -> Result<Payment, Error> {
        let payment = store::payment::find(&self.pool, payment_id).await?;
        payment
            .filter(|found| access.sees(found.lot_id, &found.user_id))
            .ok_or(Error::PaymentNotFound)
    }

    /// One payment, and what was given back of it.
    ///
    /// # Errors
    /// [`Error::PaymentNotFound`], also for somebody else's.
    pub async fn get_with_refunds(
        &self,
        access: &Access,
        payment_id: PaymentId,
    ) -> Result<(Payment, Vec<Refund>), Error> {
        let payment = self.get(access, payment_id).await?;
        let refunds = match payment.status {
            Status::Captured => store::refund::list(&self.pool, payment_id).await?,
            _ => Vec::new(),
        };
        Ok((payment, refunds))
    }

    /// The user's own payments, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        user_id: &UserId,
        booking_id: Option<BookingId>,
        below: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<Payment>, Error> {
        Ok(store::payment::list(&self.pool, user_id, booking_id, below, limit).await?)
    }

    /// The receipts of a booking: at least one, of the stay or of the overstay.
    ///
    /// # Errors
    /// [`Error::ReceiptNotFound`], also for somebody else's.
    pub async fn receipts(
        &self,
        access: &Access,
        booking_id: BookingId,
    ) -> Result<Vec<Receipt>, Error> {
        let mut found = store::receipt::list(&self.pool, booking_id).await?;
        found.retain(|receipt| access.sees(receipt.lot_id, &receipt.user_id));
        if found.is_empty() { Err(Error::ReceiptNotFound) } else { Ok(found) }
    }

    /// The ledger of a payment, for operators.
    ///
    /// # Errors
    /// [`Error::PaymentNotFound`], also for another lot's; [`Error::OperatorRequired`].
    pub async fn ledger(
        &self,
        access: &Access,
        payment_id: PaymentId,
    ) -> Result<Vec<Written>, Error> {
        access.may_move_money()?;
        self.get(access, payment_id).await?;
        Ok(store::ledger::list(&self.pool, payment_id).await?)
    }
}
