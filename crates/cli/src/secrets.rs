//! Tokens where none belong: on the command line, or in a file that is shown.

use std::ffi::OsString;

/// How tokens begin: JSON in base64url, which every JWT is, and what GitHub and Google give out.
const STARTS: [&str; 8] = ["eyJ", "ghs_", "ghp_", "gho_", "ghu_", "ghr_", "github_pat_", "ya29."];

/// The text with an asterisk for each character of a token or a piece of one, so that every place stays where it is.
pub(crate) fn veil(text: &str) -> String {
    if !STARTS.iter().any(|start| text.contains(start)) {
        return text.to_owned();
    }
    text.split_inclusive(|c| !is_of_token(c))
        .map(|piece| {
            let word = piece.trim_end_matches(|c| !is_of_token(c));
            let rest = piece.strip_prefix(word).unwrap_or_default();
            if is_token(word) { "*".repeat(word.len()) + rest } else { piece.to_owned() }
        })
        .collect()
}

/// What to say to whoever gives a token as an argument.
///
/// # Errors
/// When one is among them; it says which, and nothing of it.
pub(crate) fn refuse(arguments: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let is_secret = |argument: OsString| {
        let text = argument.to_string_lossy();
        let value =
            text.split_once('=').filter(|(name, _)| name.starts_with('-')).map_or(&*text, |(_, it)| it);
        value.split_whitespace().any(|word| is_token(word.trim_matches(['"', '\''])))
    };
    match arguments.into_iter().position(is_secret) {
        None => Ok(()),
        Some(number) => Err(format!(
            "argument {number} is a token; other users of this machine can see arguments, and the shell keeps them: put the token into a file and name the file, or pipe it and write `-` for the file"
        )),
    }
}

fn is_token(word: &str) -> bool {
    STARTS.iter().any(|start| word.starts_with(start))
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_and_a_piece_of_one_are_veiled_in_their_place() {
        for (text, shown) in [
            ("eyJhbGci.eyJp.c2ln", "******************"),
            ("found `eyJhbG…` here", "found `******…` here"),
            ("token=ghs_a1, Bearer eyJ.x.y\n", "token=******, Bearer *******\n"),
            ("é \"github_pat_1\": ya29.a", "é \"************\": ******"),
            ("heyJude: a.eyJ is no beginning", "heyJude: a.eyJ is no beginning"),
            ("https://accounts.google.com", "https://accounts.google.com"),
            ("", ""),
        ] {
            assert_eq!(veil(text), shown);
        }
    }

    #[test]
    fn a_token_among_the_arguments_is_counted_and_not_shown() {
        for (arguments, number) in [
            (&["gatepass", "token", "eyJ0.eyJ0.x"] as &[&str], Some(2)),
            (&["gatepass", "token", "--file=eyJ0.eyJ0.x"], Some(2)),
            (&["gatepass", "token", "--file", "Bearer eyJ0.eyJ0.x"], Some(3)),
            (&["gatepass", "ghs_0"], Some(1)),
            (&["gatepass", "send", "x", "--set", "key=eyJ0"], None),
            (&["gatepass", "token", "--file", "tokens/eyJ0"], None),
        ] {
            let refused = refuse(arguments.iter().map(OsString::from)).err();
            assert_eq!(refused.is_some(), number.is_some(), "{arguments:?}");
            let words = number.map(|number| format!("argument {number} is a token")).unwrap_or_default();
            assert!(refused.unwrap_or_default().starts_with(&words));
        }
    }
}
