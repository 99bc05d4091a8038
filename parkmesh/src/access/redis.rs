//! Redis: availability has the picture, the gateway its shared limits, and neither may do more than it does.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{ADMINISTRATOR, Passwords};
use crate::names::Role;

/// The keys and commands of a role; None for a role that has nothing to do there.
pub fn keys(role: Role) -> Option<(&'static str, &'static str)> {
    match role {
        Role::Availability => Some((
            "avail:*",
            "+ping +eval +get +set +exists +del +expire +setrange +hget +hmget +hgetall +hset +hincrby +sadd +smembers \
             +multi +exec",
        )),
        Role::Gateway => Some(("gateway:rate:*", "+ping +eval +get +set +time")),
        Role::Booking
        | Role::Payment
        | Role::Sensor
        | Role::Notification
        | Role::SensorBridge
        | Role::PaymentSandbox => None,
    }
}

/// The lines that name all users; nobody comes in without a name.
pub fn settings(passwords: &Passwords) -> String {
    let hash = |user| {
        let hash = Sha256::digest(passwords.of(user).as_bytes());
        hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let mut text =
        format!("user default off\nuser {ADMINISTRATOR} on #{} ~* &* +@all\n", hash(ADMINISTRATOR));
    for role in Role::ALL {
        let Some((keys, commands)) = keys(role) else { continue };
        let hash = hash(role.as_str());
        let _never_fails = writeln!(text, "user {role} on #{hash} ~{keys} -@all {commands}");
    }
    text
}
