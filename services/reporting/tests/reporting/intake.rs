//! Whatever the wire does, each entry is applied once and in order; what cannot be applied stops its
//! tenant and nobody else.

use backlog_event_log::Applied;
use backlog_proto::common::v1::Log;
use backlog_proto::recognition::v1 as recognition;
use backlog_recognition_engine::{Convention, Effects};
use prost::Message;

use crate::books::{Books, Names, Service, at, day, tenant, terms};

fn some_books(number: u128) -> Books {
    let mut books = Books::open(tenant(number), Convention::ActualDays);
    for contract in 1..=4_u128 {
        let prices = [100_000 * i128::try_from(contract).unwrap(), 777];
        let signed = terms(contract, "2026-01-15", ("2026-01-15", "2026-12-31"), &prices);
        let id = signed.contract;
        let names = Names {
            customer: "Acme",
            dimensions: &[("region", "EMEA")],
            product_lines: &["saas", "support"],
        };
        books.sign(signed, names);
        books.pass(11);
        books.invoice(id, 0, "2026-02-01", "2026-02-20", 5_000);
        books.run("2026-02-28", None);
    }
    books
}

// The same logs in one batch, and entry by entry with each delivered three times and everything once
// more at the end, and with later entries first: the same projections, row for row.
#[tokio::test]
async fn duplicates_and_order_change_nothing() {
    let at_once = Service::start().await;
    let mut books = some_books(1);
    books.deliver(&at_once).await;
    let digest = at_once.digest(books.tenant).await;

    let one_by_one = Service::start().await;
    let mut seen = std::collections::BTreeSet::new();
    for (log, entry) in &books.entries {
        for _ in 0..3 {
            let applied = one_by_one.apply(books.tenant, vec![(*log, entry.clone())]).await;
            assert_eq!(applied, Applied::All);
        }
        seen.insert(one_by_one.digest(books.tenant).await);
    }
    assert_eq!(seen.len(), books.entries.len(), "each entry changes the digest once");
    assert_eq!(one_by_one.apply(books.tenant, books.entries.clone()).await, Applied::All);
    assert_eq!(one_by_one.digest(books.tenant).await, digest);

    let reordered = Service::start().await;
    let first = books.entries[..2].to_vec();
    assert_eq!(reordered.apply(books.tenant, first).await, Applied::All);
    let before = reordered.digest(books.tenant).await;
    let later: Vec<_> = books.entries[4..].to_vec();
    let applied = reordered.apply(books.tenant, later).await;
    assert!(matches!(applied, Applied::Gap(_)), "{applied:?}");
    assert_eq!(reordered.digest(books.tenant).await, before, "nothing of it is applied");
    assert_eq!(reordered.apply(books.tenant, books.entries.clone()).await, Applied::All);
    assert_eq!(reordered.digest(books.tenant).await, digest);
    assert_eq!(reordered.violations(books.tenant).await, Vec::<String>::new());
}

/// An event of recognition that books one contract, to be spoiled.
fn booking(books: &mut Books) -> recognition::AccountingPosted {
    let signed = terms(8, "2026-01-15", ("2026-01-15", "2026-12-31"), &[50_000]);
    books.sign(signed, Names::default());
    // The real accounting of it is taken back: the test puts its own in that place.
    let (_, entry) = books.entries.pop().unwrap();
    recognition::AccountingPosted::decode(entry.entry.payload.as_slice()).unwrap()
}

// Everything that an event of recognition must not say stops its tenant at that entry, with the reason
// told and nothing of the entry applied, while a neighbor goes on and reports still answer.
#[tokio::test]
async fn poison_stops_its_tenant_only() {
    type Spoil = fn(&mut recognition::AccountingPosted);
    let spoils: [(&str, Spoil); 12] = [
        ("covers entry 99", |posted| posted.covered_contract_seq = 99),
        ("has wrong fields: movements[0].measure", |posted| posted.movements[0].measure = 77),
        ("movements[0].cause", |posted| posted.movements[0].cause = 0),
        ("must be in USD", |posted| {
            posted.movements[0].amount.as_mut().unwrap().currency_code = "EUR".to_owned();
        }),
        ("all minor digits", |posted| {
            posted.movements[0].amount.as_mut().unwrap().amount = "12.3".to_owned();
        }),
        ("below 2^63", |posted| {
            posted.movements[0].amount.as_mut().unwrap().amount =
                "99999999999999999999.00".to_owned();
        }),
        ("is not known here", |posted| {
            posted.movements[0].contract_id = "ctr_000000000000000000000000000000ff".to_owned();
        }),
        ("has no obligation", |posted| {
            posted.plan_changes[0].obligation_id =
                "obl_000000000000000000000000000000ff".to_owned();
        }),
        ("movements[0].effective_date", |posted| posted.movements[0].effective_date = None),
        ("movements[0].service_month", |posted| {
            posted.movements[0].service_month = Some(day("2027-01-01").into());
        }),
        ("plan_changes[0].month", |posted| {
            posted.plan_changes[0].month = Some(day("2027-01-01").into());
        }),
        ("measure of the whole contract", |posted| {
            posted.movements[0].measure = recognition::Measure::DeferredRevenue.into();
        }),
    ];
    let service = Service::start().await;
    for (number, (expected, spoil)) in (1_u128..).zip(spoils) {
        let mut books = some_books(number);
        books.deliver(&service).await;
        let mut posted = booking(&mut books);
        let mut spoiled = Books::open(tenant(number), Convention::ActualDays);
        std::mem::swap(&mut spoiled.entries, &mut books.entries);
        let place = u64::try_from(books.ledgers.len()).unwrap() - 1;
        spoil(&mut posted);
        let entry = reseal(&spoiled, &posted, place);
        let contract_entry = spoiled.entries.last().unwrap().clone();
        let before = service.digest(books.tenant).await;
        let inbound = vec![contract_entry, (Log::Recognition, entry)];
        assert_eq!(service.apply(books.tenant, inbound).await, Applied::Stopped, "{expected}");
        let stop = service.stop(books.tenant).await.unwrap();
        assert!(stop.starts_with("TENANT_STOPPED") && stop.contains(expected), "{stop}");
        assert_ne!(
            service.digest(books.tenant).await,
            before,
            "the contract entry before it stays"
        );
        assert_eq!(service.violations(books.tenant).await, Vec::<String>::new());
        assert!(service.report(books.tenant, at(day("2026-03-31"))).await.is_ok());
    }
    let mut neighbor = some_books(100);
    neighbor.deliver(&service).await;
    assert_eq!(service.stop(neighbor.tenant).await, None);
}

