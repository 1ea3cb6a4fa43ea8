//! From text to policy, by the way the server takes: YAML to JSON (which sorts the keys), JSON to structs.

use std::collections::BTreeMap;

use gatepass_yaml::{Kind, Node, Position, nearest};

use crate::yaml11::Scalar;
use crate::{Matcher, ParseError, ParseErrorKind, Pattern, PolicyKind, TrustPolicy, permissions};

/// The fields that are text.
const TEXT_FIELDS: [&str; 6] =
    ["issuer", "issuer_pattern", "subject", "subject_pattern", "audience", "audience_pattern"];

/// The others.
const OTHER_FIELDS: [&str; 3] = ["claim_pattern", "permissions", "repositories"];

/// Fields that only servers since September 2026 know.
const NEWER_FIELDS: [&str; 2] = ["app", "app_pattern"];

pub(crate) fn policy(text: &str, kind: PolicyKind) -> Result<TrustPolicy, ParseError> {
    refuse_unportable_text(text)?;
    let document = gatepass_yaml::parse(text).map_err(|error| unparseable(error.position, error.message))?;
    let root = document.first();
    refuse_unportable_nodes(&root, &text.lines().collect::<Vec<_>>())?;
    let mut fields = Fields::new(kind);
    for entry in entries(&root, "a policy")? {
        fields.take(&entry)?;
    }
    fields.compile(root.position)
}

/// What stands in the file, before the rules that fields have together.
struct Fields {
    kind: PolicyKind,
    /// Not those that are empty: to the server they are not there.
    texts: BTreeMap<&'static str, Text>,
    claim_pattern: BTreeMap<String, Pattern>,
    permissions: BTreeMap<String, String>,
    repositories: Option<Vec<String>>,
}

/// A text field that is set.
struct Text {
    value: String,
    /// Of its key.
    position: Position,
}

/// An entry of a mapping, its key resolved.
struct Entry<'a> {
    key: String,
    position: Position,
    value: &'a Node,
}

impl Fields {
    fn new(kind: PolicyKind) -> Self {
        Self {
            kind,
            texts: BTreeMap::new(),
            claim_pattern: BTreeMap::new(),
            permissions: BTreeMap::new(),
            repositories: None,
        }
    }

    /// A field that is given twice in different letter case counts as in JSON: a later text wins, mappings add up.
    fn take(&mut self, entry: &Entry<'_>) -> Result<(), ParseError> {
        let is = |name: &&&str| name.eq_ignore_ascii_case(&entry.key);
        if let Some(name) = TEXT_FIELDS.iter().find(is) {
            if let Some(value) = text(entry, self.coerces())? {
                self.texts.insert(name, Text { value, position: entry.position });
            }
            return Ok(());
        }
        match OTHER_FIELDS.iter().find(is).copied() {
            Some("claim_pattern") => self.take_claims(entry),
            Some("permissions") => self.take_permissions(entry),
            Some("repositories") if self.kind == PolicyKind::Organization => self.take_repositories(entry),
            Some(name) => {
                let message =
                    format!("`{name}` belongs only in a policy of an organisation's `.github` repository");
                Err(unparseable(entry.position, message))
            }
            None if NEWER_FIELDS.iter().any(|name| is(&name)) => {
                let message =
                    format!("only newer servers know `{}`, older ones refuse the policy", entry.key);
                Err(not_judged(entry.position, message))
            }
            None => Err(unknown(entry, TEXT_FIELDS.iter().chain(&OTHER_FIELDS).copied())),
        }
    }

    /// Whether bare numbers and booleans become text. In an organisation's policy the server's reader looks for the
    /// field in the wrong struct, does not see that it is text, and refuses the number.
    fn coerces(&self) -> bool {
        self.kind == PolicyKind::Repository
    }

    fn take_claims(&mut self, entry: &Entry<'_>) -> Result<(), ParseError> {
        for claim in entries(entry.value, "`claim_pattern`")? {
            // The wrong struct has fields of these names, and they are text.
            let namesake = TEXT_FIELDS.iter().any(|name| name.eq_ignore_ascii_case(&claim.key));
            let pattern = text(&claim, self.coerces() || namesake)?.unwrap_or_default();
            self.claim_pattern.insert(claim.key, Pattern::new(pattern));
        }
        Ok(())
    }

