//! What the token may do: levels that GitHub knows, permissions that the App has.

use gatepass_yaml::{Path, nearest};

use super::Code;
use super::look::{Look, Says};
use crate::permissions::{HOSTED_NEVER, HOSTED_READ, LEVELS, known};
use crate::show::shown;

/// The permissions that have the third level.
/// <https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>
const WITH_ADMIN: [&str; 3] =
    ["repository_projects", "organization_projects", "organization_custom_properties"];

const REFUSED: &str = "Octo STS does not look at it; GitHub refuses the token when it is minted, and the exchange ends with 403 `token \
                       exchange failure (StatusUnprocessableEntity)`.";

/// Looks at `permissions`.
pub(super) fn check(look: &mut Look<'_>) {
    let sketch = look.sketch;
    for spot in &sketch.permissions {
        if look.is_troubled(&spot.path) {
            continue;
        }
        let Some(name) = known(&spot.name) else { continue };
        let level = spot.text.as_str();
        if !LEVELS.contains(&level) || (level == "admin" && !WITH_ADMIN.contains(&name)) {
            let allowed: &[&str] = if WITH_ADMIN.contains(&name) { &LEVELS } else { &["read", "write"] };
            let help = match nearest(level, allowed.iter().copied()) {
                Some(level) => format!("write `{name}: {level}`"),
                None => format!(
                    "write {}",
                    allowed.iter().map(|level| format!("`{level}`")).collect::<Vec<_>>().join(" or ")
                ),
            };
            let message = format!("GitHub knows no level `{}` of `{name}`", shown(level));
            look.at_value(Code::PermissionLevel, spot, Says { message, help, why: REFUSED });
        } else if look.settings.hosted
            && (HOSTED_NEVER.contains(&name) || (HOSTED_READ.contains(&name) && level != "read"))
        {
            let (message, help) = if HOSTED_READ.contains(&name) {
                (format!("the hosted App can grant `{name}` to read only"), format!("write `{name}: read`"))
            } else {
                (
                    format!("the hosted App cannot grant `{name}`"),
                    "remove it, or run Octo STS with an App of your own that has it".to_owned(),
                )
            };
            look.at_key(Code::PermissionNotGranted, spot, Says { message, help, why: REFUSED });
        }
    }
    empty(look);
}

fn empty(look: &mut Look<'_>) {
    let path = Path::root().key("permissions");
    if !look.sketch.permissions.is_empty() || !look.is_read("permissions") {
        return;
    }
    let (position, message) = match look.sketch.permissions_at {
        Some(position) => (position, "`permissions` is empty"),
        None => (look.sketch.root, "`permissions` is missing"),
    };
    let help = "name what the job needs, as in `permissions: { issues: write }`".to_owned();
    let why = "The policy says who gets a token and not what it is for: what GitHub grants then is not what anybody wrote down, and \
               most likely nothing that a job can use.";
    look.report(Code::PermissionsEmpty, position, path, Says { message: message.to_owned(), help, why });
}
