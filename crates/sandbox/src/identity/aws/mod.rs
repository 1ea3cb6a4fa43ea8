//! AWS: an account with outbound identity federation, its STS, the credentials its hosts hand out, and the services that
//! take requests signed with them.

mod assume_role;
mod containers;
mod instance;
pub mod services;
mod sts;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use serde_json::json;

use self::services::{ParameterStore, SecretsManager, Sqs};
use super::{Environment, Service, environment, random};
use crate::issuer::{Issuer, Key, timed};
use crate::server::Bound;
use crate::sigv4::{Credentials, Verifier};
use crate::trace::Trace;

/// The account everything runs in (AWS's documentation account).
pub const ACCOUNT: &str = "111122223333";
/// The region everything runs in.
pub const REGION: &str = "eu-west-1";
/// The Lambda function.
pub const FUNCTION: &str = "gatepass";

const LAMBDA_ROLE: &str = "gatepass-function";
const TASK_ROLE: &str = "gatepass-task";
const INSTANCE_ROLE: &str = "gatepass-instance";
const POD_ROLE: &str = "gatepass-pod";
const SESSION_SECONDS: i64 = 6 * 3600;

/// The AWS side of the sandbox.
#[derive(Debug)]
pub struct Aws {
    /// The regional STS endpoint.
    pub sts: Service,
    /// The endpoint from which ECS tasks and EKS pods fetch their credentials.
    pub containers: Service,
    /// The metadata service from which EC2 instances fetch their credentials.
    pub instances: Service,
    /// Where the account's issuer, and its cluster's, publish their discovery documents and keys.
    pub openid: Service,
    /// Queues.
    pub sqs: Sqs,
    /// AWS Secrets Manager.
    pub secrets: SecretsManager,
    /// The parameter store of AWS Systems Manager.
    pub parameters: ParameterStore,
    account: Arc<Account>,
}

/// What STS is told to refuse although the request is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The account has not enabled outbound identity federation.
    FederationDisabled,
    /// The role's policy does not allow `sts:GetWebIdentityToken`.
    AccessDenied,
    /// The token would be too large, with all its tags.
    PayloadTooLarge,
}

/// Where credentials were handed out, which decides whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Workload {
    Lambda,
    Task,
    Instance,
    Pod,
}

impl Workload {
    fn role(self) -> &'static str {
        match self {
            Self::Lambda => LAMBDA_ROLE,
            Self::Task => TASK_ROLE,
            Self::Instance => INSTANCE_ROLE,
            Self::Pod => POD_ROLE,
        }
    }

    fn role_arn(self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role/{}", self.role())
    }
}

/// What the servers share.
struct Account {
    issuer: Issuer,
    /// The issuer of the service accounts of an EKS cluster, which IAM knows.
    cluster: Issuer,
    /// The path under which an ECS task finds its credentials without further proof.
    task_path: String,
    /// What EKS Pod Identity and full-URI endpoints want in `Authorization`.
    authorization_token: String,
    state: Mutex<State>,
}

struct State {
    sessions: Vec<(Workload, Credentials)>,
    session_seconds: i64,
    refusal: Option<Refusal>,
    /// The session tokens of instance metadata, and when they end.
    instance_tokens: Vec<(String, Timestamp)>,
    instance_has_no_role: bool,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Account {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fresh temporary credentials for a role session.
    fn hand_out(&self, workload: Workload) -> Credentials {
        let mut state = self.lock();
        let expires = Timestamp::now() + SignedDuration::from_secs(state.session_seconds);
        let credentials = Credentials {
            access_key_id: format!("ASIA{}", random::key_id(16)),
            secret_access_key: random::secret(),
            // With the characters that a careless signer or form encoder breaks.
            session_token: Some(format!("IQoJ/{}+{}==", random::secret(), random::key_id(8))),
            expires: Some(expires),
        };
        state.sessions.push((workload, credentials.clone()));
        credentials
    }

    /// Verifies requests to this service in the account's region.
    fn verifier(&self, service: &'static str) -> Verifier {
        Verifier { region: REGION.to_owned(), service }
    }

    fn session(&self, access_key_id: &str) -> Option<(Workload, Credentials)> {
        let state = self.lock();
        state.sessions.iter().find(|(_, known)| known.access_key_id == access_key_id).cloned()
    }
}

impl Aws {
    /// Starts STS, the endpoints that hand out credentials, the issuers, and the services.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(trace: Trace) -> io::Result<Self> {
        let openid = Bound::bind(0).await?;
        let issuer = Issuer::new(format!("{}/{}", openid.url(), random::uuid()), Key::Aws);
        let cluster = Issuer::new(format!("{}/id/{}", openid.url(), random::key_id(32)), Key::AwsNext);
        let router = issuer.router().merge(cluster.router());
        let account = Arc::new(Account {
            issuer,
            cluster,
            task_path: format!("/v2/credentials/{}", random::uuid()),
            authorization_token: random::secret(),
            state: Mutex::new(State {
                sessions: Vec::new(),
                session_seconds: SESSION_SECONDS,
                refusal: None,
                instance_tokens: Vec::new(),
                instance_has_no_role: false,
            }),
        });
        let (sts, containers) = (sts::router(Arc::clone(&account)), containers::router(Arc::clone(&account)));
        let instances = instance::router(Arc::clone(&account));
        Ok(Self {
            sts: Service::serve(Bound::bind(0).await?, "aws-sts", sts, trace.clone()),
            containers: Service::serve(Bound::bind(0).await?, "aws-credentials", containers, trace.clone()),
            instances: Service::serve(Bound::bind(0).await?, "aws-instance", instances, trace.clone()),
            openid: Service::serve(openid, "aws-issuer", router, trace.clone()),
            sqs: Sqs::start(&account, trace.clone()).await?,
            secrets: SecretsManager::start(&account, trace.clone()).await?,
            parameters: ParameterStore::start(&account, trace).await?,
            account,
        })
    }

