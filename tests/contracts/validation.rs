//! The generated validation, rule by rule, on messages made for it and on real ones.

use parkmesh_contracts::booking::v1::{HoldSpotRequest, PoolChoice, SpotChoice, hold_spot_request};
use parkmesh_contracts::validate::{MAX_VIOLATIONS, Path, Validate, Violations, rules};

use crate::generated::parkmesh::fixture::v1 as fixture;

mod checks {
    include!(concat!(env!("OUT_DIR"), "/fixture/validation.rs"));
}

const UUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn fields(message: &impl Validate) -> Vec<String> {
    let found = message.validate().err().unwrap_or_default();
    found.into_iter().map(|violation| violation.field).collect()
}

fn good_texts() -> fixture::Texts {
    fixture::Texts {
        uuid: UUID.to_owned(),
        not_empty: "x".to_owned(),
        two_to_four: "äöü".to_owned(),
        exactly_three: "abc".to_owned(),
        required: "x".to_owned(),
        email: "anna@example.org".to_owned(),
        prefix: "lot-1".to_owned(),
        one_of: "a".to_owned(),
        blob: vec![1],
        ends: "abz".to_owned(),
        ignored: "anything".to_owned(),
        ..Default::default()
    }
}

#[test]
fn texts_that_keep_the_rules_pass() {
    assert_eq!(fields(&good_texts()), Vec::<String>::new());
}

#[test]
fn each_text_that_breaks_its_rule_is_named_alone() {
    type Breaks = (&'static str, fn(&mut fixture::Texts));
    let cases: [Breaks; 16] = [
        ("uuid", |it| it.uuid = "x".to_owned()),
        ("uuid_or_nothing", |it| it.uuid_or_nothing = "x".to_owned()),
        ("optional_uuid", |it| it.optional_uuid = Some(String::new())),
        ("not_empty", |it| it.not_empty.clear()),
        ("two_to_four", |it| it.two_to_four = "äöüäö".to_owned()),
        ("two_to_four", |it| it.two_to_four = "a".to_owned()),
        ("exactly_three", |it| it.exactly_three = "ab".to_owned()),
        ("required", |it| it.required.clear()),
        ("email", |it| it.email = "anna@".to_owned()),
        ("prefix", |it| it.prefix = "spot-1".to_owned()),
        ("one_of", |it| it.one_of = "c".to_owned()),
        ("few_bytes", |it| it.few_bytes = "äöü".to_owned()),
        ("blob", |it| it.blob = vec![1, 2, 3]),
        ("type", |it| it.r#type = "xy".to_owned()),
        ("ends", |it| it.ends = "ab".to_owned()),
        ("ends", |it| it.ends = "a z".to_owned()),
    ];
    for (field, breaks) in cases {
        let mut message = good_texts();
        breaks(&mut message);
        assert_eq!(fields(&message), [field]);
    }
}

#[test]
fn numbers_outside_their_bounds_are_named() {
    let good = fixture::Numbers {
        between: 1_000,
        inside: 4,
        one_of: -1,
        agreed: true,
        required: 9,
        ..Default::default()
    };
    assert_eq!(fields(&good), Vec::<String>::new());
    let bad = fixture::Numbers {
        between: 1_001,
        not_negative: -1,
        inside: 5,
        latitude: f64::NAN,
        finite: f64::INFINITY,
        optional_above: Some(0.5),
        one_of: 0,
        none_of: 7,
        constant: 4,
        agreed: false,
        required: 0,
        ..Default::default()
    };
    let named = [
        "between",
        "not_negative",
        "inside",
        "latitude",
        "finite",
        "optional_above",
        "one_of",
        "none_of",
        "constant",
        "agreed",
        "required",
    ];
    assert_eq!(fields(&bad), named);
}

#[test]
fn a_path_leads_into_lists_and_messages() {
    let leaf = |name: &str| fixture::Leaf { name: name.to_owned(), child: None };
    let inner = fixture::Leaf { name: "x".to_owned(), child: Some(Box::new(leaf(""))) };
    let lists = fixture::Lists {
        leaves: vec![leaf("a"), inner],
        required: vec!["x".to_owned()],
        uuids: vec![UUID.to_owned(), "no".to_owned()],
        ..Default::default()
    };
    let found = fields(&lists);
    assert!(found.contains(&"leaves[1].child.name".to_owned()), "{found:?}");
    assert!(found.contains(&"uuids[1]".to_owned()), "{found:?}");
}

#[test]
fn the_list_of_violations_is_bounded() {
    let leaves = vec![fixture::Leaf::default(); 29];
    let lists = fixture::Lists { leaves, required: vec!["x".to_owned()], ..Default::default() };
    assert_eq!(fields(&lists).len(), MAX_VIOLATIONS);
}

#[test]
fn a_hold_without_a_choice_or_a_window_names_both() {
    let empty = HoldSpotRequest { request_id: UUID.to_owned(), ..Default::default() };
    let found = fields(&empty);
    assert!(
        found.contains(&"window".to_owned()) && found.contains(&"choice".to_owned()),
        "{found:?}"
    );
    let spot = SpotChoice { spot_id: "42".to_owned(), spot_version: 0 };
    let choice = Some(hold_spot_request::Choice::Spot(spot));
    let found = fields(&HoldSpotRequest { choice, ..empty.clone() });
    assert!(found.contains(&"spot.spot_id".to_owned()), "{found:?}");
    let pool = PoolChoice { lot_id: UUID.to_owned(), spot_type: 99, ..Default::default() };
    let choice = Some(hold_spot_request::Choice::Pool(pool));
    let found = fields(&HoldSpotRequest { choice, ..empty });
    assert!(found.contains(&"pool.spot_type".to_owned()), "{found:?}");
}
