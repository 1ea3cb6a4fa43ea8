//! An action of our own: `ensure_label` gives the repository a label that it does not have yet.
//!
//! It looks first and writes then, because every event may come more than once.

use std::collections::BTreeMap;

use gatepass_core::failure::Failure;
use gatepass_core::id_token::Pending;
use gatepass_core::job::{Call, CustomAction};
use gatepass_core::report::{Done, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The action.
#[derive(Clone, Copy, Debug)]
pub struct EnsureLabel;

/// What `with` holds in the file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Label {
    name: String,
    color: String,
    #[serde(default)]
    description: String,
}

/// What GitHub lists, as far as it matters here.
#[derive(Deserialize)]
struct Listed {
    name: String,
}

/// The most labels that are looked through.
const MOST: usize = 1000;

impl CustomAction for EnsureLabel {
    fn name(&self) -> &str {
        "ensure_label"
    }

    fn permissions(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("issues".to_owned(), "write".to_owned())])
    }

    fn run<'a>(&'a self, call: Call<'a>) -> Pending<'a, Result<Done, Failure>> {
        Box::pin(ensure(call))
    }
}

async fn ensure(call: Call<'_>) -> Result<Done, Failure> {
    let settings = Value::from_iter(call.settings.clone());
    let label: Label = serde_json::from_value(settings).map_err(|error| {
        Failure::refused(format!("ensure_label: {error}; correct `with` in gatepass.yaml"))
    })?;
    let url = call.github.repository_url("labels")?;
    let listed = call.github.list::<Listed>(url.clone(), MOST, "listing the labels").await?;
    // GitHub compares names without regard to case.
    if listed.items.iter().any(|known| known.name.eq_ignore_ascii_case(&label.name)) {
        return Ok(Done::new(Status::Unchanged));
    }
    if call.dry_run {
        return Ok(Done::dry(Status::Created));
    }
    call.github.post(url, &json!(label), "creating a label").await?;
    Ok(Done::new(Status::Created))
}
