//! How a pattern is written, whatever it admits: globs, bare dots, alternations without a group.

use super::look::{Look, Says};
use super::{Code, sample, shape};
use crate::pattern::Server;
use crate::pattern::syntax::{Kind, Node};
use crate::show::shown;
use crate::{Pattern, Spot};

/// Looks at every pattern.
pub(super) fn check(look: &mut Look<'_>) {
    let fields = ["issuer_pattern", "subject_pattern", "audience_pattern"];
    let mut spots: Vec<&Spot> = fields.iter().filter_map(|name| look.sound(name)).collect();
    spots.extend(look.sound_claims());
    for spot in spots {
        if look.is_full() {
            return;
        }
        let Some(pattern) = look.pattern(spot) else {
            not_judged(look, spot);
            continue;
        };
        if glob(look, spot, &pattern) {
            continue;
        }
        ungrouped(look, spot, &pattern);
        dots(look, spot, &pattern);
    }
}

/// `/*` and `v*` are how globs are written; in a pattern the star repeats the character.
fn glob(look: &mut Look<'_>, spot: &Spot, pattern: &Pattern) -> bool {
    let Some((at, starred)) = starred(pattern.syntax()) else { return false };
    let text = pattern.as_str();
    let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
    let meant = match starred {
        _ if after.is_empty() => ".*",
        '/' | ':' => "[^/:]+",
        _ => "[^/:]*",
    };
    let position = look.sketch.position_in(spot, at - starred.len_utf8());
    look.report(
        Code::GlobInPattern,
        position,
        spot.path.clone(),
        Says {
            message: format!("`{starred}*` means any number of `{starred}`, and not anything after it"),
            help: format!("write `{}`", shape::line(&spot.name, &format!("{before}{meant}{after}"))),
            why: "Patterns are regular expressions and not globs: this one matches no value that is meant.",
        },
    );
    true
}

/// Where the star of a plain character is, in bytes, and the character. Nobody means a character any number of times here.
fn starred(node: &Node) -> Option<(usize, char)> {
    match &node.kind {
        Kind::Repeat { min: 0, max: None, node: inner } => match inner.kind {
            Kind::Literal { text, escaped: false, .. } => Some((inner.span.end, text)),
            _ => starred(inner),
        },
        Kind::Repeat { node, .. } | Kind::Group(node) => starred(node),
        Kind::Concat(nodes) | Kind::Alternate(nodes) => nodes.iter().find_map(starred),
        _ => None,
    }
}

/// An alternation that older servers anchor at its ends only.
fn ungrouped(look: &mut Look<'_>, spot: &Spot, pattern: &Pattern) {
    let Kind::Alternate(branches) = &pattern.syntax().kind else { return };
    if !pattern.older_may_differ() {
        return;
    }
    let ends =
        |node: &Node| pattern.as_str().get(node.span.clone()).and_then(|text| Pattern::compile(text).ok());
    let one = |node: Option<&Node>| sample::plain(&ends(node?)?).into_iter().next();
    let after = one(branches.first()).map(|first| format!("{first}-evil"));
    let before = one(branches.last()).map(|last| format!("evil-{last}"));
    let witness = after.into_iter().chain(before).find(|text| {
        pattern.judge(text, Server::Older) == Ok(true) && pattern.judge(text, Server::Current) == Ok(false)
    });
    let Some(witness) = witness else { return };
    look.at_value(
        Code::Ungrouped,
        spot,
        Says {
            message: format!("an older server takes this apart at `|` and also admits `{}`", shown(&witness)),
            help: format!("write `{}`", shape::line(&spot.name, &format!("({})", pattern.as_str()))),
            why: "Servers built before September 2026 put `^` before the first alternative and `$` after the last, and nothing \
                  between: each may then have anything before or after it.",
        },
    );
}

