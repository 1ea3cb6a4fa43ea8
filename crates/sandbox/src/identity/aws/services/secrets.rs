//! AWS Secrets Manager and the parameter store of AWS Systems Manager: one read action each.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

use super::{Answer, ApiError, Protocol, only, text};
use crate::faults::Faults;
use crate::identity::Service;
use crate::identity::aws::{ACCOUNT, Account, REGION};
use crate::server::Bound;
use crate::trace::Trace;

const SECRETS_MANAGER: Protocol = Protocol {
    service: "secretsmanager",
    target: "secretsmanager.",
    content_type: "application/x-amz-json-1.1",
    errors: "",
};

const SYSTEMS_MANAGER: Protocol = Protocol {
    service: "ssm",
    target: "AmazonSSM.",
    content_type: "application/x-amz-json-1.1",
    errors: "com.amazonaws.ssm#",
};

/// What is kept under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Text(String),
    Bytes(Vec<u8>),
}

struct Store {
    account: Arc<Account>,
    kept: Mutex<BTreeMap<String, Kept>>,
}

/// Never what is kept.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

impl Store {
    fn new(account: &Arc<Account>) -> Arc<Self> {
        Arc::new(Self { account: Arc::clone(account), kept: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By its name or by the ARN that `arn` makes of one.
    fn find(&self, id: &str, arn: fn(&str) -> String) -> Option<(String, Kept)> {
        let kept = self.lock();
        let found = kept.iter().find(|(name, _)| *name == id || arn(name) == id)?;
        Some((found.0.clone(), found.1.clone()))
    }
}

/// AWS Secrets Manager.
#[derive(Debug)]
pub struct SecretsManager {
    service: Service,
    store: Arc<Store>,
}

impl SecretsManager {
    pub(in crate::identity::aws) async fn start(account: &Arc<Account>, trace: Trace) -> io::Result<Self> {
        let store = Store::new(account);
        let router = Router::new().route("/", post(secret)).with_state(Arc::clone(&store));
        let service = Service::serve(Bound::bind(0).await?, "aws-secrets", router, trace);
        Ok(Self { service, store })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.service.url()
    }

    /// Its faults.
    pub fn faults(&self) -> &Faults {
        self.service.faults()
    }

    /// Keeps a text under this name, in place of what was there, and gives the secret's ARN.
    pub fn put(&self, name: &str, text: &str) -> String {
        self.store.lock().insert(name.to_owned(), Kept::Text(text.to_owned()));
        secret_arn(name)
    }

    /// The same with bytes.
    pub fn put_binary(&self, name: &str, bytes: &[u8]) -> String {
        self.store.lock().insert(name.to_owned(), Kept::Bytes(bytes.to_vec()));
        secret_arn(name)
    }
}

fn secret_arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf")
}

async fn secret(
    State(store): State<Arc<Store>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    SECRETS_MANAGER
        .answer(&store.account, (method, uri, headers, body), |action, body| get_secret(&store, action, body))
}

fn get_secret(store: &Store, action: &str, body: &Value) -> Answer {
    if action != "GetSecretValue" {
        return Err(ApiError::new("UnknownOperationException", format!("{action} is not known here")));
    }
    only(body, &["SecretId"])?;
    let (name, kept) = store.find(text(body, "SecretId")?, secret_arn).ok_or_else(|| {
        ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    })?;
    let mut answer = json!({
        "ARN": secret_arn(&name), "Name": name, "VersionStages": ["AWSCURRENT"], "CreatedDate": 1.8e9,
        "VersionId": "EXAMPLE1-90ab-cdef-fedc-ba987SECRET1",
    });
    let (field, value) = match kept {
        Kept::Text(text) => ("SecretString", text),
        Kept::Bytes(bytes) => ("SecretBinary", STANDARD.encode(bytes)),
    };
    if let Some(answer) = answer.as_object_mut() {
        answer.insert(field.to_owned(), json!(value));
    }
    Ok((answer, format!("the secret {name}")))
}

/// The parameter store of AWS Systems Manager.
#[derive(Debug)]
pub struct ParameterStore {
    service: Service,
    store: Arc<Store>,
}

impl ParameterStore {
    pub(in crate::identity::aws) async fn start(account: &Arc<Account>, trace: Trace) -> io::Result<Self> {
        let store = Store::new(account);
        let router = Router::new().route("/", post(parameter)).with_state(Arc::clone(&store));
        let service = Service::serve(Bound::bind(0).await?, "aws-ssm", router, trace);
        Ok(Self { service, store })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.service.url()
    }

    /// Its faults.
    pub fn faults(&self) -> &Faults {
        self.service.faults()
    }

    /// Keeps a secure string under this name, in place of what was there, and gives the parameter's ARN.
    pub fn put(&self, name: &str, text: &str) -> String {
        self.store.lock().insert(name.to_owned(), Kept::Text(text.to_owned()));
        parameter_arn(name)
    }
}

fn parameter_arn(name: &str) -> String {
    format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", name.trim_start_matches('/'))
}

async fn parameter(
    State(store): State<Arc<Store>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    SYSTEMS_MANAGER.answer(&store.account, (method, uri, headers, body), |action, body| {
        get_parameter(&store, action, body)
    })
}

fn get_parameter(store: &Store, action: &str, body: &Value) -> Answer {
    if action != "GetParameter" {
        return Err(ApiError::new("UnknownOperationException", format!("{action} is not known here")));
    }
    only(body, &["Name", "WithDecryption"])?;
    let id = text(body, "Name")?;
    let found = store.find(id, parameter_arn);
    let Some((name, Kept::Text(text))) = found else {
        return Err(ApiError::new("ParameterNotFound", ""));
    };
    // What is asked for without decryption comes as it is kept.
    let is_decrypted = body.get("WithDecryption").and_then(Value::as_bool) == Some(true);
    let value = if is_decrypted { text } else { STANDARD.encode([b"encrypted ", text.as_bytes()].concat()) };
    let answer = json!({ "Parameter": {
        "ARN": parameter_arn(&name), "DataType": "text", "LastModifiedDate": 1.8e9, "Name": name, "Type": "SecureString",
        "Value": value, "Version": 1,
    }});
    Ok((answer, format!("the parameter {name}")))
}
