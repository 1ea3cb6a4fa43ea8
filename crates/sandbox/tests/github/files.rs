//! Files on the default branch.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::json;

use crate::{REPOSITORY, Setup};

const CONTENTS: &str = "/repos/acme/widgets/contents";

#[tokio::test]
async fn files_and_directories_are_read() {
    let setup = Setup::start(&[("contents", "read")]).await;
    let policy = ".github/chainguard/alarms.sts.yaml";
    assert_eq!(setup.get(CONTENTS).await.status, 404, "an empty repository");
    setup.github.put_file(REPOSITORY, policy, "issuer: x\n").unwrap();
    setup.github.put_file(REPOSITORY, "README.md", "# Widgets").unwrap();

    let file = setup.get(&format!("{CONTENTS}/{policy}")).await.json;
    assert_eq!(
        (&file["type"], &file["name"], &file["size"]),
        (&json!("file"), &json!("alarms.sts.yaml"), &json!(10))
    );
    let content: String = file["content"].as_str().unwrap().split_whitespace().collect();
    assert_eq!(STANDARD.decode(content).unwrap(), b"issuer: x\n");

    for (path, expected) in [
        ("", vec![".github", "README.md"]),
        ("/", vec![".github", "README.md"]),
        ("/.github", vec!["chainguard"]),
    ] {
        let listed = setup.get(&format!("{CONTENTS}{path}")).await;
        assert_eq!(listed.column("name"), expected, "{path}");
    }
    assert_eq!(setup.get(CONTENTS).await.column("type"), ["dir", "file"]);

    let raw = setup.bare(Method::GET, &format!("{CONTENTS}/README.md")).bearer_auth(&setup.token);
    let raw = raw.header("user-agent", "t").header("accept", "application/vnd.github.raw+json");
    assert_eq!(raw.send().await.unwrap().text().await.unwrap(), "# Widgets");
}

#[tokio::test]
async fn only_the_default_branch_is_there() {
    let setup = Setup::start(&[("contents", "read")]).await;
    setup.github.put_file(REPOSITORY, "README.md", "x").unwrap();
    for (query, status) in [("?ref=main", 200), ("?ref=refs/heads/main", 200), ("?ref=dev", 404)] {
        assert_eq!(setup.get(&format!("{CONTENTS}/README.md{query}")).await.status, status, "{query}");
    }
    setup.github.delete_file(REPOSITORY, "README.md").unwrap();
    assert_eq!(setup.get(&format!("{CONTENTS}/README.md")).await.message(), (404, "Not Found"));
    assert_eq!(setup.github.file(REPOSITORY, "README.md"), None);
    assert!(setup.github.put_file("acme/none", "x", "y").is_err());
}
