//! A workload's identity on Azure: a managed identity's tokens, its proof for others and its access to Azure's own services.
//!
//! The audience cannot be chosen: the resource that is asked for decides issuer and audience, so a trust policy for Azure
//! must set `audience`. The default resource, `api://AzureADTokenExchange`, gives an Entra client assertion: use an identity
//! that no federated credential trusts.

mod transport;

use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential as _};
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use gatepass_core::client::Clients;
use gatepass_core::config::AzureIdentity;
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{IDENTITY_TIMEOUT, IdTokenSource, Pending, jwt};
use gatepass_core::secret::IdToken;
use tokio::sync::Mutex;

use self::transport::IdentityTransport;

const PLACE: &str = "Azure's identity endpoint";

/// The resource whose tokens other parties may check, with the audience
/// `fb60f99c-7a34-4190-8149-302f77469936`.
const RESOURCE: &str = "api://AzureADTokenExchange";

/// Gets tokens of a managed identity: from the Functions endpoint, or from IMDS.
pub struct ManagedIdentity {
    credential: Arc<ManagedIdentityCredential>,
    transport: Arc<IdentityTransport>,
    scope: String,
    /// Held by the one call whose failures the transport remembers.
    turn: Mutex<()>,
}

impl ManagedIdentity {
    /// For the configured identity and resource, or else the one that `AZURE_CLIENT_ID` names.
    ///
    /// # Errors
    /// A sentence that names the setting that is wrong.
    pub fn new(env: &Env, clients: &Clients, settings: &AzureIdentity) -> Result<Self, String> {
        let client_id = settings.client_id.as_deref().or_else(|| env.get("AZURE_CLIENT_ID"));
        let transport = Arc::new(IdentityTransport::new(clients.identity.clone(), env)?);
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
            client_options: ClientOptions {
                transport: Some(Transport::new(transport.clone())),
                ..ClientOptions::default()
            },
        };
        let credential = ManagedIdentityCredential::new(Some(options))
            .map_err(|error| format!("managed identity: {error}"))?;
        let resource = settings.resource.as_deref().unwrap_or(RESOURCE);
        Ok(Self { credential, transport, scope: format!("{resource}/.default"), turn: Mutex::default() })
    }
}

impl ManagedIdentity {
    /// A token for `scope`, `RESOURCE/.default`; the credential keeps it while it lives, and `Secret` shows it to nobody.
    ///
    /// # Errors
    /// Deferred when the endpoint times out or answers 5xx, Refused when it is absent or says no.
    pub(crate) async fn token(&self, scope: &str, deadline: Deadline) -> Result<Secret, Failure> {
        let limit = deadline.at_most(IDENTITY_TIMEOUT);
        let _turn = limit.run(PLACE, async { Ok(self.turn.lock().await) }).await?;
        self.transport.forget();
        // What may pass is tried again by the crate, for more than a minute.
        let asking = async {
            let token = self.credential.get_token(&[scope], None).await;
            let token = token.map_err(|_| {
                Failure::refused(format!(
                    "{PLACE} answered with something that is no token; check that nothing stands between this workload and it"
                ))
            })?;
            Ok(token.token)
        };
        let result = limit.run(PLACE, asking).await;
        // The crate's own errors say of every 400 that the identity has not been assigned.
        result.map_err(|failure| self.transport.last_failure().unwrap_or(failure))
    }
}

impl IdTokenSource for ManagedIdentity {
    fn name(&self) -> &str {
        "azure"
    }

    fn id_token<'a>(&'a self, _: &'a str, deadline: Deadline) -> Pending<'a, Result<IdToken, Failure>> {
        Box::pin(async move { jwt(PLACE, self.token(&self.scope, deadline).await?.secret().as_bytes()) })
    }

    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<String, Failure>> {
        Box::pin(self.transport.reach(deadline.at_most(IDENTITY_TIMEOUT)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatepass_core::failure::Class;
    use gatepass_sandbox::Sandbox;
    use gatepass_sandbox::faults::Fault;

    use super::*;

    const IMDS: &str = "/metadata/identity/oauth2/token";

    /// By IMDS, which our transport finds; azure_identity finds the Functions endpoint in the process's own environment.
    async fn identity() -> (Sandbox, ManagedIdentity) {
        let sandbox = Sandbox::start().await.unwrap();
        let env: Env = sandbox.identity.azure.env_imds().into_iter().collect();
        let clients = Clients::new(None).unwrap();
        let identity = ManagedIdentity::new(&env, &clients, &AzureIdentity::default()).unwrap();
        (sandbox, identity)
    }

    fn refuse(sandbox: &Sandbox) {
        let refusal = Fault::on_any(IMDS).status(400).body("the first call's words");
        sandbox.identity.azure.imds.faults().inject(refusal);
    }

    #[tokio::test]
    async fn a_call_that_hangs_does_not_fail_with_an_earlier_calls_words() {
        let (sandbox, identity) = identity().await;
        refuse(&sandbox);
        let first = identity.id_token("", Deadline::after(IDENTITY_TIMEOUT)).await.unwrap_err();
        assert!(first.class == Class::Refused && first.message.contains("the first call's words"), "{first}");

        let hanging = sandbox.identity.azure.imds.faults().inject(Fault::on_any(IMDS).hang());
        let soon = Deadline::after(Duration::from_millis(400));
        let (second, third) = tokio::join!(identity.id_token("", soon), identity.id_token("", soon));
        for failure in [second.unwrap_err(), third.unwrap_err()] {
            assert!(matches!(failure.class, Class::Deferred(_)), "{failure}");
            assert!(failure.message.contains("was not finished when the time"), "{failure}");
        }
        assert_eq!(hanging.used(), 1, "the other one waited for its turn");
    }

    #[tokio::test]
    async fn of_two_calls_at_once_each_hears_its_own_failure() {
        let (sandbox, identity) = identity().await;
        let faults = sandbox.identity.azure.imds.faults();
        faults.inject(Fault::on_any(IMDS).status(500).body("boom"));
        faults.inject(Fault::on_any(IMDS).hang().always());
        let after = |milliseconds| Deadline::after(Duration::from_millis(milliseconds));
        // The first is tried again, which takes longer than both have; the second never has its turn.
        let (first, second) =
            tokio::join!(identity.id_token("", after(600)), identity.id_token("", after(300)));
        let (first, second) = (first.unwrap_err(), second.unwrap_err());
        assert!(first.message.contains("answered 500: \"boom\""), "{first}");
        assert!(second.message.contains("was not finished when the time"), "{second}");
    }
}
