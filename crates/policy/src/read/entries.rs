//! The pieces that all the server's files are made of: mappings, and values that are text.

use std::collections::HashMap;

use gatepass_yaml::{Kind, Node, Path, Position, Segment, brief};

use super::findings::{Findings, Place};
use crate::ParseErrorKind::{NotJudged, Unparseable};
use crate::lint::Code;
use crate::yaml11::Scalar;
use crate::{Spot, Written};

/// An entry of a mapping, its key resolved.
pub(crate) struct Entry<'a> {
    /// As the server gets it.
    pub(crate) key: String,
    /// Of the key.
    pub(crate) place: Place,
    pub(crate) value: &'a Node,
    /// Whether the key is a bare number or boolean.
    pub(crate) coerced: bool,
}

impl Entry<'_> {
    /// Whether the server takes this key for the field of that name: as Go's JSON reader does, in any letter case, also
    /// those two letters beyond ASCII whose other case is within.
    pub(crate) fn is(&self, name: &str) -> bool {
        let fold = |c: char| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        };
        self.key.chars().map(fold).eq(name.chars().map(fold))
    }

    /// Where the value is.
    pub(crate) fn value_place(&self) -> Place {
        Place { position: self.value.position, path: self.place.path.clone() }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(Scalar::of(self.value), Some(Ok(Scalar::Null)))
    }

    pub(crate) fn spot(&self, name: &str, text: String, written: Written) -> Spot {
        Spot {
            name: name.to_owned(),
            path: self.place.path.clone(),
            key: self.place.position,
            value: self.value.position,
            text,
            written,
        }
    }
}

/// The entries of a mapping (none of a null) that have a key which the server can use, in the order in which JSON's keys are
/// sorted. Nothing if it is no mapping. `what` is the whole of it, for a message.
pub(crate) fn entries<'a>(
    node: &'a Node,
    path: &Path,
    what: &str,
    findings: &mut Findings,
) -> Option<Vec<Entry<'a>>> {
    match (&node.kind, Scalar::of(node)) {
        (Kind::Mapping(_), _) | (_, Some(Ok(Scalar::Null))) => {}
        _ => {
            let place = Place { position: node.position, path: path.clone() };
            let help = "write `key: value` lines under it";
            findings.refuse(Unparseable, Code::WrongType, &place, format!("{what} must be a mapping"), help);
            return None;
        }
    }
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut seen: HashMap<String, (Scalar<'_>, Position)> = HashMap::new();
    for (key, value) in node.entries() {
        let Some((name, scalar)) = resolved(key, path, findings) else { continue };
        let place = Place { position: key.position, path: path.key(key.text().unwrap_or_default()) };
        if let Some((earlier, first)) = seen.get(&name) {
            repeated(&place, &name, *earlier == scalar, *first, findings);
            continue;
        }
        seen.insert(name.clone(), (scalar, key.position));
        let coerced = !matches!(scalar, Scalar::Text(_));
        entries.push(Entry { key: name, place, value, coerced });
    }
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Some(entries)
}

/// A key as JSON has it.
fn resolved<'a>(key: &'a Node, path: &Path, findings: &mut Findings) -> Option<(String, Scalar<'a>)> {
    let written = key.text().map_or_else(|| path.clone(), |text| path.key(text));
    let place = Place { position: key.position, path: written };
    if matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<" && key.tag.is_none()) {
        findings.refuse(
            NotJudged,
            Code::NotPortable,
            &place,
            "merge keys are not judged",
            "write the keys out",
        );
        return None;
    }
    let Some(scalar) = Scalar::of(key) else {
        let help = "quote it if brackets or braces are meant";
        findings.refuse(Unparseable, Code::WrongType, &place, "a key must be text", help);
        return None;
    };
    match scalar {
        Err(reason) => {
            findings.refuse(NotJudged, Code::NotPortable, &place, reason, "quote it");
            None
        }
        Ok(scalar) => {
            let name = scalar.key();
            if name.is_none() {
                let message = "a key must not be null or a huge number";
                findings.refuse(Unparseable, Code::WrongType, &place, message, "quote it");
            }
            name.map(|name| (name, scalar))
        }
    }
}

/// Two keys that mean the same. Equal ones are refused; of a number and a text that become equal in JSON, either may
/// win.
fn repeated(place: &Place, key: &str, equal: bool, first: Position, findings: &mut Findings) {
    let message = format!("the key `{}` is given twice", brief(key));
    if equal {
        let message = format!("{message}; first at {first}");
        findings.refuse(Unparseable, Code::RepeatedKey, place, message, "keep one of them");
    } else {
        let message = format!("{message}, once bare and once quoted; which one counts is left to chance");
        findings.refuse(NotJudged, Code::RepeatedKey, place, message, "keep one of them");
    }
}

/// The text of a field that is not null; where the server `coerces`, that of a bare number or boolean too. Nothing if
/// it cannot be had.
pub(crate) fn text(entry: &Entry<'_>, name: &str, coerces: bool, findings: &mut Findings) -> Option<Spot> {
    let place = entry.value_place();
    let key = brief(&entry.key);
    let Some(scalar) = Scalar::of(entry.value) else {
        let message = format!("`{key}` must be text, not a list or mapping");
        findings.refuse(Unparseable, Code::WrongType, &place, message, "write one text, in quotes");
        return None;
    };
    let written = match &entry.value.kind {
        Kind::Scalar { plain: true, .. } => Written::Bare,
        _ => Written::Quoted,
    };
    match scalar {
        Err(reason) => {
            findings.refuse(NotJudged, Code::NotPortable, &place, reason, "quote it");
            None
        }
        Ok(Scalar::Text(text)) => Some(entry.spot(name, text.to_owned(), written)),
        Ok(scalar) => {
            let source = brief(entry.value.text().unwrap_or_default());
            let help = format!("quote it, as in `\"{source}\"`");
            if !coerces {
                let message = format!("`{key}` must be text, and bare this is {}", scalar.noun());
                findings.refuse(Unparseable, Code::Coerced, &place, message, help);
                return None;
            }
            let text = scalar.coerced()?;
            if entry.value.text() != Some(&text) {
                let message =
                    format!("`{key}` is {} here, of which the server makes the text `{text}`", scalar.noun());
                let help = match scalar {
                    // As a boolean in a token is compared.
                    Scalar::Bool(_) => format!("write `\"{text}\"`, or {help} if this very word is meant"),
                    _ => help,
                };
                findings.note(Code::Coerced, &place, message, help, COERCED);
            }
            Some(entry.spot(name, text, Written::Coerced))
        }
    }
}

const COERCED: &str = "YAML 1.1 takes a bare word of this form for a number or boolean. Octo STS turns it back into text in \
                       a spelling of its own, and compares that.";

/// Says so when a name of one's own choice was not meant as the number or boolean that it is.
pub(crate) fn note_coerced_key(entry: &Entry<'_>, findings: &mut Findings) {
    if let Some(Segment::Key(written)) = entry.place.path.segments().last()
        && entry.coerced
        && *written != entry.key
    {
        let written = brief(written);
        let message = format!("the key `{written}` is bare here, and the server makes `{}` of it", entry.key);
        let help = format!("quote it, as in `\"{written}\"`");
        findings.note(Code::Coerced, &entry.place, message, help, COERCED);
    }
}
