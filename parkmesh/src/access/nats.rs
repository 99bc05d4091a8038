//! NATS: each service publishes its own facts, takes those of its own consumers, and hears its own answers.

use std::collections::BTreeSet;
use std::fmt::Write;

use parkmesh_eventbus::access::{Part, Permissions, permissions};
use parkmesh_eventbus::consumer::Consumer;

use super::{ADMINISTRATOR, Passwords};
use crate::names::Role;

/// What a role does on the bus; None for a role that has nothing to do there.
pub fn part(role: Role) -> Option<&'static Part> {
    match role {
        Role::Booking => Some(&parkmesh_booking::BUS),
        Role::Availability => Some(&parkmesh_availability::BUS),
        Role::Payment => Some(&parkmesh_payment::BUS),
        Role::Sensor => Some(&parkmesh_sensor::BUS),
        Role::Notification => Some(&parkmesh_notification::BUS),
        Role::SensorBridge | Role::Gateway | Role::PaymentSandbox => None,
    }
}

/// The block of the server's settings that names all users.
pub fn settings(passwords: &Passwords) -> String {
    let parts = Role::ALL.into_iter().filter_map(|role| Some((role.as_str(), part(role)?)));
    let parts: Vec<_> = parts.collect();
    let consumers = parts.iter().flat_map(|(_user, part)| part.consumers.iter().copied());
    let consumers: Vec<Consumer> = consumers.collect();
    let mut text = String::from("authorization {\n  users = [\n");
    let _never_fails = writeln!(
        text,
        "    {{ user: \"{ADMINISTRATOR}\", password: \"{}\" }}",
        passwords.of(ADMINISTRATOR)
    );
    for (user, part) in parts {
        text.push_str(&one(user, passwords.of(user), &permissions(user, part, &consumers)));
    }
    text.push_str("  ]\n}\n");
    text
}

fn one(user: &str, password: &str, may: &Permissions) -> String {
    format!(
        "    {{ user: \"{user}\", password: \"{password}\", permissions: {{\n      publish: {{ allow: {}, deny: {} }}\n      \
         subscribe: {{ allow: {} }}\n    }} }}\n",
        list(&may.publish),
        list(&may.publish_denied),
        list(&may.subscribe),
    )
}

/// Quoted, or NATS would read `$JS` as a variable.
fn list(subjects: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = subjects.iter().map(|subject| format!("\"{subject}\"")).collect();
    format!("[{}]", quoted.join(", "))
}
