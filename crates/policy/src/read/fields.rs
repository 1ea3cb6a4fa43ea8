//! What stands in a policy, before the rules that its fields have together.

use std::collections::{BTreeMap, BTreeSet};

use gatepass_yaml::{Kind, Node, Path, Position, brief, nearest};

use super::entries::{Entry, entries, note_coerced_key, text};
use super::findings::{Findings, Place};
use crate::ParseErrorKind::{NotJudged, Unparseable};
use crate::lint::Code;
use crate::yaml11::Scalar;
use crate::{PolicyKind, Spot, Written, permissions};

/// The fields that are text.
pub(super) const TEXT_FIELDS: [&str; 6] =
    ["issuer", "issuer_pattern", "subject", "subject_pattern", "audience", "audience_pattern"];

/// The others.
const OTHER_FIELDS: [&str; 3] = ["claim_pattern", "permissions", "repositories"];

/// Fields that only servers since September 2026 know.
const NEWER_FIELDS: [&str; 2] = ["app", "app_pattern"];

/// Names that people write for a field, and that are too far from it to be a slip of the pen.
const MEANT: [(&str, &str); 7] = [
    ("iss", "issuer"),
    ("sub", "subject"),
    ("aud", "audience"),
    ("claims", "claim_pattern"),
    ("claim", "claim_pattern"),
    ("repos", "repositories"),
    ("repo", "repositories"),
];

/// The fields, by the name that the server knows them by.
pub(super) struct Fields {
    pub(super) kind: PolicyKind,
    /// Where the policy begins.
    pub(super) root: Position,
    /// Those that are null are left out: to the server they are not there.
    pub(super) texts: BTreeMap<&'static str, Spot>,
    pub(super) claims: BTreeMap<String, Spot>,
    pub(super) permissions_at: Option<Position>,
    pub(super) permissions: BTreeMap<String, Spot>,
    pub(super) repositories_at: Option<Position>,
    pub(super) repositories: Vec<Spot>,
    /// Those that are there but cannot be read, or were most likely meant by a key that is unknown.
    pub(super) unread: BTreeSet<&'static str>,
}

impl Fields {
    pub(super) fn new(kind: PolicyKind) -> Self {
        Self {
            kind,
            root: Position::START,
            texts: BTreeMap::new(),
            claims: BTreeMap::new(),
            permissions_at: None,
            permissions: BTreeMap::new(),
            repositories_at: None,
            repositories: Vec::new(),
            unread: BTreeSet::new(),
        }
    }

    pub(super) fn read(&mut self, root: &Node, findings: &mut Findings) {
        self.root = root.position;
        let Some(entries) = entries(root, &Path::root(), "a policy", findings) else {
            self.leave_unread();
            return;
        };
        let mut taken = BTreeMap::new();
        for entry in &entries {
            if let Some(name) = self.take(entry, findings)
                && let Some(earlier) = taken.insert(name, &entry.place)
            {
                given_in_two_cases(earlier, &entry.place, &entry.key, findings);
            }
        }
    }

    /// Of a file that is no policy nothing is known.
    pub(super) fn leave_unread(&mut self) {
        self.unread.extend(TEXT_FIELDS.iter().chain(&OTHER_FIELDS));
    }

