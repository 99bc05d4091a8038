//! docs/events.md says what the protos say.

use std::collections::BTreeSet;

use parkmesh_contracts::facts;

#[test]
fn the_page_of_facts_lists_every_fact_under_its_stream_and_no_other() {
    let page = include_str!("../../../../docs/events.md");
    let mut stream = "";
    let mut listed = BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("### Stream ") {
            stream = rest.split(' ').next().unwrap();
        }
        if let Some(rest) = line.strip_prefix("| `parkmesh.") {
            listed.insert((stream, format!("parkmesh.{}", rest.split('`').next().unwrap())));
        }
    }
    let known: BTreeSet<_> =
        facts::ALL.iter().map(|fact| (fact.stream, fact.fact_type.to_owned())).collect();
    assert_eq!(listed, known);
}