    /// The issuer of the account's web identity tokens; really `https://<uuid>.tokens.sts.global.api.aws`.
    pub fn issuer(&self) -> &Issuer {
        &self.account.issuer
    }

    /// The `sub` of the Lambda function's tokens: its role.
    pub fn subject(&self) -> String {
        Workload::Lambda.role_arn()
    }

    /// The `sub` of the ECS task's and EKS pod's tokens: their role.
    pub fn task_subject(&self) -> String {
        Workload::Task.role_arn()
    }

    /// The `sub` of the EC2 instance's tokens: its role.
    pub fn instance_subject(&self) -> String {
        Workload::Instance.role_arn()
    }

    /// The role that a pod takes with its web identity: the `sub` of its tokens.
    pub fn pod_subject(&self) -> String {
        Workload::Pod.role_arn()
    }

    /// What the cluster's projected token file holds for the pod's service account, for so many seconds.
    pub fn web_identity(&self, seconds: i64) -> String {
        let claims = json!({ "sub": assume_role::SUBJECT, "aud": [assume_role::AUDIENCE] });
        let cluster = &self.account.cluster;
        cluster.mint(&timed(cluster.url(), seconds, claims))
    }

    /// The issuer of the cluster's service accounts.
    pub fn cluster(&self) -> &Issuer {
        &self.account.cluster
    }

    /// Takes the role off the EC2 instance.
    pub fn detach_instance_role(&self) {
        self.account.lock().instance_has_no_role = true;
    }

    /// Fresh credentials of the function's role, for a client that signs by itself.
    pub fn credentials(&self) -> Credentials {
        self.account.hand_out(Workload::Lambda)
    }

    /// What an EKS pod finds in the file `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` names.
    pub fn authorization_token(&self) -> &str {
        &self.account.authorization_token
    }

    /// Makes STS refuse, or accept again.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        self.account.lock().refusal = refusal;
    }

    /// How long credentials handed out from now on live, in seconds; six hours to begin with.
    pub fn set_session_seconds(&self, seconds: i64) {
        self.account.lock().session_seconds = seconds;
    }

    /// Forgets all credentials: whoever holds some must fetch others.
    pub fn forget_credentials(&self) {
        self.account.lock().sessions.clear();
    }

    /// What Lambda sets for a function in a custom runtime, with credentials of its own each time, less
    /// `AWS_LAMBDA_RUNTIME_API`, which is the host's. (Lambda developer guide, "Using Lambda environment
    /// variables".)
    pub fn env_lambda(&self) -> Environment {
        let credentials = self.credentials();
        let mut environment = environment([
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{FUNCTION}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME", format!("2026/11/20/[$LATEST]{}", random::key_id(16))),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key),
            ("AWS_SESSION_TOKEN", credentials.session_token.unwrap_or_default()),
            ("LAMBDA_TASK_ROOT", "/var/task".to_owned()),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
            ("_HANDLER", "bootstrap".to_owned()),
        ]);
        environment.extend(self.env_services());
        environment
    }

    /// The region, and where the account's services are.
    fn env_services(&self) -> Environment {
        environment([
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.secrets.url().to_owned()),
            ("AWS_ENDPOINT_URL_SQS", self.sqs.url().to_owned()),
            ("AWS_ENDPOINT_URL_SSM", self.parameters.url().to_owned()),
            ("AWS_ENDPOINT_URL_STS", self.sts.url().to_owned()),
            ("AWS_REGION", REGION.to_owned()),
        ])
    }

    /// What leads an ECS task to its credentials. On ECS the relative form is usual
    /// (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, on 169.254.170.2); the full form reaches the same path here.
    pub fn env_ecs(&self) -> Environment {
        let mut environment = environment([
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", self.account.authorization_token.clone()),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", self.containers.url())),
        ]);
        environment.extend(self.env_services());
        environment
    }

    /// What leads a program on an EC2 instance to its credentials: nothing but the metadata service, really at
    /// `http://169.254.169.254`.
    pub fn env_ec2(&self) -> Environment {
        let mut environment =
            environment([("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.instances.url().to_owned())]);
        environment.extend(self.env_services());
        environment
    }

    /// What leads an EKS pod with a role for its service account to its credentials, once [`Aws::web_identity`] stands in
    /// `token_file`.
    pub fn env_irsa(&self, token_file: &Path) -> Environment {
        let mut environment = environment([
            ("AWS_ROLE_ARN", Workload::Pod.role_arn()),
            ("AWS_ROLE_SESSION_NAME", "gatepass-pod-1".to_owned()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", token_file.display().to_string()),
        ]);
        environment.extend(self.env_services());
        environment
    }

    /// What leads an EKS pod to its credentials, once [`Aws::authorization_token`] stands in `token_file`.
    pub fn env_eks(&self, token_file: &Path) -> Environment {
        let mut environment = self.env_ecs();
        environment.remove("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        let file = token_file.display().to_string();
        environment.insert("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE".to_owned(), file);
        environment
    }

    /// The path that `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` names, served by [`Aws::containers`] without an
    /// `Authorization` header, as ECS does.
    pub fn relative_uri(&self) -> &str {
        &self.account.task_path
    }
}
