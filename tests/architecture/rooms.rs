//! What may stand in which room, and how large a room may be.

use super::sources;

/// No file is longer.
const LINES_MAX: usize = 500;
/// Nine in ten are below this.
const LINES_USUAL: usize = 400;

/// Rules may know the words of a state or a type, which the protos say as enums; never a message.
const WORDS: [&str; 8] =
    ["State", "Type", "Status", "Cause", "Reason", "PoolOrder", "SpotPromise", "SpotBlock"];

#[test]
fn rules_are_pure() {
    let impure = ["sqlx", "tonic::", "async_nats", "tokio::", "reqwest", "async fn", "::v1::"];
    let rules = sources::all();
    let rules: Vec<_> = rules
        .iter()
        .filter(|file| file.path.contains("/src/domain/") || file.path.ends_with("/src/domain.rs"))
        .collect();
    assert!(rules.len() > 5, "only {} files of rules found", rules.len());
    for file in rules {
        for word in impure {
            let found = file.code().lines().find(|line| {
                let only_words = word == "::v1::" && imports_only_words(line);
                line.contains(word) && !line.trim_start().starts_with("//") && !only_words
            });
            assert!(found.is_none(), "{} knows of {word}: {found:?}", file.path);
        }
    }
}

/// Whether every name that a `use` line brings in is the name of an enum.
fn imports_only_words(line: &str) -> bool {
    let names = line.rsplit("::v1::").next().unwrap_or_default();
    let names = names.trim_end_matches(';').trim_end_matches("::{").trim_matches(['{', '}']);
    let is_word = |name: &str| {
        let name = name.split(" as ").next().unwrap_or_default();
        // `State::{` brings in the words of one enum.
        let name = name.split("::").next().unwrap_or_default().trim();
        WORDS.iter().any(|word| name.ends_with(word))
    };
    line.trim_start().starts_with("use ") && names.split(',').all(is_word)
}

#[test]
fn sql_stands_in_the_store_and_nowhere_else() {
    for file in sources::all().iter().filter(|file| file.path.starts_with("services/")) {
        let in_store = file.path.contains("/src/store");
        let has_sql = ["sqlx::query", "query_as", "query_scalar"]
            .iter()
            .any(|word| file.code().contains(word));
        assert!(in_store || !has_sql, "{} holds SQL", file.path);
    }
}

#[test]
fn doors_decide_nothing_and_touch_no_store() {
    for file in sources::all() {
        let is_door = file.path.contains("/src/grpc/") || file.path.ends_with("/src/grpc.rs");
        if is_door {
            assert!(!file.code().contains("sqlx"), "{} touches the database", file.path);
            assert!(!file.code().contains("crate::store"), "{} touches the store", file.path);
        }
    }
}

#[test]
fn every_service_has_the_same_rooms() {
    let rooms = ["lib.rs", "config.rs", "start.rs"];
    for service in std::fs::read_dir(sources::root().join("services")).expect("services") {
        let folder = service.expect("a folder").path();
        for room in rooms {
            assert!(folder.join("src").join(room).exists(), "{} has no {room}", folder.display());
        }
        // Who has a door has reasons, rules, and a place where they meet.
        if folder.join("src/grpc.rs").exists() {
            for room in ["app.rs", "convert.rs", "error.rs", "domain.rs"] {
                assert!(
                    folder.join("src").join(room).exists(),
                    "{} has no {room}",
                    folder.display()
                );
            }
        }
    }
}

#[test]
fn no_file_is_too_long_and_most_are_short() {
    let mut lengths: Vec<(usize, String)> =
        sources::all().into_iter().map(|file| (file.lines(), file.path)).collect();
    lengths.sort();
    let (longest, path) = lengths.last().expect("files");
    assert!(*longest <= LINES_MAX, "{path} has {longest} lines");
    let usual = lengths[lengths.len() * 9 / 10].0;
    assert!(usual <= LINES_USUAL, "a tenth of the files is longer than {usual} lines");
    let median = lengths[lengths.len() / 2].0;
    assert!(median <= 160, "the median file has {median} lines");
}

#[test]
fn nothing_names_a_path_of_a_machine() {
    for file in sources::all() {
        for word in ["/work/", "/root/"] {
            assert!(!file.text.contains(word), "{} names {word}", file.path);
        }
    }
}

#[test]
fn nobody_begins_a_transaction_in_sql() {
    // The pool only closes connections that are inside a transaction which sqlx began.
    for file in sources::all().into_iter().filter(|file| !file.path.starts_with("bench/")) {
        let code = file.code();
        for words in ["\"BEGIN", "\"START TRANSACTION"] {
            assert!(!code.contains(words), "{}: use postgres::transaction", file.path);
        }
    }
}

/// The function tells another time at each call, so that Postgres cannot look a deadline up by its index: bare, it reads every row whose
/// deadline is still to come. In a sub-select it is asked once.
#[test]
fn deadlines_are_looked_up_by_an_instant_that_stands_still() {
    for source in sources::all() {
        for bare in ["<= park_now()", "< park_now()"] {
            assert!(
                !source.code().contains(bare),
                "{}: {bare}, not (SELECT park_now())",
                source.path
            );
        }
    }
}
