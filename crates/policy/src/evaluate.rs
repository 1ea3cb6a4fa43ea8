//! A token's claims held against a policy, step by step in the server's order, with the server's messages.

use serde_json::Value;

use crate::go_text::{quote, quote_list};
use crate::pattern::{Doubt, Server};
use crate::{Claims, Matcher, Pattern, TrustPolicy, format};

/// What the server makes of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It exchanges it.
    Admitted,
    /// It refuses it.
    Refused(Refusal),
    /// Not known, because it hinges on what is named here.
    NotJudged(String),
}

/// Why the server refuses a token. Displays as the server's own message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token's `iss`, `sub` or `aud` is of a kind that no server takes, so it never gets as far as a policy.
    #[error("unable to verify bearer token")]
    Unverified,
    /// The token's issuer breaks the format rules ([`format::issuer`]).
    #[error("invalid issuer in token")]
    InvalidIssuer,
    /// The token's subject breaks the format rules ([`format::subject`]).
    #[error("invalid subject in token")]
    InvalidSubject,
    /// One of the token's audiences breaks the format rules ([`format::audience`]).
    #[error("invalid audience in token")]
    InvalidAudience,
    /// The issuer is another.
    #[error("trust policy: issuer {} did not match {}", quote(.token), expectation(.policy))]
    Issuer {
        /// The token's issuer.
        token: String,
        /// What the policy expects.
        policy: Matcher,
    },
    /// The subject is another.
    #[error("trust policy: subject {} did not match {}", quote(.token), expectation(.policy))]
    Subject {
        /// The token's subject.
        token: String,
        /// What the policy expects.
        policy: Matcher,
    },
    /// The token is meant for others.
    #[error("trust policy: {} did not match any of {}", wanted_audience(.policy), quote_all(.token))]
    Audience {
        /// The token's audiences.
        token: Vec<String>,
        /// What the policy expects, or the server's domain where it says nothing.
        policy: Matcher,
    },
    /// The token does not have the claim.
    #[error("trust policy: expected claim {} not found in token", quote(.0))]
    ClaimMissing(String),
    /// The claim is a number, null, a list or an object, which never match.
    #[error("trust policy: expected claim {} not a string", quote(.0))]
    ClaimNotText(String),
    /// The claim has another value.
    #[error("trust policy: claim {} did not match {}", quote(.name), quote(&format!("^(?:{})$", .pattern.as_str())))]
    Claim {
        /// The claim.
        name: String,
        /// What the policy expects.
        pattern: Pattern,
    },
}

impl Refusal {
    /// The HTTP status of the server's answer: 401 and 400 for a malformed token, 403 for one that does not match.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unverified => 401,
            Self::InvalidIssuer | Self::InvalidSubject | Self::InvalidAudience => 400,
            _ => 403,
        }
    }
}

fn expectation(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Exact(text) => quote(text),
        Matcher::Pattern(pattern) => format!("pattern {}", quote(pattern.as_str())),
    }
}

fn wanted_audience(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Exact(text) => format!("audience {}", quote(text)),
        Matcher::Pattern(pattern) => format!("audience_pattern {}", quote(pattern.as_str())),
    }
}

