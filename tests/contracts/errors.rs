//! docs/errors.md is what the code says: every reason that a caller can be given, and no other.

use std::collections::BTreeSet;
use std::fmt::Write;

use parkmesh_platform::fault::Kind;
use parkmesh_platform::reasons;

type Table = &'static [(&'static str, Kind, &'static str)];

const HEAD: &str = "# Errors

Every error carries `google.rpc.ErrorInfo` with a stable `reason` and the `domain` that says so; BadRequest, RetryInfo, PreconditionFailure and details
of our own stand beside it where they apply. This page is written by `PARKMESH_BLESS=1 cargo test --test contracts errors` from the tables in the code, and a
test compares the two.
";

fn tables() -> [(&'static str, Table); 7] {
    [
        (reasons::DOMAIN, reasons::REASONS),
        (parkmesh_gateway::DOMAIN, parkmesh_gateway::REASONS),
        (parkmesh_booking::error::DOMAIN, parkmesh_booking::error::REASONS),
        (parkmesh_availability::DOMAIN, parkmesh_availability::REASONS),
        (parkmesh_payment::error::DOMAIN, parkmesh_payment::error::REASONS),
        (parkmesh_sensor::error::DOMAIN, parkmesh_sensor::error::REASONS),
        (parkmesh_notification::error::DOMAIN, parkmesh_notification::error::REASONS),
    ]
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (domain, table) in tables() {
        write!(page, "\n## `{domain}`\n\n| reason | code | what to do |\n|---|---|---|\n")
            .expect("a string");
        let mut rows: Vec<_> = table.iter().collect();
        rows.sort();
        for (reason, kind, what_to_do) in rows {
            let code = code_of(*kind);
            writeln!(page, "| `{reason}` | {code} | {what_to_do} |").expect("a string");
        }
    }
    page
}

/// The gRPC code as its documents write it.
fn code_of(kind: Kind) -> String {
    let mut name = String::new();
    for letter in format!("{:?}", kind.code()).chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[test]
fn the_catalogue_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    if std::env::var_os("PARKMESH_BLESS").is_some() {
        std::fs::write(path, page()).expect("docs/errors.md");
    }
    let stands = std::fs::read_to_string(path).expect("docs/errors.md");
    assert!(
        stands == page(),
        "docs/errors.md is not what the code says; its head tells how to write it anew"
    );
}

#[test]
fn a_reason_is_upper_snake_and_stands_once_in_its_domain() {
    for (domain, table) in tables() {
        let names: BTreeSet<&str> = table.iter().map(|(reason, ..)| *reason).collect();
        assert_eq!(names.len(), table.len(), "{domain}");
        for (reason, _, what_to_do) in table {
            let snake = reason.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            assert!(snake && !what_to_do.is_empty(), "{domain}/{reason}");
        }
    }
}
