//! From text to list, with everything that is wrong on the way.

use std::collections::BTreeMap;

use gatepass_yaml::{Kind, Node, Path, Position, brief, nearest};

use super::TrustedIssuers;
use super::span::span;
use crate::ParseErrorKind::{NotJudged, Uncompilable, Unparseable};
use crate::go_text::quote;
use crate::lint::{Code, Finding};
use crate::read::{Entry, File, Findings, Place, entries, open, text, within};
use crate::{ParseError, Pattern, Spot, Written, format};

/// The fields, in the order in which JSON sorts them.
const FIELDS: [&str; 3] = ["issuer_patterns", "issuers", "mode"];

/// At most so many issuers.
const MOST_ISSUERS: usize = 64;

/// At most so many patterns.
const MOST_PATTERNS: usize = 16;

/// At most so many bytes in a pattern.
const LONGEST_PATTERN: usize = 256;

pub(super) fn read(bytes: &[u8]) -> (Result<TrustedIssuers, ParseError>, Vec<Finding>) {
    let mut findings = Findings::of(File::IssuerList);
    let mut list = TrustedIssuers { audit: false, issuers: Vec::new(), patterns: Vec::new() };
    if let (source, Some(root)) = open(bytes, &mut findings)
        && let Some(fields) = Fields::read(&root, &mut findings)
    {
        list = fields.compile(source, &mut findings);
    }
    let result = findings.first().map_or(Ok(list), Err);
    (result, findings.in_text_order())
}

/// What stands in the file.
struct Fields {
    root: Position,
    mode: Option<Spot>,
    issuers: List,
    patterns: List,
    /// Whether a list is meant to be there but cannot be read.
    unread: bool,
}

#[derive(Default)]
struct List {
    at: Option<Place>,
    elements: Vec<Spot>,
}

impl Fields {
    /// Nothing if the file is no mapping.
    fn read(root: &Node, findings: &mut Findings) -> Option<Self> {
        let entries = entries(root, &Path::root(), "the list of trusted issuers", findings)?;
        let (issuers, patterns) = (List::default(), List::default());
        let mut fields = Self { root: root.position, mode: None, issuers, patterns, unread: false };
        let mut taken = BTreeMap::new();
        for entry in &entries {
            let Some(name) = FIELDS.into_iter().find(|name| entry.is(name)) else {
                fields.unknown(entry, findings);
                continue;
            };
            if let Some(first) = taken.insert(name, entry.place.position) {
                let message =
                    format!("this key is given twice, in different letter case; the other is at {first}");
                findings.refuse(NotJudged, Code::RepeatedKey, &entry.place, message, "keep one of them");
            }
            match name {
                "mode" if !entry.is_null() => fields.mode = text(entry, name, true, findings),
                "issuers" => fields.issuers = fields.list(entry, findings),
                "issuer_patterns" => fields.patterns = fields.list(entry, findings),
                _ => {}
            }
        }
        Some(fields)
    }

    fn list(&mut self, entry: &Entry<'_>, findings: &mut Findings) -> List {
        let at = Some(entry.place.clone());
        let elements = match &entry.value.kind {
            Kind::Sequence(elements) => elements.as_slice(),
            _ if entry.is_null() => &[],
            _ => {
                self.unread = true;
                let message = format!("`{}` must be a list", brief(&entry.key));
                let help = "begin every line under it with `- `";
                findings.refuse(Unparseable, Code::WrongType, &entry.value_place(), message, help);
                return List { at, elements: Vec::new() };
            }
        };
        let mut spots = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let place = Place { position: element.position, path: entry.place.path.index(index) };
            let element = Entry { key: entry.key.clone(), place, value: element, coerced: false };
            if element.is_null() {
                spots.push(element.spot("", String::new(), Written::Bare));
            } else {
                match text(&element, "", true, findings) {
                    Some(spot) => spots.push(spot),
                    None => self.unread = true,
                }
            }
        }
        List { at, elements: spots }
    }

    fn unknown(&mut self, entry: &Entry<'_>, findings: &mut Findings) {
        if findings.full() {
            return;
        }
        let help = match nearest(&entry.key, FIELDS) {
            Some(name) => {
                self.unread |= name != "mode";
                format!("did you mean `{name}`?")
            }
            None => "the keys are `mode`, `issuers` and `issuer_patterns`".to_owned(),
        };
        let message = format!("unknown key `{}`", brief(&entry.key));
        findings.refuse(Unparseable, Code::UnknownKey, &entry.place, message, help);
    }

    /// The rules, in the server's order.
    fn compile(&self, source: &str, findings: &mut Findings) -> TrustedIssuers {
        let audit = self.audits(findings);
        self.count(findings);
        for spot in &self.issuers.elements {
            check_issuer(spot, findings);
        }
        let patterns =
            self.patterns.elements.iter().filter_map(|spot| pattern(spot, source, findings)).collect();
        let issuers = self.issuers.elements.iter().map(|spot| spot.text.clone()).collect();
        TrustedIssuers { audit, issuers, patterns }
    }

    fn audits(&self, findings: &mut Findings) -> bool {
        let Some(mode) = &self.mode else { return false };
        match mode.text.as_str() {
            "" | "enforce" => {}
            "audit" => {
                let message = "with `mode: audit` every issuer is let in";
                let help = "write `mode: enforce` when the log shows nobody who would be missed";
                let why = "Octo STS exchanges the tokens of issuers that are not on the list all the same, and only logs them.";
                findings.note(Code::AllowListAudit, &at_value(mode), message, help, why);
            }
            other => {
                let message =
                    format!("unknown mode {} (want \"enforce\" or \"audit\")", quote(&brief(other)));
                let help = "write one of them in lower case";
                findings.refuse(Uncompilable, Code::AllowListInvalid, &at_value(mode), message, help);
            }
        }
        mode.text == "audit"
    }

    fn count(&self, findings: &mut Findings) {
        let empty = self.issuers.elements.is_empty() && self.patterns.elements.is_empty();
        if empty && !self.unread {
            let place = self.issuers.at.clone().or_else(|| self.patterns.at.clone());
            let place = place.unwrap_or_else(|| Place::at(self.root));
            let message = "must list at least one entry in issuers or issuer_patterns";
            let help = "list the issuers, or delete the file to let all in";
            findings.refuse(Uncompilable, Code::AllowListInvalid, &place, message, help);
        }
        for (list, name, most) in
            [(&self.issuers, "issuers", MOST_ISSUERS), (&self.patterns, "issuer_patterns", MOST_PATTERNS)]
        {
            if let Some(place) = list.at.as_ref().filter(|_| list.elements.len() > most) {
                let message = format!("too many {name}: {} (max {most})", list.elements.len());
                findings.refuse(Uncompilable, Code::AllowListInvalid, place, message, "remove some");
            }
        }
    }
}

