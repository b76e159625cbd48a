//! Drafts and signatures.

use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::ContractState;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use tonic::Code;

use crate::harness::{Service, create, date, metadata, reason, sign, sign_draft, terms, usd, user};

fn get(contract: &pb::Contract) -> pb::GetContractRequest {
    pb::GetContractRequest { contract_id: contract.contract_id.clone() }
}

/// A draft is stored as entered, signed once, and read back exactly as each call answered it.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_becomes_a_commitment() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let mut contracts = service.contracts();
    let mut entered = terms(&[("license", "1200"), ("support", "300.5")]);
    entered.number = "C-1".to_owned();
    entered.obligations[1].product_line = "Service".to_owned();
    let answer = contracts.create_contract(books.admin.ask(create("c", entered))).await.unwrap();
    let pb::CreateContractResponse { contract, position } = answer.into_inner();
    let draft = contract.unwrap();
    assert_eq!(position.unwrap().seq, 2);
    assert_eq!((draft.state(), draft.signed_on), (ContractState::Draft, None));
    assert_eq!(draft.terms.as_ref().unwrap().obligations[1].ssp, usd("300.50"));
    assert_eq!(draft.billed, usd("0.00"));
    let read = contracts.get_contract(books.admin.ask(get(&draft))).await.unwrap().into_inner();
    assert_eq!(read.contract.as_ref(), Some(&draft));

    let mut stale = sign_draft("s", &draft);
    stale.etag = "v7".to_owned();
    let refused = contracts.sign_contract(books.admin.ask(stale)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Aborted, "ETAG_MISMATCH".into()));
    assert_eq!(metadata(&refused, "etag").as_ref(), Some(&draft.etag));
    let answer = contracts.sign_contract(books.admin.ask(sign_draft("s", &draft))).await.unwrap();
    let pb::SignContractResponse { contract, position, .. } = answer.into_inner();
    let signed = contract.unwrap();
    assert_eq!(position.unwrap().seq, 3);
    assert_eq!((signed.state(), signed.signed_on), (ContractState::Signed, date(2026, 1, 1)));
    assert_ne!(signed.etag, draft.etag);
    assert_eq!((&signed.terms, &signed.obligation_ids), (&draft.terms, &draft.obligation_ids));
    let read = contracts.get_contract(books.admin.ask(get(&draft))).await.unwrap().into_inner();
    assert_eq!(read.contract.as_ref(), Some(&signed));

    let again = sign_draft("s2", &signed);
    let refused = contracts.sign_contract(books.admin.ask(again)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::FailedPrecondition, "ALREADY_SIGNED".into())
    );
}

/// Terms are signed at once; one price for two promises comes back as stated.
#[tokio::test(flavor = "multi_thread")]
async fn terms_are_signed_at_once() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let mut one_price = terms(&[("a", "0"), ("b", "0")]);
    one_price.price = usd("1000");
    for (obligation, ssp) in one_price.obligations.iter_mut().zip(["900", "300"]) {
        obligation.price = None;
        obligation.ssp = usd(ssp);
    }
    let signed = service.signed(&books.admin, "s", one_price).await;
    assert_eq!((signed.state(), signed.obligation_ids.len()), (ContractState::Signed, 2));
    let read = service.contracts().get_contract(books.admin.ask(get(&signed))).await.unwrap();
    assert_eq!(read.into_inner().contract.as_ref(), Some(&signed));
    let shares = service
        .database
        .superuser_sql("select string_agg(transaction_price::text, ',' order by ordinal) from contract.obligation")
        .await;
    assert_eq!(shares.unwrap().trim(), "75000,25000");
}

/// With `validate_only` the answer is that of the real call, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn validating_writes_nothing() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let mut contracts = service.contracts();
    let draft = contracts
        .create_contract(books.admin.ask(create("c", terms(&[("a", "10.00")]))))
        .await
        .unwrap()
        .into_inner()
        .contract
        .unwrap();
    let before = service.entries().await;
    let mut request = sign_draft("s", &draft);
    request.validate_only = true;
    let checked = contracts.sign_contract(books.admin.ask(request.clone())).await.unwrap();
    let checked = checked.into_inner();
    assert_eq!(checked.position, None);
    let mut new = create("n", terms(&[("a", "10.00")]));
    new.validate_only = true;
    let made = contracts.create_contract(books.admin.ask(new)).await.unwrap().into_inner();
    assert_eq!(made.position, None);
    assert_eq!(made.contract.unwrap().state(), ContractState::Draft);
    let mut direct = sign("d", terms(&[("a", "10.00")]));
    direct.validate_only = true;
    contracts.sign_contract(books.admin.ask(direct)).await.unwrap();
    assert_eq!(service.entries().await, before);
    let mut unknown = request.clone();
    unknown.subject = Some(Subject::ContractId(format!("ctr_{}", "0".repeat(31) + "7")));
    unknown.etag = String::new();
    let refused = contracts.sign_contract(books.admin.ask(unknown)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);

    request.validate_only = false;
    let signed = contracts.sign_contract(books.admin.ask(request)).await.unwrap().into_inner();
    assert_eq!(signed.contract, checked.contract, "what was promised is what happened");
}

