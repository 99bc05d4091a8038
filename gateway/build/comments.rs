//! What stands above a thing in its proto, for people.

use std::collections::HashMap;

use prost_reflect::prost_types::source_code_info::Location;
use prost_reflect::{DescriptorPool, FileDescriptor};

/// Comments by file and place.
pub struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    /// All of the pool's files.
    pub fn of(pool: &DescriptorPool) -> Self {
        let mut all = HashMap::new();
        for file in pool.files() {
            let told = file.file_descriptor_proto().source_code_info.as_ref();
            for location in told.into_iter().flat_map(|told| &told.location) {
                let text = text(location);
                if !text.is_empty() {
                    all.insert((file.name().to_owned(), location.path.clone()), text);
                }
            }
        }
        Self(all)
    }

    /// The comment of what stands there.
    pub fn find(&self, file: &FileDescriptor, path: &[i32]) -> Option<&str> {
        self.0.get(&(file.name().to_owned(), path.to_vec())).map(String::as_str)
    }
}

/// Above it or, where nothing is, behind it in its line. One blank stands between the slashes and the words.
fn text(location: &Location) -> String {
    let above = location.leading_comments().trim();
    let whole =
        if above.is_empty() { location.trailing_comments() } else { location.leading_comments() };
    let lines = whole.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The first sentence, in one line and without its dot.
pub fn first_sentence(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let end = first.find(". ").unwrap_or(first.len());
    first[..end].trim_end_matches('.').to_owned()
}
