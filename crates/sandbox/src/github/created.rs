//! A range of time in GitHub's search syntax, as lists of runs take it in `created`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// From the first bound up to, and not including, the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Created {
    from: Timestamp,
    until: Timestamp,
}

impl Created {
    /// Reads `T`, `>T`, `>=T`, `<T`, `<=T` and `T..T`, where either side may be `*` and `T` is a date or a timestamp.
    /// A date is the whole day, UTC.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = Self { from: Timestamp::MIN, until: Timestamp::MAX };
        if let Some((from, until)) = text.split_once("..") {
            let from = if from == "*" { all.from } else { moment(from)?.from };
            let until = if until == "*" { all.until } else { moment(until)?.until };
            return Some(Self { from, until });
        }
        if let Some(rest) = text.strip_prefix(">=") {
            return Some(Self { from: moment(rest)?.from, ..all });
        }
        if let Some(rest) = text.strip_prefix("<=") {
            return Some(Self { until: moment(rest)?.until, ..all });
        }
        if let Some(rest) = text.strip_prefix('>') {
            return Some(Self { from: moment(rest)?.until, ..all });
        }
        if let Some(rest) = text.strip_prefix('<') {
            return Some(Self { until: moment(rest)?.from, ..all });
        }
        moment(text)
    }

    pub(crate) fn includes(self, time: Timestamp) -> bool {
        self.from <= time && time < self.until
    }
}

/// The second or the day that is named.
fn moment(text: &str) -> Option<Created> {
    if let Ok(from) = text.parse::<Timestamp>() {
        return Some(Created { from, until: from.checked_add(SignedDuration::from_secs(1)).ok()? });
    }
    let day: Date = text.parse().ok()?;
    let start = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    Some(Created { from: start(day)?, until: start(day.tomorrow().ok()?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_includes_what_it_says() {
        let (before, at, after) = ("2026-11-20T08:59:59Z", "2026-11-20T09:00:00Z", "2026-11-20T09:00:01Z");
        let (yesterday, tomorrow) = ("2026-11-19T23:59:59Z", "2026-11-21T00:00:00Z");
        for (text, included) in [
            (">=2026-11-20T09:00:00Z", vec![at, after, tomorrow]),
            (">2026-11-20T09:00:00Z", vec![after, tomorrow]),
            ("<=2026-11-20T09:00:00Z", vec![yesterday, before, at]),
            ("<2026-11-20T09:00:00+00:00", vec![yesterday, before]),
            ("2026-11-20T09:00:00Z", vec![at]),
            ("2026-11-20", vec![before, at, after]),
            (">2026-11-20", vec![tomorrow]),
            ("<2026-11-20", vec![yesterday]),
            ("2026-11-19..2026-11-20", vec![yesterday, before, at, after]),
            ("2026-11-20T09:00:00Z..*", vec![at, after, tomorrow]),
            ("*..2026-11-20T09:00:00Z", vec![yesterday, before, at]),
        ] {
            let range = Created::parse(text).unwrap();
            let all = [yesterday, before, at, after, tomorrow];
            let found: Vec<_> =
                all.into_iter().filter(|time| range.includes(time.parse().unwrap())).collect();
            assert_eq!(found, included, "{text}");
        }
        for wrong in ["", "yesterday", ">", "..", "2026-11-20..", "2026-13-01"] {
            assert_eq!(Created::parse(wrong), None, "{wrong}");
        }
    }
}
