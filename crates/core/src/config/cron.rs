//! When: five fields, and the same in the words of each cloud's scheduler.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::Platform;

/// A cron expression: minute, hour, day of month, month, day of week. Where both days say something, either of them is enough.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cron {
    text: String,
    minutes: Times,
    hours: Times,
    days: Times,
    months: Times,
    /// From 0, which is Sunday.
    weekdays: Times,
}

/// What one field says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Times {
    values: BTreeSet<u8>,
    /// Whether it leaves nothing out.
    all: bool,
    /// Whether it is written with a star.
    star: bool,
}

/// How a field is written.
struct Field {
    name: &'static str,
    low: u8,
    high: u8,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", low: 0, high: 59, names: &[] };
const HOUR: Field = Field { name: "hour", low: 0, high: 23, names: &[] };
const DAY: Field = Field { name: "day of month", low: 1, high: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Field = Field { name: "day of week", low: 0, high: 7, names: &WEEKDAYS };

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// How many days each month has at the most.
const LENGTHS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Cron {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same in the words of a cloud's scheduler: EventBridge Scheduler's `cron(…)`, Cloud Scheduler's unix-cron, the NCRONTAB of
    /// Azure's timers. Every value is written out: steps are not taken alike.
    ///
    /// Sources: EventBridge User Guide, "Cron expressions reference"; Cloud Scheduler, "Cron job format"; Azure Functions,
    /// "Timer trigger", "NCRONTAB expressions", and the library NCrontab, where all fields must fit.
    ///
    /// # Errors
    /// When that scheduler cannot say it, with the way out.
    pub fn on(&self, platform: Platform) -> Result<String, String> {
        let either = !self.days.all && !self.weekdays.all;
        let (minutes, hours, months) = (self.minutes.list(), self.hours.list(), self.months.list());
        let (days, weekdays) = (self.days.list(), self.weekdays.list());
        const TWO: &str = "write two schedules, one with each";
        match platform {
            Platform::Aws if either => {
                Err(format!("EventBridge Scheduler takes a day of month or a day of week, not both: {TWO}"))
            }
            Platform::Aws if self.weekdays.all => Ok(format!("cron({minutes} {hours} {days} {months} ? *)")),
            Platform::Aws => {
                Ok(format!("cron({minutes} {hours} ? {months} {} *)", self.weekdays.list_by(weekday)))
            }
            Platform::Gcp if either && (self.days.star || self.weekdays.star) => Err(format!(
                "schedulers differ about a `*/n` in one kind of day beside the other kind: write the days out, or {TWO}"
            )),
            Platform::Gcp => Ok(format!("{minutes} {hours} {days} {months} {weekdays}")),
            Platform::Azure if either => {
                Err(format!("a timer of Azure Functions waits until both kinds of day fit: {TWO}"))
            }
            Platform::Azure => Ok(format!("0 {minutes} {hours} {days} {months} {weekdays}")),
        }
    }
}

fn weekday(number: u8) -> String {
    WEEKDAYS.get(usize::from(number)).map(|name| name.to_ascii_uppercase()).unwrap_or_default()
}

impl Times {
    fn read(text: &str, field: &Field) -> Option<Self> {
        let mut values = BTreeSet::new();
        for range in text.split(',') {
            values.extend(field.range(range)?);
        }
        // Sunday is 0 and 7.
        if field.high == WEEKDAY.high && values.remove(&WEEKDAY.high) {
            values.insert(0);
        }
        let last = if field.high == WEEKDAY.high { WEEKDAY.high - 1 } else { field.high };
        let all = (field.low..=last).all(|value| values.contains(&value));
        Some(Self { values, all, star: text.starts_with('*') })
    }

    fn list(&self) -> String {
        self.list_by(|value| value.to_string())
    }

    /// `*`, or values and ranges.
    fn list_by(&self, name: impl Fn(u8) -> String) -> String {
        if self.all {
            return "*".to_owned();
        }
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for &value in &self.values {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == value => *last = value,
                _ => runs.push((value, value)),
            }
        }
        let shown: Vec<String> = runs
            .into_iter()
            .flat_map(|(first, last)| match last - first {
                0 => vec![name(first)],
                1 => vec![name(first), name(last)],
                _ => vec![format!("{}-{}", name(first), name(last))],
            })
            .collect();
        shown.join(",")
    }
}

impl Field {
    /// `*` or `a-b`, each perhaps with `/n`, or `a`.
    fn range(&self, text: &str) -> Option<impl Iterator<Item = u8> + use<>> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|n| (1..=self.high.max(1)).contains(n))?),
            None => (text, 1_u8),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (self.low, self.high),
            (_, Some((from, to))) => (self.value(from)?, self.value(to)?),
            (one, None) if text == range => (self.value(one)?, self.value(one)?),
            _ => return None,
        };
        (from <= to).then(|| (from..=to).step_by(usize::from(step)))
    }

    fn value(&self, text: &str) -> Option<u8> {
        let named = self.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        if let Some(at) = named {
            return u8::try_from(at).ok()?.checked_add(self.low);
        }
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|value| digits && (self.low..=self.high).contains(value))
    }
}

