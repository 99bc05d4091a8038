//! Why our gateway differs from Envoy where it does: each class by name, as narrow as it can be told, with its reason.

mod answers;
mod refusals;
mod requests;

use super::compare::{Difference, Trial};

/// A class of differences.
pub struct Explanation {
    /// Its name.
    pub name: &'static str,
    /// Why ours is right, or that nobody is wrong.
    pub reason: &'static str,
    /// Whether a difference of a trial belongs to it.
    covers: fn(&Trial, &Difference) -> bool,
}

/// All classes. Those of whole answers come first: who refuses differs in everything.
pub fn all() -> impl Iterator<Item = &'static Explanation> {
    refusals::ALL.iter().chain(&answers::ALL).chain(&requests::ALL)
}

/// The names of what explains a trial's differences, and what nothing explains.
pub fn split(trial: &Trial) -> (Vec<&'static str>, Vec<Difference>) {
    let (mut names, mut unexplained) = (Vec::new(), Vec::new());
    for difference in trial.differences() {
        match all().find(|one| (one.covers)(trial, &difference)) {
            Some(one) if names.contains(&one.name) => {}
            Some(one) => names.push(one.name),
            None => unexplained.push(difference),
        }
    }
    (names, unexplained)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::*;
    use crate::proof::repository;

    const HEAD: &str = "# Where our gateway differs from Envoy

`cargo xtask prove differential` sends generated requests to our gateway, with gateway/gateway.yaml, and to Envoy 1.40 (cors, grpc_web, router), with gateway/envoy.yaml, before the
same upstream, and compares status, headers, messages, trailers, bytes, how the answer ends, and what the upstream saw. Each difference belongs to one of these classes, or the proof
fails. target/proof/differential-explained.json says how many requests show each. This page is written by `PARKMESH_BLESS=1 cargo test -p parkmesh-bench differential` from the
table in bench/src/differential/explained, and a test compares the two.
";

    fn page() -> String {
        let mut page = HEAD.to_owned();
        let groups = [
            ("One of the two refuses", &refusals::ALL[..]),
            ("Both pass a call on, and answer differently", &answers::ALL[..]),
            ("What the service sees", &requests::ALL[..]),
        ];
        for (title, group) in groups {
            write!(page, "\n## {title}\n\n| class | reason |\n|---|---|\n").expect("a string");
            for Explanation { name, reason, .. } in group {
                writeln!(page, "| `{name}` | {reason} |").expect("a string");
            }
        }
        page
    }

    #[test]
    fn the_page_says_what_the_table_says() {
        let path = repository().join("docs/differential.md");
        if std::env::var_os("PARKMESH_BLESS").is_some() {
            std::fs::write(&path, page()).expect("docs/differential.md");
        }
        let stands = std::fs::read_to_string(&path).expect("docs/differential.md");
        assert!(stands == page(), "its head tells how to write it anew");
    }

    #[test]
    fn each_class_has_a_name_of_its_own_and_a_reason() {
        let names: BTreeSet<_> = all().map(|one| one.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(all().all(|one| one.reason.len() > 40 && !one.reason.contains('|')));
    }
}
