//! Filters of JumpCloud's search.

use serde_json::{Value, json};

use crate::ids::ObjectId;

/// One of `texts` as a whole, whatever its case, in one of `fields`. `(?i)` is how JumpCloud's own module asks; its
/// plain filters are case-sensitive.
pub(super) fn whole_text<S: AsRef<str>>(fields: &[&str], texts: &[S]) -> Value {
    let expressions = texts.iter().flat_map(|text| {
        let pattern = pattern(text.as_ref());
        fields.iter().map(move |field| json!({*field: {"$regex": pattern}}))
    });
    json!({"or": expressions.collect::<Vec<_>>()})
}

/// A name whose first label is one of `labels`, in `field`.
pub(super) fn first_label<S: AsRef<str>>(field: &str, labels: &[S]) -> Value {
    let expressions = labels.iter().flat_map(|label| {
        let longer = format!(r"(?i)(^{}\..*$)", escaped(label.as_ref()));
        [pattern(label.as_ref()), longer].map(|pattern| json!({field: {"$regex": pattern}}))
    });
    json!({"or": expressions.collect::<Vec<_>>()})
}

/// One of `ids`. In JumpCloud's own form: the literal form has no source, and may not be read as an id.
pub(super) fn ids(ids: &[ObjectId]) -> Value {
    json!({"or": ids.iter().map(|id| json!({"_id": {"$eq": id}})).collect::<Vec<_>>()})
}

fn pattern(text: &str) -> String {
    format!("(?i)(^{}$)", escaped(text))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\'); // before punctuation it always means the character itself
        }
        escaped.push(c.to_ascii_lowercase()); // the case does not count, and so always is the same
    }
    escaped
}
