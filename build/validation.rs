//! Validation, from `(buf.validate.*)`.
use super::{Mistakes, names};
use prost_reflect::FileDescriptor;

/// Rust text of a `Validate` impl for every message of the files.
pub fn impls(files: &[FileDescriptor], _mistakes: &mut Mistakes) -> String {
    let mut text = String::from("use super::{Path, Validate, Violations};\n");
    let mut open: Vec<_> =
        files.iter().flat_map(|file| file.messages().collect::<Vec<_>>()).collect();
    while let Some(message) = open.pop() {
        open.extend(message.child_messages().filter(|child| !child.is_map_entry()));
        text.push_str(&format!(
            "impl Validate for {} {{ fn check(&self, _: &Path<'_>, _: &mut Violations) {{}} }}\n",
            names::message(&message)
        ));
    }
    text
}
