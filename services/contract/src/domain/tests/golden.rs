//! Golden bytes of the events that change a contract and move money: what was ever written can be read,
//! and is written the same. The files never change; a new field gets a new file.

use backlog_proto::contract::v1::obligation_terms::Method;
use prost::Message;

use super::*;

/// Set to write files that are not there yet.
const UPDATE: &str = "UPDATE_GOLDEN";

/// That a command writes these bytes, and that they are this event in both directions.
fn check<E: Message + Default>(loaded: &mut Loaded, command: &Command, name: &str) {
    let decision = ContractDomain::decide(tenant(), command, loaded);
    let Ok(Decision::Write(change)) = decision else { panic!("{name}: {decision:?}") };
    let payload = &change.events[0].payload;
    let path = format!("{}/tests/golden/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let written = hex::encode(payload);
    if std::env::var_os(UPDATE).is_some() && !std::path::Path::new(&path).exists() {
        std::fs::write(&path, format!("{written}\n")).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, golden.trim(), "{name} is written otherwise than before");
    assert_eq!(E::decode(payload.as_slice()).unwrap().encode_to_vec(), *payload, "{name}");
    ContractDomain::apply(loaded, tenant(), change.effect, &[]);
}

/// Terms that use every field.
fn full() -> pb::ContractTerms {
    let with = |key: &str, method| pb::ObligationTerms {
        method: Some(method),
        product_line: "cloud".to_owned(),
        ..obligation(key, "10")
    };
    let milestone = |id: &str, share: &str| pb::Milestone {
        id: id.to_owned(),
        weight: Some(pb::milestone::Weight::Share(share.to_owned())),
    };
    let milestones = vec![milestone("m1", "0.25"), milestone("m2", "0.75")];
    pb::ContractTerms {
        obligations: vec![
            with("time", Method::StraightLine(pb::StraightLine { convention: 1 })),
            with("point", Method::PointInTime(pb::PointInTime { gates: vec!["go".to_owned()] })),
            with("stones", Method::Milestones(pb::Milestones { milestones })),
            with(
                "cost",
                Method::CostToCost(pb::CostToCost { estimate_at_completion: wire_usd("8") }),
            ),
            pb::ObligationTerms {
                price: None,
                quantity: "100".to_owned(),
                unit_price: "0.1".to_owned(),
                ..with("units", Method::Units(pb::Units::default()))
            },
            with("percent", Method::PercentComplete(pb::PercentComplete {})),
            with("hours", Method::LaborHours(pb::LaborHours { total: "40".to_owned() })),
            pb::ObligationTerms {
                price: None,
                unit_price: "150".to_owned(),
                ..with("work", Method::RightToInvoice(pb::RightToInvoice::default()))
            },
            pb::ObligationTerms {
                price: None,
                unit_price: "0.015".to_owned(),
                ..with("usage", Method::Usage(pb::Usage { minimum: wire_usd("6"), cap: None }))
            },
            pb::ObligationTerms {
                residual: true,
                ssp_range: Some(Box::new(pb::MoneyRange {
                    low: wire_usd("1"),
                    high: wire_usd("20"),
                })),
                ..with("rest", Method::StraightLine(pb::StraightLine::default()))
            },
        ],
        variables: vec![pb::VariableConsideration {
            id: "bonus".to_owned(),
            estimate: wire_usd("5"),
            included: wire_usd("2"),
            kind: pb::VariableKind::MostLikely.into(),
            applies_to: vec!["percent".to_owned()],
            period: None,
        }],
        discount: Some(pb::DiscountScope {
            obligations: vec!["time".to_owned(), "point".to_owned()],
            amount: wire_usd("1"),
        }),
        ..sound()
    }
}

/// The terms of every method, an amendment, billing under it, and the end.
#[test]
fn events_are_written_as_before() {
    let contract = contract_id(1);
    let mut fields = Fields::new();
    let terms = parse_terms(&mut fields, "terms", contract, Some(&full()), Limits::NONE);
    let terms = terms.unwrap_or_else(|| panic!("{:?}", fields.finish())).unwrap();
    let subject = Signed::Terms { contract, terms: Box::new(terms) };
    let sign = Command::SignContract(SignContract { subject, signed_on: day(2) });
    let loaded = &mut Loaded::default();
    check::<pb::ContractSigned>(loaded, &sign, "contract_signed");
    let changed = pb::ObligationChange {
        key: "units".to_owned(),
        quantity: "120".to_owned(),
        term: range((2026, 1, 1), (2027, 1, 31)),
        distinct: Some(true),
        ..pb::ObligationChange::default()
    };
    let removed = pb::ObligationChange {
        key: "percent".to_owned(),
        price: wire_usd("1"),
        remove: true,
        ..pb::ObligationChange::default()
    };
    let amendment = pb::Amendment {
        effective_on: Some(day(3).into()),
        changes: vec![changed, removed],
        added: vec![obligation("new", "3")],
        treatment: pb::ChangeTreatment::Prospective.into(),
        clauses: None,
    };
    let Command::AmendContract(command) = amend(1, &amendment) else { panic!() };
    let amend = Command::AmendContract(AmendContract { limits: Limits::NONE, ..command });
    // The helper's limit is for fewer obligations.
    check::<pb::ContractAmended>(loaded, &amend, "contract_amended");
    let lines = vec![line(1, "time", 500), line(1, "new", 300)];
    check::<pb::InvoiceIssued>(loaded, &invoice(1, 1, Billing::Lines(lines)), "invoice_issued");
    let note = credit(2, 1, Billing::Spread(usd(160)), Some(Concession::Transferred));
    check::<pb::CreditNoteIssued>(loaded, &note, "credit_note_issued");
    check::<pb::PaymentRecorded>(loaded, &pay(3, 1, usd(640)), "payment_recorded");
    check::<pb::ContractTerminated>(loaded, &terminate(1, 5), "contract_terminated");
}
