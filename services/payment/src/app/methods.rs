//! Cards on file.

use parkmesh_contracts::ids::{PaymentMethodId, RequestId, UserId};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::App;
use crate::domain::{CardFace, Method, card};
use crate::error::Error;
use crate::provider::Card;
use crate::store;

/// Cards that one user has on file at most.
const METHODS_MAX: i64 = 20;

/// Which card to put on file.
#[derive(Clone)]
pub struct AskMethod {
    /// Whose.
    pub user_id: UserId,
    /// Names the request.
    pub request_id: RequestId,
    /// The provider's token.
    pub token: String,
}

impl App {
    /// Puts a card on file. The same request has the same answer.
    ///
    /// # Errors
    /// The reasons of `CreatePaymentMethod`.
    pub async fn create_method(&self, asked: AskMethod) -> Result<Method, Error> {
        if card::is_card_number(&asked.token) {
            return Err(Error::CardNumberRefused);
        }
        let body_hash = Sha256::digest(&asked.token).to_vec();
        if let Some(known) = self.method_of(&asked, &body_hash).await? {
            return Ok(known);
        }
        let face = self.inspect(&asked.token).await?;
        let method = Method {
            method_id: self.ids.next(),
            user_id: asked.user_id.clone(),
            request_id: asked.request_id,
            body_hash: body_hash.clone(),
            token: Some(asked.token.clone()),
            face: CardFace {
                brand: face.brand,
                last_four: face.last_four,
                expiry_month: face.expiry_month.into(),
                expiry_year: i16::try_from(face.expiry_year).unwrap_or_default(),
            },
            create_time: self.clock.now(),
        };
        if !store::method::insert(&self.pool, &method, METHODS_MAX).await? {
            return Err(Error::MethodLimit);
        }
        // A twin may have been faster: its card is the one.
        let kept = self.method_of(&asked, &body_hash).await?;
        kept.ok_or_else(|| Error::Broken("a card is gone from file".to_owned()))
    }

    /// What may be shown of the card of a token.
    pub(super) async fn inspect(&self, token: &str) -> Result<Card, Error> {
        let face = self.provider.inspect(token).await.map_err(|_silent| Error::ProviderAway)?;
        face.ok_or(Error::MethodUnknown)
    }

    async fn method_of(
        &self,
        asked: &AskMethod,
        body_hash: &[u8],
    ) -> Result<Option<Method>, Error> {
        let known =
            store::method::find_request(&self.pool, &asked.user_id, asked.request_id).await?;
        match known {
            Some(known) if known.body_hash != body_hash => Err(Error::RequestIdReused),
            known => Ok(known),
        }
    }

    /// A user's cards on file, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_methods(&self, user_id: &UserId) -> Result<Vec<Method>, Error> {
        Ok(store::method::list(&self.pool, user_id, METHODS_MAX).await?)
    }

    /// Takes a card off file.
    ///
    /// # Errors
    /// [`Error::MethodNotFound`], also for somebody else's.
    pub async fn delete_method(
        &self,
        user_id: &UserId,
        method_id: PaymentMethodId,
    ) -> Result<(), Error> {
        match store::method::delete(&self.pool, user_id, method_id, self.clock.now()).await? {
            true => Ok(()),
            false => Err(Error::MethodNotFound),
        }
    }

    /// The provider's token of what a caller names as a payment method: of a card of theirs on file,
    /// or the token itself.
    pub(super) async fn token_of(
        &self,
        connection: &mut PgConnection,
        user_id: &UserId,
        named: &str,
    ) -> Result<String, Error> {
        let Ok(method_id) = named.parse::<PaymentMethodId>() else { return Ok(named.to_owned()) };
        let token = store::method::find_token(connection, user_id, method_id).await?;
        token.ok_or(Error::MethodNotFound)
    }
}
