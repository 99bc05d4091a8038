//! Words of others in pages of ours.

/// The text as it may stand in an element or in a quoted attribute.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_is_a_tag_or_ends_an_attribute() {
        assert_eq!(
            escaped("a <b c=\"d\" e='f'> & g"),
            "a &lt;b c=&quot;d&quot; e=&#39;f&#39;&gt; &amp; g"
        );
    }
}
