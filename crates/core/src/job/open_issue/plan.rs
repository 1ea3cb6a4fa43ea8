//! What to do with the one issue that is there. No I/O.

use super::Wanted;
use super::marker::{self, Marker, title_hash};
use crate::config::OnRepeat;
use crate::github::{Issue, IssuePatch, IssueState, StateReason};
use crate::job::situation::latest;
use crate::report::Status;

/// What to do with the one issue that is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Nothing(Status),
    Write(Change),
}

/// What is to be written: the comment first, because a patch ends the event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) status: Status,
    /// A comment to make once.
    pub(super) comment: Option<String>,
    /// Whether labels are merged.
    pub(super) labels: bool,
    pub(super) patch: IssuePatch,
}

/// The same event again changes nothing, and an older one is ignored.
pub(super) fn plan(issue: &Issue, marker: &Marker, wanted: &Wanted<'_>) -> Plan {
    if marker.id == wanted.event {
        return Plan::Nothing(Status::Unchanged);
    }
    if wanted.is_older_than(marker.at) {
        return Plan::Nothing(Status::Ignored);
    }
    let status = match (issue.state, wanted.state) {
        (IssueState::Open, IssueState::Open) => match wanted.on_repeat {
            OnRepeat::Update | OnRepeat::Comment => Status::Updated,
            OnRepeat::Nothing => Status::Unchanged,
        },
        (IssueState::Open, IssueState::Closed) => Status::Closed,
        // A person has said that this is not wanted.
        (IssueState::Closed, state) if issue.state_reason == Some(StateReason::NotPlanned) => {
            return Plan::Nothing(match state {
                IssueState::Open => Status::Ignored,
                IssueState::Closed => Status::Unchanged,
            });
        }
        // Only the marker moves on: an older event that comes later must not open it again.
        (IssueState::Closed, IssueState::Closed) => Status::Unchanged,
        (IssueState::Closed, IssueState::Open) => Status::Reopened,
    };
    // What is opened again is about something new; else only `update` touches what the issue says.
    let rewrites = match (issue.state, wanted.state) {
        (IssueState::Closed, IssueState::Open) => true,
        (IssueState::Closed, IssueState::Closed) => false,
        (IssueState::Open, _) => wanted.on_repeat == OnRepeat::Update,
    };
    let body = issue.body.as_deref().unwrap_or_default();
    let (title, next) = retitle(issue, marker, wanted, rewrites);
    let body =
        if rewrites { marker::compose(body, &wanted.content, &next) } else { marker::advance(body, &next) };
    let state_reason = match status {
        Status::Closed => Some(StateReason::Completed),
        Status::Reopened => Some(StateReason::Reopened),
        _ if wanted.state == IssueState::Closed => {
            issue.state_reason.filter(|reason| *reason != StateReason::Other)
        }
        _ => None,
    };
    Plan::Write(Change {
        status,
        comment: match status {
            Status::Updated if wanted.on_repeat == OnRepeat::Comment => wanted.comment.clone(),
            Status::Closed => wanted.comment.clone(),
            _ => None,
        },
        labels: rewrites,
        patch: IssuePatch {
            title,
            body: Some(body),
            // Also where it is open already: another delivery may have closed it since it was listed.
            state: Some(wanted.state),
            state_reason,
        },
    })
}

/// The title to set, if it is another one and still ours to set; and the marker that remembers it.
fn retitle(issue: &Issue, marker: &Marker, wanted: &Wanted<'_>, rewrites: bool) -> (Option<String>, Marker) {
    let is_ours = marker.title.as_ref().is_none_or(|hash| *hash == title_hash(&issue.title));
    let next = wanted.marker();
    if rewrites && is_ours {
        return ((issue.title != wanted.title).then(|| wanted.title.clone()), next);
    }
    (None, Marker { title: marker.title.clone(), ..next })
}

