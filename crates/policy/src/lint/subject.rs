//! The subject of a policy: whether a token of its issuer can have it.

use super::look::{Look, Says};
use super::{Code, sample, shape};
use crate::issuers::Issuer;
use crate::names::RunSubject;
use crate::show::shown;
use crate::{Spot, format};

/// Looks at `subject`, or at a `subject_pattern` that is plain text.
pub(super) fn check(look: &mut Look<'_>) {
    let spot = look.sound("subject").or_else(|| look.sound("subject_pattern"));
    let Some(spot) = spot else { return };
    if let Some(subject) = look.literal(spot) {
        form(look, spot, &subject);
    } else if let Some((issuer, ways)) =
        look.issuer.zip(look.pattern(spot).and_then(|pattern| sample::literals(&pattern)))
        && !spot.text.contains("(?i")
        && ways.iter().all(|way| is_foreign(issuer, way))
    {
        let (name, expected) = (issuer.name(), issuer.subject_form());
        look.at_value(
            Code::SubjectForm,
            spot,
            Says {
                message: format!("no subject of {name} matches this: it is {expected}"),
                help: format!("write {expected}"),
                why: NEVER,
            },
        );
    }
}

/// Whether the plain parts of a pattern alone keep every subject of the issuer out.
fn is_foreign(issuer: Issuer, way: &[Option<String>]) -> bool {
    let any = |foreign: fn(char) -> bool| way.iter().flatten().any(|text| text.contains(foreign));
    let start = way.first().and_then(Option::as_deref).unwrap_or_default();
    let starts_otherwise = |prefix: &str| !prefix.starts_with(start) && !start.starts_with(prefix);
    match issuer {
        Issuer::Google => any(|c| !c.is_ascii_digit()),
        Issuer::EntraV1 | Issuer::EntraV2 => any(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')),
        Issuer::Aws => start.starts_with("arn:aws:sts:") || starts_otherwise("arn:aws"),
        Issuer::Eks | Issuer::Gke | Issuer::Aks => starts_otherwise("system:serviceaccount:"),
        Issuer::GitLab => starts_otherwise("project_path:"),
        Issuer::CircleCi => starts_otherwise("org/"),
        Issuer::Terraform => starts_otherwise("organization:"),
        // Their owners can choose other subjects.
        Issuer::GitHub | Issuer::GitHubServer | Issuer::Buildkite => false,
    }
}

const NEVER: &str = "No token of this issuer has such a subject: Octo STS answers 403 `trust policy: subject … did not match …`.";

fn form(look: &mut Look<'_>, spot: &Spot, subject: &str) {
    let name = look.issuer.map_or("the issuer", Issuer::name);
    let problem = look.issuer.and_then(|issuer| issuer.subject_problem(subject));
    if let Some(problem) = problem {
        let help = match &problem.meant {
            Some(meant) => format!("write `{}`", shape::line("subject", meant)),
            None => format!("write {}", problem.expected),
        };
        look.at_value(
            Code::SubjectForm,
            spot,
            Says {
                message: format!("{name} gives no such subject: `{}` {}", shown(subject), problem.what),
                help,
                why: NEVER,
            },
        );
    } else if let Err(violation) = format::subject(subject) {
        look.at_value(
            Code::ImpossibleSubject,
            spot,
            Says {
                message: format!("the subject {violation}"),
                help: "write the token's `sub` as it stands there".to_owned(),
                why: "Octo STS refuses tokens with such a subject with 400 `invalid subject in token`, whatever the policy says.",
            },
        );
    }
}

/// Looks for GitHub's subjects without ids, if there is nothing worse to say of the subject.
///
/// Repositories that were created, renamed or transferred since 2026-07-15 have the ids in their subjects.
pub(super) fn old_form(look: &mut Look<'_>) {
    if look.issuer != Some(Issuer::GitHub) {
        return;
    }
    let spot = look.sound("subject").or_else(|| look.sound("subject_pattern"));
    // Whoever has to write the subject anew for another reason is told that reason alone.
    let Some(spot) = spot.filter(|spot| !look.is_marked(&spot.path)) else { return };
    let pattern = look.pattern(spot);
    let subjects = match &pattern {
        Some(pattern) => sample::plain(pattern),
        None => vec![spot.text.clone()],
    };
    let admits = |subject: &str| match &pattern {
        Some(pattern) => sample::admits(pattern, subject),
        None => spot.name == "subject" && subject == spot.text,
    };
    // Of the same repository, with any ids or with its own.
    let has_new_form = |owner: &str, name: &str, rest: &str| {
        let also = subjects.iter().any(|subject| {
            let run = RunSubject::parse(subject);
            let same = run.filter(|run| run.ids.is_some() && (run.owner, run.name) == (owner, name));
            same.is_some() && admits(subject)
        });
        also || admits(&format!("repo:{owner}@1/{name}@1{rest}"))
    };
    let Some((owner, name, rest)) = subjects.iter().find_map(|subject| {
        let parts = old_parts(subject)?;
        let (owner, name, rest) = parts;
        (admits(subject) && !has_new_form(owner, name, rest)).then_some(parts)
    }) else {
        return;
    };
    let both = |written: &str| {
        let ids = format!("repo:{}(@[0-9]+)?/{}(@[0-9]+)?:", shape::escaped(owner), shape::escaped(name));
        written.replacen(&format!("repo:{owner}/{name}:"), &ids, 1)
    };
    let help = match spot.name.as_str() {
        "subject" => format!(
            "write `subject: repo:{owner}@<owner's id>/{name}@<repository's id>{rest}` with the ids that `gh api repos/{owner}/{name} \
             --jq '.owner.id, .id'` gives; or, for both forms, `{}`",
            shape::line(
                "subject_pattern",
                &both(&format!("repo:{owner}/{name}:{}", shape::escaped(rest.trim_start_matches(':'))))
            )
        ),
        _ if both(&spot.text) != spot.text => {
            format!(
                "write the ids, or, for both forms, `{}`",
                shape::line("subject_pattern", &both(&spot.text))
            )
        }
        _ => "put `(@[0-9]+)?` after the owner and after the repository, for both forms".to_owned(),
    };
    look.at_value(
        Code::OldGitHubSubject,
        spot,
        Says {
            message: format!("`repo:{owner}/{name}` is the old form of GitHub's subjects, without ids"),
            help,
            why: "Repositories that were created, renamed or transferred since 2026-07-15 have `repo:<owner>@<id>/<repository>@<id>:…`. \
                  For them this matches nothing, and after a rename a stranger may take the old name.",
        },
    );
}

/// Owner, name and the rest with its colon, if no ids are in it and the names are plain.
fn old_parts(subject: &str) -> Option<(&str, &str, &str)> {
    let rest = subject.strip_prefix("repo:")?;
    let (repository, _) = rest.split_once(':')?;
    let (owner, name) = repository.split_once('/')?;
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    (plain(owner) && plain(name)).then(|| (owner, name, rest.get(repository.len()..).unwrap_or_default()))
}