    /// The field, if the entry is one. One that is given twice in different letter case counts as in JSON: a later text
    /// wins, mappings add up.
    fn take(&mut self, entry: &Entry<'_>, findings: &mut Findings) -> Option<&'static str> {
        let is = |name: &&&str| entry.is(name);
        if let Some(name) = TEXT_FIELDS.iter().find(is) {
            self.take_text(name, entry, findings);
            return Some(name);
        }
        let name = OTHER_FIELDS.iter().find(is).copied();
        match name {
            Some("claim_pattern") => self.take_claims(entry, findings),
            Some("permissions") => self.take_permissions(entry, findings),
            Some(_) => {
                self.repositories_at = Some(entry.place.position);
                if self.kind == PolicyKind::Organization {
                    self.take_repositories(entry, findings);
                } else {
                    let message =
                        "`repositories` belongs only in a policy of an organisation's `.github` repository";
                    let help = "remove it, this policy reaches its own repository alone";
                    findings.refuse(Unparseable, Code::RepositoriesHere, &entry.place, message, help);
                }
            }
            None if NEWER_FIELDS.iter().any(|name| entry.is(name)) => {
                let message =
                    format!("only newer servers know `{}`, older ones refuse the policy", entry.key);
                let help = "remove it, unless every server that reads this policy is newer";
                findings.refuse(NotJudged, Code::NewerOnly, &entry.place, message, help);
            }
            None => self.unknown(entry, findings),
        }
        name
    }

    /// Whether bare numbers and booleans become text. In an organisation's policy the server's reader looks for the
    /// field in the wrong struct, does not see that it is text, and refuses the number.
    fn coerces(&self) -> bool {
        self.kind == PolicyKind::Repository
    }

    fn take_text(&mut self, name: &'static str, entry: &Entry<'_>, findings: &mut Findings) {
        if entry.is_null() {
            return;
        }
        match text(entry, name, self.coerces(), findings) {
            Some(spot) => {
                self.texts.insert(name, spot);
            }
            None => {
                self.unread.insert(name);
            }
        }
    }

    fn take_claims(&mut self, entry: &Entry<'_>, findings: &mut Findings) {
        if entry.is_null() {
            self.claims.clear();
        }
        let Some(claims) = entries(entry.value, &entry.place.path, "`claim_pattern`", findings) else {
            self.unread.insert("claim_pattern");
            return;
        };
        for claim in claims {
            note_coerced_key(&claim, findings);
            // The wrong struct has fields of these names, and they are text.
            let namesake = TEXT_FIELDS.iter().any(|name| claim.is(name));
            let spot = if claim.is_null() {
                Some(claim.spot(&claim.key, String::new(), Written::Bare))
            } else {
                text(&claim, &claim.key, self.coerces() || namesake, findings)
            };
            self.claims.extend(spot.map(|spot| (claim.key, spot)));
        }
    }

    fn take_permissions(&mut self, entry: &Entry<'_>, findings: &mut Findings) {
        self.permissions_at = Some(entry.place.position);
        let Some(permissions) = entries(entry.value, &entry.place.path, "`permissions`", findings) else {
            self.unread.insert("permissions");
            return;
        };
        let mut taken = BTreeMap::new();
        for permission in permissions {
            let name = permissions::KNOWN.iter().copied().find(|name| permission.is(name));
            let Some(name) = name else {
                unknown_permission(&permission, findings);
                let spot = text(&permission, &permission.key, true, &mut Findings::ignored());
                self.permissions.extend(spot.map(|spot| (permission.key, spot)));
                continue;
            };
            if permission.is_null() {
                self.permissions.remove(name);
            } else if let Some(spot) = text(&permission, name, self.coerces(), findings) {
                self.permissions.insert(name.to_owned(), spot);
            }
            if let Some(earlier) = taken.insert(name, permission.place.clone()) {
                given_in_two_cases(&earlier, &permission.place, &permission.key, findings);
            }
        }
    }

    fn take_repositories(&mut self, entry: &Entry<'_>, findings: &mut Findings) {
        self.repositories.clear();
        let elements = match &entry.value.kind {
            Kind::Sequence(elements) => elements.as_slice(),
            _ if entry.is_null() => &[],
            _ => {
                let help = "write `repositories: [one, another]`";
                let message = "`repositories` must be a list";
                findings.refuse(Unparseable, Code::WrongType, &entry.value_place(), message, help);
                self.unread.insert("repositories");
                return;
            }
        };
        for (index, element) in elements.iter().enumerate() {
            let place = Place { position: element.position, path: entry.place.path.index(index) };
            if matches!(Scalar::of(element), Some(Ok(Scalar::Null))) {
                let message = "what an empty element of `repositories` means depends on the server";
                findings.refuse(NotJudged, Code::NotPortable, &place, message, "remove it");
                continue;
            }
            let element = Entry { key: "repositories".to_owned(), place, value: element, coerced: false };
            self.repositories.extend(text(&element, "", true, findings));
        }
    }

    fn unknown(&mut self, entry: &Entry<'_>, findings: &mut Findings) {
        if findings.full() {
            return;
        }
        let message = format!("unknown key `{}`", brief(&entry.key));
        let meant = MEANT.iter().find(|(name, _)| entry.is(name)).map(|(_, meant)| *meant);
        let near = || nearest(&entry.key, TEXT_FIELDS.into_iter().chain(OTHER_FIELDS));
        let help = if permissions::known(&entry.key).is_some() {
            "indent it, if it belongs under `permissions`".to_owned()
        } else {
            match meant.or_else(near) {
                Some("repositories") if self.kind == PolicyKind::Repository => {
                    "remove it, this policy reaches its own repository alone".to_owned()
                }
                Some(name) => {
                    self.unread.insert(name);
                    format!("did you mean `{name}`?")
                }
                None => "remove it".to_owned(),
            }
        };
        findings.refuse(Unparseable, Code::UnknownKey, &entry.place, message, help);
    }
}

/// The server takes both, as JSON does: in the order of the alphabet, capitals first.
fn given_in_two_cases(earlier: &Place, later: &Place, counts: &str, findings: &mut Findings) {
    let (first, second) = if earlier.position < later.position { (earlier, later) } else { (later, earlier) };
    let message = format!(
        "this key is given twice, in different letter case; first at {}, and `{}` is taken last",
        first.position,
        brief(counts)
    );
    let why = "Keys match in any letter case. Octo STS takes them in the order of the alphabet, capitals first, and not in the \
               order of the file, so what counts is not what a reader expects.";
    findings.note(Code::RepeatedKey, second, message, "keep one of them", why);
}

/// What people write for a permission that GitHub's API calls by another name.
const MEANT_PERMISSIONS: [(&str, &str); 9] = [
    ("code_scanning", "security_events"),
    ("code_scanning_alerts", "security_events"),
    ("commit_statuses", "statuses"),
    ("custom_properties", "repository_custom_properties"),
    ("dependabot_alerts", "vulnerability_alerts"),
    ("projects", "repository_projects"),
    ("secret_scanning", "secret_scanning_alerts"),
    ("variables", "actions_variables"),
    ("webhooks", "repository_hooks"),
];

fn unknown_permission(permission: &Entry<'_>, findings: &mut Findings) {
    if findings.full() {
        return;
    }
    let message = format!("unknown key `{}`", brief(&permission.key));
    let folded = permission.key.to_lowercase().replace('-', "_");
    let meant = MEANT_PERMISSIONS.iter().find(|(name, _)| *name == folded).map(|(_, meant)| *meant);
    let help = match meant.or_else(|| nearest(&permission.key, permissions::KNOWN.iter().copied())) {
        Some(name) => format!("did you mean `{name}`?"),
        None if folded == "id_token" => "remove it, only workflows of GitHub Actions have it".to_owned(),
        None => "write a permission by GitHub's name for it, as in `pull_requests: read`".to_owned(),
    };
    findings.refuse(Unparseable, Code::UnknownPermission, &permission.place, message, help);
}