impl Wanted<'_> {
    pub(super) fn marker(&self) -> Marker {
        Marker {
            key: self.fingerprint.to_owned(),
            at: self.at,
            id: self.event.clone(),
            title: Some(title_hash(&self.title)),
        }
    }

    /// Whether a newer event, of `at`, is known. A time that cannot be true makes no event look old.
    pub(super) fn is_older_than(&self, at: jiff::Timestamp) -> bool {
        self.at < at && at <= latest()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(state: IssueState, at: &str, event: &str) -> Wanted<'static> {
        Wanted {
            fingerprint: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            state,
            title: "t".into(),
            content: "c".into(),
            comment: Some("again".into()),
            on_repeat: OnRepeat::Update,
            labels: vec!["gatepass:j".into(), "Alarm".into()],
            assignees: Vec::new(),
            milestone: None,
            kind: None,
            at: at.parse().unwrap(),
            event: event.into(),
        }
    }

    const EARLY: &str = "2026-11-20T09:00:00Z";
    const LATE: &str = "2026-11-20T10:00:00Z";
    const FIRST: &str = "1111111111111111";
    const SECOND: &str = "2222222222222222";

    fn issue(state: &str, reason: Option<&str>, title: &str, marker: &Marker) -> Issue {
        let body = marker::compose("", "old", marker);
        let issue = json!({
            "number": 7, "html_url": "u", "title": title, "body": body, "state": state, "state_reason": reason,
            "user": {"login": "octo-sts[bot]"}, "labels": [{"name": "gatepass:j"}, {"name": "alarm"}, {"name": "p1"}],
        });
        serde_json::from_value(issue).unwrap()
    }

    fn shown() -> Marker {
        wanted(IssueState::Open, EARLY, FIRST).marker()
    }

    fn change(issue: &Issue, marker: &Marker, wanted: &Wanted<'_>) -> Change {
        match plan(issue, marker, wanted) {
            Plan::Write(change) => change,
            Plan::Nothing(status) => panic!("nothing: {status:?}"),
        }
    }

    #[test]
    fn each_state_has_its_plan() {
        use IssueState::{Closed, Open};
        let table = [
            ("open", None, Open, LATE, SECOND, Status::Updated, true),
            ("open", None, Closed, LATE, SECOND, Status::Closed, true),
            ("closed", Some("completed"), Open, LATE, SECOND, Status::Reopened, true),
            ("closed", None, Open, LATE, SECOND, Status::Reopened, true),
            ("closed", Some("not_planned"), Open, LATE, SECOND, Status::Ignored, false),
            ("closed", Some("completed"), Closed, LATE, SECOND, Status::Unchanged, true),
            ("closed", Some("not_planned"), Closed, LATE, SECOND, Status::Unchanged, false),
            ("open", None, Open, EARLY, FIRST, Status::Unchanged, false),
            ("open", None, Closed, "2026-11-20T08:00:00Z", SECOND, Status::Ignored, false),
            ("open", None, Open, EARLY, SECOND, Status::Updated, true),
        ];
        for (state, reason, want, at, event, status, writes) in table {
            let plan = plan(&issue(state, reason, "t", &shown()), &shown(), &wanted(want, at, event));
            let (found, found_writes) = match &plan {
                Plan::Nothing(status) => (*status, false),
                Plan::Write(change) => (change.status, true),
            };
            assert_eq!((found, found_writes), (status, writes), "{state} {reason:?} {want:?} {at}");
        }
    }

    #[test]
    fn a_repeat_does_what_the_file_says_and_an_opening_or_closing_its_own() {
        use IssueState::{Closed, Open};
        use OnRepeat::{Comment, Nothing, Update};
        // Status, whether there is a comment, and whether what the issue says is rewritten.
        let table = [
            ("open", Open, Update, Status::Updated, false, true),
            ("open", Open, Comment, Status::Updated, true, false),
            ("open", Open, Nothing, Status::Unchanged, false, false),
            ("open", Closed, Update, Status::Closed, true, true),
            ("open", Closed, Comment, Status::Closed, true, false),
            ("open", Closed, Nothing, Status::Closed, true, false),
            ("closed", Open, Update, Status::Reopened, false, true),
            ("closed", Open, Comment, Status::Reopened, false, true),
            ("closed", Open, Nothing, Status::Reopened, false, true),
            ("closed", Closed, Update, Status::Unchanged, false, false),
            ("closed", Closed, Comment, Status::Unchanged, false, false),
        ];
        for (state, want, on_repeat, status, comments, rewrites) in table {
            let next = Wanted { on_repeat, title: "new".into(), ..wanted(want, LATE, SECOND) };
            let change = change(&issue(state, None, "t", &shown()), &shown(), &next);
            assert_eq!((change.status, change.comment.is_some()), (status, comments), "{state} {next:?}");
            let body = change.patch.body.unwrap();
            assert_eq!((change.labels, body.contains("\nc\n")), (rewrites, rewrites), "{state} {next:?}");
            assert_eq!(body.contains("\nold\n"), !rewrites, "{state} {next:?}");
            assert_eq!(change.patch.title.is_some(), rewrites, "{state} {next:?}");
            assert_eq!(Marker::find(&body, next.fingerprint).unwrap().id, SECOND, "it moves on always");
            assert_eq!(change.patch.state, Some(want));
        }
    }

    #[test]
    fn only_what_differs_is_sent_but_for_the_state() {
        let mut next = wanted(IssueState::Open, LATE, SECOND);
        let patch = change(&issue("open", None, "t", &shown()), &shown(), &next).patch;
        assert_eq!((patch.title, patch.state, patch.state_reason), (None, Some(IssueState::Open), None));
        next.title = "other".into();
        let patch = change(&issue("open", None, "t", &shown()), &shown(), &next).patch;
        assert_eq!(patch.title.as_deref(), Some("other"));
    }

    #[test]
    fn a_title_that_a_person_wrote_stays_until_they_bring_ours_back() {
        let ours = title_hash("t");
        let old = Marker { title: None, ..shown() };
        // The title that is there, the marker, the title to set, and what the next marker remembers.
        let table = [
            ("t", shown(), Some("new"), title_hash("new")),
            ("mine", shown(), None, ours.clone()),
            ("new", shown(), None, ours),
            ("t", old.clone(), Some("new"), title_hash("new")),
            ("mine", old.clone(), Some("new"), title_hash("new")),
            ("new", old, None, title_hash("new")),
        ];
        for (title, marker, set, remembered) in table {
            let next = Wanted { title: "new".into(), ..wanted(IssueState::Open, LATE, SECOND) };
            let patch = change(&issue("open", None, title, &marker), &marker, &next).patch;
            assert_eq!(patch.title.as_deref(), set, "{title}");
            let body = patch.body.unwrap();
            assert_eq!(Marker::find(&body, next.fingerprint).unwrap().title, Some(remembered), "{title}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_true_makes_no_event_look_old() {
        let shown = wanted(IssueState::Open, "9999-01-01T00:00:00Z", FIRST).marker();
        let issue = issue("open", None, "t", &shown);
        let next = wanted(IssueState::Closed, LATE, SECOND);
        assert_eq!(change(&issue, &shown, &next).status, Status::Closed);
    }
}
