//! Time and stack are bounded, whatever is written.

use std::time::{Duration, Instant};

use gatepass_policy::Pattern;
use gatepass_policy::pattern::Server;

/// What would take a naive engine for ever, or exhaust its stack.
#[test]
fn whatever_is_written_takes_bounded_time() {
    const MANY: usize = 5 << 20;
    // As long as a pattern may be that is read at all.
    const FULL: usize = (32 << 10) - 64;
    let value = "a".repeat(1 << 18);
    let full = |text: &str| text.repeat(FULL / text.len());
    let patterns = [
        "(".repeat(MANY),
        "a|".repeat(MANY / 2),
        "[".repeat(MANY),
        r"\".repeat(MANY),
        full("("),
        full(")"),
        full("(?:"),
        full("(?P<"),
        full("(?i:"),
        full("a|"),
        full("(|"),
        full("["),
        full("[[:"),
        full("[[:alpha:]"),
        format!("[{}]", full(r"\pL")),
        full(r"\pL"),
        full(r"(?i)\pL"),
        full(r"[^\PL]"),
        full(r"\Q"),
        full(r"\p{"),
        full(r"\x{"),
        full("{"),
        full("{1"),
        full("{1,"),
        full("a{1000}"),
        full("a{0,1000}"),
        full("a*"),
        full("(a*)*"),
        full("(?i)"),
        format!("{}{}", "(".repeat(FULL / 3), ")*".repeat(FULL / 3)),
        format!("{}a{}", "(?:".repeat(FULL / 4), ")".repeat(FULL / 4)),
        "(a*)*b".to_owned(),
        "(a|aa)+b".to_owned(),
        "(a{1000}){1000}".to_owned(),
        "((a{10}){10}){10}b".to_owned(),
        "(a?){1000}b".to_owned(),
        "(.*){1000}b".to_owned(),
        "(.*.*){500}b".to_owned(),
        "(a*|b*){1000}c".to_owned(),
        "(?:a?){1000}a{1000}".to_owned(),
        ".*.*.*.*b".to_owned(),
    ];
    for pattern in patterns {
        let start = Instant::now();
        let shown = pattern.get(..20).unwrap_or(&pattern).to_owned();
        if let Ok(pattern) = Pattern::compile(pattern) {
            for value in [value.as_str(), "aaaa", "é", &value[..4_000]] {
                let _ = pattern.judge(value, Server::Current);
            }
            let _ = pattern.judge("aaaa", Server::Older);
        }
        let took = start.elapsed();
        assert!(took < Duration::from_secs(60), "{shown}: {took:?}");
    }
}
