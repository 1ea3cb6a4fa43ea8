//! From text to policy, by the way the server takes: YAML to JSON (which sorts the keys), JSON to structs. There is one
//! way, which finds everything that is wrong; the server stops at the first of it.

mod compile;
mod entries;
mod fields;
mod findings;
mod place;
mod portable;
mod text;

use gatepass_yaml::{Node, Position};

use self::fields::Fields;
use crate::ParseErrorKind::{NotJudged, Unparseable};
use crate::lint::Code;
use crate::{ParseError, ParseErrorKind, PolicyKind, Sketch, Spot};

pub(crate) use self::entries::{Entry, entries, text};
pub(crate) use self::findings::{File, Findings, Place};
pub(crate) use self::place::within;

pub(crate) fn sketch(bytes: &[u8], kind: PolicyKind) -> Sketch {
    let mut findings = Findings::of(File::Policy);
    let mut fields = Fields::new(kind);
    let mut policy = None;
    let (source, root) = open(bytes, &mut findings);
    if let Some(root) = root {
        fields.read(&root, &mut findings);
        policy = compile::compile(&fields, source, &mut findings);
    } else {
        fields.leave_unread();
    }
    let policy = match findings.first() {
        Some(error) => Err(error),
        None => policy.ok_or_else(unexplained),
    };
    let mut texts: Vec<Spot> = fields.texts.into_values().collect();
    let mut claims: Vec<Spot> = fields.claims.into_values().collect();
    let mut permissions: Vec<Spot> = fields.permissions.into_values().collect();
    for spots in [&mut texts, &mut claims, &mut permissions] {
        spots.sort_by_key(|spot| spot.key);
    }
    Sketch {
        texts,
        claims,
        permissions_at: fields.permissions_at,
        permissions,
        repositories_at: fields.repositories_at,
        repositories: fields.repositories,
        unread: fields.unread.into_iter().collect(),
        root: fields.root,
        second_document: self::text::second_document(source),
        problems: findings.in_text_order(),
        policy,
        source: source.to_owned(),
    }
}

/// The text, and the tree of its first document if there is one.
pub(crate) fn open<'a>(bytes: &'a [u8], findings: &mut Findings) -> (&'a str, Option<Node>) {
    let Some(source) = text::decode(bytes, findings) else { return ("", None) };
    if !text::check(source, findings) {
        return (source, None);
    }
    let document = match gatepass_yaml::parse_with_repeated_keys(source) {
        Ok(document) => document,
        Err(error) => {
            if !findings.on_line(error.position.line) {
                let (kind, code) = match &error {
                    error if error.too_large => (NotJudged, Code::Unreadable),
                    error if portable::may_be_taken(source, error) => (NotJudged, Code::Syntax),
                    _ => (Unparseable, Code::Syntax),
                };
                findings.refuse(kind, code, &Place::at(error.position), error.message, "");
            }
            return (source, None);
        }
    };
    if let Some(position) = text::second_document(source) {
        let message = "a second document starts here, and only the first one counts";
        let why = "Octo STS reads the file up to here and does not look at the rest.";
        let help = "remove it, or give it a file of its own";
        findings.note(Code::SecondDocument, &Place::at(position), message, help, why);
    }
    portable::check(&document, source, findings);
    (source, Some(document.first()))
}

/// Every reason not to use a policy is a finding; this would be one that has been forgotten.
fn unexplained() -> ParseError {
    ParseError {
        kind: ParseErrorKind::NotJudged,
        code: Code::NotPortable,
        position: Position::START,
        message: "the policy cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests;