/// A bare dot between letters, which is meant as a dot and matches anything.
fn dots(look: &mut Look<'_>, spot: &Spot, pattern: &Pattern) {
    let mut dots = Vec::new();
    literal_dots(pattern.syntax(), &mut dots);
    let text = pattern.as_str();
    let workflow = ["workflow_ref", "job_workflow_ref"].contains(&spot.name.as_str());
    dots.retain(|at| !(workflow && is_harmless(text.get(at + 1..).unwrap_or_default())));
    let Some(&first) = dots.first() else { return };
    let mut mended = text.to_owned();
    for at in dots.iter().rev() {
        mended.insert(*at, '\\');
    }
    let with = |filler: char| {
        let mut changed = mended.clone();
        let at = first..first + 2;
        if changed.get(at.clone()) == Some("\\.") {
            changed.replace_range(at, &filler.to_string());
        }
        Pattern::compile(changed).ok().and_then(|pattern| sample::plain(&pattern).into_iter().next())
    };
    let Some(witness) = with('x').filter(|witness| sample::admits(pattern, witness)) else { return };
    let exact = Pattern::compile(mended.clone()).ok().and_then(|pattern| pattern.literal());
    let help = match (exact, spot.name.strip_suffix("_pattern")) {
        (Some(exact), Some(field)) => {
            format!("write `{}`, which is compared as it is", shape::line(field, &exact))
        }
        _ => format!("write `{}`", shape::line(&spot.name, &mended)),
    };
    let position = look.sketch.position_in(spot, first);
    look.report(
        Code::UnescapedDot,
        position,
        spot.path.clone(),
        Says {
            message: format!("a bare `.` matches any character: this also admits `{}`", shown(&witness)),
            help,
            why: "Whoever can have a name that differs from yours in this one place gets in.",
        },
    );
}

/// Whether what follows a dot in the name of a workflow's file leaves no choice: GitHub runs no file that differs there.
fn is_harmless(rest: &str) -> bool {
    ["github/workflows/", "yml", "yaml"].iter().any(|part| rest.starts_with(part))
}

/// The places of bare dots that stand between letters, digits and slashes in a row of plain characters.
fn literal_dots(node: &Node, dots: &mut Vec<usize>) {
    match &node.kind {
        Kind::Concat(parts) => {
            let letter = |node: Option<&Node>, also: &str| {
                matches!(node.map(|node| &node.kind), Some(Kind::Literal { text, .. })
                    if text.is_ascii_alphanumeric() || also.contains(*text))
            };
            for (index, part) in parts.iter().enumerate() {
                let before = index.checked_sub(1).and_then(|index| parts.get(index));
                match &part.kind {
                    Kind::Dot { .. } if letter(before, "/-_.") && letter(parts.get(index + 1), "-_") => {
                        dots.push(part.span.start);
                    }
                    _ => literal_dots(part, dots),
                }
            }
        }
        Kind::Alternate(nodes) => nodes.iter().for_each(|node| literal_dots(node, dots)),
        Kind::Group(node) | Kind::Repeat { node, .. } => literal_dots(node, dots),
        _ => {}
    }
}

/// A pattern of which nothing can be said, or that ends the group which the server puts around it.
fn not_judged(look: &mut Look<'_>, spot: &Spot) {
    let Some(known) = look.known(spot) else { return };
    let (code, says) = match &known.doubt {
        Some(doubt) => (
            Code::PatternNotJudged,
            Says {
                message: format!("the pattern {doubt}"),
                help: "write it with plain characters, `[…]`, `.*` and `(…|…)`".to_owned(),
                why: "What it admits is not known here, so no other rule has looked at it.",
            },
        ),
        None => (
            Code::GroupLeft,
            Says {
                message: "a `)` in the pattern ends the group that the server puts around it".to_owned(),
                help: r"balance the parentheses, or write `\)` for the character".to_owned(),
                why: "What follows is not tied to both ends of the value, so it admits more than it says; older servers \
                      refuse it.",
            },
        ),
    };
    look.at_value(code, spot, says);
}
