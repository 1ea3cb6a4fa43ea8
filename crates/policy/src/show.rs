//! Values of strangers, made fit to be shown to people: on one line, without control characters, and not without end.

use serde_json::Value;

use crate::go_text;

/// The longest text that is shown in full, in characters: the longest subject that the server takes, and a little more.
const LONGEST: usize = 300;

/// A text as it is where it can be seen as it is, else in quotes with escapes.
pub(crate) fn shown(text: &str) -> String {
    let plain = !text.is_empty() && text.trim() == text && text.chars().all(go_text::is_print);
    cut(if plain { text.to_owned() } else { go_text::quote(text) })
}

/// A claim's value: text as it is, everything else as JSON.
pub(crate) fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        // JSON escapes control characters but not the others that cannot be seen.
        other => {
            let json = other.to_string();
            cut(json.chars().map(|c| if go_text::is_print(c) { c } else { '\u{fffd}' }).collect())
        }
    }
}

/// Values one after the other, or that there are none.
pub(crate) fn shown_list(texts: &[&str]) -> String {
    match texts {
        [] => "none".to_owned(),
        texts => cut(texts.iter().map(|text| shown(text)).collect::<Vec<_>>().join(", ")),
    }
}

/// What JSON calls the kind of a value.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_is_one_harmless_line() {
        for (text, as_shown) in [
            ("repo:o/r", "repo:o/r"),
            ("a\\.b", "a\\.b"),
            ("", "\"\""),
            ("a ", "\"a \""),
            ("a\nb", "\"a\\nb\""),
            ("\u{1b}[31m", "\"\\x1b[31m\""),
            ("a\u{202e}b", "\"a\\u202eb\""),
        ] {
            assert_eq!(shown(text), as_shown);
        }
        assert_eq!(shown(&"é".repeat(400)).chars().count(), LONGEST + 1);
        assert_eq!(
            shown_value(&json!({"a": ["\u{1b}", "\u{202e}", 1]})),
            "{\"a\":[\"\\u001b\",\"\u{fffd}\",1]}"
        );
        assert_eq!(shown_value(&json!(true)), "true");
        assert_eq!(shown_list(&[]), "none");
        assert_eq!(shown_list(&["a", "b c"]), "a, b c");
    }
}
