//! Keys and tokens of a development machine.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::auth::{Claims, Issuer, Role as Party};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;

use super::plan::Plan;
use crate::Failure;
use crate::certificates::Step;
use crate::names::Role;

/// How long a development token holds, in seconds: a month.
const TOKEN_SECONDS: u32 = 30 * 24 * 3_600;
/// How long a service's token holds, in seconds. Longer than any moved clock of a test reaches.
const SERVICE_TOKEN_SECONDS: u32 = 30 * 24 * 3_600;
/// How long a role's certificate is good.
const CERTIFICATE_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// How often services' tokens, or their certificates, are made anew.
const RENEW_PERIOD: Duration = Duration::from_secs(3_600);

/// Opens the development key, or makes it, and gives every role what proves its name.
pub fn prepare(plan: &Plan, clock: &Clock, tasks: &Tasks) -> Result<Issuer, Failure> {
    let folder = plan.home.join("keys");
    std::fs::create_dir_all(&folder)?;
    let issuer = Issuer::open(&folder.join("issuer.pem"), clock, &Ids::random())?;
    issuer.write_jwks(&plan.jwks_file())?;
    if plan.mtls {
        // The authority of a last `up` may be over.
        let _gone = std::fs::remove_dir_all(plan.certificates().path);
    }
    prove_names(plan, &issuer)?;
    let (plan, renewing) = (plan.clone(), issuer.clone());
    tasks.every("names", RENEW_PERIOD, move |_now| {
        if let Err(error) = prove_names(&plan, &renewing) {
            eprintln!("  what proves the names of the roles was not renewed: {error}");
        }
        std::future::ready(())
    });
    Ok(issuer)
}

/// Certificates for all roles, or tokens.
fn prove_names(plan: &Plan, issuer: &Issuer) -> Result<(), Failure> {
    if !plan.mtls {
        return write_service_tokens(plan, issuer);
    }
    let names = Role::ALL.map(Role::as_str);
    plan.certificates().write(&names, CERTIFICATE_LIFE, Step::Renew).map(|_done| ())
}

fn write_service_tokens(plan: &Plan, issuer: &Issuer) -> Result<(), Failure> {
    for role in Role::ALL {
        let token = issuer.mint(&Claims::service(role.as_str(), SERVICE_TOKEN_SECONDS))?;
        std::fs::write(plan.token_file(role), token)?;
    }
    Ok(())
}

/// Tokens of two drivers and an operator.
pub fn people(issuer: &Issuer) -> Result<BTreeMap<String, String>, Failure> {
    let people = [
        ("driver", "anna", Party::Driver),
        ("second_driver", "ben", Party::Driver),
        ("operator", "olga", Party::Operator),
    ];
    let mint = |(name, subject, role): (&str, &str, Party)| {
        let token = issuer.mint(&Claims::new(subject, role, TOKEN_SECONDS))?;
        Ok((name.to_owned(), token))
    };
    people.into_iter().map(mint).collect()
}

/// The token of a kiosk at a lot.
pub fn kiosk(issuer: &Issuer, lot: LotId) -> Result<String, Failure> {
    Ok(issuer.mint(&Claims::new("kiosk-1", Party::Kiosk, TOKEN_SECONDS).at([lot]))?)
}

/// The token of one device, which may speak for itself only.
pub fn device(issuer: &Issuer, device_id: &str) -> Result<String, Failure> {
    Ok(issuer.mint(&Claims::new(device_id, Party::Device, TOKEN_SECONDS))?)
}