    fn take_permissions(&mut self, entry: &Entry<'_>) -> Result<(), ParseError> {
        for permission in entries(entry.value, "`permissions`")? {
            let Some(name) = permissions::known(&permission.key) else {
                return Err(unknown(&permission, permissions::KNOWN.iter().copied()));
            };
            match text(&permission, self.coerces())? {
                Some(level) => self.permissions.insert(name.to_owned(), level),
                None => self.permissions.remove(name),
            };
        }
        Ok(())
    }

    fn take_repositories(&mut self, entry: &Entry<'_>) -> Result<(), ParseError> {
        let elements = match (&entry.value.kind, Scalar::of(entry.value)) {
            (Kind::Sequence(elements), _) => elements.as_slice(),
            (_, Some(Ok(Scalar::Null))) => &[],
            _ => return Err(unparseable(entry.value.position, "`repositories` must be a list".to_owned())),
        };
        let mut repositories = Vec::new();
        for element in elements {
            let position = element.position;
            let element = Entry { key: "repositories".to_owned(), position, value: element };
            let name = text(&element, true)?.ok_or_else(|| {
                not_judged(
                    position,
                    "what an empty element of `repositories` means depends on the server".to_owned(),
                )
            })?;
            repositories.push(name);
        }
        self.repositories = Some(repositories);
        Ok(())
    }

    /// The rules between fields, in the server's order and words.
    fn compile(mut self, root: Position) -> Result<TrustPolicy, ParseError> {
        let issuer = self.one_of("issuer", "issuer_pattern")?.ok_or_else(|| neither(root, "issuer"))?;
        let subject = self.one_of("subject", "subject_pattern")?.ok_or_else(|| neither(root, "subject"))?;
        let audience = self.one_of("audience", "audience_pattern")?;
        let Self { claim_pattern, permissions, repositories, .. } = self;
        Ok(TrustPolicy { issuer, subject, audience, claim_pattern, permissions, repositories })
    }

    fn one_of(&mut self, exact: &str, pattern: &str) -> Result<Option<Matcher>, ParseError> {
        let set = |text: &Text| !text.value.is_empty();
        let texts = (self.texts.remove(exact).filter(set), self.texts.remove(pattern).filter(set));
        match texts {
            (Some(_), Some(second)) => {
                let message = format!("trust policy: only one of {exact} or {pattern} can be set, got both");
                Err(ParseError { kind: ParseErrorKind::Uncompilable, position: second.position, message })
            }
            (Some(text), None) => Ok(Some(Matcher::Exact(text.value))),
            (None, Some(text)) => Ok(Some(Matcher::Pattern(Pattern::new(text.value)))),
            (None, None) => Ok(None),
        }
    }
}

/// The entries of a mapping (none of a null), in the order in which JSON's keys are sorted.
fn entries<'a>(node: &'a Node, what: &str) -> Result<Vec<Entry<'a>>, ParseError> {
    match (&node.kind, Scalar::of(node)) {
        (Kind::Mapping(_), _) | (_, Some(Ok(Scalar::Null))) => {}
        _ => return Err(unparseable(node.position, format!("{what} must be a mapping"))),
    }
    let mut entries: Vec<(Scalar<'_>, Entry<'_>)> = Vec::new();
    for (key, value) in node.entries() {
        let position = key.position;
        if matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<" && key.tag.is_none()) {
            return Err(not_judged(position, "merge keys are not judged: write the keys out".to_owned()));
        }
        let scalar = Scalar::of(key).ok_or_else(|| unparseable(position, "a key must be text".to_owned()))?;
        let scalar = scalar.map_err(|reason| not_judged(position, reason.to_owned()))?;
        let key = scalar.key().ok_or_else(|| {
            unparseable(position, "a key must not be null or a huge number: quote it".to_owned())
        })?;
        if let Some((earlier, _)) = entries.iter().find(|(_, entry)| entry.key == key) {
            return Err(repeated(position, &key, *earlier == scalar));
        }
        entries.push((scalar, Entry { key, position, value }));
    }
    entries.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

/// Two keys that mean the same. Equal ones are refused; of a number and a text that become equal in JSON, either may
/// win.
fn repeated(position: Position, key: &str, equal: bool) -> ParseError {
    let message = format!("the key `{key}` is given twice");
    if equal {
        unparseable(position, message)
    } else {
        not_judged(
            position,
            format!("{message}, once bare and once quoted; which one counts is left to chance"),
        )
    }
}

