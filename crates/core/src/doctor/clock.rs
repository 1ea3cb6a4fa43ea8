//! This machine's clock, against those of others.

use gatepass_policy::Claims;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap};

use super::examination::{Link, Name};
use super::proof::time;

/// What nobody notices, in seconds.
const FINE: i64 = 60;

/// From here on AWS refuses signatures, and Octo STS tokens that are not valid yet, in seconds.
const BROKEN: i64 = 300;

/// What others say the time is.
#[derive(Debug, Default)]
pub(super) struct Clock {
    witnesses: Vec<Witness>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Witness {
    who: &'static str,
    /// Its clock less ours, in seconds.
    ahead: i64,
}

impl Witness {
    /// By the `Date` of an answer that has just arrived.
    pub(super) fn of(who: &'static str, headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(DATE)?.to_str().ok()?;
        let date = DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(Self { who, ahead: date.as_second() - Timestamp::now().as_second() })
    }
}

impl Clock {
    pub(super) fn new(witnesses: impl IntoIterator<Item = Witness>) -> Self {
        Self { witnesses: witnesses.into_iter().collect() }
    }

    /// The earliest time that any clock has: what has passed by then has passed by all of them.
    pub(super) fn earliest(&self) -> Timestamp {
        let ahead = self.witnesses.iter().map(|witness| witness.ahead).min().unwrap_or(0).min(0);
        let now = Timestamp::now();
        Timestamp::from_second(now.as_second().saturating_add(ahead)).unwrap_or(now)
    }

    /// The link `clock`.
    pub(super) fn link(&self, claims: Option<&Claims>) -> Link {
        let issued = claims.and_then(|claims| {
            let at = ["iat", "nbf"].into_iter().filter_map(|name| time(claims, name)).max()?;
            Some(Witness { who: "the token's issuer", ahead: at.as_second() - Timestamp::now().as_second() })
        });
        // A token may be older than now, and never younger.
        let from_the_future = issued.filter(|issued| issued.ahead > FINE);
        let (least, most) = (
            self.witnesses.iter().min_by_key(|witness| witness.ahead),
            self.witnesses.iter().max_by_key(|witness| witness.ahead),
        );
        let (worst, disagree) = match (least, most) {
            (Some(least), Some(most)) => {
                let worst = if least.ahead.abs() > most.ahead.abs() { least } else { most };
                (Some(*worst), most.ahead - least.ahead > BROKEN)
            }
            _ => (None, false),
        };
        let Some(worst) = worst.or(from_the_future) else {
            return match issued {
                Some(_) => Link::ok(Name::Clock, "not before the time at which the token was issued"),
                None => Link::skipped(Name::Clock, "needs an answer of Octo STS or GitHub, or the token"),
            };
        };
        let who: Vec<&str> = self.witnesses.iter().map(|witness| witness.who).collect();
        let who = if who.is_empty() { worst.who.to_owned() } else { who.join(" and ") };
        if worst.ahead.abs() <= FINE && from_the_future.is_none() {
            return Link::ok(Name::Clock, format!("within {FINE} s of {who}"));
        }
        if let Some(issued) = from_the_future
            && worst.ahead.abs() <= FINE
            && !self.witnesses.is_empty()
        {
            let found =
                format!("this clock agrees with {who}, and the token is from {} s ahead", issued.ahead);
            let link = if issued.ahead > BROKEN { Link::wrong } else { Link::doubtful };
            return link(Name::Clock, found)
                .why("by its `iat` or `nbf` the token is not valid yet: its issuer's clock is fast, or it is for later")
                .mend("use a token of the cloud's own identity, or wait until this one is valid");
        }
        if disagree {
            let far: Vec<String> = self
                .witnesses
                .iter()
                .map(|witness| format!("{} by {} s", witness.who, witness.ahead))
                .collect();
            return Link::doubtful(
                Name::Clock,
                format!("others are ahead of this clock: {}", far.join(", ")),
            )
            .why("they do not agree with one another")
            .mend("look at what stands between this machine and the one that is far off");
        }
        let worst = from_the_future.filter(|issued| issued.ahead > worst.ahead.abs()).unwrap_or(worst);
        let way = if worst.ahead > 0 { "behind" } else { "ahead of" };
        let found = format!("this clock is {} s {way} that of {}", worst.ahead.abs(), worst.who);
        let why = "signatures and tokens are judged by their times: AWS allows 300 s, Octo STS none after a token's end";
        let mend =
            "set this machine's clock by NTP, as with `timedatectl set-ntp true`; in a container, its host's";
        if worst.ahead.abs() > BROKEN {
            Link::wrong(Name::Clock, found).why(why).mend(mend)
        } else {
            Link::doubtful(Name::Clock, found).why(why).mend(mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::State;
    use super::*;

    fn claims(iat: i64) -> Claims {
        let iat = Timestamp::now().as_second() + iat;
        Claims::new(json!({ "iat": iat }).as_object().unwrap().clone())
    }

    fn clock(ahead: &[i64]) -> Clock {
        Clock::new(ahead.iter().map(|&ahead| Witness { who: "GitHub", ahead }))
    }

    #[test]
    fn a_skew_is_fine_doubtful_or_wrong() {
        for (ahead, iat, state) in [
            (&[0, 2][..], Some(0), State::Ok),
            (&[-59], Some(-4000), State::Ok),
            (&[61], Some(0), State::Doubtful),
            (&[-299, -299], None, State::Doubtful),
            (&[301, 303], None, State::Wrong),
            (&[-7200, -7200], Some(-7200), State::Wrong),
            (&[7200, 0], None, State::Doubtful),
            (&[0], Some(100), State::Doubtful),
            (&[0], Some(400), State::Wrong),
            (&[], Some(400), State::Wrong),
            (&[], Some(0), State::Ok),
            (&[], None, State::Skipped),
        ] {
            let link = clock(ahead).link(iat.map(claims).as_ref());
            assert_eq!(link.state, state, "{ahead:?} {iat:?}: {link:?}");
        }
        let link = clock(&[7200]).link(None);
        assert!(link.found.contains("7200 s behind that of GitHub"), "{link:?}");
        let link = clock(&[0]).link(Some(&claims(400)));
        assert!(
            link.found.contains("agrees with GitHub") && link.mend.unwrap().contains("token"),
            "{}",
            link.found
        );
        let link = clock(&[]).link(Some(&claims(400)));
        assert!(link.found.contains("400 s behind that of the token's issuer"), "{link:?}");
    }

    #[test]
    fn a_date_is_read_from_the_header() {
        let headers = |date: &str| HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
        let then = Witness::of("x", &headers("Tue, 15 Nov 1994 08:12:31 GMT")).unwrap();
        assert!(then.ahead < -900_000_000, "{then:?}");
        for none in ["", "yesterday"] {
            assert!(Witness::of("x", &headers(none)).is_none());
        }
        assert!(Witness::of("x", &HeaderMap::new()).is_none());
    }
}
