//! What the two calls of AWS STS share: a form in, XML out (API version 2011-06-15).

use gatepass_core::client::excerpt;
use gatepass_core::id_token::Reason;

pub(crate) const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// How much is shown of a code that is not known and of its message, in characters.
const MAX_CODE: usize = 60;
const MAX_MESSAGE: usize = 200;

/// A request of the Query protocol.
pub(crate) fn form(action: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = format!("Action={action}&Version=2011-06-15");
    for (name, value) in parameters {
        form.push_str(&format!("&{name}="));
        form.extend(percent(value));
    }
    form
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn percent(text: &str) -> impl Iterator<Item = char> + '_ {
    text.bytes().flat_map(|byte| {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let text = if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.chars().collect::<Vec<_>>()
    })
}

/// What a refusal means by its code, or whether it may pass, and what to change. `next` says what only this call knows.
pub(crate) fn reason(status: u16, body: &[u8], next: fn(&str) -> Option<&'static str>) -> Reason {
    let text = String::from_utf8_lossy(body);
    let Some(code) = element(&text, "Code") else {
        let next = match status {
            500.. => "deliver the event again",
            _ => "no answer of STS: check what stands between this workload and it",
        };
        return Reason::by_status(status, format!("{}; {next}", excerpt(body)));
    };
    if let Some(next) = next(code) {
        return Reason::by_status(status, format!("{code}; {next}"));
    }
    match code {
        // They pass whatever the status says: STS answers 400 to them (AWS, "Common errors").
        "Throttling" | "ThrottlingException" => {
            Reason::passing(format!("{code}; too many calls at once: deliver the event again"))
        }
        "IDPCommunicationError" => {
            Reason::passing(format!("{code}; AWS could not reach the issuer: deliver the event again"))
        }
        // A code that none of these is may be anybody's text.
        _ => {
            let next = match element(&text, "Message").map(|message| shown(message, MAX_MESSAGE)) {
                _ if status >= 500 => "deliver the event again".to_owned(),
                Some(message) => message,
                None => "no reason given".to_owned(),
            };
            Reason::by_status(status, format!("{}; {next}", shown(code, MAX_CODE)))
        }
    }
}

/// Words of the answer, cut to that many characters.
fn shown(text: &str, limit: usize) -> String {
    let cut: String = text.chars().take(limit).collect();
    excerpt(cut.as_bytes())
}

/// The text of an element of the answer: neither a JWT nor credentials nor an error's code can hold a character that XML
/// escapes.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = text.trim();
    (!text.contains(['<', '&'])).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(code: &str) -> Option<&'static str> {
        (code == "AccessDenied").then_some("ask")
    }

    #[test]
    fn a_form_is_encoded() {
        let form = form("X", &[("A.member.1", "https://x/a b"), ("N", "300")]);
        assert_eq!(form, "Action=X&Version=2011-06-15&A.member.1=https%3A%2F%2Fx%2Fa%20b&N=300");
    }

    #[test]
    fn an_element_is_plain_text() {
        assert_eq!(element("<a><Code> X </Code></a>", "Code"), Some("X"));
        for bad in ["", "<Code>", "<Code>X", "<Code><b>X</b></Code>", "<Code>&lt;</Code>"] {
            assert_eq!(element(bad, "Code"), None, "{bad}");
        }
    }

    #[test]
    fn what_no_call_knows_is_told_by_code_and_status() {
        let xml = |code: &str| format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        let judge = |status, body: &str| reason(status, body.as_bytes(), known);
        assert_eq!(judge(403, &xml("AccessDenied")).text, "AccessDenied; ask");
        assert_eq!(judge(403, &xml("Other")).text, "\"Other\"; \"m\"");
        for code in ["Throttling", "IDPCommunicationError"] {
            assert!(judge(400, &xml(code)).may_pass, "{code}");
        }
        assert!(judge(403, "<Code>Other</Code>").text.ends_with("no reason given"));
        assert!(judge(500, "<html>").text.ends_with("deliver the event again"));
        assert!(judge(403, "<html>").text.contains("stands between"));
    }

    #[test]
    fn what_somebody_else_says_is_cut_and_holds_no_credential() {
        let jwt = format!("eyJ{}.eyJ{}.c2ln", "a".repeat(20), "b".repeat(20));
        let long = "word ".repeat(2000);
        for (code, message) in [
            (long.as_str(), long.as_str()),
            (&jwt, &jwt),
            ("a\n{\"level\":\"ERROR\"}\u{7}", "b\u{1b}[31m\r\nc"),
            ("", ""),
        ] {
            for status in [403, 500] {
                let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
                let text = reason(status, xml.as_bytes(), known).text;
                assert!(text.len() < 300, "{text}");
                assert!(!text.contains("eyJ") && !text.contains(char::is_control), "{text}");
            }
        }
    }
}
