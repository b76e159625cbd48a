//! Groups, filters and counts.

use std::collections::BTreeMap;

use backlog_proto::reporting::v1 as pb;
use backlog_recognition_engine::Convention;
use tonic::Code;

use crate::books::{Books, Names, Service, at, balances, day, minor, tenant, terms};

async fn three_contracts() -> (Service, Books) {
    let service = Service::start().await;
    let mut books = Books::open(tenant(1), Convention::ActualDays);
    let term = ("2026-01-01", "2026-12-31");
    books.sign(
        terms(1, "2026-01-01", term, &[120_000, 60_000, 36_500]),
        Names {
            customer: "Acme",
            dimensions: &[("region", "EMEA"), ("rep", "ann")],
            product_lines: &["saas", "support", "saas"],
        },
    );
    books.sign(
        terms(2, "2026-01-10", ("2026-01-10", "2026-06-30"), &[50_000]),
        Names { customer: "Acme", dimensions: &[("region", "APAC")], product_lines: &["saas"] },
    );
    let mut euros = terms(3, "2026-02-05", term, &[99_999]);
    euros.currency = backlog_money::Currency::parse("EUR").unwrap();
    books.sign(
        euros,
        Names { customer: "Zeta", dimensions: &[("region", "EMEA")], ..Names::default() },
    );
    let id = |number| terms(number, "2026-01-01", term, &[1]).contract;
    books.invoice(id(1), 1, "2026-01-05", "2026-02-04", 30_000);
    books.invoice(id(3), 0, "2026-02-06", "2026-02-06", 20_000);
    books.run("2026-02-10", None);
    books.deliver(&service).await;
    (service, books)
}

fn by(group_by: &[&str]) -> pb::GetBacklogRequest {
    let group_by = group_by.iter().map(|name| (*name).to_owned()).collect();
    pb::GetBacklogRequest { group_by, ..at(day("2026-02-20")) }
}

/// Group and currency to TCV and number of contracts.
async fn shown(
    service: &Service,
    books: &Books,
    request: pb::GetBacklogRequest,
) -> Vec<(String, i128, u64)> {
    let answer = service.report(books.tenant, request).await.unwrap();
    let row = |row: &pb::BacklogRow| {
        let at = row.balances.as_ref().unwrap();
        let tcv = at.tcv.as_ref().unwrap();
        let group =
            [row.group.as_slice(), std::slice::from_ref(&tcv.currency_code)].concat().join("/");
        (group, minor(Some(tcv)), at.contract_count)
    };
    answer.rows.iter().map(row).collect()
}

fn text(rows: &[(&str, i128, u64)]) -> Vec<(String, i128, u64)> {
    rows.iter().map(|(group, tcv, count)| ((*group).to_owned(), *tcv, *count)).collect()
}

// Rows are told by group in order, currencies never add, a contract counts once in each group it is
// in, and what a contract does not have stands under the empty value.
#[tokio::test]
async fn groups_are_told_apart() {
    let (service, books) = three_contracts().await;
    let total = [("EUR", 99_999, 1), ("USD", 266_500, 2)];
    assert_eq!(shown(&service, &books, by(&[])).await, text(&total));
    let region = [("APAC/USD", 50_000, 1), ("EMEA/EUR", 99_999, 1), ("EMEA/USD", 216_500, 1)];
    assert_eq!(shown(&service, &books, by(&["region"])).await, text(&region));
    let rep = [("/EUR", 99_999, 1), ("/USD", 50_000, 1), ("ann/USD", 216_500, 1)];
    assert_eq!(shown(&service, &books, by(&["rep"])).await, text(&rep));
    // Two obligations of the first contract are saas: it counts once. Measures of whole contracts
    // stand under no product line, where a contract without one counts.
    let line =
        [("/EUR", 99_999, 1), ("/USD", 0, 0), ("saas/USD", 206_500, 2), ("support/USD", 60_000, 1)];
    assert_eq!(shown(&service, &books, by(&["product_line"])).await, text(&line));
    let customer = [("Acme/USD", 266_500, 2), ("Zeta/EUR", 99_999, 1)];
    assert_eq!(shown(&service, &books, by(&["customer"])).await, text(&customer));
    let both =
        [("Acme/APAC/USD", 50_000, 1), ("Acme/EMEA/USD", 216_500, 1), ("Zeta/EMEA/EUR", 99_999, 1)];
    assert_eq!(shown(&service, &books, by(&["customer", "region"])).await, text(&both));
    let obligations = shown(&service, &books, by(&["contract", "obligation"])).await;
    let counts: Vec<u64> = obligations.iter().map(|(_, _, count)| *count).collect();
    // Each contract has a row without obligation, for what belongs to it as a whole.
    assert_eq!(counts, [0, 1, 1, 1, 0, 1, 0, 1]);
    assert!(obligations[1].0.starts_with("ctr_00000000000000000000000000000001/obl_"));
}

