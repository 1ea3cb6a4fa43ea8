//! The trust policy: its text, where it can be read, and what it says.

use gatepass_policy::lint::{Finding, PolicyFile, Settings, Severity, lint};
use gatepass_policy::{ParseErrorKind, Problem, TrustPolicy, policy_path};

use super::chain::{Chain, Errand};
use super::examination::{Link, Name};
use super::github::{Api, RAW};
use super::told::told;
use crate::client::excerpt;
use crate::config::Sts;
use crate::deadline::Deadline;
use crate::secret::InstallationToken;

/// A policy's text, and where it is from.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// As in "read from GitHub".
    from: String,
    /// Whether it is what stands in the repository.
    pub(super) is_committed: bool,
}

/// Why there is no text.
pub(super) enum Unread {
    /// 404: missing, or not for the reader's eyes.
    Unseen,
    /// Its repository has another name now.
    Moved,
    /// Something else.
    Because(String),
}

/// What shows a policy's text to an examination. The clouds' own binaries have neither.
pub(super) const AIDS: &str = "run `gatepass doctor`, with --policy FILE or with GH_TOKEN set (GH_ENTERPRISE_TOKEN for a server of your own)";

/// How many findings are shown.
const MOST_FINDINGS: usize = 10;

/// Where the policy is, for people.
pub(super) fn place(errand: &Errand) -> String {
    errand.scope.locate(&errand.trust_policy)
}

/// The text that was given by hand, or else the one that GitHub shows to whoever examines, or to everybody.
pub(super) async fn read(
    chain: &Chain,
    errand: &Errand,
    api: Option<&Api<'_>>,
    deadline: Deadline,
) -> Result<Text, Unread> {
    if let Some((file, bytes)) = &chain.aids.policy {
        return Ok(Text { bytes: bytes.clone(), from: format!("read from {file}"), is_committed: false });
    }
    let token = chain.reader();
    let how = if token.is_some() { "read with your GitHub token" } else { "the repository is public" };
    read_from(errand, api, token, how, deadline).await
}

/// The text that GitHub shows to whoever holds this token.
pub(super) async fn read_with(
    errand: &Errand,
    api: Option<&Api<'_>>,
    token: &InstallationToken,
    deadline: Deadline,
) -> Result<Text, Unread> {
    read_from(errand, api, Some(token), "read with the job's own token", deadline).await
}

async fn read_from(
    errand: &Errand,
    api: Option<&Api<'_>>,
    token: Option<&InstallationToken>,
    how: &str,
    deadline: Deadline,
) -> Result<Text, Unread> {
    let Some(api) = api else { return Err(Unread::Because("GitHub does not answer".into())) };
    let path =
        format!("repos/{}/contents/{}", errand.scope.home(), policy_path(errand.trust_policy.as_str()));
    let answer =
        api.get(&path, RAW, token, deadline).await.map_err(|failure| Unread::Because(told(&failure).0))?;
    match answer.status {
        200 => Ok(Text { bytes: answer.body, from: how.to_owned(), is_committed: true }),
        404 => Err(Unread::Unseen),
        301 | 302 | 307 | 308 => Err(Unread::Moved),
        401 if token.is_some() => Err(Unread::Because(
            "GitHub answered 401: the token that reads policies has expired, or is revoked".into(),
        )),
        status => Err(Unread::Because(format!("GitHub answered {status}: {}", excerpt(&answer.body)))),
    }
}

/// The link `policy` of a text that was read, and what it says where that can be told.
pub(super) fn judge(chain: &Chain, errand: &Errand, text: &Text) -> (Link, Option<TrustPolicy>) {
    let place = place(errand);
    let found = format!("{place}: {}", text.from);
    let at = if text.is_committed { place } else { format!("{place} ({})", text.from) };
    let findings = findings(chain, errand, &text.bytes);
    let notes = findings.iter().take(MOST_FINDINGS).map(line);
    let Ok(words) = str::from_utf8(&text.bytes) else {
        let link = Link::wrong(Name::Policy, format!("{at} is not UTF-8 text"))
            .why("Octo STS cannot parse it")
            .mend("save it as UTF-8");
        return (link, None);
    };
    match TrustPolicy::parse(words, errand.scope.policy_kind()) {
        Ok(policy) => {
            let link = if findings.iter().any(|finding| finding.code.severity() == Severity::Error) {
                Link::doubtful(Name::Policy, found)
                    .why("Octo STS reads it, and `gatepass policy lint` finds an error in it")
                    .mend("correct what is noted here")
            } else {
                Link::ok(Name::Policy, found)
            };
            (link.notes(notes), Some(policy))
        }
        Err(error) => {
            let found = format!("{at}:{}: {}", error.position, error.message);
            let link = match error.kind {
                ParseErrorKind::NotJudged => {
                    Link::doubtful(Name::Policy, found).why("versions of Octo STS may read it differently")
                }
                ParseErrorKind::Unreadable | ParseErrorKind::Unparseable | ParseErrorKind::Uncompilable => {
                    let said = error.server_message(errand.trust_policy.as_str()).unwrap_or_default();
                    Link::wrong(Name::Policy, found).why(format!("Octo STS answers 404: {said}"))
                }
            };
            let line = error.position.line;
            let mend = format!("mend line {line} of it; a correction counts after at most five minutes");
            (link.mend(mend).notes(notes), None)
        }
    }
}

/// What `gatepass policy lint` says of it.
fn findings(chain: &Chain, errand: &Errand, bytes: &[u8]) -> Vec<Finding> {
    let path = policy_path(errand.trust_policy.as_str());
    let settings = Settings {
        domain: chain.audience.clone(),
        hosted: chain.sts.as_ref().is_some_and(|url| url.host() == Sts::DOMAIN),
    };
    lint(&PolicyFile { path: &path, bytes, kind: errand.scope.policy_kind() }, &settings)
}

fn line(finding: &Finding) -> String {
    let Problem { message, help, .. } = &finding.problem;
    let help = help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
    format!("{} at line {}: {message}{help}", finding.code.as_str(), finding.position().line)
}

/// The link `policy` where no text could be read and Octo STS has said nothing of it.
pub(super) fn unread(errand: &Errand, unread: &Unread) -> Link {
    let place = place(errand);
    let home = errand.scope.home();
    match unread {
        Unread::Unseen => Link::doubtful(Name::Policy, format!("GitHub does not show {place}"))
            .why(format!("{home} is private, or the file is missing: GitHub says the same of both"))
            .mend(format!(
                "`gh api repos/{home}/contents/{}` as somebody who may read {home} tells; or {AIDS}",
                policy_path(errand.trust_policy.as_str())
            )),
        Unread::Moved => Link::doubtful(Name::Policy, moved(errand))
            .why("GitHub sends jobs on only for as long as nobody takes the old name, and Octo STS is asked for the old one")
            .mend(format!("write the new name in gatepass.yaml; `gh api repos/{home} --jq .full_name` tells it")),
        Unread::Because(why) => Link::doubtful(Name::Policy, format!("{place} could not be read"))
            .why(why.clone())
            .mend(format!("examine again later, or {AIDS}")),
    }
}

pub(super) fn moved(errand: &Errand) -> String {
    format!("GitHub says that {} has another name now", errand.scope.home())
}
