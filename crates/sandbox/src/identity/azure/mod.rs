//! Azure: a tenant of Microsoft Entra, and the two endpoints from which its managed identities get tokens.

mod endpoints;
mod resources;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Environment, Service, environment, random};
use crate::issuer::{Issuer, Key};
use crate::server::Bound;
use crate::trace::Trace;

pub use resources::{APP_V1, APP_V2, AppRegistration, STORAGE, TOKEN_EXCHANGE, Version};

/// The tenant.
pub const TENANT: &str = "4c2d1e0f-9a8b-4c7d-8e6f-5a4b3c2d1e99";
/// The function app.
pub const SITE: &str = "gatepass";

/// A managed identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManagedIdentity {
    /// The object id of its service principal: `oid` and `sub` of its tokens.
    pub principal_id: &'static str,
    /// Its application id: `azp` (or `appid`) of its tokens, and the usual way to name it.
    pub client_id: &'static str,
    /// Its Azure resource id.
    pub resource_id: &'static str,
}

/// The identity that belongs to the app itself.
pub const SYSTEM: ManagedIdentity = ManagedIdentity {
    principal_id: "5f7b1c9e-3a52-4c0d-9d61-0b7a2f4e8c11",
    client_id: "0d5e1b52-77c4-4b0f-8b4e-6b7b8f1f2a33",
    resource_id: "/subscriptions/8c1d9c2e-6a1b-4f0e-9a53-2f6d1e7b9c44/resourcegroups/acme/providers/Microsoft.Web/sites/gatepass",
};

/// The identity that was made on its own and assigned to the app.
pub const USER_ASSIGNED: ManagedIdentity = ManagedIdentity {
    principal_id: "b3a7e6d4-1f0c-4d8b-a2c9-5e6f7a8b9c55",
    client_id: "e2f4a6c8-9b1d-4e3f-8a5c-7d9e0f1a2b66",
    resource_id: "/subscriptions/8c1d9c2e-6a1b-4f0e-9a53-2f6d1e7b9c44/resourcegroups/acme/providers/Microsoft.ManagedIdentity/userAssignedIdentities/gatepass",
};

/// Which identities the app has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    /// [`SYSTEM`] alone, which is meant when a request names none.
    System,
    /// [`USER_ASSIGNED`] alone, which a request must name.
    User,
    /// Neither.
    None,
}

/// The Azure side of the sandbox.
#[derive(Debug)]
pub struct Azure {
    /// The identity endpoint of Functions, App Service and Container Apps.
    pub functions: Service,
    /// The instance metadata service of virtual machines and Container Instances.
    pub imds: Service,
    /// `login.microsoftonline.com` and `sts.windows.net`: the issuers' documents.
    pub entra: Service,
    tenant: Arc<Tenant>,
}

/// What the servers share.
struct Tenant {
    v2: Issuer,
    v1: Issuer,
    identity_header: String,
    assigned: Mutex<Assigned>,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("v2", &self.v2).finish_non_exhaustive()
    }
}

impl Tenant {
    fn lock(&self) -> MutexGuard<'_, Assigned> {
        self.assigned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Azure {
    /// Starts the two endpoints and the tenant's issuers.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(trace: Trace) -> io::Result<Self> {
        let entra = Bound::bind(0).await?;
        let tenant = Arc::new(Tenant {
            v2: Issuer::new(format!("{}/{TENANT}/v2.0", entra.url()), Key::Azure),
            v1: Issuer::new(format!("{}/sts.windows.net/{TENANT}/", entra.url()), Key::Azure),
            identity_header: random::uuid(),
            assigned: Mutex::new(Assigned::System),
        });
        let issuers = tenant.v2.router().merge(tenant.v1.router());
        let functions = endpoints::functions(Arc::clone(&tenant));
        let imds = endpoints::imds(Arc::clone(&tenant));
        Ok(Self {
            functions: Service::serve(Bound::bind(0).await?, "azure-identity", functions, trace.clone()),
            imds: Service::serve(Bound::bind(0).await?, "azure-imds", imds, trace.clone()),
            entra: Service::serve(entra, "entra", issuers, trace),
            tenant,
        })
    }

    /// The issuer of version 2 tokens; really `https://login.microsoftonline.com/<tenant>/v2.0`.
    pub fn issuer(&self) -> &Issuer {
        &self.tenant.v2
    }

    /// The issuer of version 1 tokens; really `https://sts.windows.net/<tenant>/`, slash included.
    pub fn issuer_v1(&self) -> &Issuer {
        &self.tenant.v1
    }

    /// The `sub` of the app's tokens: its identity's principal id.
    pub fn subject(&self) -> &'static str {
        match *self.tenant.lock() {
            Assigned::User => USER_ASSIGNED.principal_id,
            Assigned::System | Assigned::None => SYSTEM.principal_id,
        }
    }

    /// Gives the app other identities; it has [`SYSTEM`] to begin with.
    pub fn assign(&self, assigned: Assigned) {
        *self.tenant.lock() = assigned;
    }

    /// What Functions sets for an app with an identity, less the port of the custom handler, which is the
    /// host's.
    pub fn env_functions(&self) -> Environment {
        environment([
            ("FUNCTIONS_EXTENSION_VERSION", "~4".to_owned()),
            ("FUNCTIONS_WORKER_RUNTIME", "custom".to_owned()),
            ("IDENTITY_ENDPOINT", format!("{}/msi/token", self.functions.url())),
            ("IDENTITY_HEADER", self.tenant.identity_header.clone()),
            ("WEBSITE_HOSTNAME", format!("{SITE}.azurewebsites.net")),
            ("WEBSITE_SITE_NAME", SITE.to_owned()),
        ])
    }

    /// What leads a container to the stand-in for 169.254.169.254.
    pub fn env_imds(&self) -> Environment {
        environment([("AZURE_POD_IDENTITY_AUTHORITY_HOST", self.imds.url().to_owned())])
    }
}
