//! The method table.

use std::collections::BTreeSet;

use parkmesh_contracts::methods::{self, Idempotency, METHODS};
use parkmesh_platform::auth::{Caller, Denial, Role, decide, guest_subject};

#[test]
fn every_method_has_somebody_who_may_call_it_and_a_way_to_be_carried() {
    assert!(METHODS.len() > 30, "only {} methods", METHODS.len());
    for method in METHODS {
        let owned = !method.scopes.is_empty() || !method.callers.is_empty();
        assert!(owned, "{} has no owner", method.path);
        let bounded = method.deadline_ms > 0 || method.server_streaming;
        assert!(bounded, "{} has no deadline", method.path);
        assert_eq!(methods::find(method.path), Some(method));
        assert!(method.path.starts_with(&format!("/{}/", method.service)), "{}", method.path);
    }
    assert_eq!(methods::find("/parkmesh.booking.v1.BookingService/Nothing"), None);
}

#[test]
fn reads_are_named_as_reads_and_writes_can_be_repeated() {
    for method in METHODS {
        let reads = ["Get", "List", "Watch", "Quote", "Resolve", "Search", "Find", "Forecast"]
            .iter()
            .any(|verb| method.name.starts_with(verb))
            || ["StreamInventory", "StreamOccupancy"].contains(&method.name);
        let said = method.idempotency == Idempotency::NoSideEffects;
        assert_eq!(reads, said, "{}", method.path);
        assert!(method.idempotency.is_repeatable(), "{} cannot be repeated", method.path);
    }
}

#[test]
fn only_the_edges_that_the_design_knows_exist_between_services() {
    let edges: BTreeSet<(&str, &str)> = METHODS
        .iter()
        .flat_map(|method| method.callers.iter().map(|from| (*from, method.role)))
        .collect();
    let known = BTreeSet::from([
        ("booking", "payment"),
        ("availability", "booking"),
        ("availability", "sensor"),
        ("sensor-bridge", "sensor"),
    ]);
    assert_eq!(edges, known);
}

#[test]
fn every_scope_of_the_table_is_granted_to_somebody_and_nothing_else_is() {
    let asked: BTreeSet<&str> =
        METHODS.iter().flat_map(|method| method.scopes.iter().copied()).collect();
    let granted: BTreeSet<&str> =
        Role::ALL.iter().flat_map(|role| role.default_scopes().iter().copied()).collect();
    assert_eq!(asked, granted);
}

/// What somebody without an account may do: look around, and all that the life of one booking needs.
const OPEN_TO_GUESTS: &[&str] = &[
    "BookingService/CancelBooking",
    "BookingService/CheckIn",
    "BookingService/ClaimSpot",
    "BookingService/ConfirmBooking",
    "BookingService/CreateBooking",
    "BookingService/EndSession",
    "BookingService/EraseUser",
    "BookingService/ExtendBooking",
    "BookingService/GetBooking",
    "BookingService/GetErasure",
    "BookingService/HoldSpot",
    "BookingService/MoveBooking",
    "BookingService/QuoteBooking",
    "BookingService/ReserveTicket",
    "BookingService/WatchBooking",
    "DiscountService/RedeemPromoCode",
];

#[test]
fn a_guest_may_look_around_and_make_one_booking_and_every_other_method_is_closed() {
    let subject = guest_subject(uuid::Uuid::nil()).parse().expect("a user id");
    let scopes = Role::Guest.default_scopes().iter().map(|scope| (*scope).to_owned());
    let guest = Caller {
        subject,
        role: Role::Guest,
        scopes: scopes.collect(),
        lots: Vec::new(),
        token: "token".into(),
    };
    let mut open = BTreeSet::new();
    for method in METHODS {
        match decide(method, Some(&guest)) {
            Ok(()) => {
                open.insert(method.path.trim_start_matches("/parkmesh.booking.v1."));
            }
            Err(denial) => assert_eq!(denial, Denial::ScopeMissing, "{}", method.path),
        }
    }
    let looks = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let read = path.contains("InventoryService/") || path.contains("AvailabilityService/");
        read && !["Create", "Update", "Delete", "Set", "Batch", "Import"]
            .iter()
            .any(|verb| name.starts_with(verb))
    };
    let open: Vec<&str> = open.into_iter().filter(|path| !looks(path)).collect();
    assert_eq!(open, OPEN_TO_GUESTS);
}
