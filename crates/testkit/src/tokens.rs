//! Tokens for everybody who calls, from an issuer whose key lives as long as the test.

use std::fmt::Display;

use parkmesh_contracts::ids::LotId;
use parkmesh_platform::auth::{
    Claims, Issuer, LIFETIME_MAX_SECONDS, Role, ServiceToken, Verifier, guest_subject,
};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;

/// Mints tokens that live a year, so that a moved clock does not end them by accident.
#[derive(Clone)]
pub struct Tokens {
    issuer: Issuer,
    clock: Clock,
}

impl Tokens {
    /// A new issuer.
    ///
    /// # Panics
    /// When the system gives no random bytes.
    pub fn new(clock: &Clock, ids: &Ids) -> Self {
        let issuer = Issuer::ephemeral(clock, ids).expect("a key for the test's issuer");
        Self { issuer, clock: clock.clone() }
    }

    /// A person who parks.
    pub fn driver(&self, name: &str) -> String {
        self.mint(&claims(name, Role::Driver))
    }

    /// Somebody without an account, for one booking.
    pub fn guest(&self) -> String {
        let id = Ids::random().next::<LotId>().as_uuid();
        self.mint(&claims(&guest_subject(id), Role::Guest))
    }

    /// Staff of these lots.
    pub fn operator(&self, name: &str, lots: impl IntoIterator<Item = LotId>) -> String {
        self.mint(&claims(name, Role::Operator).at(lots))
    }

    /// The terminal at a lot's entrance.
    pub fn kiosk(&self, lot: LotId) -> String {
        self.mint(&claims(&format!("kiosk-{lot}"), Role::Kiosk).at([lot]))
    }

    /// A sensor, camera or barrier.
    pub fn device(&self, id: impl Display) -> String {
        self.mint(&claims(&id.to_string(), Role::Device))
    }

    /// A service of ours.
    pub fn service(&self, name: &str) -> String {
        self.mint(&Claims::service(name, LIFETIME_MAX_SECONDS))
    }

    /// What a service's channels send along.
    ///
    /// # Panics
    /// When the token cannot be signed.
    pub fn service_token(&self, name: &str) -> ServiceToken {
        ServiceToken::from_issuer(self.issuer.clone(), name).expect("a token for a service")
    }

    /// Whatever else is wanted.
    ///
    /// # Panics
    /// When the claims ask for too much.
    pub fn mint(&self, claims: &Claims) -> String {
        self.issuer.mint(claims).expect("a token for the test")
    }

    /// The issuer itself.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// A verifier that accepts these tokens.
    ///
    /// # Panics
    /// When it cannot read its keys.
    pub async fn verifier(&self, tasks: &Tasks) -> Verifier {
        let config = self.issuer.verifier_config();
        Verifier::start(&config, &self.clock, tasks).await.expect("a verifier for the test")
    }
}

fn claims(name: &str, role: Role) -> Claims {
    Claims::new(name, role, LIFETIME_MAX_SECONDS)
}
