//! The world a sandbox starts with: the organisation `acme`.

use jiff::SignedDuration;

use crate::github::{GitHub, NotThere, Release, User};

/// The organisation.
const ORGANIZATION: &str = "acme";

/// Installs the App on `acme` and fills its repositories.
pub(crate) fn settle(github: &GitHub) -> Result<(), NotThere> {
    github.install(ORGANIZATION);
    for repository in ["acme/operations", "acme/widgets", "acme/site"] {
        github.add_repository(repository)?;
    }
    github.configure("acme/operations", |operations| {
        operations.description = Some("Alarms, findings and chores".to_owned());
    })?;
    github.configure("acme/site", |site| {
        site.description = Some("The public web site".to_owned());
        site.languages.insert("HTML".to_owned(), 48_112);
        site.languages.insert("CSS".to_owned(), 9_307);
    })?;

    let published_at = github.now().saturating_sub(SignedDuration::from_hours(24)).unwrap_or_default();
    github.configure("acme/widgets", |widgets| {
        widgets.description = Some("Widgets of every size".to_owned());
        widgets.languages.insert("Rust".to_owned(), 182_640);
        widgets.languages.insert("HCL".to_owned(), 12_904);
        widgets.languages.insert("Shell".to_owned(), 811);
        widgets.releases.push(Release {
            tag: "v1.4.0".to_owned(),
            name: "Rounder corners".to_owned(),
            published_at,
        });
        widgets.files.insert("README.md".to_owned(), b"# Widgets\n\nWidgets of every size.\n".to_vec());
    })?;
    let (ada, grace) = (User::person("ada"), User::person("grace"));
    github.add_issue("acme/widgets", ada.clone(), "Small widgets wobble", "They should not.", &["bug"])?;
    github.add_issue(
        "acme/widgets",
        grace.clone(),
        "Blue widgets, please",
        "For the spring line.",
        &["idea"],
    )?;
    github.add_pull("acme/widgets", ada, "Steady the small widgets", "steady")?;
    github.add_pull("acme/widgets", grace, "Bump rustls to 0.23.40", "bump-rustls")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::Edition;
    use crate::trace::Trace;

    #[tokio::test]
    async fn acme_is_settled() {
        let github = GitHub::start(Edition::DotCom, Trace::new()).await.unwrap();
        settle(&github).unwrap();
        assert!(github.is_installed("acme") && !github.is_installed("Acme"));
        assert_eq!(github.repositories(), ["acme/operations", "acme/site", "acme/widgets"]);
        assert_eq!(github.open_issues("acme/widgets").len(), 2);
        assert!(github.issues("acme/operations").is_empty());
        assert!(github.issue("acme/widgets", 4).unwrap().pull.is_some());
    }
}