// Whatever it is grouped by, every measure of the groups sums to the total, per currency.
#[tokio::test]
async fn groups_sum_to_the_total() {
    let (service, books) = three_contracts().await;
    let sums = async |group_by: &[&str]| {
        let answer = service.report(books.tenant, by(group_by)).await.unwrap();
        let mut sums: BTreeMap<String, Vec<i128>> = BTreeMap::new();
        for row in answer.rows {
            let row = row.balances.unwrap();
            let code = row.tcv.as_ref().unwrap().currency_code.clone();
            let at = balances(&row);
            let figures = [
                at.transaction_price,
                at.tcv,
                at.recognized,
                at.backlog,
                at.billed,
                at.conditional_billing,
                at.unbilled_backlog,
                at.deferred_revenue,
                at.contract_asset,
                at.receivable,
                at.recognized_accrued,
                at.backlog_accrued,
            ];
            let sum = sums.entry(code).or_insert_with(|| vec![0; figures.len()]);
            sum.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        }
        sums
    };
    let total = sums(&[]).await;
    assert_eq!(total.len(), 2);
    assert!(total["USD"].iter().filter(|figure| **figure != 0).count() >= 10);
    for group_by in [
        &["region"][..],
        &["product_line"],
        &["customer"],
        &["contract"],
        &["obligation"],
        &["product_line", "region", "rep"],
        &["customer", "product_line", "obligation"],
        &["no_such_dimension"],
    ] {
        assert_eq!(sums(group_by).await, total, "{group_by:?}");
    }
}

// Filters narrow by everything that can be named, all parts must hold, and what belongs to whole
// contracts is zero under an obligation or a product line; an unknown contract has no rows.
#[tokio::test]
async fn filters_narrow() {
    let (service, books) = three_contracts().await;
    let filtered = async |filter: pb::ReportFilter, group_by: &[&str]| {
        let request = pb::GetBacklogRequest { filter: Some(filter), ..by(group_by) };
        service.report(books.tenant, request).await.unwrap().rows
    };
    let dimension = |pairs: &[(&str, &str)]| pb::ReportFilter {
        dimensions: pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        ..pb::ReportFilter::default()
    };
    let only = |rows: &[pb::BacklogRow]| {
        assert_eq!(rows.len(), 1);
        let row = rows[0].balances.as_ref().unwrap();
        (balances(row), row.contract_count)
    };
    let (apac, count) = only(&filtered(dimension(&[("region", "APAC")]), &[]).await);
    assert_eq!((apac.tcv, count), (50_000, 1));
    assert!(apac.contract_asset > 0);
    let (none_of_rep, _) =
        only(&filtered(dimension(&[("rep", ""), ("region", "APAC")]), &[]).await);
    assert_eq!(none_of_rep, apac);
    let nobody = dimension(&[("rep", "ann"), ("region", "APAC")]);
    assert!(filtered(nobody, &[]).await.is_empty());
    let (acme, count) = only(&filtered(dimension(&[("customer", "Acme")]), &[]).await);
    assert_eq!((acme.tcv, count), (266_500, 2));
    let (support, count) = only(&filtered(dimension(&[("product_line", "support")]), &[]).await);
    assert_eq!((support.tcv, support.billed, count), (60_000, 30_000, 1));
    assert_eq!((support.deferred_revenue, support.contract_asset, support.receivable), (0, 0, 0));

    let first = terms(1, "2026-01-01", ("2026-01-01", "2026-12-31"), &[120_000, 60_000]);
    let contract =
        pb::ReportFilter { contract_id: first.contract.to_string(), ..pb::ReportFilter::default() };
    let (whole, count) = only(&filtered(contract.clone(), &[]).await);
    assert_eq!((whole.tcv, count), (216_500, 1));
    let by_region = filtered(contract, &["region"]).await;
    assert_eq!((by_region[0].group[0].as_str(), only(&by_region).0), ("EMEA", whole));
    let obligation = pb::ReportFilter {
        obligation_id: first.obligations[1].id.to_string(),
        ..pb::ReportFilter::default()
    };
    let (second, count) = only(&filtered(obligation.clone(), &[]).await);
    assert_eq!((second, count), (support, 1));
    let currency = pb::ReportFilter { currency_code: "EUR".to_owned(), ..Default::default() };
    assert_eq!(only(&filtered(currency.clone(), &[]).await).0.tcv, 99_999);
    let mixed = pb::ReportFilter { currency_code: "EUR".to_owned(), ..obligation };
    assert!(filtered(mixed, &[]).await.is_empty());
    let unknown = pb::ReportFilter {
        contract_id: terms(9, "2026-01-01", ("2026-01-01", "2026-01-02"), &[1])
            .contract
            .to_string(),
        ..pb::ReportFilter::default()
    };
    assert!(filtered(unknown, &[]).await.is_empty());
}

// An answer with more rows than allowed is refused, not cut, and says which limit it was.
#[tokio::test]
async fn too_many_rows_are_refused() {
    let (service, books) = three_contracts().await;
    let narrow = backlog_reporting::backlog::BacklogServer::new(
        service.database.clone(),
        service.positions.clone(),
        std::time::Duration::from_millis(50),
        3,
    );
    let narrow = Service { backlog: narrow, ..service };
    assert_eq!(narrow.report(books.tenant, by(&["region"])).await.unwrap().rows.len(), 3);
    let refused = narrow.report(books.tenant, by(&["obligation"])).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
}
