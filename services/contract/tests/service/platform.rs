//! Accounts and tenants.

use backlog_proto::contract::v1 as pb;
use tonic::Code;

use crate::harness::{Service, fields, metadata, new_tenant, operator, reason, sign, terms, user};

/// An account is made once per request_id, by operators only; administrators see only their own.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_made_once_and_seen_by_their_own() {
    let service = Service::start().await;
    let (first, first_admin) = service.account("first").await;
    assert_eq!(service.account("first").await.0, first, "the same request_id, the same account");
    let (second, _) = service.account("second").await;
    assert_ne!(first, second);

    let reused = pb::CreateAccountRequest {
        request_id: "account-first".to_owned(),
        display_name: "other".to_owned(),
    };
    let mut platform = service.platform();
    let refused = platform.create_account(operator().await.ask(reused.clone())).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::AlreadyExists, "REQUEST_ID_REUSED".into())
    );
    let denied = platform.create_account(first_admin.ask(reused)).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let empty = pb::CreateAccountRequest::default();
    let invalid = platform.create_account(operator().await.ask(empty)).await.unwrap_err();
    assert_eq!(fields(&invalid), ["request_id", "display_name"]);

    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = pb::ListAccountsRequest { page_size: 1, page_token };
        let page = platform.list_accounts(operator().await.ask(page)).await.unwrap().into_inner();
        assert_eq!(page.accounts.len(), 1);
        seen.extend(page.accounts.into_iter().map(|account| account.account_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut expected = [first.to_string(), second.to_string()];
    expected.sort();
    assert_eq!(seen, expected);
    let own = platform.list_accounts(first_admin.ask(pb::ListAccountsRequest::default()));
    let own = own.await.unwrap().into_inner();
    assert_eq!(own.accounts.len(), 1);
    assert_eq!(own.accounts[0].account_id, first.to_string());
}

/// A tenant is made once per external id; the answer of the second call is that of the first; other
/// content is refused with the fields that differ, and makes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_made_once() {
    let service = Service::start().await;
    let (account, owner) = service.account("vendor").await;
    let mut platform = service.platform();
    let mut create = async |request| platform.create_tenant(owner.ask(request)).await;
    let first = create(new_tenant("r1", "eu")).await.unwrap().into_inner();
    assert_eq!(first.tenant.as_ref().unwrap().account_id, account.to_string());
    assert_eq!(first.position.unwrap().seq, 1);
    let written = service.entries().await;
    assert_eq!(create(new_tenant("r1", "eu")).await.unwrap().into_inner(), first);
    assert_eq!(create(new_tenant("r2", "eu")).await.unwrap().into_inner(), first);
    let mut other = new_tenant("r3", "eu");
    other.functional_currency_code = "EUR".to_owned();
    other.policy = Some(pb::MeasurementPolicy { rounding: 2, ..pb::MeasurementPolicy::default() });
    let refused = create(other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::AlreadyExists, "ALREADY_EXISTS".into()));
    assert_eq!(metadata(&refused, "fields").unwrap(), "functional_currency_code,policy");
    let mut reused = new_tenant("r1", "eu");
    reused.display_name = "Other".to_owned();
    assert_eq!(reason(&create(reused).await.unwrap_err()), "REQUEST_ID_REUSED");
    assert_eq!(service.entries().await, written);
    let second = create(new_tenant("r1", "us")).await.unwrap().into_inner();
    assert_ne!(second.tenant.unwrap().tenant_id, first.tenant.unwrap().tenant_id);
}

