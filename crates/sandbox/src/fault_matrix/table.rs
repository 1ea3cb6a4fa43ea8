use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::{Hop, Platform, Trouble, Verdict};

/// Rewrites the file instead of holding the table against it.
const BLESS: &str = "GATEPASS_BLESS";

/// Holds what a cloud's host was told against its section of `docs/fault-matrix.md`, or rewrites that section when
/// `GATEPASS_BLESS` is 1.
///
/// # Errors
/// Every cell whose event did not have exactly its effect, or the table as it is now when it is not what the file has.
pub fn compare<P: Platform>(verdicts: &[Verdict]) -> io::Result<()> {
    let wrong: Vec<String> = verdicts
        .iter()
        .filter(|verdict| !verdict.wrong.is_empty())
        .map(|verdict| format!("{:?}, told {}: {}", verdict.cell, verdict.told, verdict.wrong.join("; ")))
        .collect();
    if !wrong.is_empty() {
        return Err(io::Error::other(wrong.join("\n")));
    }
    let (path, table) =
        (Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fault-matrix.md")), table(verdicts));
    let file = std::fs::read_to_string(path)?;
    let marks = (format!("<!-- {} -->\n", P::SECTION), format!("<!-- end of {} -->", P::SECTION));
    let parts =
        file.split_once(&marks.0).and_then(|(before, rest)| Some((before, rest.split_once(&marks.1)?)));
    let Some((before, (found, after))) = parts else {
        return Err(io::Error::other(format!("{} has no {}", path.display(), marks.0)));
    };
    let section = format!("\n### {}\n\n{table}\n", P::NAME);
    if found == section {
        return Ok(());
    }
    if std::env::var(BLESS).is_ok_and(|value| value == "1") {
        return std::fs::write(path, format!("{before}{}{section}{}{after}", marks.0, marks.1));
    }
    Err(io::Error::other(format!(
        "docs/fault-matrix.md says otherwise; {BLESS}=1 rewrites it. Now it is:\n{section}"
    )))
}

/// A row a trouble, a column a hop: what was told when it struck once and, where that is something else, when it struck
/// always.
fn table(verdicts: &[Verdict]) -> String {
    let told: BTreeMap<(&str, &str, bool), &str> = verdicts
        .iter()
        .map(|Verdict { cell, told, .. }| {
            ((cell.trouble.name(), cell.hop.name(), cell.always), told.as_str())
        })
        .collect();
    let mut text = String::from("| |");
    for hop in Hop::ALL {
        let _ = write!(text, " {} |", hop.name());
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(Hop::ALL.len()));
    for trouble in Trouble::ALL {
        let cells = Hop::ALL.map(|hop| {
            let of = |always| told.get(&(trouble.name(), hop.name(), always)).copied();
            match (of(false), of(true)) {
                (Some(once), Some(always)) if once != always => format!("{once} / {always}"),
                (once, always) => always.or(once).unwrap_or_default().to_owned(),
            }
        });
        if cells.iter().any(|cell| !cell.is_empty()) {
            let _ = write!(text, "\n| {} | {} |", trouble.name(), cells.join(" | "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault_matrix::Cell;

    #[test]
    fn a_row_says_once_and_always_where_they_differ() {
        let verdict = |hop, always, told: &str| Verdict {
            cell: Cell { number: 0, hop, trouble: Trouble::Unavailable, always },
            told: told.to_owned(),
            wrong: Vec::new(),
        };
        let text = table(&[
            verdict(Hop::List, false, "201"),
            verdict(Hop::List, true, "503"),
            verdict(Hop::Create, false, "503"),
            verdict(Hop::Create, true, "503"),
        ]);
        let row = text.lines().nth(2).unwrap();
        assert_eq!(row, "| 503 |  |  |  | 201 / 503 | 503 |  |  |  |  |  |");
        assert_eq!(text.lines().count(), 3);
    }
}
