//! Where messages are, by the forms that clouds have for it.

use std::path::PathBuf;
use std::str::FromStr;

use gatepass_aws::queue::QueueArn;
use gatepass_core::env::Env;

/// A place for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Sqs(QueueArn),
    Subscription(String),
    Topic(String),
    Storage(String),
    File(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("this is empty".to_owned()),
            arn if arn.starts_with("arn:") => arn.parse().map(Self::Sqs),
            name if name.starts_with("projects/") && name.contains("/subscriptions/") => {
                Ok(Self::Subscription(name.to_owned()))
            }
            name if name.starts_with("projects/") => Ok(Self::Topic(name.to_owned())),
            url if url.contains("://") => Ok(Self::Storage(url.trim_end_matches('/').to_owned())),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// The environment, where AWS's region is the queue's if nobody says otherwise.
pub(super) fn environment(arn: &QueueArn) -> Env {
    let region = arn.as_str().split(':').nth(3).unwrap_or_default().to_owned();
    let own = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    std::iter::once(("AWS_REGION".to_owned(), region)).chain(own).collect()
}

/// Where Google's credentials come from: anything but a metadata server that is named is for `gcp_auth` to find.
pub(super) fn google(env: &Env) -> Option<&'static str> {
    env.get("GCE_METADATA_HOST").is_none().then_some("whoever runs this")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_known_by_their_forms() {
        let place = |text: &str| text.parse::<Place>();
        assert!(matches!(place("arn:aws:sqs:eu-central-1:123456789012:dead"), Ok(Place::Sqs(_))));
        assert!(matches!(place("projects/p/subscriptions/s"), Ok(Place::Subscription(_))));
        assert!(matches!(place("projects/p/topics/t"), Ok(Place::Topic(_))));
        assert!(matches!(place("https://acme.queue.core.windows.net/q-poison"), Ok(Place::Storage(_))));
        assert!(matches!(place("letters.jsonl"), Ok(Place::File(_))));
        assert_eq!(
            place("https://acme.queue.core.windows.net/q/"),
            place("https://acme.queue.core.windows.net/q")
        );
        for bad in ["", "arn:aws:sns:eu-central-1:123456789012:topic", "arn:"] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_region_is_the_queues_unless_the_environment_names_one() {
        let arn: QueueArn = "arn:aws:sqs:eu-central-1:123456789012:dead".parse().unwrap();
        let expected = std::env::var("AWS_REGION").unwrap_or("eu-central-1".to_owned());
        assert_eq!(environment(&arn).get("AWS_REGION"), Some(expected.as_str()));
    }
}
