//! Reading a tree by the names that are expected in it. Whatever is wrong is noted and the reading goes on.

use std::cell::RefCell;
use std::str::FromStr;
use std::time::Duration;

use super::yaml::{Entry, Mistake, Node, Value};

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    /// Notes one.
    pub fn add(&self, line: usize, what: impl Into<String>) {
        self.0.borrow_mut().push(Mistake { line, what: what.into() });
    }

    /// All, in the order of their lines.
    pub fn into_inner(self) -> Vec<Mistake> {
        let mut all = self.0.into_inner();
        all.sort();
        all
    }
}

/// A map, read name by name. What nobody asked for is a mistake when it is dropped.
pub struct Fields<'n> {
    /// Where it begins.
    pub line: usize,
    /// What it is, for people: `clusters[0]`.
    pub place: String,
    entries: &'n [Entry],
    known: Vec<&'static str>,
    mistakes: &'n Mistakes,
}

impl<'n> Fields<'n> {
    /// The fields of a map.
    pub fn of(node: &'n Node, place: impl Into<String>, mistakes: &'n Mistakes) -> Self {
        let place = place.into();
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Nothing => &[],
            Value::Scalar(_) | Value::List(_) => {
                mistakes.add(node.line, format!("{} has fields, each with a name", named(&place)));
                &[]
            }
        };
        Self { line: node.line, place, entries, known: Vec::new(), mistakes }
    }

    /// A value by name.
    pub fn find(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known.push(name);
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        (!matches!(entry.node.value, Value::Nothing)).then_some(&entry.node)
    }

    /// Notes a mistake about this map.
    pub fn wrong(&self, what: &str) {
        self.mistakes.add(self.line, format!("{}: {what}", named(&self.place)));
    }

    /// Notes a mistake about a field of it.
    pub fn wrong_at(&self, line: usize, name: &str, what: &str) {
        self.mistakes.add(line, format!("{}: {what}", below(&self.place, name)));
    }

    /// A word or a text.
    pub fn text(&mut self, name: &'static str) -> Option<(usize, &'n str)> {
        let node = self.find(name)?;
        match &node.value {
            Value::Scalar(text) => Some((node.line, text)),
            _ => {
                self.wrong_at(node.line, name, "one value stands here");
                None
            }
        }
    }

    /// A word or a text that must be there.
    pub fn require(&mut self, name: &'static str) -> Option<(usize, &'n str)> {
        let found = self.text(name);
        if found.is_none() && !self.entries.iter().any(|entry| entry.name == name) {
            self.wrong(&format!("{name} is missing"));
        }
        found
    }

    /// Anything that can be read from a text; `like` is an example of it.
    pub fn parse<T: FromStr>(&mut self, name: &'static str, like: &str) -> Option<T> {
        let (line, text) = self.text(name)?;
        let read = text.parse().ok();
        if read.is_none() {
            self.wrong_at(line, name, &format!("{text} does not fit; for example {like}"));
        }
        read
    }

    /// A number into its place.
    pub fn number<T: FromStr>(&mut self, name: &'static str, into: &mut T) {
        if let Some(number) = self.parse(name, "3") {
            *into = number;
        }
    }

    /// A time into its place.
    pub fn duration(&mut self, name: &'static str, into: &mut Duration) {
        if let Some(duration) = self.find_duration(name) {
            *into = duration;
        }
    }

    /// A time; longer than nothing.
    pub fn find_duration(&mut self, name: &'static str) -> Option<Duration> {
        let (line, text) = self.text(name)?;
        let read = duration(text).filter(|duration| !duration.is_zero());
        if read.is_none() {
            self.wrong_at(line, name, &format!("{text} is not a time like 0.25s"));
        }
        read
    }

    /// `{ value: 20 }`, as Envoy writes percents, or just `20`.
    pub fn percent(&mut self, name: &'static str, into: &mut u32) {
        let Some(node) = self.find(name) else { return };
        let text = match &node.value {
            Value::Scalar(text) => Some(text.clone()),
            _ => {
                let mut inner = Fields::of(node, below(&self.place, name), self.mistakes);
                inner.require("value").map(|(_, text)| text.to_owned())
            }
        };
        let Some(text) = text else { return };
        let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
        match number {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked just above"
            )]
            Some(number) => *into = number.round() as u32,
            None => self.wrong_at(node.line, name, &format!("{text} is not a percentage")),
        }
    }

    /// Fields below a name.
    pub fn map(&mut self, name: &'static str) -> Option<Self> {
        let node = self.find(name)?;
        Some(Self::of(node, below(&self.place, name), self.mistakes))
    }

    /// The items of a list; nothing when it is not there.
    pub fn list(&mut self, name: &'static str) -> Vec<(usize, String, &'n Node)> {
        let Some(node) = self.find(name) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.wrong_at(node.line, name, "a list stands here, each item after a dash");
            return Vec::new();
        };
        let named = |(index, node): (usize, &'n Node)| {
            (node.line, format!("{}[{index}]", below(&self.place, name)), node)
        };
        items.iter().enumerate().map(named).collect()
    }

    /// The maps of a list.
    pub fn maps(&mut self, name: &'static str) -> Vec<Self> {
        let mistakes = self.mistakes;
        self.list(name)
            .into_iter()
            .map(|(_, place, node)| Self::of(node, place, mistakes))
            .collect()
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        for entry in
            self.entries.iter().filter(|entry| !self.known.iter().any(|known| *known == entry.name))
        {
            let mut known = self.known.clone();
            known.sort_unstable();
            known.dedup();
            let (place, known) = (below(&self.place, &entry.name), known.join(", "));
            let what = format!("{place} is not known; there is {known}");
            self.mistakes.add(entry.line, what);
        }
    }
}

/// `clusters[0].name`; at the top just `clusters`.
fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn named(place: &str) -> &str {
    if place.is_empty() { "the file" } else { place }
}

/// `5s`, `0.25s`, and nothing else: as protobuf writes durations in JSON.
fn duration(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    #[test]
    fn times_are_written_as_protobuf_does() {
        assert_eq!(duration("0.25s"), Some(Duration::from_millis(250)));
        for wrong in ["5", "5ms", "-1s", "s", "1e400s", ""] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_the_rest_is_read() {
        let text = "a: 5\nb: no\nc: 3x\nd:\n- 1\ne: { value: 20 }\nf: 7\ng: 120\n";
        let root = yaml::read(text).expect("YAML");
        let mistakes = Mistakes::default();
        let mut fields = Fields::of(&root, "it", &mistakes);
        let (mut a, mut b, mut e, mut g) = (0_u32, 7_u8, 0, 1);
        fields.number("a", &mut a);
        fields.number("b", &mut b);
        fields.duration("c", &mut Duration::default());
        assert!(fields.maps("d").len() == 1, "an item that has no fields");
        fields.percent("e", &mut e);
        fields.percent("g", &mut g);
        fields.require("h");
        drop(fields);
        assert_eq!((a, b, e, g), (5, 7, 20, 1));
        let told = mistakes.into_inner();
        let lines: Vec<usize> = told.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [1, 2, 3, 5, 7, 8], "{told:?}");
        assert!(told[4].what.contains("it.f is not known; there is a, b, c, d, e, g, h"));
    }
}
