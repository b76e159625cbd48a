//! What passes the door and what it leaves in the request.

use std::convert::Infallible;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};

use backlog_ids::{AccountId, TenantId};
use uuid::Uuid;

use super::{AuthLayer, Authenticator};
use crate::context::{Denied, Origin, RequestContext};
use crate::directory::{Lookup, TenantCache, TenantDirectory, TenantStanding, UnknownTenant};
use crate::error::AuthError;
use crate::permission::Permission;
use crate::signer::{SERVICE_ISSUER, TokenSigner, UserToken};
use crate::verify::tests::signer;
use crate::verify::{Verifier, VerifierConfig};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

fn tenant(n: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(n))
}

fn account(n: u128) -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(n))
}

/// Tenants 1 (active) and 2 (suspended) belong to account 1, tenant 3 to account 2; 4 cannot be
/// looked up; there are no others.
struct Table;

impl TenantDirectory for Table {
    fn standing(&self, tenant: TenantId) -> Lookup<'_> {
        Box::pin(async move {
            let known = |n, suspended| TenantStanding::Known { account: account(n), suspended };
            match tenant.uuid().as_u128() {
                1 => Ok(known(1, false)),
                2 => Ok(known(1, true)),
                3 => Ok(known(2, false)),
                4 => Err("the database is away".into()),
                _ => Ok(TenantStanding::Unknown),
            }
        })
    }
}

async fn authenticator(unknown: UnknownTenant) -> Arc<Authenticator> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuers.toml");
    let keys = [signer("k", 1), signer("recognition", 3)].map(|key| key.public_jwk().unwrap());
    fs::write(folder.path().join("keys.json"), json!({ "keys": keys }).to_string()).unwrap();
    let common = "algorithm=\"EdDSA\"\njwks=\"keys.json\"";
    let text = format!(
        "[[issuer]]\nissuer=\"vendor\"\n{common}\naudience=\"backlog\"\naccount=\"{}\"\n\
         [[issuer]]\nissuer=\"ops\"\n{common}\naudience=\"backlog\"\n\
         [[issuer]]\nissuer=\"{SERVICE_ISSUER}\"\n{common}\nkind=\"services\"\n",
        account(1)
    );
    fs::write(&path, text).unwrap();
    let verifier = Verifier::start(VerifierConfig::new("contract", path), now()).await.unwrap();
    // Read the keys before the folder goes.
    for (issuer, key) in [("vendor", signer("k", 1)), ("ops", signer("k", 1))] {
        verifier.verify(&user(&key, issuer, None, &[]), now()).await.unwrap();
    }
    let service =
        signer("recognition", 3).service_token("recognition", "contract", tenant(1), now());
    verifier.verify(&service.unwrap(), now()).await.unwrap();
    let tenants = TenantCache::new(Arc::new(Table), 100, Duration::from_secs(60));
    Arc::new(Authenticator::new(verifier, tenants, unknown, Arc::new(now)))
}

fn user(key: &TokenSigner, issuer: &str, tenant: Option<TenantId>, roles: &[&str]) -> String {
    let expires = DateTime::from_timestamp(1_780_000_060, 0).unwrap();
    let token = UserToken { issuer, subject: "ann", audience: "backlog", tenant, roles, expires };
    key.user_token(&token).unwrap()
}

fn vendor(tenant: Option<TenantId>, roles: &[&str]) -> String {
    user(&signer("k", 1), "vendor", tenant, roles)
}

async fn enter(door: &Authenticator, token: &str) -> Result<RequestContext, AuthError> {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    door.authenticate(&[(AUTHORIZATION, value)].into_iter().collect()).await
}

/// The tenant of the token decides: one's own is entered, a suspended one for reading, a foreign
/// and an unknown one answer alike, and operators have none.
#[tokio::test]
async fn tenants_belong_to_accounts() {
    let door = authenticator(UnknownTenant::Denied).await;
    let own = enter(&door, &vendor(Some(tenant(1)), &["controller"])).await.unwrap();
    let scope = own.tenant_scope(Permission::ContractSign).unwrap();
    assert_eq!((scope.tenant, scope.account), (tenant(1), Some(account(1))));
    assert_eq!(own.origin(), Origin::User);
    let suspended = enter(&door, &vendor(Some(tenant(2)), &["controller"])).await.unwrap();
    let sign = suspended.tenant_scope(Permission::ContractSign);
    assert_eq!(sign, Err(Denied::Suspended(Permission::ContractSign)));
    assert!(suspended.tenant_scope(Permission::ContractRead).is_ok());
    for other in [3, 99] {
        let error = enter(&door, &vendor(Some(tenant(other)), &["controller"])).await.unwrap_err();
        assert!(matches!(error, AuthError::Denied(Denied::ForeignTenant)), "{other}: {error}");
    }
    let operator = user(&signer("k", 1), "ops", Some(tenant(1)), &["operator", "controller"]);
    let error = enter(&door, &operator).await.unwrap_err();
    assert!(matches!(error, AuthError::Denied(Denied::ForeignTenant)));
    let error = enter(&door, &vendor(Some(tenant(4)), &["controller"])).await.unwrap_err();
    assert!(matches!(error, AuthError::Unavailable(_)));
}

