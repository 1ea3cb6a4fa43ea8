//! Repositories, releases, branches and tags as JSON.

use serde_json::{Map, Value, json};

use super::{Urls, commit_id, id_of, node_id, user};
use crate::github::repository::{Release, Repository, Visibility};
use crate::github::user::User;

/// The addresses under a repository, by field name and what follows its own address.
const ADDRESSES: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

/// Counts that stay zero here.
const COUNTS: [&str; 7] = [
    "forks",
    "forks_count",
    "network_count",
    "stargazers_count",
    "subscribers_count",
    "watchers",
    "watchers_count",
];

/// Settings that stay as they are here.
const FLAGS: [(&str, bool); 7] = [
    ("disabled", false),
    ("has_discussions", false),
    ("has_downloads", true),
    ("has_pages", false),
    ("has_projects", true),
    ("has_wiki", true),
    ("is_template", false),
];

pub(crate) fn repository(urls: &Urls, repository: &Repository) -> Value {
    let full_name = repository.full_name();
    let (root, page) = (urls.repository(&full_name), urls.page(&full_name));
    let open = repository.open_issues();
    let language = repository.languages.iter().max_by_key(|(_, bytes)| **bytes).map(|(name, _)| name);
    let updated = repository.updated_at();
    let own = json!({
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": full_name,
        "owner": user(urls, &User::organization(&repository.owner)),
        "private": repository.visibility != Visibility::Public,
        "visibility": repository.visibility.as_str(),
        "archived": repository.archived,
        "fork": repository.fork,
        "html_url": page,
        "description": repository.description,
        "git_url": format!("{page}.git"),
        "ssh_url": format!("git@127.0.0.1:{full_name}.git"),
        "clone_url": format!("{page}.git"),
        "svn_url": page,
        "mirror_url": null,
        "homepage": null,
        "language": language,
        "license": null,
        "topics": repository.topics,
        "default_branch": repository.default_branch,
        "has_issues": repository.has_issues,
        "size": repository.files.values().map(Vec::len).sum::<usize>().div_ceil(1024),
        "open_issues": open,
        "open_issues_count": open,
        "pushed_at": repository.created_at,
        "created_at": repository.created_at,
        "updated_at": updated,
    });
    let addresses = ADDRESSES.iter().map(|(field, rest)| (*field, Value::from(format!("{root}{rest}"))));
    let counts = COUNTS.iter().map(|field| (*field, Value::from(0)));
    let flags = FLAGS.iter().map(|(field, flag)| (*field, Value::from(*flag)));
    let fixed = addresses.chain(counts).chain(flags);
    let mut fields: Map<String, Value> = fixed.map(|(field, value)| (field.to_owned(), value)).collect();
    if let Value::Object(own) = own {
        fields.extend(own);
    }
    Value::Object(fields)
}

pub(crate) fn release(urls: &Urls, repository: &Repository, release: &Release) -> Value {
    let full_name = repository.full_name();
    let root = urls.repository(&full_name);
    let id = id_of(&format!("{full_name} {}", release.tag));
    let url = format!("{root}/releases/{id}");
    json!({
        "id": id,
        "node_id": node_id("Release", id),
        "url": url,
        "html_url": urls.page(&format!("{full_name}/releases/tag/{}", release.tag)),
        "assets_url": format!("{url}/assets"),
        "upload_url": format!("{url}/assets{{?name,label}}"),
        "tarball_url": format!("{root}/tarball/{}", release.tag),
        "zipball_url": format!("{root}/zipball/{}", release.tag),
        "tag_name": release.tag,
        "target_commitish": repository.default_branch,
        "name": release.name,
        "body": null,
        "draft": false,
        "prerelease": false,
        "immutable": false,
        "created_at": release.published_at,
        "published_at": release.published_at,
        "author": user(urls, &User::organization(&repository.owner)),
        "assets": [],
    })
}

fn commit(urls: &Urls, repository: &Repository, name: &str) -> Value {
    let full_name = repository.full_name();
    let sha = commit_id(&format!("{full_name} {name}"));
    json!({ "sha": sha, "url": format!("{}/commits/{sha}", urls.repository(&full_name)) })
}

pub(crate) fn branch(urls: &Urls, repository: &Repository, name: &str) -> Value {
    json!({
        "name": name,
        "commit": commit(urls, repository, name),
        "protected": name == repository.default_branch,
    })
}

pub(crate) fn tag(urls: &Urls, repository: &Repository, release: &Release) -> Value {
    let root = urls.repository(&repository.full_name());
    let tag = &release.tag;
    json!({
        "name": tag,
        "node_id": node_id("Tag", tag),
        "commit": commit(urls, repository, tag),
        "zipball_url": format!("{root}/zipball/refs/tags/{tag}"),
        "tarball_url": format!("{root}/tarball/refs/tags/{tag}"),
    })
}
