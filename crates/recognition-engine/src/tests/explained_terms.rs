//! Words of what a contract's terms do: rights to leave, interest, options, holds, caps.

use backlog_ids::InvoiceId;
use uuid::Uuid;

use super::{
    contract, contract_id, day, invoice_of, obligation, obligation_id, policy, q, term, usd,
};
use crate::{
    Clause, Convention, Explainer, Fact, HoldFact, InvoiceFact, Method, PaymentFact, Periods,
    ProgressFact, Reading, Renewal, Rounding, SignedContract, render,
};

/// The words of all facts, each explained without a rest.
fn words(made: SignedContract, facts: &[Fact]) -> String {
    let mut explainer = Explainer::default();
    let mut text = Vec::new();
    let how = policy(Convention::EvenMonths, Rounding::Cumulative);
    let signed = Fact::Signed { contract: made, policy: how };
    for fact in [std::slice::from_ref(&signed), facts].concat() {
        let (explained, _) = explainer.take(&fact, Periods::default()).unwrap();
        text.extend(render(&explained, usd()).unwrap().text());
    }
    let text = text.join("\n");
    assert!(!text.contains("not explained"), "{text}");
    text
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

fn run(through: &str) -> Fact {
    Fact::Run { through: day(through) }
}

fn paid(on: &str, amount: i128) -> Fact {
    Fact::Paid(PaymentFact { contract: contract_id(), on: day(on), amount })
}

/// Shows what notice of 30 days keeps out of the price, what time moves into it, and why a bill for the
/// year is no right to payment beyond it until it is paid.
#[test]
fn notice_and_what_is_conditional() {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    made.clauses =
        vec![Clause { mutual: false, notice_days: 30, penalty: 10_000, from: None, to: None }];
    let bill = InvoiceFact {
        invoice: InvoiceId::from_uuid(Uuid::from_u128(9)),
        ..invoice_of(0, day("2026-01-01"), 120_000)
    };
    let facts = [Fact::Invoiced(bill), run("2026-01-31"), paid("2026-02-10", 60_000)];
    let told = words(made, &facts);
    says(
        &told,
        &[
            "can be left with notice of days: 30, penalty 100.00",
            "Beyond the enforceable term: o0, on 2026-01-01  +1,000.00",
            "customer bound through 2026-01-31: 1,100.00 planned for later days less 100.00 that leaving would cost less 0.00 beyond the enforceable term before = 1,000.00  [606-10-25-3]",
            "Transaction price: o0, on 2026-01-01  -1,000.00",
            "Beyond the enforceable term: o0, on 2026-01-31",
            "Billed and not a right to payment yet  1,000.00",
            "1,200.00 billed to date less (200.00 enforceable price, at least 0.00 paid to date = 200.00) = 1,000.00  [606-10-45-4]",
            "Receivable, on 2026-01-01  -1,000.00",
            "893.55 no right to payment before less 600.00 billed and not a right to payment yet = 293.55",
        ],
    );
}

/// Shows interest on an advance: the days of the year, the rate, and its way into liability and price.
#[test]
fn interest_on_an_advance() {
    let mut made = contract(term("2026-03-01", "2027-02-28"), &[100_000]);
    made.signed_on = day("2026-01-01");
    made.financing = Some(q("0.06"));
    let told = words(made, &[paid("2026-01-01", 100_000), run("2026-02-28"), run("2026-03-31")]);
    says(
        &told,
        &[
            "yearly interest 0.06",
            "Interest, on 2026-01-31  +5.10",
            "31,000.00 advances of each day, added up x 0.06 a year / 365 days = 5.10",
            "Interest, on 2026-02-28  +4.60",
            "less 5.10 interest of the year posted before = 4.60  [606-10-32-20]",
            "Transaction price: o0, on 2026-02-28  +4.60",
            "4.60 interest of the period  [606-10-32-15]",
        ],
    );
}

/// Shows interest on what was earned and not received: what bears it, and that it is billed net of it, apart
/// from price and revenue.
#[test]
fn interest_on_arrears() {
    let mut made = contract(term("2025-12-01", "2025-12-31"), &[100_000]);
    made.financing = Some(q("0.06"));
    let told = words(made, &[run("2025-12-31"), run("2026-01-31")]);
    says(
        &told,
        &[
            "yearly interest 0.06",
            "Billed: o0, on 2026-01-31",
            "Interest, on 2026-01-31",
            "earned and not received of each day, added up x 0.06 a year / 365 days",
            "[606-10-32-20]",
            "Contract asset",
        ],
    );
    let january = told.split("Revenue posted").last().unwrap();
    assert!(!january.contains("Transaction price:"), "{january}");
}

/// Shows an option to renew: looked through at signature, open until exercised, in the price as far as
/// it was; and one that runs out.
#[test]
fn options_open_exercised_and_expired() {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[100_000]);
    let mut option = obligation(1, None, Some(80_000));
    option.term = Some(term("2027-01-01", "2027-12-31"));
    let expires_on = day("2026-12-31");
    option.renewal = Some(Renewal { expected_share: q("0.5"), exercise_price: 60_000, expires_on });
    made.obligations.push(option);
    let exercised = Fact::Progressed(ProgressFact {
        contract: contract_id(),
        obligation: obligation_id(1),
        on: day("2026-11-15"),
        reading: Reading::Exercised(q("0.25")),
    });
    let told = words(made, &[exercised, run("2026-12-31")]);
    says(
        &told,
        &[
            "share of rights expected to be exercised 0.5, for exercising all rights 600.00, can be exercised until 2026-12-31",
            "800.00 stand-alone selling price x 0.5 / 1 = 400.00  [606-10-55-45]",
            "1,000.00 fixed price plus 300.00 expected for renewals",
            "less 300.00 expected for this renewal, in the price once it is exercised",
            "Options not exercised: o1, on 2026-01-01  +600.00",
            "Transaction price: o1, on 2026-11-15  +150.00",
            "600.00 for exercising all rights x 0.25 / 1 = 150.00",
            "450.00 for what can still be exercised less 600.00",
            "Options not exercised: o1, on 2026-12-31  -450.00",
        ],
    );
}

/// Shows that withheld revenue is posted on the day of its release, as explained, and that a cap ends
/// what use can earn.
#[test]
fn withheld_and_capped() {
    let mut made = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    let mut metered = obligation(1, None, None);
    metered.method = Method::RightToInvoice { unit_price: q("10"), cap: Some(50_000) };
    made.obligations.push(metered);
    let contract = contract_id();
    let hold = |obligation, on: &str| HoldFact { contract, obligation, on: day(on) };
    let used = Fact::Progressed(ProgressFact {
        contract,
        obligation: obligation_id(1),
        on: day("2026-02-20"),
        reading: Reading::Usage { quantity: q("70"), amount: None },
    });
    let told = words(
        made,
        &[
            Fact::Held(hold(Some(obligation_id(0)), "2026-02-01")),
            used,
            run("2026-02-28"),
            Fact::Released(hold(None, "2026-03-10")),
            run("2026-03-31"),
        ],
    );
    says(
        &told,
        &[
            "cap 500.00",
            "(700.00 value of use to date, at most 500.00 cap = 500.00)",
            "Revenue: o0, service of 2026-02, on 2026-03-10  +100.00",
        ],
    );
    assert!(!told.contains("Revenue: o0, service of 2026-02, on 2026-02-28"), "{told}");
}
