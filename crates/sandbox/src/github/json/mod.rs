//! GitHub's answers, with every field that its OpenAPI description requires.

mod actions;
mod file;
mod issue;
mod planning;
mod repository;

pub(crate) use actions::{run, run_details};
pub(crate) use file::{directory, file};
pub(crate) use issue::{comment, issue, label, pull};
pub(crate) use repository::{branch, release, repository, tag};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use serde_json::{Value, json};

use super::user::User;

/// Where this GitHub lives.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    /// The API's root, with `/api/v3` on an Enterprise server, without a slash at the end.
    pub(crate) api: String,
    /// The root of the pages that people see.
    pub(crate) html: String,
}

impl Urls {
    pub(crate) fn repository(&self, full_name: &str) -> String {
        format!("{}/repos/{full_name}", self.api)
    }

    pub(crate) fn issue(&self, full_name: &str, number: u64) -> String {
        format!("{}/issues/{number}", self.repository(full_name))
    }

    pub(crate) fn page(&self, rest: &str) -> String {
        format!("{}/{rest}", self.html)
    }
}

/// An opaque global id.
fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    STANDARD.encode(format!("{kind}:{id}"))
}

/// A number that is always the same for a name, as an id must be.
fn id_of(name: &str) -> u32 {
    let hash = digest::digest(&digest::SHA256, name.as_bytes());
    hash.as_ref().iter().take(4).fold(0, |id: u32, byte| (id << 8) | u32::from(*byte))
}

/// A commit id that is always the same for a name.
fn commit_id(name: &str) -> String {
    hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, name.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn user(urls: &Urls, user: &User) -> Value {
    let login = user.login.as_str();
    let segment = login.replace('[', "%5B").replace(']', "%5D");
    let api = format!("{}/users/{segment}", urls.api);
    let page = segment.strip_suffix("%5Bbot%5D").map_or(segment.clone(), |app| format!("apps/{app}"));
    let id = id_of(login);
    json!({
        "login": login,
        "id": id,
        "node_id": node_id("User", id),
        "avatar_url": urls.page(&format!("avatars/u/{id}")),
        "gravatar_id": "",
        "url": api,
        "html_url": urls.page(&page),
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": user.kind.as_str(),
        "site_admin": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_is_a_bot() {
        let urls = Urls { api: "http://h/api/v3".into(), html: "http://h".into() };
        let bot = user(&urls, &User::bot("octo-sts[bot]"));
        assert_eq!(bot["type"], "Bot");
        assert_eq!(bot["login"], "octo-sts[bot]");
        assert_eq!(bot["url"], "http://h/api/v3/users/octo-sts%5Bbot%5D");
        assert_eq!(bot["html_url"], "http://h/apps/octo-sts");
        assert_ne!(bot["id"], user(&urls, &User::bot("octo-sts-2[bot]"))["id"]);
    }
}