/// Contracts of another tenant do not exist here: read, signed and listed, the answer is that for an
/// unknown id, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn other_tenants_contracts_do_not_exist() {
    let service = Service::start().await;
    let books = service.books("one").await;
    let other_tenant = service.tenant(&books.owner, "sister").await;
    let sister = user(books.account, Some(other_tenant), &["tenant_admin"]).await;
    let mut contracts = service.contracts();
    let draft = contracts
        .create_contract(books.admin.ask(create("c", terms(&[("a", "10.00")]))))
        .await
        .unwrap()
        .into_inner()
        .contract
        .unwrap();
    let before = service.entries().await;
    let read = contracts.get_contract(sister.ask(get(&draft))).await.unwrap_err();
    assert_eq!((read.code(), reason(&read)), (Code::NotFound, "NOT_FOUND".into()));
    let signed = contracts.sign_contract(sister.ask(sign_draft("s", &draft))).await.unwrap_err();
    assert_eq!((signed.code(), reason(&signed)), (Code::NotFound, "NOT_FOUND".into()));
    let listed = contracts.list_contracts(sister.ask(<_>::default())).await.unwrap().into_inner();
    assert!(listed.contracts.is_empty());
    assert_eq!(service.entries().await, before);

    // Reading is not signing.
    let analyst = user(books.account, Some(books.tenant), &["analyst"]).await;
    contracts.get_contract(analyst.ask(get(&draft))).await.unwrap();
    let denied = contracts.sign_contract(analyst.ask(sign_draft("s", &draft))).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    assert_eq!(metadata(&denied, "permission").unwrap(), "contract.sign");
    // A token for the tenant by another account's issuer.
    let (stranger, _) = service.account("two").await;
    let forged = user(stranger, Some(books.tenant), &["tenant_admin"]).await;
    let denied = contracts.get_contract(forged.ask(get(&draft))).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let nobody = contracts.get_contract(get(&draft)).await.unwrap_err();
    assert_eq!((nobody.code(), reason(&nobody)), (Code::Unauthenticated, "UNAUTHENTICATED".into()));
}

/// Lists come in order of creation, page by page, filtered by state and customer; a page token is good
/// for its tenant and filter only.
#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_listed_in_order() {
    let service = Service::start().await;
    let books = service.books("vendor").await;
    let mut contracts = service.contracts();
    let mut expected = Vec::new();
    for n in 0..7 {
        let mut entered = terms(&[("a", "10.00"), ("b", "20.00")]);
        entered.customer = if n % 2 == 0 { "Even".to_owned() } else { "Odd".to_owned() };
        let request = create(&format!("c{n}"), entered);
        let answer = contracts.create_contract(books.admin.ask(request)).await.unwrap();
        expected.push(answer.into_inner().contract.unwrap());
    }
    let sign_first = sign_draft("s", &expected[0]);
    let signed = contracts.sign_contract(books.admin.ask(sign_first)).await.unwrap();
    expected[0] = signed.into_inner().contract.unwrap();

    let mut request = pb::ListContractsRequest { page_size: 3, ..<_>::default() };
    let mut listed = Vec::new();
    let mut tokens = Vec::new();
    loop {
        let page = contracts.list_contracts(books.admin.ask(request.clone())).await.unwrap();
        let page = page.into_inner();
        listed.extend(page.contracts);
        if page.next_page_token.is_empty() {
            break;
        }
        tokens.push(page.next_page_token.clone());
        request.page_token = page.next_page_token;
    }
    assert_eq!((listed, tokens.len()), (expected.clone(), 2));

    let of = async |customer: &str, state: ContractState| {
        let request = pb::ListContractsRequest {
            customer: customer.to_owned(),
            state: state.into(),
            ..<_>::default()
        };
        let page = service.contracts().list_contracts(books.admin.ask(request)).await.unwrap();
        page.into_inner().contracts.len()
    };
    assert_eq!(of("", ContractState::Draft).await, 6);
    assert_eq!(of("", ContractState::Signed).await, 1);
    assert_eq!(of("Odd", ContractState::Unspecified).await, 3);
    assert_eq!(of("Odd", ContractState::Signed).await, 0);
    assert_eq!(of("Even' or '1'='1", ContractState::Unspecified).await, 0);

    let refused = async |request: pb::ListContractsRequest, tenant| {
        let caller = user(books.account, Some(tenant), &["tenant_admin"]).await;
        let answer = service.contracts().list_contracts(caller.ask(request)).await;
        reason(&answer.unwrap_err())
    };
    let token = tokens.remove(0);
    let sister = service.tenant(&books.owner, "sister").await;
    let plain = pb::ListContractsRequest { page_token: token.clone(), ..<_>::default() };
    assert_eq!(refused(plain.clone(), sister).await, "PAGE_TOKEN_INVALID");
    let filtered = pb::ListContractsRequest { customer: "Odd".to_owned(), ..plain.clone() };
    assert_eq!(refused(filtered, books.tenant).await, "PAGE_TOKEN_INVALID");
    let forged = pb::ListContractsRequest { page_token: token.replace('A', "B") + "x", ..plain };
    assert_eq!(refused(forged, books.tenant).await, "PAGE_TOKEN_INVALID");
}
