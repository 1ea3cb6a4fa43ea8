//! Problems of a file, as compilers show them.

use gatepass_policy::lint::{Finding, Severity};
use gatepass_yaml::Problem;

use crate::secrets::veil;
use crate::terminal::{BAD, PLACE, Stream, WARN, clean, shorten};

/// The most characters of a source line that are shown.
const WIDTH: usize = 100;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The file cannot be used.
    Error,
    /// Something to know.
    Warning,
}

/// A file and its text, where it could be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: Option<&'a str>,
}

/// Shows one problem, with a blank line after it.
pub(crate) fn show(stream: Stream, level: Level, source: Source<'_>, problem: &Problem, note: Option<&str>) {
    let remarks = [("note", note), ("help", problem.help.as_deref())];
    show_with(stream, level, None, source, problem, &remarks);
}

/// Shows what a lint found, with a blank line after it.
pub(crate) fn show_finding(stream: Stream, source: Source<'_>, finding: &Finding) {
    let level = match finding.code.severity() {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
    };
    let why = Some(finding.why.as_str()).filter(|why| !why.is_empty());
    let remarks = [("why", why), ("help", finding.problem.help.as_deref())];
    show_with(stream, level, Some(finding.code.as_str()), source, &finding.problem, &remarks);
}

fn show_with(
    stream: Stream,
    level: Level,
    code: Option<&str>,
    source: Source<'_>,
    problem: &Problem,
    remarks: &[(&str, Option<&str>)],
) {
    let (name, style) = match level {
        Level::Error => ("error", BAD),
        Level::Warning => ("warning", WARN),
    };
    let name = code.map_or_else(|| name.to_owned(), |code| format!("{name}[{code}]"));
    let line = source.text.and_then(|text| text.lines().nth(problem.position.line.saturating_sub(1)));
    let snippet =
        line.map(|line| Snippet::of(line, problem.position.column)).filter(|it| !it.line.is_empty());
    let number = problem.position.line.to_string();
    let gutter = " ".repeat(number.len());
    let bar = stream.paint(PLACE, "|");

    stream.line(&format!("{}: {}", stream.paint(style, &name), clean(&message(source.file, problem))));
    let place = match source.text {
        Some(_) => format!("{}:{}", source.file, problem.position),
        None => source.file.to_owned(),
    };
    stream.line(&format!("{gutter}{} {}", stream.paint(PLACE, "-->"), clean(&place)));
    if let Some(Snippet { line, before, marked }) = snippet {
        stream.line(&format!("{gutter} {bar}"));
        stream.line(&format!("{} {bar} {line}", stream.paint(PLACE, &number)));
        let carets = stream.paint(style, &"^".repeat(marked));
        stream.line(&format!("{gutter} {bar} {}{carets}", " ".repeat(before)));
    }
    for (kind, text) in remarks.iter().filter_map(|(kind, text)| Some((kind, (*text)?))) {
        stream.line(&format!("{gutter} {} {kind}: {}", stream.paint(PLACE, "="), clean(text)));
    }
    stream.line("");
}

/// What is wrong, with the path of the key, or the file where it is about the whole.
fn message(file: &str, problem: &Problem) -> String {
    if !problem.path.is_root() {
        return format!("{}: {}", problem.path, problem.message);
    }
    let is_predicate = ["is ", "cannot "].iter().any(|verb| problem.message.starts_with(verb));
    if is_predicate { format!("{file} {}", problem.message) } else { problem.message.clone() }
}

/// The piece of a line that is shown, and what in it is marked, in characters.
#[derive(Debug, PartialEq, Eq)]
struct Snippet {
    line: String,
    before: usize,
    marked: usize,
}