fn quote_all(texts: &[String]) -> String {
    quote_list(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Why the evaluation ends before everything has matched.
pub(crate) enum Stop {
    Refused(Refusal),
    NotJudged(String),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl TrustPolicy {
    /// Judges claims whose token has been verified, by a server of this domain (`octo-sts.dev`).
    ///
    /// Nothing is judged where the server might refuse the policy itself for one of its patterns. A step that cannot be
    /// judged ends it, even if a later one would refuse: the message would not be the server's.
    /// Only among `claim_pattern`s, which the server takes in no order, a certain refusal goes before a doubt.
    pub fn evaluate(&self, claims: &Claims, domain: &str) -> Verdict {
        self.evaluate_as(claims, domain, Server::Current)
    }

    /// As [`TrustPolicy::evaluate`], by such a server.
    pub fn evaluate_as(&self, claims: &Claims, domain: &str, server: Server) -> Verdict {
        match self.check(claims, domain, server) {
            Ok(()) => Verdict::Admitted,
            Err(Stop::Refused(refusal)) => Verdict::Refused(refusal),
            Err(Stop::NotJudged(reason)) => Verdict::NotJudged(reason),
        }
    }

    fn check(&self, claims: &Claims, domain: &str, server: Server) -> Result<(), Stop> {
        if !claims.is_well_formed() {
            return Err(Refusal::Unverified.into());
        }
        self.surely_compiles(server)?;
        let (issuer, subject, audiences) = (claims.issuer(), claims.subject(), claims.audiences());
        format::issuer(issuer).map_err(|_| Refusal::InvalidIssuer)?;
        format::subject(subject).map_err(|_| Refusal::InvalidSubject)?;
        for audience in &audiences {
            format::audience(audience).map_err(|_| Refusal::InvalidAudience)?;
        }
        if !any_matches(&self.issuer, "issuer_pattern", &[issuer], server)? {
            return Err(Refusal::Issuer { token: issuer.to_owned(), policy: self.issuer.clone() }.into());
        }
        if !any_matches(&self.subject, "subject_pattern", &[subject], server)? {
            return Err(Refusal::Subject { token: subject.to_owned(), policy: self.subject.clone() }.into());
        }
        let audience = self.audience.clone().unwrap_or_else(|| Matcher::Exact(domain.to_owned()));
        if !any_matches(&audience, "audience_pattern", &audiences, server)? {
            let token = audiences.into_iter().map(str::to_owned).collect();
            return Err(Refusal::Audience { token, policy: audience }.into());
        }
        self.check_claims(claims, server)
    }

    /// A server that may refuse the policy may answer anything with that, so the doubt comes first.
    fn surely_compiles(&self, server: Server) -> Result<(), Stop> {
        let fields = [
            ("issuer_pattern", Some(&self.issuer)),
            ("subject_pattern", Some(&self.subject)),
            ("audience_pattern", self.audience.as_ref()),
        ];
        let patterns = fields.into_iter().filter_map(|(field, matcher)| match matcher {
            Some(Matcher::Pattern(pattern)) => Some((field.to_owned(), pattern)),
            _ => None,
        });
        let claims = self.claim_pattern.iter();
        for (field, pattern) in patterns.chain(claims.map(|(name, pattern)| (claim_field(name), pattern))) {
            pattern.surely_compiles(server).map_err(|doubt| doubtful(&field, pattern, &doubt))?;
        }
        Ok(())
    }

    fn check_claims(&self, claims: &Claims, server: Server) -> Result<(), Stop> {
        let mut doubt = None;
        for (name, pattern) in &self.claim_pattern {
            match check_claim(claims, name, pattern, server) {
                Err(Stop::NotJudged(reason)) => doubt = doubt.or(Some(reason)),
                other => other?,
            }
        }
        doubt.map_or(Ok(()), |reason| Err(Stop::NotJudged(reason)))
    }
}

pub(crate) fn check_claim(
    claims: &Claims,
    name: &str,
    pattern: &Pattern,
    server: Server,
) -> Result<(), Stop> {
    let value = match claims.get(name) {
        None => return Err(Refusal::ClaimMissing(name.to_owned()).into()),
        Some(Value::String(text)) => text,
        Some(Value::Bool(true)) => "true",
        Some(Value::Bool(false)) => "false",
        Some(_) => return Err(Refusal::ClaimNotText(name.to_owned()).into()),
    };
    match pattern.judge(value, server) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::Claim { name: name.to_owned(), pattern: pattern.clone() }.into()),
        Err(doubt) => Err(doubtful(&claim_field(name), pattern, &doubt)),
    }
}

pub(crate) fn any_matches(
    matcher: &Matcher,
    field: &str,
    values: &[&str],
    server: Server,
) -> Result<bool, Stop> {
    match matcher {
        Matcher::Exact(text) => Ok(values.contains(&text.as_str())),
        Matcher::Pattern(pattern) => {
            let mut doubt = None;
            for value in values {
                match pattern.judge(value, server) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(reason) => doubt = doubt.or(Some(reason)),
                }
            }
            doubt.map_or(Ok(false), |doubt| Err(doubtful(field, pattern, &doubt)))
        }
    }
}

fn claim_field(name: &str) -> String {
    format!("claim_pattern {}", quote(name))
}

fn doubtful(field: &str, pattern: &Pattern, doubt: &Doubt) -> Stop {
    Stop::NotJudged(format!("{field} {} {doubt}", quote(pattern.as_str())))
}

#[cfg(test)]
mod tests;
