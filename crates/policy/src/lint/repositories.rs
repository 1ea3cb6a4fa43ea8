//! What an organisation's policy reaches.

use gatepass_yaml::Path;

use super::Code;
use super::look::{Look, Says};
use crate::PolicyKind;
use crate::show::shown;

/// Looks at `repositories` of an organisation's policy.
pub(super) fn check(look: &mut Look<'_>) {
    if look.kind != PolicyKind::Organization {
        return;
    }
    all(look);
    entries(look);
}

fn all(look: &mut Look<'_>) {
    let path = Path::root().key("repositories");
    if !look.sketch.repositories.is_empty() || !look.is_read("repositories") {
        return;
    }
    let (position, message) = match look.sketch.repositories_at {
        Some(position) => (position, "`repositories` is empty, which means all of them"),
        None => (
            look.sketch.root,
            "`repositories` is missing, so a token asked for the organisation reaches all of them",
        ),
    };
    let help = "name the repositories that the workload needs, as in `repositories: [operations]`".to_owned();
    let why = "The token may do what `permissions` says in every repository of the organisation that the App sees, also in those that \
               are added later.";
    look.report(Code::RepositoriesAll, position, path, Says { message: message.to_owned(), help, why });
}

fn entries(look: &mut Look<'_>) {
    let sketch = look.sketch;
    for (index, spot) in sketch.repositories.iter().enumerate() {
        if look.is_troubled(&spot.path) {
            continue;
        }
        let name = spot.text.as_str();
        let written = shown(name);
        let is_name = (1..=100).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            && !matches!(name, "." | "..");
        let earlier =
            sketch.repositories.iter().take(index).any(|other| other.text.eq_ignore_ascii_case(name));
        if !is_name {
            let (message, help) = match name.rsplit_once('/') {
                Some((_, last)) if !last.is_empty() && !last.contains('*') => (
                    format!("`{written}` has an owner; the repositories are named without"),
                    format!("write `{last}`"),
                ),
                _ if name.contains('*') => (
                    format!("`{written}` is a wildcard; each repository is named"),
                    "name each repository".to_owned(),
                ),
                _ => (
                    format!("`{written}` is not the name of a repository"),
                    "write its name, without the owner".to_owned(),
                ),
            };
            let why = "GitHub finds no repository of this name and refuses the token: the exchange ends with 403 `token exchange \
                       failure (StatusUnprocessableEntity)`.";
            look.at_value(Code::RepositoryName, spot, Says { message, help, why });
        } else if earlier {
            let message = format!("`{written}` is listed twice");
            let why = "It does no harm, but most likely another repository was meant.";
            look.at_value(
                Code::RepositoryTwice,
                spot,
                Says { message, help: "remove one of them".to_owned(), why },
            );
        }
    }
}
