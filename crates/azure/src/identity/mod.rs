//! A workload's proof of identity on Azure: a managed identity's token.
//!
//! The audience cannot be chosen: the resource that is asked for decides issuer and audience, so a trust policy for Azure
//! must set `audience`. The default resource, `api://AzureADTokenExchange`, gives an Entra client assertion: use an identity
//! that no federated credential trusts.

mod transport;

use std::sync::Arc;

use azure_core::credentials::TokenCredential as _;
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use gatepass_core::client::Clients;
use gatepass_core::config::AzureIdentity;
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{IDENTITY_TIMEOUT, IdTokenSource, Pending, jwt};
use gatepass_core::secret::IdToken;

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
        Ok(Self { credential, transport, scope: format!("{resource}/.default") })
    }
}

impl IdTokenSource for ManagedIdentity {
    fn name(&self) -> &str {
        "azure"
    }

    fn id_token<'a>(&'a self, _: &'a str, deadline: Deadline) -> Pending<'a, Result<IdToken, Failure>> {
        Box::pin(async move {
            // What may pass is tried again by the crate, for more than a minute.
            let asking = async {
                let token = self.credential.get_token(&[self.scope.as_str()], None).await;
                let token = token.map_err(|_| {
                    Failure::refused(format!(
                        "{PLACE} answered with something that is no token; check that nothing stands between this workload and it"
                    ))
                })?;
                jwt(PLACE, token.token.secret().as_bytes())
            };
            let result = deadline.at_most(IDENTITY_TIMEOUT).run(PLACE, asking).await;
            // The crate's own errors say of every 400 that the identity has not been assigned.
            result.map_err(|failure| self.transport.last_failure().unwrap_or(failure))
        })
    }
}
