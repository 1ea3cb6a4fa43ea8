//! Texts within GitHub's limits, which are in characters.

use super::neutral::is_banned;

/// The longest body of an issue or a comment.
pub(super) const MAX_BODY: usize = 65_536;

/// The longest title.
pub(super) const MAX_TITLE: usize = 256;

/// The longest label.
pub(super) const MAX_LABEL: usize = 50;

/// Stands where a text had to be cut.
const CUT: &str = "\n\n… (cut: GitHub takes no more)";

/// At most `limit` characters, with a note where something is missing.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(CUT.chars().count());
    text.chars().take(room).chain(CUT.chars()).take(limit).collect()
}

/// One line of at most `limit` characters.
pub(super) fn one_line(text: &str, limit: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !is_banned(*c)).take(limit).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_of_at_most_256_characters() {
        assert_eq!(one_line(" a\r\n b\u{7} ", MAX_TITLE), "a b");
        assert_eq!(one_line(&"ä".repeat(300), MAX_TITLE).chars().count(), 256);
    }

    #[test]
    fn what_is_cut_says_so_and_fits() {
        assert_eq!(cut("short", 5), "short");
        let text = cut(&"ä".repeat(100), 50);
        assert_eq!(text.chars().count(), 50);
        assert!(text.ends_with("(cut: GitHub takes no more)"));
        assert_eq!(cut("ääää", 2).chars().count(), 2);
    }
}
