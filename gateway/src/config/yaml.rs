//! YAML as a tree that knows its lines. A library that fills structures stops at the first mistake; ours
//! are all told, each with its line.

use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser};
use yaml_rust2::scanner::Marker;

/// A value and the line that it begins in.
#[derive(Debug)]
pub struct Node {
    /// From 1.
    pub line: usize,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug)]
pub enum Value {
    /// Nothing after the colon, or `~`.
    Nothing,
    /// A word, a number, a text.
    Scalar(String),
    /// One after the other.
    List(Vec<Node>),
    /// By name.
    Map(Vec<Entry>),
}

/// A name and its value.
#[derive(Debug)]
pub struct Entry {
    /// Where the name stands.
    pub line: usize,
    /// The name.
    pub name: String,
    /// The value.
    pub node: Node,
}

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where, from 1.
    pub line: usize,
    /// What, and what to write instead.
    pub what: String,
}

/// Reads one document.
///
/// # Errors
/// What is no YAML, or more of it than we read.
pub fn read(text: &str) -> Result<Node, Mistake> {
    let mut tree = Tree::default();
    Parser::new_from_str(text).load(&mut tree, true).map_err(|error| {
        let what = format!("this is not YAML: {}", error.info());
        Mistake { line: error.marker().line(), what }
    })?;
    if let Some(mistake) = tree.mistake {
        return Err(mistake);
    }
    let empty = Node { line: 1, value: Value::Map(Vec::new()) };
    Ok(match tree.root {
        Some(Node { value: Value::Nothing, .. }) | None => empty,
        Some(root) => root,
    })
}

/// What is open while the events come.
enum Open {
    List(usize, Vec<Node>),
    /// With the name whose value comes next.
    Map(usize, Vec<Entry>, Option<(usize, String)>),
}

#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    root: Option<Node>,
    mistake: Option<Mistake>,
}

impl MarkedEventReceiver for Tree {
    fn on_event(&mut self, event: Event, mark: Marker) {
        let line = mark.line();
        match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == yaml_rust2::scanner::TScalarStyle::Plain;
                let nothing = plain && matches!(text.as_str(), "" | "~" | "null");
                let value = if nothing { Value::Nothing } else { Value::Scalar(text) };
                self.take(Node { line, value });
            }
            Event::SequenceStart(..) => self.open.push(Open::List(line, Vec::new())),
            Event::MappingStart(..) => self.open.push(Open::Map(line, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(line, all)) => self.take(Node { line, value: Value::List(all) }),
                Some(Open::Map(line, all, _)) => self.take(Node { line, value: Value::Map(all) }),
                None => {}
            },
            Event::Alias(_) => self.wrong(line, "aliases are not read; write it out"),
            Event::DocumentStart if self.root.is_some() => {
                self.wrong(line, "there is one document in a file");
            }
            _ => {}
        }
    }
}

impl Tree {
    fn wrong(&mut self, line: usize, what: &str) {
        self.mistake.get_or_insert(Mistake { line, what: what.to_owned() });
    }

    fn take(&mut self, node: Node) {
        let line = node.line;
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, all)) => all.push(node),
            Some(Open::Map(_, all, name @ None)) => match node.value {
                Value::Scalar(text) if all.iter().any(|entry| entry.name == text) => {
                    *name = Some((line, text.clone()));
                    self.wrong(line, &format!("{text} stands here twice"));
                }
                Value::Scalar(text) => *name = Some((line, text)),
                _ => {
                    *name = Some((line, String::new()));
                    self.wrong(line, "a name is a word");
                }
            },
            Some(Open::Map(_, all, name)) => {
                let (line, name) = name.take().unwrap_or_default();
                all.push(Entry { line, name, node });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_lines() {
        let root = read("a:\n- b: 1\n  c: two\n-\n").expect("YAML");
        let Value::Map(entries) = root.value else { panic!("a map") };
        let Value::List(items) = &entries[0].node.value else { panic!("a list") };
        let Value::Map(first) = &items[0].value else { panic!("a map") };
        assert_eq!((first[1].line, first[1].name.as_str()), (3, "c"));
        assert!(matches!(&first[1].node.value, Value::Scalar(text) if text == "two"));
        assert!(matches!(items[1].value, Value::Nothing));
    }

    #[test]
    fn what_is_no_yaml_of_ours_is_told_with_its_line() {
        let line = |text: &str| read(text).expect_err(text).line;
        assert_eq!(line("a: 1\nb: [1,\nc: }"), 3);
        assert_eq!(line("a: 1\nb: 2\na: 3\n"), 3);
        assert_eq!(line("a: &x 1\nb: *x\n"), 2);
        assert_eq!(line("a: 1\n---\nb: 1\n"), 2);
        assert!(matches!(read("").expect("empty").value, Value::Map(all) if all.is_empty()));
    }
}
