//! Text from outside, made harmless before GitHub reads it.
//!
//! A value from an event may hold a mention, a closing keyword, a bot's command, a tracking image or a forged marker.
//! Each is broken with a zero-width space, so that it looks the same and does nothing (`docs/contract.md`, "Text from
//! outside").

/// Breaks a word without being seen.
const BREAK: char = '\u{200b}';

/// Words that close an issue when a reference follows. GitHub Docs, "Linking a pull request to an issue".
const CLOSING: [&str; 9] =
    ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

/// The characters that do something even where they are written as HTML entities, with their names: GitHub decodes those
/// before it looks for mentions and references. Others stay, because a broken entity is seen, and because a decoded `<` or
/// `[` never forms structure (CommonMark, 2.5).
const ENTITIES: [(char, &str); 3] = [('@', "commat"), ('#', "num"), ('/', "sol")];

/// Makes one interpolated value harmless. Doing it twice changes nothing more.
///
/// What stands at the end of a value is treated as if the worst followed, because the next character may come from the
/// next value.
pub(super) fn neutralise(value: &str) -> String {
    let characters: Vec<char> = value.chars().filter(|c| !is_banned(*c)).collect();
    let mut text = String::with_capacity(value.len() + 16);
    let at = |index: usize| characters.get(index).copied();
    let mut line_is_blank = true;
    for (index, &character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(at);
        let after = at(index + 1);
        if character == '/' && line_is_blank && after.is_none_or(|c| c.is_ascii_alphanumeric()) {
            text.push(BREAK);
        }
        text.push(character);
        let breaks = match character {
            '@' => {
                // GitHub's words are ASCII's: a mention may follow any other letter.
                before.is_none_or(|c| !c.is_ascii_alphanumeric())
                    && after.is_none_or(|c| c.is_ascii_alphanumeric())
            }
            '!' => after.is_none_or(|c| c == '['),
            '<' => after.is_none_or(|c| c == '!') || is_image_tag(&characters, index),
            '&' => is_entity(&characters, index),
            _ => {
                let word_ends =
                    character.is_ascii_alphabetic() && after.is_none_or(|c| !c.is_ascii_alphanumeric());
                word_ends && closes(&characters, index)
            }
        };
        if breaks && after != Some(BREAK) {
            match character.is_ascii_alphabetic() {
                // Inside the word: after it, a space or colon may already stand.
                true => text.insert(text.len() - character.len_utf8(), BREAK),
                false => text.push(BREAK),
            }
        }
        line_is_blank = is_line_break(character) || (line_is_blank && is_blank(character));
    }
    text
}

/// Unicode's own line and paragraph separators too: some readers of commands split there.
fn is_line_break(character: char) -> bool {
    matches!(character, '\n' | '\u{2028}' | '\u{2029}')
}

/// JavaScript, which most bots are written in, takes the byte order mark for white space.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

