//! `gatepass dev` without `--once`: up until it is stopped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{gatepass, programs, wait};

/// A running `gatepass dev`. It is told to end, because one that is killed cannot end what it has started.
struct Dev {
    process: Child,
    lines: BufReader<ChildStdout>,
    address: String,
}

impl Drop for Dev {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
            wait(&mut self.process, Duration::from_secs(10));
        }
    }
}

impl Dev {
    /// One that is up and has said so.
    fn start() -> Self {
        let mut dev = Self::spawn(&["dev"]);
        let line = dev.line(|line| line.ends_with("/send/alarm"));
        let address = line.split("http://").nth(1).unwrap().trim_end_matches("/send/alarm");
        dev.address = address.to_owned();
        dev.line(|line| line.contains("Ctrl-C ends everything"));
        dev
    }

    fn spawn(arguments: &[&str]) -> Self {
        programs();
        let mut command = gatepass();
        let mut process =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines, address: String::new() }
    }

    /// Asserts that it ends with this code, and its children with it.
    fn has_ended(&mut self, code: i32, children: &[String]) {
        let status = wait(&mut self.process, Duration::from_secs(20));
        assert_eq!(status.and_then(|status| status.code()), Some(code));
        for child in children {
            assert!(!std::path::Path::new(&format!("/proc/{child}")).exists(), "{child} still runs");
        }
    }

    /// The next line that satisfies `wanted`.
    fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended");
            if wanted(line.trim_end()) {
                return line.trim_end().to_owned();
            }
        }
    }

    fn call(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn send(&self, what: &str, body: &str) -> (u16, Value) {
        let (status, body) = self.call("POST", &format!("/send/{what}"), body);
        (status, serde_json::from_str(&body).unwrap())
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// The processes that it has started, from any of its threads.
    fn children(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let list = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children"));
        let lists = tasks.map(|task| list(task.unwrap()).unwrap_or_default());
        lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

#[test]
fn events_are_sent_on_request_and_shown_as_they_happen() {
    let mut dev = Dev::start();
    let (status, answer) = dev.send("alarm", "");
    assert_eq!((status, &answer["results"][0]["status"]), (200, &json!("created")));
    dev.line(|line| line == "1 CloudWatch alarm → EventBridge → Lambda → alarm-to-issue");
    dev.line(|line| line.starts_with("   octo-sts "));
    dev.line(|line| line.starts_with("   alarm-to-issue created http://"));

    let over = r#"{"detail":{"state":{"value":"OK"}}}"#;
    assert_eq!(dev.send("alarm", over).1["results"][0]["status"], "closed");
    assert_eq!(dev.send("alarm", "").1["results"][0]["status"], "reopened");
    assert_eq!(dev.send("github-status", "").1["results"][0]["repository"]["full_name"], "acme/widgets");

    let (status, issues) = dev.call("GET", "/issues", "");
    let issues: Value = serde_json::from_str(&issues).unwrap();
    let alarm =
        issues.as_array().unwrap().iter().find(|issue| issue["repository"] == "acme/operations").unwrap();
    assert_eq!(
        (status, &alarm["title"], &alarm["state"]),
        (200, &json!("Alarm: checkout-latency"), &json!("open"))
    );
    let trace: Value = serde_json::from_str(&dev.call("GET", "/trace", "").1).unwrap();
    assert!(trace.as_array().unwrap().iter().any(|hop| hop["service"] == "octo-sts" && hop["status"] == 200));
}

#[test]
fn requests_that_make_no_sense_say_what_does() {
    let dev = Dev::start();
    let (status, answer) = dev.send("nothing", "");
    assert_eq!(status, 404);
    assert!(
        answer["detail"].as_str().unwrap().ends_with("alarm, schedule, github-release, timer, http"),
        "{answer}"
    );
    let (status, answer) = dev.send("alarm", "{");
    assert_eq!((status, &answer["detail"]), (400, &json!("the body is not JSON (line 1, column 1)")));
    let (status, answer) = dev.send("timer", "{}");
    assert_eq!((status, &answer["results"][0]["detail"]), (502, &json!("a timer carries no body")));
    let (status, answer) = dev.send("alarm", r#"{"detail":{"alarmName":null}}"#);
    assert_eq!((status, &answer["results"][0]["status"]), (502, &json!("invalid")));
    assert_eq!(dev.call("GET", "/", "").0, 404);
    assert_eq!(dev.call("GET", "/send/alarm", "").0, 405);
}

#[test]
fn it_ends_cleanly_when_it_is_stopped() {
    for signal in ["-INT", "-TERM"] {
        let mut dev = Dev::start();
        let children = dev.children();
        assert_eq!(children.len(), 3);
        dev.signal(signal);
        dev.has_ended(0, &children);
    }
}

#[test]
fn rounds_end_cleanly_when_they_are_stopped() {
    let mut dev = Dev::spawn(&["dev", "--once", "--rounds", "1000"]);
    dev.line(|line| line.starts_with("round 2 "));
    let children = dev.children();
    assert_eq!(children.len(), 3);
    dev.signal("-TERM");
    // What it still writes is read, so that it does not wait for a reader.
    std::io::copy(&mut dev.lines, &mut std::io::sink()).unwrap();
    dev.has_ended(1, &children);
}
