//! A method's path in REST, as `google.api.http` says it. The build reads it too, to describe it.

use prost_reflect::MethodDescriptor;

/// A verb and a path.
pub struct Rule {
    /// `GET`
    pub verb: &'static str,
    /// `/v1/lots/{lot_id}`
    pub path: String,
    /// Whether the arguments come in a body of JSON; else they are in the query.
    pub in_body: bool,
}

impl Rule {
    /// The rule of a method, if it has one.
    pub fn of(described: &MethodDescriptor) -> Option<Self> {
        let extension = described.parent_pool().get_extension_by_name("google.api.http")?;
        let options = described.options();
        if !options.has_extension(&extension) {
            return None;
        }
        let rule = options.get_extension(&extension);
        let rule = rule.as_message()?;
        let text = |name: &str| {
            let value = rule.get_field_by_name(name)?;
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let verbs = [
            ("get", "GET"),
            ("post", "POST"),
            ("put", "PUT"),
            ("patch", "PATCH"),
            ("delete", "DELETE"),
        ];
        let (verb, path) = verbs.into_iter().find_map(|(name, verb)| Some((verb, text(name)?)))?;
        Some(Self { verb, path, in_body: text("body").is_some() })
    }
}