/// Seals a spoiled event in the place that follows the recognition entries of `books`.
fn reseal(
    books: &Books,
    posted: &recognition::AccountingPosted,
    place: u64,
) -> backlog_event_log::Opened {
    let last = books.entries.iter().rev().find(|(log, _)| *log == Log::Recognition).unwrap();
    let mut entry = last.1.entry.clone();
    assert_eq!(entry.seq + 1, place);
    entry.seq = place;
    entry.prev_hash = last.1.hash.to_vec();
    entry.payload = posted.encode_to_vec();
    backlog_event_log::open(&entry.encode_to_vec()).unwrap()
}

// Unknown types and undecodable payloads of either log, a second creation and a second signature stop
// the tenant; a draft and its like pass.
#[tokio::test]
async fn unknown_facts_stop_the_tenant() {
    let service = Service::start().await;
    let signed = || terms(1, "2026-01-15", ("2026-01-15", "2026-12-31"), &[100_000]);
    type Spoil = fn(&mut Books);
    let cases: [(&str, Spoil); 4] = [
        ("backlog.contract.v1.SomethingNew", |books| {
            let on = day("2026-02-01");
            books.contract_entry("backlog.contract.v1.SomethingNew", String::new(), on, vec![]);
        }),
        ("not a backlog.contract.v1.ContractSigned", |books| {
            let on = day("2026-02-01");
            books.contract_entry(
                "backlog.contract.v1.ContractSigned",
                String::new(),
                on,
                vec![255],
            );
        }),
        ("must be entry 1", |books| {
            let on = day("2026-02-01");
            books.contract_entry("backlog.contract.v1.TenantCreated", String::new(), on, vec![]);
        }),
        ("signed already", |books| {
            let again = terms(1, "2026-01-15", ("2026-01-15", "2026-12-31"), &[100_000]);
            books.sign(again, Names::default());
        }),
    ];
    for (number, (expected, spoil)) in (1_u128..).zip(cases) {
        let mut books = Books::open(tenant(number), Convention::ActualDays);
        books.sign(signed(), Names::default());
        let draft = backlog_proto::contract::v1::ContractDrafted::default().encode_to_vec();
        let on = day("2026-01-20");
        books.contract_entry("backlog.contract.v1.ContractDrafted", "ctr".to_owned(), on, draft);
        books.account(&Effects::default(), on, None);
        books.deliver(&service).await;
        spoil(&mut books);
        let news = books.news();
        assert_eq!(service.apply(books.tenant, news).await, Applied::Stopped);
        let stop = service.stop(books.tenant).await.unwrap();
        assert!(stop.contains(expected), "{stop}");
    }
}

// A movement that nobody explains shows: each kind of damage to the rows is found by the identities.
#[tokio::test]
async fn damage_is_found() {
    let service = Service::start().await;
    let mut books = some_books(1);
    books.deliver(&service).await;
    assert_eq!(service.violations(books.tenant).await, Vec::<String>::new());
    let damages = [
        (
            "update movement set amount = amount + 1 where measure = 6 and ordinal = (select max(ordinal) from movement where measure = 6)",
            "contract asset",
        ),
        (
            "update plan_revision set amounts[1] = amounts[1] + 1 where source_seq = 2 and ordinal = 0",
            "sum of plan",
        ),
        ("update rollup_contract set amount = amount + 1 where measure = 1", "rollup by contract"),
        (
            "update rollup_segment set m01 = m01 + 1, m02 = m02 + 1 where measure = 1",
            "reported backlog",
        ),
        ("update rollup_segment set m01 = m01 + 1 where measure = 65", "rollup by segment"),
        ("update audit_entry set leaf_hash = sha256(leaf_hash) where seq = 3", "audit trail"),
        ("delete from tree_node where level = 1 and node_index = 0", "nodes of the tree"),
    ];
    for (sql, expected) in damages {
        let before = service.tamper(&format!("begin; {sql}; commit;")).await;
        let found = service.violations(books.tenant).await;
        assert!(found.iter().any(|line| line.contains(expected)), "{sql} {before}: {found:?}");
    }
}
