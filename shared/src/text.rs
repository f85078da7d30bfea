//! Text that comes from outside, and what of it may be shown.
//!
//! Characters that control, break lines, reorder text or cannot be seen are [unsafe](is_unsafe): with them a name writes lines of
//! its own into a mail, looks like another name, or hides a key from redaction. They are taken out in two ways. [`removed`] deletes
//! them, for sentences, before anything is searched in them. [`marked`] leaves [`MARK`] in their place, for names and ids, so that
//! two names never become one.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Stands where an unsafe character was.
pub const MARK: char = char::REPLACEMENT_CHARACTER;

/// Controls (C0, C1 with U+0085, DEL), line and paragraph separators, marks and overrides of direction, and what takes no
/// room. Unicode's "default ignorable" characters but for the variation selectors that emoji are written with.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether `text` holds an unsafe character. Most texts are printable ASCII, which bytes tell.
pub fn has_unsafe(text: &str) -> bool {
    !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.chars().any(is_unsafe)
}

/// `text` without its unsafe characters.
pub fn removed(text: &str) -> Cow<'_, str> {
    if has_unsafe(text) { text.chars().filter(|c| !is_unsafe(*c)).collect() } else { text.into() }
}

/// `text` with a [`MARK`] for each unsafe character.
pub fn marked(text: &str) -> Cow<'_, str> {
    let mark = |c| if is_unsafe(c) { MARK } else { c };
    if has_unsafe(text) { text.chars().map(mark).collect() } else { text.into() }
}

/// `text` if it has at most `max` bytes, else its beginning and `…`.
pub fn shortened(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return text.into();
    }
    let end = text.floor_char_boundary(max.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end]).into()
}

