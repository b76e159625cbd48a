//! Accounts, tenants and their tokens, made through the system, before anything is measured.

use anyhow::Context;
use backlog_ids::TenantId;
use backlog_local_stack::{AUDIENCE, OPERATOR_ISSUER};
use backlog_proto::contract::v1::platform_service_client::PlatformServiceClient;
use backlog_proto::contract::v1::{CreateAccountRequest, CreateTenantRequest};
use backlog_tenancy::{
    IssuerAlgorithm, IssuerEntry, IssuerKind, IssuersFile, TokenSigner, UserToken,
};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use tonic::metadata::{Ascii, MetadataValue};

use crate::system::{Service, System};

/// Tenants that are created at once.
const AT_ONCE: usize = 32;

/// A tenant and who acts in it.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    /// Its id.
    pub(crate) id: TenantId,
    header: MetadataValue<Ascii>,
}

impl Tenant {
    /// A request of the tenant's administrator; the token was made before.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("authorization", self.header.clone());
        request
    }
}

/// An account whose tenants are measured.
pub(crate) struct Account {
    issuer: String,
    signer: TokenSigner,
}

impl Account {
    /// Creates an account and binds an issuer to it.
    pub(crate) async fn create(system: &System, name: &str) -> anyhow::Result<Self> {
        let key = &system.user_key;
        let signer =
            TokenSigner::try_new(key.key_id.clone(), &std::fs::read(&key.private_key_path)?)?;
        let operator = header(&signer, OPERATOR_ISSUER, None, "operator")?;
        let mut platform = PlatformServiceClient::new(system.channel(Service::Contract).await?);
        let mut request = tonic::Request::new(CreateAccountRequest {
            request_id: format!("account-{name}"),
            display_name: name.to_owned(),
        });
        request.metadata_mut().insert("authorization", operator);
        let answer = platform.create_account(request).await?.into_inner();
        let id = answer.account.context("an account without an account")?.account_id;
        let account = Self { issuer: format!("https://{id}.bench"), signer };
        let path = &system.files.issuers;
        let mut file = IssuersFile::read(path)?;
        file.issuers.push(IssuerEntry {
            issuer: account.issuer.clone(),
            algorithm: IssuerAlgorithm::EdDSA,
            jwks: key.jwks_path.display().to_string(),
            audience: Some(AUDIENCE.to_owned()),
            account: Some(id),
            kind: IssuerKind::Users,
        });
        file.write(path)?;
        Ok(account)
    }

    /// Creates tenants in US dollars.
    pub(crate) async fn tenants(
        &self,
        system: &System,
        name: &str,
        count: u32,
    ) -> anyhow::Result<Vec<Tenant>> {
        let admin = header(&self.signer, &self.issuer, None, "account_admin")?;
        let channel = system.channel(Service::Contract).await?;
        let created = futures::stream::iter(0..count).map(|number| {
            let mut platform = PlatformServiceClient::new(channel.clone());
            let mut request = tonic::Request::new(CreateTenantRequest {
                request_id: format!("{name}-{number}"),
                external_id: format!("{name}-{number}"),
                display_name: format!("{name} {number}"),
                functional_currency_code: "USD".to_owned(),
                policy: None,
                account_id: String::new(),
            });
            request.metadata_mut().insert("authorization", admin.clone());
            async move {
                let answer = platform.create_tenant(request).await?.into_inner();
                let id = answer.tenant.context("a tenant without a tenant")?.tenant_id;
                self.tenant(id.parse()?)
            }
        });
        let mut created = created.buffered(AT_ONCE);
        let mut tenants = Vec::new();
        while let Some(tenant) = created.next().await {
            tenants.push(tenant?);
        }
        Ok(tenants)
    }

    fn tenant(&self, id: TenantId) -> anyhow::Result<Tenant> {
        Ok(Tenant { id, header: header(&self.signer, &self.issuer, Some(id), "tenant_admin")? })
    }
}

fn header(
    signer: &TokenSigner,
    issuer: &str,
    tenant: Option<TenantId>,
    role: &str,
) -> anyhow::Result<MetadataValue<Ascii>> {
    let token = signer.user_token(&UserToken {
        issuer,
        subject: "bench",
        audience: AUDIENCE,
        tenant,
        roles: &[role],
        expires: year_2100()?,
    })?;
    Ok(MetadataValue::try_from(format!("Bearer {token}"))?)
}

fn year_2100() -> anyhow::Result<DateTime<Utc>> {
    DateTime::from_timestamp(4_102_444_800, 0).context("a time")
}
