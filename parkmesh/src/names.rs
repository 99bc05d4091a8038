//! The roles, their names and their places: one table for `serve`, `up`, `migrate` and the tests.

use std::fmt;

use clap::ValueEnum;

/// What a process can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    /// Lots, spots and who has them when.
    Booking,
    /// The read picture.
    Availability,
    /// Money.
    Payment,
    /// The truth of the ground.
    Sensor,
    /// Messages to people.
    Notification,
    /// MQTT in, gRPC stream out.
    SensorBridge,
    /// gRPC-web and gRPC for everybody outside.
    Gateway,
    /// A stand-in payment provider; never in production.
    PaymentSandbox,
}

impl Role {
    /// All roles, in the order in which `up` starts them.
    pub const ALL: [Self; 8] = [
        Self::PaymentSandbox,
        Self::Booking,
        Self::Payment,
        Self::Sensor,
        Self::Availability,
        Self::Notification,
        Self::Gateway,
        Self::SensorBridge,
    ];

    /// As it is written on the command line and in Kubernetes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Availability => "availability",
            Self::Payment => "payment",
            Self::Sensor => "sensor",
            Self::Notification => "notification",
            Self::SensorBridge => "sensor-bridge",
            Self::Gateway => "gateway",
            Self::PaymentSandbox => "payment-sandbox",
        }
    }

    /// Its schema in the database, if it has one.
    pub const fn schema(self) -> Option<&'static str> {
        match self {
            Self::Booking => Some("booking"),
            Self::Payment => Some("payment"),
            Self::Sensor => Some("sensor"),
            Self::Notification => Some("notification"),
            Self::PaymentSandbox => Some("payment_sandbox"),
            Self::Availability | Self::SensorBridge | Self::Gateway => None,
        }
    }

    /// Where it listens unless it is told otherwise; None for a role that only calls.
    pub const fn port(self) -> Option<u16> {
        match self {
            Self::Gateway => Some(8080),
            Self::Booking => Some(7001),
            Self::Availability => Some(7002),
            Self::Payment => Some(7003),
            Self::Sensor => Some(7004),
            Self::Notification => Some(7005),
            Self::PaymentSandbox => Some(7007),
            Self::SensorBridge => None,
        }
    }

    /// Where its admin port is unless it is told otherwise.
    pub const fn admin_port(self) -> u16 {
        match self {
            Self::Gateway => 7100,
            Self::Booking => 7101,
            Self::Availability => 7102,
            Self::Payment => 7103,
            Self::Sensor => 7104,
            Self::Notification => 7105,
            Self::SensorBridge => 7106,
            Self::PaymentSandbox => 7107,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_roles_share_a_port() {
        let ports = Role::ALL.into_iter().flat_map(|role| [role.port(), Some(role.admin_port())]);
        let ports: Vec<u16> = ports.flatten().collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
    }
}
