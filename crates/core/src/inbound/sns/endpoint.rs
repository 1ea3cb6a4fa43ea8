//! Where SNS is in a region, and what may be asked there.

use url::Url;

use crate::client::ServiceUrl;
use crate::env::Env;
use crate::names::TopicArn;

/// The variables that lead elsewhere, the first that is set before the other.
const VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL"];

/// The endpoint of SNS in the region of a topic.
#[derive(Debug)]
pub(super) struct Endpoint<'a> {
    region: &'a str,
    suffix: &'static str,
}

impl<'a> Endpoint<'a> {
    /// The endpoint of the topic's region.
    ///
    /// # Errors
    /// A sentence when the topic is in a partition of AWS whose endpoints are not known here.
    pub(super) fn of(topic: &'a TopicArn) -> Result<Self, String> {
        let suffix = match topic.partition() {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            "aws-eusc" => "amazonaws.eu",
            other => return Err(format!("the endpoints of the partition {other} are not known")),
        };
        Ok(Self { region: topic.region(), suffix })
    }

    fn host(&self) -> String {
        format!("sns.{}.{}", self.region, self.suffix)
    }

    /// The names that the certificate which signs in this region may have. Most regions share one; those that an account
    /// has to opt into, and other partitions, have their own. Source: AWS SDK for Java 2, the tests of its
    /// `SnsHostProvider`.
    pub(super) fn certificate_names(&self) -> [String; 4] {
        let Self { region, suffix } = self;
        [
            format!("sns.{suffix}"),
            format!("sns-signing.{region}.{suffix}"),
            format!("sns-{region}.{suffix}"),
            // Both regions of the partition for governments use the certificate of one.
            format!("sns-us-gov-west-1.{suffix}"),
        ]
    }

    /// Reads the URL of a certificate.
    ///
    /// # Errors
    /// Why it may not be asked for.
    pub(super) fn certificate(&self, text: &str) -> Result<Url, String> {
        let what = "its SigningCertURL";
        let url = self.parse(text, what)?;
        // Anywhere else the endpoint answers with what somebody else has put in there.
        let is_file =
            url.path().strip_prefix('/').and_then(|path| path.strip_suffix(".pem")).is_some_and(|name| {
                !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            });
        if !is_file || url.query().is_some() {
            return Err(format!("{what} is not that of a certificate"));
        }
        Ok(url)
    }

    /// Reads the URL that confirms a subscription of `topic` by `token`.
    ///
    /// # Errors
    /// Why it may not be asked for.
    pub(super) fn confirmation(&self, text: &str, topic: &TopicArn, token: &str) -> Result<Url, String> {
        let what = "its SubscribeURL";
        let url = self.parse(text, what)?;
        let mut query: Vec<_> = url.query_pairs().collect();
        query.sort();
        let expected = [("Action", "ConfirmSubscription"), ("Token", token), ("TopicArn", topic.as_str())];
        let is_right = query.len() == expected.len()
            && query
                .iter()
                .zip(expected)
                .all(|((name, value), (right, text))| name == right && value == text);
        if url.path() != "/" || !is_right {
            return Err(format!("{what} does something else than to confirm this subscription"));
        }
        Ok(url)
    }

    fn parse(&self, text: &str, what: &str) -> Result<Url, String> {
        let host = self.host();
        let url = Url::parse(text).map_err(|_| format!("{what} is not a URL"))?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.port().is_none()
            && url.fragment().is_none();
        // Written as it is read, so that no other reader takes it for another.
        let is_ours = url.scheme() == "https" && url.host_str() == Some(&host);
        if !is_ours || !is_plain || url.as_str() != text {
            return Err(format!("{what} is not one of https://{host}, which is its topic's own endpoint"));
        }
        Ok(url)
    }
}

/// What is really asked: the endpoint itself, or what a variable names in its place.
#[derive(Clone, Debug)]
pub(super) struct Origin(Option<ServiceUrl>);

impl Origin {
    pub(super) fn from_env(env: &Env) -> Result<Self, String> {
        let set = VARIABLES.iter().find_map(|name| Some((name, env.get(name)?)));
        let parse = |(name, text)| ServiceUrl::parse(text).map_err(|error| format!("{name}: {error}"));
        set.map(parse).transpose().map(Self)
    }