/// Nobody makes, sees or suspends tenants of another account: unknown and foreign answer alike. An
/// operator must name the account and sees all.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_do_not_meet() {
    let service = Service::start().await;
    let books = service.books("one").await;
    let (_, stranger) = service.account("two").await;
    let mut platform = service.platform();

    let mut foreign = new_tenant("x", "y");
    foreign.account_id = books.account.to_string();
    let refused = platform.create_tenant(stranger.ask(foreign.clone())).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "NOT_FOUND".into()));
    let mut suspend = pb::SetTenantSuspendedRequest {
        request_id: "s".to_owned(),
        tenant_id: books.tenant.to_string(),
        suspended: true,
    };
    let foreign_answer =
        platform.set_tenant_suspended(stranger.ask(suspend.clone())).await.unwrap_err();
    suspend.tenant_id = format!("ten_{}", "0".repeat(31) + "7");
    let unknown_answer = platform.set_tenant_suspended(stranger.ask(suspend)).await.unwrap_err();
    assert_eq!(foreign_answer.code(), Code::NotFound);
    assert_eq!(unknown_answer.code(), Code::NotFound);
    assert_eq!(reason(&foreign_answer), reason(&unknown_answer));
    let listed = platform.list_tenants(stranger.ask(pb::ListTenantsRequest::default()));
    assert!(listed.await.unwrap().into_inner().tenants.is_empty());
    let health = platform.get_platform_health(stranger.ask(<_>::default()));
    assert!(health.await.unwrap().into_inner().tenants.is_empty());

    let nameless = new_tenant("o", "op");
    let refused = platform.create_tenant(operator().await.ask(nameless)).await.unwrap_err();
    assert_eq!(fields(&refused), ["account_id"]);
    platform.create_tenant(operator().await.ask(foreign)).await.unwrap();
    let all = platform.list_tenants(operator().await.ask(<_>::default())).await.unwrap();
    assert_eq!(all.into_inner().tenants.len(), 2);

    // A tenant's token reaches no account, an account's token no books.
    let denied = platform.list_tenants(books.admin.ask(<_>::default())).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let books_denied = service.contracts().list_contracts(books.owner.ask(<_>::default())).await;
    assert_eq!(books_denied.unwrap_err().code(), Code::PermissionDenied);
    let imposter = user(books.account, Some(books.tenant), &["account_admin"]).await;
    let denied = platform.list_tenants(imposter.ask(<_>::default())).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
}

/// Tenants are listed page by page in order of id; a token that is forged, or another call's, is
/// refused; health tells positions and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_paged() {
    let service = Service::start().await;
    let (_, owner) = service.account("vendor").await;
    let mut expected = Vec::new();
    for n in 0..5 {
        expected.push(service.tenant(&owner, &format!("t{n}")).await.to_string());
    }
    expected.sort();
    let mut platform = service.platform();
    let mut request = pb::ListTenantsRequest { page_size: 2, page_token: String::new() };
    let mut listed = Vec::new();
    let mut pages = 0;
    loop {
        let page = platform.list_tenants(owner.ask(request.clone())).await.unwrap().into_inner();
        listed.extend(page.tenants.into_iter().map(|tenant| tenant.tenant_id));
        pages += 1;
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
        let other =
            pb::GetPlatformHealthRequest { page_size: 2, page_token: request.page_token.clone() };
        let refused = platform.get_platform_health(owner.ask(other)).await.unwrap_err();
        assert_eq!(reason(&refused), "PAGE_TOKEN_INVALID");
    }
    assert_eq!((listed, pages), (expected.clone(), 3));
    let negative = pb::ListTenantsRequest { page_size: -1, page_token: String::new() };
    let refused = platform.list_tenants(owner.ask(negative)).await.unwrap_err();
    assert_eq!(fields(&refused), ["page_size"]);
    let health = platform.get_platform_health(owner.ask(<_>::default())).await.unwrap();
    let health = health.into_inner().tenants;
    let ids: Vec<String> = health.iter().map(|tenant| tenant.tenant_id.clone()).collect();
    assert_eq!(ids, expected);
    assert!(health.iter().all(|tenant| tenant.contract_seq == 1 && !tenant.suspended));
}

/// While a tenant is suspended its writes are refused and its reads go on; a late repetition of the
/// suspension, after it was lifted, does not suspend again.
#[tokio::test(flavor = "multi_thread")]
async fn suspension_refuses_writes_only() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let mut platform = service.platform();
    let mut set = async |request_id: &str, suspended| {
        let request = pb::SetTenantSuspendedRequest {
            request_id: request_id.to_owned(),
            tenant_id: books.tenant.to_string(),
            suspended,
        };
        platform.set_tenant_suspended(books.owner.ask(request)).await.unwrap().into_inner()
    };
    let signed = service.signed(&books.admin, "before", terms(&[("a", "10.00")])).await;
    let suspended = set("s1", true).await;
    assert!(suspended.tenant.as_ref().unwrap().suspended);
    let mut contracts = service.contracts();
    let write = sign("during", terms(&[("a", "10.00")]));
    let refused = contracts.sign_contract(books.admin.ask(write.clone())).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::FailedPrecondition, "TENANT_SUSPENDED".into())
    );
    let read = pb::GetContractRequest { contract_id: signed.contract_id };
    contracts.get_contract(books.admin.ask(read)).await.unwrap();

    let lifted = set("s2", false).await;
    assert!(!lifted.tenant.unwrap().suspended);
    assert_eq!(set("s1", true).await, suspended, "answered as the first time");
    let health = service.platform().get_platform_health(books.owner.ask(<_>::default())).await;
    assert!(!health.unwrap().into_inner().tenants[0].suspended, "and not suspended again");
    contracts.sign_contract(books.admin.ask(write)).await.unwrap();
}
