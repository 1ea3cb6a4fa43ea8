//! The role's own credentials, where AWS puts them: the environment (Lambda), a web identity (EKS with a role for the
//! service account), a container endpoint (ECS, EKS Pod Identity), or EC2's instance metadata. The first that there is, in
//! the order of AWS's SDKs.

mod assumed_role;
mod container;
mod instance;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use aws_credential_types::Credentials;
use gatepass_core::client::{Clients, ServiceUrl};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::secret::MAX_TOKEN_LEN;
use jiff::Timestamp;
use tokio::sync::Mutex;
use url::{Host, Url};

use self::assumed_role::AssumedRole;
use self::container::Container;
use self::instance::Instance;

/// Fetched credentials are used until this long before they expire.
const MARGIN: Duration = Duration::from_secs(300);

pub(crate) enum CredentialSource {
    /// Lambda gives the function its credentials when it starts, and replaces the function when they expire.
    Environment(Credentials),
    Fetched {
        from: Source,
        held: Mutex<Option<Fetched>>,
    },
}

/// Where credentials are fetched from.
pub(crate) enum Source {
    AssumedRole(AssumedRole),
    Container(Container),
    Instance(Instance),
}

/// Credentials that end.
#[derive(Clone)]
pub(crate) struct Fetched {
    credentials: Credentials,
    expires: Timestamp,
}

impl CredentialSource {
    /// The first that there is.
    ///
    /// # Errors
    /// A sentence that names the variable that is missing or wrong.
    pub(crate) fn from_env(env: &Env, clients: &Clients, sts: &ServiceUrl) -> Result<Self, String> {
        let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
        match (env.get(id), env.get(secret)) {
            (Some(id), Some(secret)) => {
                let session = env.get("AWS_SESSION_TOKEN").map(str::to_owned);
                return Ok(Self::Environment(Credentials::new(id, secret, session, None, "environment")));
            }
            (None, None) => {}
            (Some(_), None) => return Err(format!("no AWS credentials: {id} is set and {secret} is not")),
            (None, Some(_)) => return Err(format!("no AWS credentials: {secret} is set and {id} is not")),
        }
        let from = if let Some(role) = AssumedRole::from_env(env, clients, sts)? {
            Source::AssumedRole(role)
        } else if let Some(container) = Container::from_env(env, clients)? {
            Source::Container(container)
        } else if let Some(instance) = Instance::from_env(env, clients)? {
            Source::Instance(instance)
        } else {
            return Err(
                "no AWS credentials: none of AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI is set, and AWS_EC2_METADATA_DISABLED is; run this as a Lambda function, or a task, pod or instance with a role"
                    .into(),
            );
        };
        Ok(Self::Fetched { from, held: Mutex::default() })
    }

    /// Credentials that are good now.
    pub(crate) async fn get(&self, deadline: Deadline) -> Result<Credentials, Failure> {
        let (from, held) = match self {
            Self::Environment(credentials) => return Ok(credentials.clone()),
            Self::Fetched { from, held } => (from, held),
        };
        // Held across the call: many events at once make one.
        let mut held = held.lock().await;
        if let Some(fetched) = held.as_ref().filter(|fetched| fetched.last_for(MARGIN)) {
            return Ok(fetched.credentials.clone());
        }
        let result = match from {
            Source::AssumedRole(role) => role.fetch(deadline).await,
            Source::Container(container) => container.fetch(deadline).await,
            Source::Instance(instance) => instance.fetch(deadline).await,
        };
        match (result, held.as_ref()) {
            (Ok(fetched), _) => Ok(held.insert(fetched).credentials.clone()),
            // An outage next door is none yet while the old ones are still good.
            (Err(_), Some(fetched)) if fetched.last_for(Duration::ZERO) => Ok(fetched.credentials.clone()),
            (Err(failure), _) => Err(failure),
        }
    }

    /// Forgets these credentials, which AWS says have expired. Whether others can be fetched.
    pub(crate) async fn forget(&self, expired: &Credentials) -> bool {
        let Self::Fetched { held, .. } = self else { return false };
        let mut held = held.lock().await;
        let is_it = |held: &Fetched| held.credentials.access_key_id() == expired.access_key_id();
        // Somebody else may have fetched others meanwhile.
        held.take_if(|held| is_it(held));
        true
    }
}

