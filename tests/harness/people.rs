//! Who calls: operators, account administrators, people of a tenant, and strangers.

use backlog_ids::{AccountId, TenantId};
use backlog_local_stack::{AUDIENCE, OPERATOR_ISSUER};
use backlog_proto::contract::v1::platform_service_client::PlatformServiceClient;
use backlog_proto::contract::v1::{CreateAccountRequest, CreateTenantRequest, MeasurementPolicy};
use backlog_tenancy::{
    IssuerAlgorithm, IssuerEntry, IssuerKind, IssuersFile, TokenSigner, UserToken,
};
use chrono::{DateTime, TimeZone, Utc};
use tonic::metadata::MetadataValue;

use crate::stack::{Service, Stack};

/// A token, as a header.
#[derive(Debug, Clone)]
pub struct Caller {
    token: String,
}

impl Caller {
    /// Somebody with this token.
    #[must_use]
    pub fn with_token(token: String) -> Self {
        Self { token }
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A request of this caller.
    #[must_use]
    pub fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        let bearer = MetadataValue::try_from(format!("Bearer {}", self.token)).expect("a header");
        request.metadata_mut().insert("authorization", bearer);
        request
    }
}

/// Far enough from now in either direction.
fn year_2100() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2100, 1, 1, 0, 0, 0).single().expect("a time")
}

/// The issuer of an account on a test's stack.
#[must_use]
pub fn issuer_of(account: AccountId) -> String {
    format!("https://{account}.test")
}

impl Stack {
    fn signer(&self) -> TokenSigner {
        let key = &self.keys.user_issuer;
        let pem = std::fs::read(&key.private_key_path).expect("a key");
        TokenSigner::try_new(key.key_id.clone(), &pem).expect("a key")
    }

    fn sign(&self, issuer: &str, tenant: Option<TenantId>, roles: &[&str]) -> Caller {
        self.sign_as("test", issuer, tenant, roles)
    }

    fn sign_as(
        &self,
        subject: &str,
        issuer: &str,
        tenant: Option<TenantId>,
        roles: &[&str],
    ) -> Caller {
        let token = self.signer().user_token(&UserToken {
            issuer,
            subject,
            audience: AUDIENCE,
            tenant,
            roles,
            expires: year_2100(),
        });
        Caller { token: token.expect("a token") }
    }

    /// An operator of the installation.
    #[must_use]
    pub fn operator(&self) -> Caller {
        self.operator_with(&["operator"])
    }

    /// Somebody with a token of the operators' issuer and these roles.
    #[must_use]
    pub fn operator_with(&self, roles: &[&str]) -> Caller {
        self.sign(OPERATOR_ISSUER, None, roles)
    }

    /// Somebody with a token of the operators' issuer that names a tenant, which opens no door.
    #[must_use]
    pub fn operator_caller(&self, tenant: TenantId, roles: &[&str]) -> Caller {
        self.sign(OPERATOR_ISSUER, Some(tenant), roles)
    }

    /// Somebody of an account without a tenant.
    #[must_use]
    pub fn account_caller(&self, account: AccountId, roles: &[&str]) -> Caller {
        self.sign(&issuer_of(account), None, roles)
    }

    /// Somebody of a tenant.
    #[must_use]
    pub fn caller(&self, account: AccountId, tenant: TenantId, roles: &[&str]) -> Caller {
        self.sign(&issuer_of(account), Some(tenant), roles)
    }

    /// This person of a tenant.
    #[must_use]
    pub fn caller_as(
        &self,
        subject: &str,
        (account, tenant): (AccountId, TenantId),
        roles: &[&str],
    ) -> Caller {
        self.sign_as(subject, &issuer_of(account), Some(tenant), roles)
    }

    /// Creates an account and binds an issuer to it.
    pub async fn account(&self, name: &str) -> AccountId {
        let mut platform = PlatformServiceClient::new(self.channel(Service::Contract));
        let request = self.operator().request(CreateAccountRequest {
            request_id: format!("account-{name}"),
            display_name: name.to_owned(),
        });
        let answer = platform.create_account(request).await.expect("an account").into_inner();
        let account = answer.account.expect("an account").account_id;
        for path in self.issuers() {
            let mut file = IssuersFile::read(path).expect("the issuers");
            file.issuers.push(IssuerEntry {
                issuer: issuer_of(account.parse().expect("an id")),
                algorithm: IssuerAlgorithm::EdDSA,
                jwks: self.keys.user_issuer.jwks_path.display().to_string(),
                audience: Some(AUDIENCE.to_owned()),
                account: Some(account.clone()),
                kind: IssuerKind::Users,
            });
            file.write(path).expect("the issuers");
        }
        account.parse().expect("an id")
    }

    /// Creates a tenant of an account, in US dollars, all defaults.
    pub async fn tenant(&self, account: AccountId, name: &str) -> TenantId {
        self.tenant_with(account, name, MeasurementPolicy::default()).await
    }

    /// Creates a tenant of an account, in US dollars, with this policy.
    pub async fn tenant_with(
        &self,
        account: AccountId,
        name: &str,
        policy: MeasurementPolicy,
    ) -> TenantId {
        let mut platform = PlatformServiceClient::new(self.channel(Service::Contract));
        let request =
            self.account_caller(account, &["account_admin"]).request(CreateTenantRequest {
                request_id: format!("tenant-{name}"),
                external_id: name.to_owned(),
                display_name: name.to_owned(),
                functional_currency_code: "USD".to_owned(),
                policy: Some(policy),
                account_id: String::new(),
            });
        let answer = platform.create_tenant(request).await.expect("a tenant").into_inner();
        answer.tenant.expect("a tenant").tenant_id.parse().expect("an id")
    }

    /// An account with one tenant and its administrator.
    pub async fn books(&self, name: &str) -> (AccountId, TenantId, Caller) {
        let account = self.account(name).await;
        let tenant = self.tenant(account, name).await;
        (account, tenant, self.caller(account, tenant, &["tenant_admin"]))
    }
}
