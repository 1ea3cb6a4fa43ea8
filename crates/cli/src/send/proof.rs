//! Secrets and tokens: never on the command line, where every process of the machine can read them.

use super::{Addressee, Options};
use crate::Stop;
use crate::samples::bytes_of;

/// What webhooks are signed with.
pub(super) fn secret(options: &Options, to: &Addressee) -> Result<String, Stop> {
    let given = one_of("--secret", options.secret_env.as_deref(), options.secret_file.as_deref())?;
    given.or_else(|| to.secret()).ok_or_else(|| {
        Stop::Usage("what is the webhook signed with? Name the secret's variable with --secret-env NAME, or its file with --secret-file PATH".to_owned())
    })
}

/// What goes into `Authorization`, where there is a token.
pub(super) fn bearer(options: &Options) -> Result<Option<String>, Stop> {
    let token = one_of("--token", options.token_env.as_deref(), options.token_file.as_deref())?;
    match token {
        Some(token) if !token.bytes().all(|b| b.is_ascii_graphic()) => Err(Stop::Failed(
            "the token has something in it that no token has: white space, or a letter that is not ASCII"
                .to_owned(),
        )),
        token => Ok(token.map(|token| format!("Bearer {token}"))),
    }
}

fn one_of(option: &str, variable: Option<&str>, file: Option<&str>) -> Result<Option<String>, Stop> {
    match (variable, file) {
        (Some(name), _) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Some(value)),
            _ => {
                Err(Stop::Failed(format!("{option}-env {name}: this variable is empty, not set, or no text")))
            }
        },
        (None, Some(path)) => {
            from_file(path).map(Some).map_err(|why| Stop::Failed(format!("{option}-file: {why}")))
        }
        (None, None) => Ok(None),
    }
}

/// The text of a file, less the line breaks at its end, as the programs read it.
pub(super) fn from_file(path: &str) -> Result<String, String> {
    let text = String::from_utf8(bytes_of(path)?).map_err(|_| format!("{path} is not UTF-8"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(format!("{path} is empty")) } else { Ok(text.to_owned()) }
}