/// Marks every text in `value`, the names of fields too.
pub fn mark_value(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(marked) = marked(text) {
                *text = marked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mark_value),
        Value::Object(fields) => {
            if fields.keys().any(|name| has_unsafe(name)) {
                let marked =
                    std::mem::take(fields).into_iter().map(|(name, value)| (marked(&name).into_owned(), value));
                *fields = marked.collect::<Map<_, _>>();
            }
            fields.values_mut().for_each(mark_value);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// JSON with every text in it marked, whether a character stands there itself or escaped. What is no JSON stays none.
pub fn marked_json(json: &[u8]) -> Cow<'_, str> {
    let text = str::from_utf8(json).map_or_else(|_| String::from_utf8_lossy(json), Cow::from);
    // ASCII without an escape, as most answers are: each of these looks at 16 bytes at a time. Controls make it no JSON, but for
    // DEL.
    if text.is_ascii() && !json.contains(&b'\\') && !json.contains(&0x7f) {
        return text;
    }
    let plain = |byte: u8| byte.is_ascii() && !matches!(byte, b'\\' | 0x7f);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    loop {
        let (these, odd) = rest.split_at(rest.bytes().position(|byte| !plain(byte)).unwrap_or(rest.len()));
        out.push_str(these);
        let Some(c) = odd.chars().next() else { break };
        let (length, stands_for) = if c == '\\' { escape(odd) } else { (c.len_utf8(), Some(c)) };
        let (this, after) = odd.split_at(length);
        if stands_for.is_some_and(is_unsafe) {
            out.push(MARK)
        } else {
            out.push_str(this)
        }
        rest = after;
    }
    out.into()
}

/// How long the escape at the beginning of `text` is, and what it stands for; `None` where that is no character.
fn escape(text: &str) -> (usize, Option<char>) {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
    };
    match (text.chars().nth(1), unit(0)) {
        (_, Some(high @ 0xd800..0xdc00)) => match unit(6) {
            Some(low @ 0xdc00..0xe000) => (12, char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))),
            _ => (6, None),
        },
        (_, Some(code)) => (6, char::from_u32(code)),
        (Some('b' | 'f' | 'n' | 'r' | 't'), None) => (2, Some('\n')),
        (Some(c), None) => (1 + c.len_utf8(), Some(c).filter(|c| !is_unsafe(*c))),
        (None, None) => (1, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const UNSAFE: &str = "\0\t\n\r\u{b}\u{1b}\u{7f}\u{85}\u{ad}\u{61c}\u{200b}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{e0041}";

    #[test]
    fn what_is_unsafe_goes_and_other_text_stays() {
        for c in UNSAFE.chars() {
            assert_eq!(removed(&format!("a{c}b")), "ab", "{c:?}");
            assert_eq!(marked(&format!("a{c}b")), "a\u{fffd}b", "{c:?}");
        }
        for text in ["Jane’s MacBook Pro", "Łukasz Żółć", "山田 太郎", "علي", "❤️ box", "a_b-c.d@e", ""]
        {
            assert!(matches!(removed(text), Cow::Borrowed(same) if same == text));
            assert!(matches!(marked(text), Cow::Borrowed(same) if same == text));
        }
        assert_ne!(marked("dc01\u{200b}"), "dc01");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("ääää", 8), "ääää");
        assert_eq!(shortened("ääääa", 8), "ää…");
        assert_eq!(shortened("abc", 0), "…");
    }

    #[test]
    fn escapes_in_json_are_seen_through() {
        let read = |text: &str| serde_json::from_str::<Value>(&marked_json(text.as_bytes())).unwrap();
        assert_eq!(
            read(r#"{"a": "x\u202ey\nz\udb40\udc41\u0085"}"#),
            json!({"a": "x\u{fffd}y\u{fffd}z\u{fffd}\u{fffd}"})
        );
        assert_eq!(
            read(r#"["\\n", "\"\\u202e\"", "\u00e4", "\ud83d\ude00"]"#),
            json!(["\\n", "\"\\u202e\"", "ä", "😀"])
        );
        assert_eq!(read("{\r\n\t\"ä\": 1\n}"), json!({"ä": 1}));
        for text in ["\"\\", "\"\\u12", "\"\\ud800\"", "\"a\nb\\u0041\"", "\"\\\u{202e}\"", "\"\\u+041\""] {
            assert!(serde_json::from_str::<Value>(&marked_json(text.as_bytes())).is_err(), "{text:?}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let texts =
            prop_oneof![".{0,8}", proptest::sample::select(UNSAFE.chars().collect::<Vec<_>>()).prop_map(String::from)];
        let leaf =
            prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), texts.clone().prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(texts.clone(), inner, 0..4)
                    .prop_map(|map| Value::from(Map::from_iter(map))),
            ]
        })
    }

    /// Every character outside of ASCII escaped, as some servers write it.
    fn ascii(json: &str) -> String {
        let mut units = [0; 2];
        json.chars().fold(String::new(), |text, c| match c {
            c if c.is_ascii() => text + &c.to_string(),
            c => c.encode_utf16(&mut units).iter().fold(text, |text, unit| text + &format!("\\u{unit:04x}")),
        })
    }

    proptest! {
        /// Marking the text of JSON is marking what it says, in whatever form it is written.
        #[test]
        fn both_ways_of_marking_agree(value in any_json()) {
            let mut expected = value.clone();
            mark_value(&mut expected);
            for text in [value.to_string(), ascii(&value.to_string()), serde_json::to_string_pretty(&value).unwrap()] {
                let read: Value = serde_json::from_str(&marked_json(text.as_bytes())).unwrap();
                prop_assert_eq!(&read, &expected, "{}", text);
            }
            prop_assert!(!expected.to_string().chars().any(is_unsafe));
        }

        /// Bytes of any kind neither panic nor become JSON by being marked.
        #[test]
        fn what_is_no_json_stays_none(text in r#"[\\u"0-9a-f{}\[\]:,nd\x{202e}\n ]{0,24}"#) {
            let before = serde_json::from_str::<Value>(&text).is_ok();
            prop_assert_eq!(serde_json::from_str::<Value>(&marked_json(text.as_bytes())).is_ok(), before);
        }
    }
}