impl Snippet {
    /// `column` counts from 1.
    fn of(line: &str, column: usize) -> Self {
        // Before a piece is cut off it: the rest of a token does not begin like one.
        let line = &veil(line);
        let before = column.saturating_sub(1).min(line.chars().count());
        // Of a very long line, what stands around the place.
        let skipped = if before > WIDTH * 3 / 4 { before - WIDTH / 4 } else { 0 };
        let shown: String = line.chars().skip(skipped).collect();
        let ahead: String = line.chars().skip(before).collect();
        let cut = if skipped > 0 { "…" } else { "" };
        let width = |text: &str| clean(text).chars().count();
        let left: String = line.chars().skip(skipped).take(before - skipped).collect();
        let before = width(&left) + cut.chars().count();
        let line = shorten(&format!("{cut}{}", clean(shown.trim_end())), WIDTH);
        let room = line.chars().count().saturating_sub(before).max(1);
        Self { before, marked: token(&ahead).clamp(1, room), line }
    }
}

/// The length of the key or value that starts here.
fn token(text: &str) -> usize {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let end = text.chars().skip(1).position(|c| c == quote);
            end.map_or(1, |inner| inner + 2)
        }
        Some('{' | '[') | None => 1,
        Some(_) => {
            let text: Vec<char> = text.chars().collect();
            let ends = |index: usize, c: char| {
                let next = text.get(index + 1);
                matches!(c, ',' | ']' | '}')
                    || (c == ':' && next.is_none_or(|next| next.is_whitespace()))
                    || (c == ' ' && next == Some(&'#'))
            };
            let length = text.iter().enumerate().position(|(index, c)| ends(index, *c)).unwrap_or(text.len());
            text.iter().take(length).collect::<String>().trim_end().chars().count()
        }
    }
}

#[cfg(test)]
mod tests {
    use gatepass_yaml::{Path, Position};

    use super::*;

    #[test]
    fn keys_and_values_are_marked_to_their_end() {
        for (text, length) in [
            ("titel: x", 5),
            ("https://x.example/a, more", 19),
            ("\"a b\": c", 5),
            ("'open", 1),
            ("{ a: 1 }", 1),
            ("many words  # why", 10),
            ("x]", 1),
            ("", 1),
        ] {
            assert_eq!(token(text), length, "{text}");
        }
    }

    #[test]
    fn the_caret_stands_under_its_place() {
        let snippet = Snippet::of("  titel: x", 3);
        assert_eq!(snippet, Snippet { line: "  titel: x".into(), before: 2, marked: 5 });
        let past = Snippet::of("ab", 9);
        assert_eq!(past, Snippet { line: "ab".into(), before: 2, marked: 1 });
    }

    #[test]
    fn of_a_long_line_only_what_is_near_is_shown() {
        let line = format!("{}titel: x{}", "a".repeat(300), "b".repeat(300));
        let Snippet { line, before, marked } = Snippet::of(&line, 301);
        let shown: String = line.chars().skip(before).take(marked).collect();
        assert_eq!(shown, "titel");
        assert!(line.chars().count() <= WIDTH && line.starts_with('…') && line.ends_with('…'), "{line}");
    }

    #[test]
    fn a_token_is_not_shown_and_neither_is_its_end() {
        let line = format!("subject: eyJ{}.c2ln  # who?", "a".repeat(300));
        for column in [1, 10, 200, 330] {
            let Snippet { line, .. } = Snippet::of(&line, column);
            assert!(!line.contains("eyJ") && !line.contains("aa") && !line.contains("c2ln"), "{line}");
        }
    }

    #[test]
    fn an_escape_sequence_is_shown_and_its_place_is_kept() {
        let Snippet { line, before, .. } = Snippet::of("\u{1b}[31mx: y", 6);
        assert_eq!(line.chars().nth(before), Some('x'), "{line}");
    }

    #[test]
    fn a_problem_with_the_whole_file_names_it() {
        let problem = |path, message: &str| Problem {
            position: Position::START,
            path,
            message: message.into(),
            help: None,
        };
        let job = Path::root().key("jobs");
        for (problem, expected) in [
            (problem(Path::root(), "is empty"), "g.yaml is empty"),
            (problem(Path::root(), "missing key `jobs`"), "missing key `jobs`"),
            (problem(job, "is odd"), "jobs: is odd"),
        ] {
            assert_eq!(message("g.yaml", &problem), expected);
        }
    }
}
