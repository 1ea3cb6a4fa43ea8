//! The child process itself.

use gatepass_sandbox::hosts::process::Stream;
use gatepass_sandbox::hosts::{Child, HostError, Program};

use crate::child::program;

#[tokio::test]
async fn lines_are_captured_in_full_and_the_environment_is_bare() {
    let child = Child::spawn(&program("talk").env("GREETING", "hello")).unwrap();
    assert_eq!(child.exit().await.unwrap().code(), Some(3));
    let stdout: Vec<String> = child
        .lines()
        .into_iter()
        .filter(|line| line.stream == Stream::Stdout && line.text.starts_with("variable "))
        .map(|line| line.text)
        .collect();
    assert_eq!(stdout.len(), 2, "{stdout:?}");
    assert!(stdout.contains(&"variable GREETING=hello".to_owned()), "{stdout:?}");
    let error = child.wait_for_line(|line| line.text.contains("to stderr")).await.unwrap();
    assert_eq!((error.stream, error.text.as_str()), (Stream::Stderr, "to stderr"));
    assert_eq!(child.ended().unwrap().code(), Some(3));
}

#[tokio::test]
async fn waiting_for_a_line_ends_with_the_child() {
    let child = Child::spawn(&program("talk")).unwrap();
    let error = child.wait_for_line(|line| line.text == "never").await.unwrap_err();
    assert!(matches!(error, HostError::Ended { .. }));
    assert!(error.to_string().contains("to stderr"), "{error}");
}

#[tokio::test]
async fn a_child_can_be_terminated_and_killed() {
    use std::os::unix::process::ExitStatusExt;
    for hard in [false, true] {
        let child = Child::spawn(&program("wait")).unwrap();
        child.wait_for_line(|line| line.text.contains("waiting")).await.unwrap();
        assert!(child.ended().is_none());
        let status = if hard {
            child.kill().await
        } else {
            child.terminate().await.unwrap();
            child.exit().await.unwrap()
        };
        assert_eq!(status.signal(), Some(if hard { 9 } else { 15 }));
        child.terminate().await.unwrap();
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let error = Child::spawn(&Program::new("/nowhere/gatepass-aws")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/gatepass-aws could not be started: "), "{error}");
    assert!(error.ends_with("Build it first, or give the right path."), "{error}");
}

#[test]
fn a_program_shows_the_names_of_its_variables_alone() {
    let shown = format!("{:?}", Program::new("/p").arg("run").env("AWS_SECRET_ACCESS_KEY", "hush"));
    assert_eq!(
        shown,
        r#"Program { path: "/p", arguments: ["run"], environment: ["AWS_SECRET_ACCESS_KEY"] }"#
    );
}