impl TryFrom<String> for Cron {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let &[minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(format!(
                "a cron expression has five fields (minute, hour, day of month, month, day of week), this one has {}",
                parts.len()
            ));
        };
        let read = |part: &str, field: &Field| {
            Times::read(part, field).ok_or_else(|| {
                let Field { name, low, high, .. } = field;
                format!("`{part}` is no {name}: write {low} to {high}, *, a-b, */n or a list of them")
            })
        };
        let (minutes, hours) = (read(minute, &MINUTE)?, read(hour, &HOUR)?);
        let (days, months) = (read(day, &DAY)?, read(month, &MONTH)?);
        let weekdays = read(weekday, &WEEKDAY)?;
        let first = days.values.first().copied().unwrap_or(DAY.low);
        let comes = |month: &u8| LENGTHS.get(usize::from(*month) - 1).is_some_and(|length| first <= *length);
        if weekdays.all && !months.values.iter().any(comes) {
            return Err(format!("there is no day {day} in month {month}: this never comes"));
        }
        Ok(Self { text: parts.join(" "), minutes, hours, days, months, weekdays })
    }
}

impl JsonSchema for Cron {
    fn schema_name() -> Cow<'static, str> {
        "Cron".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Result<Cron, String> {
        text.to_owned().try_into()
    }

    #[test]
    fn reads_five_fields_and_nothing_else() {
        for good in [
            "0 2 * * *",
            "*/15 0-6 1,15 jan-MAR mon-fri",
            "59 23 31 12 7",
            "0 9-17/2 * * *",
            "0 0 29 2 *",
            "0 0 30 2 mon",
        ] {
            assert_eq!(cron(good).unwrap().as_str(), good);
        }
        for (bad, words) in [
            ("", "has 0"),
            ("* * * *", "has 4"),
            ("* * * * * *", "has 6"),
            ("60 * * * *", "no minute"),
            ("* 24 * * *", "no hour"),
            ("* * 0 * *", "no day of month"),
            ("* * * 13 *", "no month"),
            ("* * * * 8", "no day of week"),
            ("@daily", "has 1"),
            ("5/10 * * * *", "no minute"),
            ("9-1 * * * *", "no minute"),
            ("*/0 * * * *", "no minute"),
            ("007 * * * *", "no minute"),
            ("+5 * * * *", "no minute"),
            ("1, * * * *", "no minute"),
            ("0 0 30 2 *", "never comes"),
            ("0 0 31 2,4,6,9,11 *", "never comes"),
        ] {
            let error = cron(bad).unwrap_err();
            assert!(error.contains(words), "{bad}: {error}");
        }
    }

    #[test]
    fn says_the_same_in_the_words_of_each_cloud() {
        for (text, aws, gcp, azure) in [
            ("0 2 * * *", "cron(0 2 * * ? *)", "0 2 * * *", "0 0 2 * * *"),
            ("*/15 * * * *", "cron(0,15,30,45 * * * ? *)", "0,15,30,45 * * * *", "0 0,15,30,45 * * * *"),
            (
                "0 9-17/2 * * mon-fri",
                "cron(0 9,11,13,15,17 ? * MON-FRI *)",
                "0 9,11,13,15,17 * * 1-5",
                "0 0 9,11,13,15,17 * * 1-5",
            ),
            ("30 6 1 jan,jul *", "cron(30 6 1 1,7 ? *)", "30 6 1 1,7 *", "0 30 6 1 1,7 *"),
            ("0 0 * * 7", "cron(0 0 ? * SUN *)", "0 0 * * 0", "0 0 0 * * 0"),
            ("0 0 * * 5-7", "cron(0 0 ? * SUN,FRI,SAT *)", "0 0 * * 0,5,6", "0 0 0 * * 0,5,6"),
            ("0 0 * * 0-7", "cron(0 0 * * ? *)", "0 0 * * *", "0 0 0 * * *"),
            ("0 0 1-31 * mon", "cron(0 0 ? * MON *)", "0 0 * * 1", "0 0 0 * * 1"),
            ("0-59 0 */10 * *", "cron(* 0 1,11,21,31 * ? *)", "* 0 1,11,21,31 * *", "0 * 0 1,11,21,31 * *"),
        ] {
            let cron = cron(text).unwrap();
            for (platform, expected) in [(Platform::Aws, aws), (Platform::Gcp, gcp), (Platform::Azure, azure)]
            {
                assert_eq!(cron.on(platform).as_deref(), Ok(expected), "{text}");
            }
        }
    }

    #[test]
    fn says_what_a_cloud_cannot_say() {
        let both = cron("0 0 13 * fri").unwrap();
        assert_eq!(both.on(Platform::Gcp).as_deref(), Ok("0 0 13 * 5"));
        let steps = cron("0 0 */2 * fri").unwrap();
        for (cron, platform) in [
            (&both, Platform::Aws),
            (&both, Platform::Azure),
            (&steps, Platform::Aws),
            (&steps, Platform::Gcp),
            (&steps, Platform::Azure),
        ] {
            assert!(cron.on(platform).unwrap_err().contains("write two schedules"), "{cron:?}");
        }
    }
}