/// The text of a field. Nothing for null, which leaves a field as it is.
fn text(entry: &Entry<'_>, coerced: bool) -> Result<Option<String>, ParseError> {
    let position = entry.value.position;
    let Some(scalar) = Scalar::of(entry.value) else {
        return Err(unparseable(position, format!("`{}` must be text, not a list or mapping", entry.key)));
    };
    match scalar.map_err(|reason| not_judged(position, reason.to_owned()))? {
        Scalar::Null => Ok(None),
        Scalar::Text(text) => Ok(Some(text.to_owned())),
        other if coerced => Ok(other.coerced()),
        other => {
            let message =
                format!("`{}` must be text, and bare this is {}: quote it", entry.key, other.noun());
            Err(unparseable(position, message))
        }
    }
}

/// What Go's reader takes differently from others, as far as it can be seen without reading: invisible characters,
/// directives, end markers, tabs where indentation belongs. After the first document nothing counts.
fn refuse_unportable_text(text: &str) -> Result<(), ParseError> {
    let mut started = false;
    for (index, line) in text.lines().enumerate() {
        if started && line.starts_with("---") {
            break;
        }
        started |= !line.trim_start().is_empty() && !line.trim_start().starts_with('#');
        if let Some((column, what)) = unportable(line) {
            let position = Position { line: index + 1, column: column + 1 };
            return Err(not_judged(position, format!("YAML readers take {what} differently: remove it")));
        }
    }
    Ok(())
}

/// Where in a line, in characters, and what.
fn unportable(line: &str) -> Option<(usize, &'static str)> {
    let invisible = |c: char| matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let indentation = |c: &char| matches!(c, ' ' | '\t');
    if line.starts_with('%') {
        Some((0, "a `%` directive"))
    } else if line.starts_with("...") {
        Some((0, "an end marker"))
    } else if let Some(column) = line.chars().take_while(indentation).position(|c| c == '\t') {
        Some((column, "a tab at the start of a line"))
    } else {
        line.chars().position(invisible).map(|column| (column, "this invisible character"))
    }
}

/// All tags but `!!str` on a scalar; and `{key:}`, where Go takes the colon for a part of the key.
fn refuse_unportable_nodes(node: &Node, lines: &[&str]) -> Result<(), ParseError> {
    let harmless =
        matches!(node.kind, Kind::Scalar { .. }) && node.tag.as_deref() == Some("tag:yaml.org,2002:str");
    if node.tag.is_some() && !harmless {
        return Err(not_judged(node.position, "tags are not judged: remove it".to_owned()));
    }
    for (key, value) in node.entries() {
        // A value left out stands where its colon does.
        let line = lines.get(value.position.line - 1).copied().unwrap_or_default();
        let mut rest = line.chars().skip(value.position.column - 1);
        if value.text() == Some("")
            && rest.next() == Some(':')
            && rest.next().is_some_and(|c| "}],".contains(c))
        {
            let message =
                "YAML readers take a colon without a space after it differently: add one".to_owned();
            return Err(not_judged(key.position, message));
        }
        refuse_unportable_nodes(key, lines)?;
        refuse_unportable_nodes(value, lines)?;
    }
    node.elements().iter().try_for_each(|element| refuse_unportable_nodes(element, lines))
}

fn unknown<'a>(entry: &Entry<'_>, known: impl Iterator<Item = &'a str>) -> ParseError {
    let hint = nearest(&entry.key, known).map(|name| format!(", did you mean `{name}`?")).unwrap_or_default();
    unparseable(entry.position, format!("unknown key `{}`{hint}", entry.key))
}

fn neither(position: Position, field: &str) -> ParseError {
    let message = format!("trust policy: one of {field} or {field}_pattern must be set, got neither");
    ParseError { kind: ParseErrorKind::Uncompilable, position, message }
}

fn unparseable(position: Position, message: String) -> ParseError {
    ParseError { kind: ParseErrorKind::Unparseable, position, message }
}

fn not_judged(position: Position, message: String) -> ParseError {
    ParseError { kind: ParseErrorKind::NotJudged, position, message }
}

#[cfg(test)]
mod tests;