    /// `url` at this origin.
    pub(super) fn of(&self, url: &Url) -> String {
        let Some(origin) = &self.0 else { return url.as_str().to_owned() };
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{}{query}", origin.as_str(), url.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:alarms";

    fn topic(text: &str) -> TopicArn {
        text.parse().unwrap()
    }

    #[test]
    fn a_certificate_is_a_file_of_the_topics_own_endpoint() {
        let topic = topic(TOPIC);
        let endpoint = Endpoint::of(&topic).unwrap();
        let host = "https://sns.eu-central-1.amazonaws.com";
        let name = "SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem";
        assert!(endpoint.certificate(&format!("{host}/{name}")).is_ok());
        for bad in [
            String::new(),
            name.to_owned(),
            format!("{host}/"),
            format!("{host}/.pem"),
            format!("{host}/{name}x"),
            format!("{host}/a/{name}"),
            format!("{host}/../{name}"),
            format!("{host}/%2e%2e/a.pem/"),
            format!("{host}/a%2eb.pem"),
            format!("{host}/{name}?Action=GetTopicAttributes"),
            format!("{host}/{name}?"),
            format!("{host}/{name}#x"),
            format!("{host}:443/{name}"),
            format!("{host}:8443/{name}"),
            format!("https://me@sns.eu-central-1.amazonaws.com/{name}"),
            format!("https://sns.eu-central-1.amazonaws.com@evil.example/{name}"),
            format!("http://sns.eu-central-1.amazonaws.com/{name}"),
            format!("HTTPS://sns.eu-central-1.amazonaws.com/{name}"),
            format!("https://SNS.eu-central-1.amazonaws.com/{name}"),
            format!("https://sns.eu-central-1.amazonaws.com./{name}"),
            format!("https://sns.us-east-1.amazonaws.com/{name}"),
            format!("https://sns.amazonaws.com/{name}"),
            format!("https://sns.eu-central-1.amazonaws.com.cn/{name}"),
            format!("https://sns.eu-central-1.amazonaws.com.evil.example/{name}"),
            format!("https://x.sns.eu-central-1.amazonaws.com/{name}"),
            format!("https://evil.s3.eu-central-1.amazonaws.com/{name}"),
            format!("https:\\\\sns.eu-central-1.amazonaws.com\\{name}"),
            format!("https:/sns.eu-central-1.amazonaws.com/{name}"),
            format!(" {host}/{name}"),
        ] {
            assert!(endpoint.certificate(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subscription_is_confirmed_at_the_topics_own_endpoint_and_nothing_else_is_done_there() {
        let topic = topic(TOPIC);
        let endpoint = Endpoint::of(&topic).unwrap();
        let host = "https://sns.eu-central-1.amazonaws.com";
        let right = format!("{host}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t-1");
        assert_eq!(endpoint.confirmation(&right, &topic, "t-1").unwrap().as_str(), right);
        for bad in [
            right.replace("ConfirmSubscription", "DeleteTopic"),
            right.replace("alarms", "others"),
            right.replace("t-1", "t-2"),
            right.replace("&Token=t-1", ""),
            format!("{right}&Token=t-1"),
            format!("{right}&Action=DeleteTopic"),
            format!("{right}&AuthenticateOnUnsubscribe=true"),
            format!("{right}#x"),
            right.replace("/?", "/x?"),
            right.replace("eu-central-1.", "us-east-1."),
            right.replace("https:", "http:"),
            right.replace(".com/", ".com:444/"),
            right.replace("https://", "https://me@"),
            right.replace("sns.eu-central-1.amazonaws.com", "evil.example"),
        ] {
            assert!(endpoint.confirmation(&bad, &topic, "t-1").is_err(), "{bad}");
        }
    }

    #[test]
    fn other_partitions_have_their_own_endpoints() {
        for (region, partition, host, name) in [
            ("us-east-1", "aws", "sns.us-east-1.amazonaws.com", "sns.amazonaws.com"),
            ("me-south-1", "aws", "sns.me-south-1.amazonaws.com", "sns-signing.me-south-1.amazonaws.com"),
            ("cn-north-1", "aws-cn", "sns.cn-north-1.amazonaws.com.cn", "sns-cn-north-1.amazonaws.com.cn"),
            (
                "us-gov-east-1",
                "aws-us-gov",
                "sns.us-gov-east-1.amazonaws.com",
                "sns-us-gov-west-1.amazonaws.com",
            ),
            (
                "eusc-de-east-1",
                "aws-eusc",
                "sns.eusc-de-east-1.amazonaws.eu",
                "sns-signing.eusc-de-east-1.amazonaws.eu",
            ),
        ] {
            let topic = topic(&format!("arn:{partition}:sns:{region}:123456789012:alarms"));
            let endpoint = Endpoint::of(&topic).unwrap();
            assert!(endpoint.certificate(&format!("https://{host}/a.pem")).is_ok(), "{host}");
            assert!(endpoint.certificate_names().contains(&name.to_owned()), "{name}");
        }
        let secret = topic("arn:aws-iso:sns:us-iso-east-1:123456789012:alarms");
        assert!(Endpoint::of(&secret).unwrap_err().contains("aws-iso"));
    }

    #[test]
    fn a_variable_changes_what_is_asked_and_not_what_may_be_named() {
        let topic = topic(TOPIC);
        let named = "https://sns.eu-central-1.amazonaws.com/a.pem";
        let url = Endpoint::of(&topic).unwrap().certificate(named).unwrap();
        let asked = |variables: &[(&str, &str)]| {
            Origin::from_env(&Env::from_iter(variables.iter().copied())).map(|origin| origin.of(&url))
        };
        assert_eq!(asked(&[]).unwrap(), named);
        let (sns, all) = (
            ("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:1/"),
            ("AWS_ENDPOINT_URL", "https://vpce.example/sns"),
        );
        assert_eq!(asked(&[sns, all]).unwrap(), "http://127.0.0.1:1/a.pem");
        assert_eq!(asked(&[all]).unwrap(), "https://vpce.example/sns/a.pem");
        let error = asked(&[("AWS_ENDPOINT_URL_SNS", "http://evil.example")]).unwrap_err();
        assert!(error.starts_with("AWS_ENDPOINT_URL_SNS: ") && error.contains("not encrypted"), "{error}");
    }
}
