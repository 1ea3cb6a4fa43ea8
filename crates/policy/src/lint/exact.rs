//! What stands in a field that is compared as it is: white space, globs, patterns.

use super::look::{Look, Says};
use super::shape::line;
use super::{Code, shape};
use crate::Spot;
use crate::show::shown;

/// Looks at `issuer`, `subject` and `audience` for what no value ever has, whoever issues it.
pub(super) fn check(look: &mut Look<'_>) {
    for name in ["issuer", "subject", "audience"] {
        if let Some(spot) = look.sound(name) {
            glob_or_pattern(look, spot);
        }
    }
}

/// Looks at every text for white space around it, which a block or a quote leaves.
pub(super) fn white_space(look: &mut Look<'_>) {
    let sketch = look.sketch;
    for spot in
        sketch.texts.iter().chain(&sketch.claims).chain(&sketch.permissions).chain(&sketch.repositories)
    {
        let trimmed = spot.text.trim();
        if trimmed.len() == spot.text.len() || look.is_troubled(&spot.path) {
            continue;
        }
        let what = match (spot.text.ends_with('\n'), spot.text.starts_with(char::is_whitespace)) {
            (true, _) => "ends with a line break",
            (false, true) => "starts with white space",
            (false, false) => "ends with white space",
        };
        let help = match trimmed {
            "" => "remove it".to_owned(),
            _ if spot.name.is_empty() => format!("write `{}`, on one line", shown(trimmed)),
            _ => format!("write `{}`, on one line", line(&spot.name, trimmed)),
        };
        // The sign that begins a block stands beside the key.
        let block = spot.value.line > spot.key.line && !spot.name.is_empty();
        look.report(
            Code::StrayWhitespace,
            if block { spot.key } else { spot.value },
            spot.path.clone(),
            Says {
                message: format!("{} {what}", subject_of(spot)),
                help,
                why: "White space counts, and no token has it there: nothing ever matches. A block (`|`, `>`) keeps its \
                      last line break.",
            },
        );
    }
}

fn subject_of(spot: &Spot) -> String {
    if spot.name.is_empty() { "this name".to_owned() } else { format!("`{}`", spot.name) }
}

fn glob_or_pattern(look: &mut Look<'_>, spot: &Spot) {
    let (name, text) = (spot.name.as_str(), spot.text.as_str());
    if shape::is_pattern(text) {
        look.at_value(
            Code::PatternInExact,
            spot,
            Says {
                message: format!("`{name}` is compared as it is, and this is a pattern"),
                help: format!("write `{}`", line(&format!("{name}_pattern"), text)),
                why: "Octo STS takes the characters of a pattern for themselves here, so no token ever matches.",
            },
        );
    } else if text.contains('*') || (name == "subject" && look.issuer_is_known() && text.contains('?')) {
        look.at_value(
            Code::GlobInExact,
            spot,
            Says {
                message: format!("`{name}` is compared as it is, and this has a wildcard"),
                help: format!(
                    "write the {name} out in full; or, to admit everything that it stands for, `{}`",
                    line(&format!("{name}_pattern"), &shape::glob_as_pattern(text))
                ),
                why: "Octo STS takes `*` and `?` for themselves here, so no token ever matches.",
            },
        );
    }
}
