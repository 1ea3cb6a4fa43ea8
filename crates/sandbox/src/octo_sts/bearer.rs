//! The token that is traded in: found in the header, and verified with its issuer's own documents.

use std::time::Duration;

use gatepass_policy::{Claims, format};
use http::{HeaderMap, Method, header};
use jiff::Timestamp;
use serde_json::Value;

use super::row::{Refusal, Row};
use crate::http_client::LoopbackClient;
use crate::jwt::{Jwks, Jwt};

/// How long an issuer may take over a document.
const PATIENCE: Duration = Duration::from_secs(5);

/// Verifies the bearer token, in the order of the exchange's table.
pub(crate) async fn verify(headers: &HeaderMap, client: &LoopbackClient) -> Result<Jwt, Refusal> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return Err(Row::Authorization.into()) };
    let token = value.to_str().unwrap_or_default();
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    let jwt = Jwt::decode(token).map_err(|cause| Row::NotAToken.because(cause))?;
    let issuer = jwt.text("iss").ok_or_else(|| Row::NotAToken.because("no iss"))?;
    format::issuer(issuer).map_err(|violation| Row::IssuerFormat.because(violation))?;

    let provider = Provider::discover(client, issuer).await.map_err(|cause| Row::Provider.because(cause))?;
    if !provider.algorithms.iter().any(|known| known == jwt.algorithm()) {
        let cause = format!("algorithm {:?} is not in the discovery document", jwt.algorithm());
        return Err(Row::Verification.because(cause));
    }
    let judged = provider.keys.verify(&jwt).and_then(|()| jwt.check_times(Timestamp::now().as_second()));
    judged.map_err(|cause| Row::Verification.because(cause))?;
    if !Claims::new(jwt.claims().clone()).is_well_formed() {
        return Err(Row::Verification.because("sub must be text, and aud text or a list of it"));
    }
    Ok(jwt)
}

/// What an issuer says of itself.
struct Provider {
    keys: Jwks,
    algorithms: Vec<String>,
}

impl Provider {
    async fn discover(client: &LoopbackClient, issuer: &str) -> Result<Self, String> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document = fetch(client, &address).await?;
        let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("issuer") != issuer {
            return Err(format!("the discovery document speaks for {:?}", text("issuer")));
        }
        let algorithms = match document.get("id_token_signing_alg_values_supported").and_then(Value::as_array)
        {
            Some(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => vec!["RS256".to_owned()],
        };
        let keys = fetch(client, text("jwks_uri")).await?;
        let keys = Jwks::from_value(&keys).map_err(|error| error.to_string())?;
        Ok(Self { keys, algorithms })
    }
}

async fn fetch(client: &LoopbackClient, address: &str) -> Result<Value, String> {
    let request = client.request(Method::GET, address).map_err(|error| error.to_string())?;
    let response =
        request.timeout(PATIENCE).send().await.map_err(|_| format!("{address} does not answer"))?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("{address} answers {}", status.as_u16()));
    }
    response.json().await.map_err(|_| format!("{address} answers no JSON"))
}