fn at_value(spot: &Spot) -> Place {
    Place { position: spot.value, path: spot.path.clone() }
}

/// A URL that a token can have. Upper case in its scheme or host would never match one.
fn check_issuer(spot: &Spot, findings: &mut Findings) {
    let issuer = spot.text.as_str();
    if let Err(violation) = format::issuer(issuer) {
        let message = format!("invalid issuer {}: it {violation}", quote(&brief(issuer)));
        let help = "write it as the tokens have it in `iss`";
        findings.refuse(Uncompilable, Code::AllowListInvalid, &at_value(spot), message, help);
        return;
    }
    let host = issuer.find("://").map_or(0, |at| at + 3);
    let path = issuer.get(host..).and_then(|rest| rest.find('/')).map_or(issuer.len(), |at| host + at);
    let scheme_and_host = issuer.get(..path).unwrap_or(issuer);
    if scheme_and_host.chars().any(char::is_uppercase) {
        let message = format!("issuer {} must be lowercase in scheme and host", quote(&brief(issuer)));
        let help = format!("write `{}`", brief(&scheme_and_host.to_lowercase()));
        findings.refuse(Uncompilable, Code::AllowListInvalid, &at_value(spot), message, help);
    }
}

fn pattern(spot: &Spot, source: &str, findings: &mut Findings) -> Option<Pattern> {
    let place = at_value(spot);
    let length = spot.text.len();
    if length > LONGEST_PATTERN {
        let message = format!("the pattern is too long: {length} bytes (max {LONGEST_PATTERN})");
        findings.refuse(Uncompilable, Code::AllowListInvalid, &place, message, "make several of it");
        return None;
    }
    let pattern = match Pattern::compile(spot.text.as_str()) {
        Ok(pattern) => pattern,
        Err(broken) => {
            let position = within(source, spot.value, &spot.text, broken.at.start);
            let message = format!("invalid issuer_pattern {}: {broken}", quote(&brief(&spot.text)));
            let help = "mend the pattern, it is one of Go's RE2";
            findings.refuse(
                Uncompilable,
                Code::AllowListInvalid,
                &Place { position, ..place },
                message,
                help,
            );
            return None;
        }
    };
    if pattern.leaves_its_group() {
        let message =
            format!("invalid issuer_pattern {}: its parentheses do not match", quote(&brief(&spot.text)));
        findings.refuse(
            Uncompilable,
            Code::AllowListInvalid,
            &place,
            message,
            "remove the `)` that closes nothing",
        );
        return None;
    }
    match span(&pattern) {
        Ok(None) => {}
        Ok(Some(what)) => {
            let message =
                format!("{what}, so the pattern can reach past the host into the domain of somebody else");
            let help = "escape dots as `\\.`, write every varying part as a class without `/`, as in `[a-z0-9-]+`, and give \
                        alternatives patterns of their own";
            findings.refuse(Uncompilable, Code::AllowListInvalid, &place, message, help);
        }
        Err(doubt) => {
            let message = format!("the pattern {doubt}");
            let help = "write it without what is named here";
            findings.refuse(NotJudged, Code::PatternNotJudged, &place, message, help);
        }
    }
    Some(pattern)
}