/// Where tenants arrive by events, an unknown one may still come: try again.
#[tokio::test]
async fn an_unknown_tenant_may_be_on_its_way() {
    let door = authenticator(UnknownTenant::NotReady).await;
    let error = enter(&door, &vendor(Some(tenant(99)), &["controller"])).await.unwrap_err();
    assert!(matches!(error, AuthError::TenantNotReady(unknown) if unknown == tenant(99)));
    let error = enter(&door, &vendor(Some(tenant(3)), &["controller"])).await.unwrap_err();
    assert!(matches!(error, AuthError::Denied(Denied::ForeignTenant)));
}

/// Tokens without a tenant are bound to their issuer's account; a service reads logs of any.
#[tokio::test]
async fn accounts_operators_and_services() {
    let door = authenticator(UnknownTenant::Denied).await;
    let admin = enter(&door, &vendor(None, &["account_admin"])).await.unwrap();
    let scope = admin.account_scope(Permission::TenantManage).unwrap();
    assert_eq!(scope.account, Some(account(1)));
    let operator = user(&signer("k", 1), "ops", None, &["operator"]);
    let operator = enter(&door, &operator).await.unwrap();
    assert_eq!(operator.account_scope(Permission::AccountManage).unwrap().account, None);
    let key = signer("recognition", 3);
    let token = key.service_token("recognition", "contract", tenant(3), now()).unwrap();
    let service = enter(&door, &token).await.unwrap();
    assert_eq!(service.origin(), Origin::Service);
    assert_eq!(service.tenant_scope(Permission::LogRead).unwrap().account, Some(account(2)));
    let read = service.tenant_scope(Permission::ContractRead);
    assert_eq!(read, Err(Denied::Missing(Permission::ContractRead)));
}

/// No header, two, another scheme, too long, odd bytes: unauthenticated, with one and the same
/// sentence, and the service behind is never called.
#[tokio::test]
async fn bad_headers_all_answer_alike() {
    let door = authenticator(UnknownTenant::Denied).await;
    let inner =
        service_fn(|_: Request<()>| async { panic!("called") as Result<Response<()>, Infallible> });
    let layer = AuthLayer::new(door, |error| tonic::Status::unauthenticated(error.to_string()));
    let service = layer.layer(inner);
    let good = format!("Bearer {}", vendor(Some(tenant(1)), &["controller"]));
    let long = format!("Bearer {}", "x".repeat(65_536));
    let cases: [Vec<&[u8]>; 9] = [
        vec![],
        vec![good.as_bytes(), good.as_bytes()],
        vec![good.as_bytes(), b"Bearer x"],
        vec![b"Basic YTpi"],
        vec![b"Bearer"],
        vec![b"Bearer "],
        vec![b"Bearer a b"],
        vec![b"Bearer \xff"],
        vec![long.as_bytes()],
    ];
    for values in cases {
        let mut request = Request::builder().uri("/backlog.contract.v1.ContractService/Get");
        for value in &values {
            request = request.header(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        let answer = service.clone().oneshot(request.body(()).unwrap()).await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("grpc-status"), "16", "{values:?}");
        let message = header("grpc-message").replace("%20", " ");
        assert_eq!(message, "send one valid bearer token in the authorization header");
    }
}

/// A good token leaves its context and its headers in the request; health and reflection need
/// none and get none; paths that only look similar do.
#[tokio::test]
async fn leaves_the_context() {
    let door = authenticator(UnknownTenant::Denied).await;
    let inner = service_fn(|request: Request<()>| async move {
        let context = request.extensions().get::<RequestContext>();
        let actor = context.map(|context| context.actor().to_owned());
        assert_eq!(actor.is_some(), request.headers().contains_key(AUTHORIZATION));
        let mut answer = Response::new(());
        answer.extensions_mut().insert(actor);
        Ok::<_, Infallible>(answer)
    });
    let layer = AuthLayer::new(door, |error| tonic::Status::unauthenticated(error.to_string()));
    let service = layer.layer(inner);
    let call = |path: &str, token: Option<String>| {
        let mut request = Request::builder().uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("bearer {token}"));
        }
        service.clone().oneshot(request.body(()).unwrap())
    };
    let token = vendor(Some(tenant(1)), &["controller"]);
    let answer = call("/backlog.contract.v1.ContractService/Get", Some(token)).await.unwrap();
    assert_eq!(answer.extensions().get::<Option<String>>(), Some(&Some("ann".to_owned())));
    for open in [
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        let answer = call(open, None).await.unwrap();
        assert_eq!(answer.extensions().get::<Option<String>>(), Some(&None), "{open}");
    }
    for closed in ["/grpc.health.v1.HealthX/Check", "/x/grpc.health.v1.Health/Check", "/"] {
        let answer = call(closed, None).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "16", "{closed}");
    }
}