impl Fetched {
    fn new(id: &str, secret: &str, session: Option<&str>, expires: Timestamp) -> Self {
        let session = session.map(str::to_owned);
        Self { credentials: Credentials::new(id, secret, session, None, "fetched"), expires }
    }

    /// By wall clock: a frozen function's monotonic clock stands still.
    fn last_for(&self, time: Duration) -> bool {
        let left = self.expires.duration_since(Timestamp::now());
        left.is_positive() && left.unsigned_abs() > time
    }
}

/// The token in a file. It is read every time, because the cluster replaces it.
fn token_in(variable: &str, path: &str) -> Result<String, Failure> {
    use std::io::Read as _;
    let wrong = |what: String| Failure::refused(format!("{variable}: {path} {what}"));
    let limit = u64::try_from(MAX_TOKEN_LEN).unwrap_or(u64::MAX).saturating_add(1);
    let mut token = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(limit).read_to_string(&mut token))
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    match token.len() {
        0 => Err(wrong("is empty".into())),
        length if length > MAX_TOKEN_LEN => Err(wrong("is larger than any token".into())),
        _ => Ok(token),
    }
}

/// Credentials come over https, from this machine, or from one of its link-local agents.
fn local_url(variable: &str, text: &str, link_local: &[IpAddr]) -> Result<Url, String> {
    let wrong = |why: String| format!("{variable}: {why}");
    let url = Url::parse(text).map_err(|error| wrong(format!("this is no URL: {error}")))?;
    // It would make one host look like another, and is never sent.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the URL has user info: leave it out".into()));
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => None,
    };
    let is_link_local = url.scheme() == "http" && address.is_some_and(|host| link_local.contains(&host));
    if !is_link_local {
        // A credentials path may have a query, which a base URL has not.
        let mut base = url.clone();
        base.set_query(None);
        ServiceUrl::parse(base.as_str()).map_err(wrong)?;
    }
    Ok(url)
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment(_) => "Environment",
            Self::Fetched { from: Source::AssumedRole(_), .. } => "AssumedRole",
            Self::Fetched { from: Source::Container(_), .. } => "Container",
            Self::Fetched { from: Source::Instance(_), .. } => "Instance",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn source(variables: &[(&str, &str)]) -> Result<CredentialSource, String> {
        let env = Env::from_iter(variables.iter().copied());
        let sts = ServiceUrl::parse("https://sts.eu-west-1.amazonaws.com").unwrap();
        CredentialSource::from_env(&env, &Clients::new(None).unwrap(), &sts)
    }

    #[test]
    fn the_order_is_that_of_awss_sdks() {
        let all = [
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"),
        ];
        for (from, expected) in [(0, "Environment"), (2, "AssumedRole"), (4, "Container"), (5, "Instance")] {
            assert_eq!(format!("{:?}", source(&all[from..]).unwrap()), expected);
        }
        let disabled = source(&[("AWS_EC2_METADATA_DISABLED", "true")]).unwrap_err();
        assert!(disabled.contains("no AWS credentials"), "{disabled}");
    }

    #[test]
    fn half_of_something_is_an_error_that_names_the_other_half() {
        for (variable, value, missing) in [
            ("AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY is not"),
            ("AWS_SECRET_ACCESS_KEY", "s", "AWS_ACCESS_KEY_ID is not"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token", "AWS_ROLE_ARN is not"),
        ] {
            let error = source(&[(variable, value)]).unwrap_err();
            assert!(error.contains(missing), "{error}");
        }
    }

    #[test]
    fn a_file_holds_one_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            token_in("X", path.to_str().unwrap()).map_err(|failure| failure.message)
        };
        assert_eq!(read("e30.e30.x\n").unwrap(), "e30.e30.x\n");
        for (text, words) in [("", "is empty"), (&*"x".repeat(MAX_TOKEN_LEN + 1), "larger than any token")] {
            assert!(read(text).unwrap_err().ends_with(words), "{words}");
        }
        assert!(token_in("X", "/nowhere").unwrap_err().message.starts_with("X: /nowhere cannot be read"));
    }

    #[test]
    fn credentials_last_until_they_expire_less_a_margin() {
        let for_seconds = |seconds| {
            let expires = Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
            Fetched::new("id", "secret", None, expires)
        };
        assert!(for_seconds(310).last_for(MARGIN) && !for_seconds(299).last_for(MARGIN));
        assert!(for_seconds(10).last_for(Duration::ZERO) && !for_seconds(-400).last_for(Duration::ZERO));
    }
}
