//! How people are told.

use parkmesh_contracts::ids::{RequestId, UserId};
use parkmesh_contracts::notification::v1 as proto;
use parkmesh_platform::postgres;

use super::App;
use crate::convert;
use crate::domain::Preferences;
use crate::domain::preferences::Webhook;
use crate::error::Error;
use crate::store::{self, replay};
use crate::webhook;

impl App {
    /// How somebody is told.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn preferences(&self, user_id: &UserId) -> Result<Preferences, Error> {
        Ok(store::preferences::find(&self.pool, &self.config.sealer, user_id).await?)
    }

    /// Changes how somebody is told.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::PreferencesVersionStale`], [`Error::RequestIdReused`], or the store's.
    pub async fn prefer(
        &self,
        user_id: &UserId,
        request_id: RequestId,
        request: proto::UpdatePreferencesRequest,
    ) -> Result<proto::UpdatePreferencesResponse, Error> {
        let (app, user_id) = (self.clone(), user_id.clone());
        let sealer = self.config.sealer.clone();
        let key = replay::Request::of(&sealer, &user_id, request_id, "UpdatePreferences", &request);
        postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::find(connection, &sealer, &key).await? {
                    return Ok(before);
                }
                let stands = store::preferences::find(&mut *connection, &sealer, &user_id).await?;
                if request.version != 0 && request.version != stands.version {
                    return Err(Error::PreferencesVersionStale);
                }
                let wanted = convert::preferences(&request, &stands, app.config.webhooks)?;
                let preferences = Preferences {
                    version: stands.version + 1,
                    webhook: wanted.webhook.map(|webhook| app.with_secret(webhook)),
                    ..wanted
                };
                let now = app.clock.now();
                store::preferences::put(&mut *connection, &sealer, &user_id, &preferences, now)
                    .await?;
                let preferences = Some(preferences.into());
                let response = proto::UpdatePreferencesResponse { preferences };
                replay::keep(connection, &sealer, &key, &response, now).await?;
                Ok(response)
            })
        })
        .await
    }

    /// A new address has a new secret: who was told the old one may be somebody else.
    fn with_secret(&self, webhook: Webhook) -> Webhook {
        if webhook.secret.is_empty() {
            Webhook { secret: webhook::secret(self.ids.bytes()), ..webhook }
        } else {
            webhook
        }
    }
}
