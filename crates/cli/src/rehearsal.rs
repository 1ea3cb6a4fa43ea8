//! What `gatepass check` tells of a job that was tried with an event.

use gatepass_core::config::Loaded;
use gatepass_core::job::{Draft, Job, Rehearsal};
use gatepass_yaml::{Path, Problem};

use crate::terminal::{FAINT, PLACE, Stream, clean, count, shorten};

/// How much of a body is shown.
const BODY_LINES: usize = 6;
/// The most characters of a line.
const WIDTH: usize = 96;

/// Tells what a job would do.
pub(crate) fn tell(out: Stream, sample: &str, rehearsal: &Rehearsal, unread: &str) {
    let on = out.paint(PLACE, &clean(sample));
    let does = |what: &str| out.line(&format!("  {on}: {what}{}", out.paint(FAINT, unread)));
    let fields = match rehearsal {
        Rehearsal::Ignored => return out.line(&format!("  {on}: ignored, because its `if` does not hold\n")),
        Rehearsal::Read(repository) => return out.line(&format!("  {on}: reads {repository}\n")),
        Rehearsal::Issue(draft) => {
            does(&format!("one issue in {}", draft.repository));
            issue(draft)
        }
        Rehearsal::Comment { repository, issue, body } => {
            does(&format!("comments on {repository}#{issue}"));
            text("body", body)
        }
        Rehearsal::Workflow { repository, workflow, reference, inputs } => {
            does(&format!("runs {workflow} of {repository} on {reference}"));
            inputs.iter().map(|(name, value)| (name.as_str(), line(value))).collect()
        }
        Rehearsal::Event { repository, event_type, payload } => {
            does(&format!("raises {} in {repository}", line(event_type)));
            vec![("payload", line(payload))]
        }
        Rehearsal::Custom { repository, action } => {
            does(&format!("calls the custom action {action} for {repository}"));
            Vec::new()
        }
    };
    for (name, text) in fields {
        let line = format!("    {} {text}", out.paint(FAINT, &format!("{name:<7}")));
        out.line(line.trim_end());
    }
    out.line("");
}

fn line(text: &str) -> String {
    shorten(&clean(text), WIDTH)
}

fn issue(draft: &Draft) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("key", line(&draft.key.join(" · "))),
        ("state", draft.state.name().to_owned()),
        ("title", line(&draft.title)),
        ("labels", line(&draft.labels.join(", "))),
    ];
    if !draft.assignees.is_empty() {
        fields.push(("assign", line(&draft.assignees.join(", "))));
    }
    fields.extend(text("body", &draft.body));
    if let Some(comment) = &draft.comment {
        fields.extend(text("comment", comment));
    }
    fields
}

/// The first lines of a text, and how many more there are.
fn text<'a>(name: &'a str, text: &str) -> Vec<(&'a str, String)> {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let mut fields = Vec::new();
    for (index, text) in lines.iter().take(BODY_LINES).enumerate() {
        fields.push((if index == 0 { name } else { "" }, line(text)));
    }
    match lines.len() {
        0 => fields.push((name, "(empty)".to_owned())),
        n if n > BODY_LINES => fields.push(("", format!("… {}", count(n - BODY_LINES, "more line")))),
        _ => {}
    }
    fields
}

/// Where the template stands that a failure is about: its message begins with the path.
pub(crate) fn located(file: &Loaded, job: &Job, message: &str) -> Problem {
    let place = Path::root().key("jobs").key(job.name().as_str());
    let found = templates(file, job, &place).into_iter().find_map(|path| {
        let rest = message.strip_prefix(&path.to_string())?.strip_prefix(": ")?.to_owned();
        Some((path, rest))
    });
    let (path, message) = found.unwrap_or_else(|| (place, message.to_owned()));
    file.problem(
        path,
        message,
        "correct the template; if real events are different, give one with --event FILE",
    )
}

/// Where templates of the job stand, or may stand.
fn templates(file: &Loaded, job: &Job, place: &Path) -> Vec<Path> {
    let mut places = vec![place.key("if"), place.key("repository")];
    let Some(job) = file.config.jobs.get(job.name()) else { return places };
    let mut within = |action: &str, fields: &[&str]| {
        let action = place.key(action);
        places.extend(fields.iter().map(|name| action.key(*name)));
    };
    within("open_issue", &["state", "title", "body", "repeat_comment", "closing_comment"]);
    within("comment", &["issue", "body"]);
    within("dispatch_repository", &["event_type"]);
    if let Some(action) = &job.open_issue {
        let open_issue = place.key("open_issue");
        places.extend((0..action.key.len()).map(|index| open_issue.key("key").index(index)));
        places.extend((0..action.labels.len()).map(|index| open_issue.key("labels").index(index)));
        places.extend((0..action.assignees.len()).map(|index| open_issue.key("assignees").index(index)));
    }
    if let Some(action) = &job.dispatch_workflow {
        let inputs = place.key("dispatch_workflow").key("inputs");
        places.extend(action.inputs.keys().flat_map(|name| input(&inputs.key(name.as_str()))));
    }
    if let Some(action) = &job.dispatch_repository {
        let payload = place.key("dispatch_repository").key("payload");
        places.extend(action.payload.keys().flat_map(|name| input(&payload.key(name.as_str()))));
    }
    places
}

/// Where a value for a workflow may stand.
fn input(place: &Path) -> [Path; 2] {
    [place.key("value"), place.clone()]
}

/// Says what is empty here, because nothing is read.
pub(crate) fn unread(file: &Loaded, job: &Job) -> String {
    let reads = file.config.jobs.get(job.name()).map(|job| job.read.keys().map(|name| name.as_str()));
    let names: Vec<&str> = reads.into_iter().flatten().collect();
    if names.is_empty() { String::new() } else { format!(" ({} is empty here)", names.join(", ")) }
}
