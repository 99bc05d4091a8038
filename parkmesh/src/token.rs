//! `parkmesh token`: tokens of the development issuer.

use parkmesh_contracts::ids::LotId;
use parkmesh_platform::auth::{Claims, GUEST_PREFIX, Issuer, Role, guest_subject};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;

use crate::Failure;
use crate::cli::Token;

const SECONDS_PER_HOUR: u32 = 3_600;

/// Prints a token.
pub fn run(options: &Token) -> Result<(), Failure> {
    let role: Role = options.role.parse()?;
    let lots: Vec<LotId> =
        options.lots.iter().map(|lot| LotId::parse(lot)).collect::<Result<_, _>>()?;
    if let Some(folder) = options.key.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let issuer = Issuer::open(&options.key, &Clock::system(), &Ids::random())?;
    let seconds = options.hours.saturating_mul(SECONDS_PER_HOUR);
    let claims = match role {
        Role::Guest => Claims::new(guest(&options.subject)?, role, seconds).at(lots),
        Role::Service => Claims::service(&options.subject, seconds),
        role => Claims::new(&options.subject, role, seconds).at(lots),
    };
    println!("{}", issuer.mint(&claims)?);
    Ok(())
}

/// The subject of a guest: the one named, or a new one.
fn guest(subject: &str) -> Result<String, Failure> {
    let id = match subject.strip_prefix(GUEST_PREFIX).unwrap_or(subject) {
        "" => Ids::random().next::<uuid::Uuid>(),
        text => text.parse()?,
    };
    Ok(guest_subject(id))
}
