//! The guide in docs/policy/README.md, done as it says: every command prints what the guide shows.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{finish, gatepass, root};

/// A command and the lines that it is to print.
struct Step<'a> {
    command: String,
    expected: Vec<&'a str>,
}

/// What a fenced block asks for.
enum Block<'a> {
    /// A file to write: its first line is a comment with the path.
    File(&'a str, String),
    Steps(Vec<Step<'a>>),
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(fence) = lines.by_ref().find(|line| line.starts_with("```")) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match (fence, block[0].strip_prefix("# ")) {
            ("```yaml", Some(path)) => blocks.push(Block::File(path, block.join("\n"))),
            ("```", None) if block[0].starts_with("$ ") => blocks.push(Block::Steps(steps(&block))),
            _ => {}
        }
    }
    blocks
}

fn steps<'a>(block: &[&'a str]) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    for line in block {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: command.to_owned(), expected: Vec::new() }),
            (None, Some(step)) if step.command.ends_with('\\') => step.command += &format!("\n{line}"),
            (None, Some(step)) => step.expected.push(line),
            (None, None) => panic!("no command before {line}"),
        }
    }
    steps
}

/// Whether the lines are as expected, where `…` stands for any number of them.
fn is_as_expected(lines: &[&str], expected: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((&"…", rest)) => (0..=lines.len()).any(|skipped| is_as_expected(&lines[skipped..], rest)),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, lines)| line == first && is_as_expected(lines, rest))
        }
    }
}

fn trimmed<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines[..end].to_vec()
}

#[test]
fn every_command_of_the_guide_prints_what_it_shows() {
    let page = fs::read_to_string(root().join("docs/policy/README.md")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let checkout = directory.path();
    fs::create_dir(checkout.join(".git")).unwrap();
    fs::copy(root().join("examples/quickstart/gatepass.yaml"), checkout.join("gatepass.yaml")).unwrap();
    let program = gatepass().get_program().to_owned();
    let path = format!("{}:/usr/bin:/bin", Path::new(&program).parent().unwrap().display());
    let mut count = 0;
    for block in blocks(&page) {
        let steps = match block {
            Block::File(name, text) => {
                fs::write(checkout.join(name), text).unwrap();
                continue;
            }
            Block::Steps(steps) => steps,
        };
        for Step { command, expected } in steps {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &format!("exec 2>&1\n{command}")]);
            shell.env_clear().env("PATH", &path).current_dir(checkout);
            let run = finish(&mut shell, Duration::from_secs(60));
            let lines: Vec<&str> = run.out.lines().collect();
            assert!(is_as_expected(&trimmed(&lines), &trimmed(&expected)), "$ {command}\n{}", run.out);
            count += 1;
        }
    }
    assert!(count >= 12, "only {count} commands were found");
}
