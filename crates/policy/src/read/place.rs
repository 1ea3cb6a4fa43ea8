//! Where in the file a character of a value stands.

use gatepass_yaml::Position;

/// The place of the character at `offset` (in bytes) of a value whose text is `text`, written at `value`. Where that
/// cannot be told (a value folded from several lines, an alias), the place of the value.
pub(crate) fn within(source: &str, value: Position, text: &str, offset: usize) -> Position {
    column(source, value, text, offset).unwrap_or(value)
}

fn column(source: &str, value: Position, text: &str, offset: usize) -> Option<Position> {
    let before = text.get(..offset)?;
    let written = written_at(source, value)?;
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote.filter(|_| !text.lines().next().is_some_and(|line| written.starts_with(line)))
    {
        let columns = quoted(quote, written.get(1..)?, before)?;
        return Some(Position { column: value.column + 1 + columns, ..value });
    }
    let place = Position { line: value.line + before.matches('\n').count(), ..value };
    let before = before.rsplit('\n').next()?;
    let columns = written_at(source, place)?.starts_with(before).then(|| before.chars().count())?;
    Some(Position { column: place.column + columns, ..place })
}

/// The rest of a line.
fn written_at(source: &str, place: Position) -> Option<&str> {
    let line = source.lines().nth(place.line - 1)?;
    let start = line.char_indices().nth(place.column - 1).map_or(line.len(), |(at, _)| at);
    line.get(start..)
}

/// How many characters of `written`, after the opening quote, make the text `before`.
fn quoted(quote: char, written: &str, before: &str) -> Option<usize> {
    let mut written = written.chars();
    let mut columns = 0;
    for expected in before.chars() {
        let width = match (quote, written.next()?) {
            ('"', '\\') => match written.next()? {
                'x' => 4,
                'u' => 6,
                'U' => 10,
                _ => 2,
            },
            ('\'', '\'') => 2,
            (_, c) if c == expected => 1,
            _ => return None,
        };
        if width > 2 {
            written.nth(width - 3)?;
        } else if width == 2 && quote == '\'' {
            written.next()?;
        }
        columns += width;
    }
    Some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_column() {
        for (source, text, offset, line, column) in [
            ("k: a[b", "a[b", 1, 1, 5),
            ("k: äö[b", "äö[b", 4, 1, 6),
            ("k: 'a[b'", "a[b", 0, 1, 5),
            ("k: 'a[b'", "a[b", 1, 1, 6),
            ("k: 'it''s[b'", "it's[b", 4, 1, 10),
            ("k: \"a\\\\d[\"", "a\\d[", 3, 1, 9),
            ("k: \"\\x41\\u0042\\U00000043[\"", "ABC[", 3, 1, 25),
            ("k: \"a\\n[\"", "a\n[", 2, 1, 8),
            ("k: a", "a", 1, 1, 5),
            // The value stands elsewhere, or is folded.
            ("k: *x", "a[b", 1, 1, 4),
            ("k: a\n  b[", "a b[", 3, 1, 4),
            ("k: 'a\n  b['", "a b[", 3, 1, 4),
            ("k: a", "a", 9, 1, 4),
        ] {
            let value = Position { line: 1, column: 4 };
            assert_eq!(within(source, value, text, offset), Position { line, column }, "{source}");
        }
        let block = Position { line: 2, column: 3 };
        for (source, text, offset, line, column) in [
            ("k: |\n  a[\n  b(\n", "a[\nb(\n", 1, 2, 4),
            ("k: |\n  a[\n  b(\n", "a[\nb(\n", 4, 3, 4),
            ("k: |\n  'a'[\n", "'a'[\n", 3, 2, 6),
            ("k: >\n  a\n  b(\n", "a b(\n", 3, 2, 3),
        ] {
            assert_eq!(within(source, block, text, offset), Position { line, column }, "{source}");
        }
    }
}
