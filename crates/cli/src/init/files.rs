//! The files that `gatepass init` writes.

use super::{Cloud, Kind};

/// The text of the file for this job on this cloud. `path` is where it will be.
pub(super) fn text(cloud: Cloud, kind: Kind, path: &str) -> String {
    let template = match kind {
        Kind::Alarm => include_str!("alarm.yaml"),
        Kind::Schedule => include_str!("schedule.yaml"),
        Kind::Webhook => include_str!("webhook.yaml"),
        Kind::Http => include_str!("http.yaml"),
    };
    let (name, url) = match cloud {
        Cloud::Aws => ("aws", "https://FUNCTION-URL"),
        Cloud::Gcp => ("gcp", "https://SERVICE-URL"),
        Cloud::Azure => ("azure", "https://APP.azurewebsites.net/api"),
    };
    template
        .replace("@CALLERS@", &callers(cloud, kind))
        .replace("@TRIGGER@", schedule(cloud))
        .replace("@CLOUD@", name)
        .replace("@URL@", url)
        // A line break would end the comment that it stands in.
        .replace("@FILE@", &path.replace(char::is_control, " "))
}

/// Who may knock, where somebody does.
fn callers(cloud: Cloud, kind: Kind) -> String {
    let (caller, sends, reason) = match (kind, cloud) {
        (Kind::Schedule, Cloud::Gcp) => (
            "scheduler",
            "schedule",
            "# Cloud Scheduler. The service is private, so Cloud Run has checked that this caller may invoke it.",
        ),
        (Kind::Http, Cloud::Aws) => (
            "console",
            "http",
            "# Whoever may invoke the function's URL. Its authorization type is AWS_IAM, so Lambda has checked the caller.",
        ),
        (Kind::Http, Cloud::Gcp) => (
            "console",
            "http",
            "# Whoever may invoke the service. It is private, so Cloud Run has checked the caller.",
        ),
        (Kind::Http, Cloud::Azure) => (
            "console",
            "http",
            "# Whoever has a function key. The authorization level is function, so the Functions host has checked it.",
        ),
        _ => return String::new(),
    };
    format!(
        "# Who may knock over HTTP. Whoever is not here is not let in.\ncallers:\n  {reason}\n  {caller}: {{ host: true, may_send: [{sends}] }}\n\n"
    )
}

fn schedule(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => concat!(
            "      # EventBridge Scheduler, with these times, invokes the function with {\"job\": \"open-pulls\"}.\n",
            "      - schedule: { cron: \"0 6 * * 1-5\", timezone: Europe/Berlin }"
        ),
        Cloud::Gcp => concat!(
            "      # Cloud Scheduler, with these times, sends POST https://SERVICE-URL/jobs/open-pulls, with an OIDC token whose\n      # audience is https://SERVICE-URL.\n",
            "      - schedule: { cron: \"0 6 * * 1-5\", timezone: Europe/Berlin, caller: scheduler }"
        ),
        Cloud::Azure => concat!(
            "      # A timer function with these times, called open-pulls-timer.\n",
            "      - schedule: { cron: \"0 6 * * 1-5\" }"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mark_is_left() {
        for cloud in [Cloud::Aws, Cloud::Gcp, Cloud::Azure] {
            for kind in [Kind::Alarm, Kind::Schedule, Kind::Webhook, Kind::Http] {
                let text = text(cloud, kind, "x.yaml");
                assert!(!text.contains('@'), "{text}");
                assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
            }
        }
    }

    #[test]
    fn a_path_cannot_leave_its_comment() {
        let text = text(Cloud::Aws, Kind::Alarm, "a\nversion: 2");
        assert!(text.contains("gatepass check a version: 2\n"), "{text}");
    }
}
