//! The known name that someone probably meant.

/// The known name closest to `word`, if one is close enough to be a slip of the pen: about one letter in three,
/// letter case and `-` against `_` for free.
///
/// ```
/// assert_eq!(gatepass_yaml::nearest("titel", ["title", "body"]), Some("title"));
/// assert_eq!(gatepass_yaml::nearest("colour", ["title", "body"]), None);
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &fold(name)), name))
        .filter(|(distance, name)| *distance <= (word.len().min(name.len()) / 3).max(1))
        .filter(|(distance, name)| *distance < name.len().min(word.len()).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn fold(word: &str) -> String {
    // No known name is near that length, and the distance costs time in its square.
    word.chars().take(100).collect::<String>().to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let known = ["title", "body", "labels", "reopen_within", "max_open", "if", "state"];
        for (word, expected) in [
            ("titel", Some("title")),
            ("Title", Some("title")),
            ("lables", Some("labels")),
            ("label", Some("labels")),
            ("reopen-within", Some("reopen_within")),
            ("maxopen", Some("max_open")),
            ("iff", Some("if")),
            ("colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
        assert_eq!(nearest("anything", []), None);
    }
}
