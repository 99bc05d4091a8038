//! What a card's bank has its owner do first (3-D Secure): nothing is set aside until it is done, and it
//! is not waited for for ever.
//!
//! The provider tells by a notice what came of it, and is asked now and then in case the notice is lost.
//! Giving up is committed before the provider is told: an acceptance that comes in between finds that
//! nobody counts on it any more, and is given back.

use jiff::SignedDuration;
use parkmesh_platform::failpoint;

use super::App;
use super::drive::of_found;
use super::points::{ACTION_ENDED, At, point};
use crate::domain::{Action, Intent, Outcome, Payment};
use crate::error::Error;
use crate::provider::{Authorized, ProviderError, Standing};
use crate::store;

/// Why a card is refused whose bank asks its owner first, where nobody can do it.
pub(super) const ASKED: &str = "authentication_required";
/// Why one is refused whose owner has not done it in time.
const TOO_LATE: &str = "authentication_expired";
/// How often the provider is asked what came of it.
pub(super) const LOOK_PERIOD: SignedDuration = SignedDuration::from_secs(5);

impl App {
    /// What is noted of an authorisation that waits for the driver.
    pub(super) async fn ask_driver(
        &self,
        payment: &Payment,
        asked: Authorized,
    ) -> Result<Outcome, ProviderError> {
        match asked.action_url {
            Some(url) if payment.action_allowed => Ok(Outcome::ActionRequired(Action {
                provider_id: asked.provider_id,
                url,
                expire_time: self.clock.now() + self.config.action_max,
                ended: false,
            })),
            _ => {
                // Nothing is set aside, and nobody can tell the driver what the bank asks for.
                self.provider.void(payment.void_key(), &asked.provider_id).await?;
                Err(ProviderError::Declined(ASKED.to_owned()))
            }
        }
    }

    /// Looks what came of it, and gives it up when its time is over or its booking has ended.
    pub(super) async fn await_action(
        &self,
        payment: Payment,
        action: Action,
    ) -> Result<Payment, Error> {
        let (payment_id, asked) = (payment.payment_id, Some(Intent::Authorize));
        let over = action.ended
            || action.expire_time <= self.clock.now()
            || store::booking::is_settled(&self.pool, payment.booking_id).await?;
        if over {
            store::payment::end_action(&self.pool, payment_id).await?;
            failpoint::hit(ACTION_ENDED);
        }
        let outcome = match self.provider.look(&action.provider_id).await {
            Ok(Some(found)) => match found.standing {
                Standing::ActionRequired(_) if over => self.let_go(&payment, &action).await,
                _ => of_found(Intent::Authorize, found),
            },
            Ok(None) | Err(_) => None,
        };
        let Some(outcome) = outcome else {
            let due = self.clock.now() + LOOK_PERIOD;
            store::payment::keep_driving(&self.pool, payment_id, due, true).await?;
            return Ok(store::payment::find(&self.pool, payment_id).await?.unwrap_or(payment));
        };
        failpoint::hit(point(Intent::Authorize, At::AfterProvider));
        self.note(&payment, asked, outcome).await
    }

    /// Tells the provider that nobody waits for the driver any more.
    async fn let_go(&self, payment: &Payment, action: &Action) -> Option<Outcome> {
        let gone = self.provider.void(payment.void_key(), &action.provider_id).await;
        // Refused: it has moved in this moment. The next look says how.
        gone.ok().map(|()| Outcome::Declined(TOO_LATE.to_owned()))
    }

    /// Gives up what the driver was to do, if this payment waits for that: they pay otherwise now.
    pub(super) async fn end_action(&self, payment: &Payment) -> Result<(), Error> {
        if payment.action.is_some() {
            store::payment::end_action(&self.pool, payment.payment_id).await?;
        }
        Ok(())
    }
}