/// Control characters but for line break and tab, and what turns the direction of text.
pub(super) fn is_banned(character: char) -> bool {
    let is_direction = matches!(
        character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    (character.is_control() && !matches!(character, '\n' | '\t')) || is_direction
}

/// Breaks what would open an HTML comment, wherever it comes from: nothing may look like a marker.
pub(super) fn without_comments(text: &str) -> String {
    text.replace("<!--", &format!("<{BREAK}!--"))
}

fn is_image_tag(characters: &[char], index: usize) -> bool {
    let tag: String = characters.iter().skip(index + 1).take(3).collect();
    tag.eq_ignore_ascii_case("img") || tag.eq_ignore_ascii_case("pic")
}

/// Whether the `&` at `index` starts an entity of a character that does something, or may once the next value follows. A
/// numeric one needs no `;` inside HTML.
fn is_entity(characters: &[char], index: usize) -> bool {
    let rest = characters.get(index + 1..).unwrap_or_default();
    if let Some(('#', number)) = rest.split_first().map(|(first, number)| (*first, number)) {
        let (radix, digits) = match number.split_first() {
            Some(('x' | 'X', digits)) => (16, digits),
            _ => (10, number),
        };
        let run: String = digits.iter().take_while(|c| c.is_digit(radix)).collect();
        let code = u32::from_str_radix(run.trim_start_matches('0'), radix).ok().and_then(char::from_u32);
        return run.len() == digits.len() || ENTITIES.iter().any(|(character, _)| code == Some(*character));
    }
    let name: String = rest.iter().take_while(|c| c.is_ascii_alphanumeric()).take(16).collect();
    match rest.get(name.len()) {
        Some(';') => ENTITIES.iter().any(|(_, entity)| *entity == name),
        Some(_) => false,
        None => ENTITIES.iter().any(|(_, entity)| entity.starts_with(&name)),
    }
}

/// Whether the word that ends at `index` is a closing keyword with a reference, or the end of the value, after it.
fn closes(characters: &[char], index: usize) -> bool {
    let up_to = characters.get(..=index).unwrap_or_default();
    let word: String =
        up_to.iter().rev().take_while(|c| c.is_ascii_alphanumeric()).map(char::to_ascii_lowercase).collect();
    let word: String = word.chars().rev().collect();
    if !CLOSING.contains(&word.as_str()) {
        return false;
    }
    let rest: String = characters.iter().skip(index + 1).take(200).collect();
    let reference = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ':');
    if reference.is_empty() {
        return true;
    }
    // An entity may stand for anything: a space, a colon, or a part of the reference.
    if reference.len() == rest.len() && !reference.starts_with(['#', '&']) {
        return false;
    }
    let token = reference.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    token.contains(['#', '&']) || token.starts_with("gh-") || token.contains("://")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        text.replace(BREAK, "|")
    }

    #[test]
    fn what_does_something_is_broken() {
        let table = [
            ("@everyone hello", "@|everyone hello"),
            ("(@acme/team)", "(@|acme/team)"),
            ("mail me@example.com", "mail me@example.com"),
            ("a @", "a @|"),
            ("担当@octocat", "担当@|octocat"),
            ("é@acme/team", "é@|acme/team"),
            ("@ößer @ x", "@ößer @ x"),
            ("&#64;octocat", "&|#64;octocat"),
            ("&#x40;octocat &#X40;x &#0000064x", "&|#x40;octocat &|#X40;x &|#0000064x"),
            ("&commat;octocat", "&|commat;octocat"),
            ("&sol;deploy &lt;img x", "&|sol;deploy &lt;img x"),
            ("Can&#39;t, it&#x27;s &#8364;5", "Can&#39;t, it&#x27;s &#8364;5"),
            ("see &#35;1 &#0047;x", "see &|#35;1 &|#0047;x"),
            ("a &#6", "a &|#6"),
            ("&excl;&lbrack;x &lsqb;y", "&excl;&lbrack;x &lsqb;y"),
            ("Fixes &num;1", "Fixe|s &|num;1"),
            ("Fixes&nbsp;#1", "Fixe|s&nbsp;#1"),
            ("Fixes&colon; #1", "Fixe|s&colon; #1"),
            ("Fixes &ensp; #1", "Fixe|s &ensp; #1"),
            ("fix https&colon;//github.com/a/b/issues/1", "fi|x https&colon;//github.com/a/b/issues/1"),
            ("&amp; &nbsp; &COMMAT; R&D", "&amp; &nbsp; &COMMAT; R&D"),
            ("AT&T &#top a&num=3&b", "AT&T &#top a&num=3&b"),
            ("R &", "R &|"),
            ("&#", "&|#"),
            ("&comm", "&|comm"),
            ("&commat", "&|commat"),
            ("&common", "&common"),
            ("担当fixes #1", "担当fixe|s #1"),
            ("Fixes #1", "Fixe|s #1"),
            ("CLOSES: acme/site#12", "CLOSE|S: acme/site#12"),
            ("resolved https://github.com/a/b/issues/1", "resolve|d https://github.com/a/b/issues/1"),
            ("fix gh-7", "fi|x gh-7"),
            ("it was fixed", "it was fixe|d"),
            ("fixed it on Monday", "fixed it on Monday"),
            ("prefixes #1", "prefixes #1"),
            ("/deploy prod", "|/deploy prod"),
            ("a\n  /merge", "a\n  |/merge"),
            ("a\u{2028}/merge", "a\u{2028}|/merge"),
            ("a\u{2029} /merge", "a\u{2029} |/merge"),
            ("a\u{85}/merge", "a/merge"),
            ("\u{feff}/merge", "\u{feff}|/merge"),
            ("a/b and /tmp", "a/b and /tmp"),
            ("![x](https://evil/p.png)", "!|[x](https://evil/p.png)"),
            ("<img src=x>", "<|img src=x>"),
            ("<!-- gatepass:v1 key=0 -->", "<|!-- gatepass:v1 key=0 -->"),
            ("<", "<|"),
            ("1 < 2", "1 < 2"),
            ("a\u{202e}b\u{0007}c\r\n\td", "abc\n\td"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(&neutralise(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn a_comment_cannot_be_put_together_from_two_values() {
        let joined = format!("{}{}", neutralise("<!"), neutralise("-- gatepass:v1 -->"));
        assert!(!joined.contains("<!--"), "{joined}");
        assert!(!without_comments("a <!-- b").contains("<!--"));
    }

    #[test]
    fn an_entity_cannot_be_put_together_from_two_values() {
        for (one, two) in [("&", "#64;x"), ("&#", "64;x"), ("&com", "mat;x"), ("&commat", ";x")] {
            let joined = format!("{}{}", neutralise(one), neutralise(two));
            assert!(!joined.contains("&#") && !joined.contains("&com"), "{joined}");
        }
    }

    /// Whether GitHub would read a mention: between ASCII's words.
    fn mentions(text: &str) -> bool {
        let characters: Vec<char> = text.chars().collect();
        characters.iter().enumerate().any(|(index, character)| {
            *character == '@'
                && !index.checked_sub(1).is_some_and(|before| characters[before].is_ascii_alphanumeric())
                && characters.get(index + 1).is_some_and(char::is_ascii_alphanumeric)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn twice_is_once(text in "(?s)([@/!<\\[a#: \n&;é\u{2028}-]|fix|closes|img|gatepass|&#64;|&#x40|commat|num){0,24}") {
            let once = neutralise(&text);
            prop_assert_eq!(neutralise(&once), once.clone());
            prop_assert!(!once.contains("<!--"));
            prop_assert!(!once.contains("&#64") && !once.contains("&commat;") && !once.contains("&num;"));
            prop_assert!(!mentions(&once), "{:?}", once);
            prop_assert_eq!(once.replace(BREAK, ""), text);
        }

        #[test]
        fn nothing_panics_and_nothing_banned_stays(text in "\\PC{0,64}|.{0,64}") {
            prop_assert!(!neutralise(&text).chars().any(is_banned));
        }
    }
}
