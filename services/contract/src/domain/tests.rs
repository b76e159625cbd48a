//! Decisions as a writer makes them: one after the other on what the ones before left.

use backlog_ids::{AccountId, CreditNoteId, InvoiceId, ObligationId, PaymentId};
use backlog_money::{Currency, Money};
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;
use chrono::NaiveDate;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::contract::convert::tests::{obligation, range, sound, usd as wire_usd};
use crate::contract::convert::{parse_amendment, parse_terms, read_terms, terms_to_proto};
use crate::contract::sign::Signed;
use crate::contract::termination::{Refund, Termination};
use crate::contract::terms::{Limits, Terms, obligation_id};
use crate::invoice::credit_note::Concession;
use crate::invoice::invoice::Billing;
use crate::invoice::payment::Payment;
use crate::platform::tenant::tenant_id;
use crate::policy::parse_policy;

mod billing;
mod changes;
mod golden;

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(7))
}

fn contract_id(n: u128) -> ContractId {
    ContractId::from_uuid(Uuid::from_u128(n))
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
}

fn usd(minor: i128) -> Money {
    Money::from_minor(minor, Currency::parse("USD").unwrap())
}

/// Two obligations, of 10.00 and 5.00.
fn terms(contract: ContractId) -> Terms {
    let mut wire = sound();
    wire.obligations = vec![obligation("a", "10"), obligation("b", "5")];
    let mut fields = Fields::new();
    parse_terms(&mut fields, "terms", contract, Some(&wire), Limits::NONE).unwrap().unwrap()
}

fn draft(n: u128) -> Command {
    let contract = contract_id(n);
    Command::CreateContract(CreateContract { contract, terms: terms(contract), entered_on: day(1) })
}

fn sign_draft(n: u128, etag: &str) -> Command {
    let subject = Signed::Draft { contract: contract_id(n), etag: etag.to_owned() };
    Command::SignContract(SignContract { subject, signed_on: day(2) })
}

fn sign_terms(n: u128) -> Command {
    let contract = contract_id(n);
    let subject = Signed::Terms { contract, terms: Box::new(terms(contract)) };
    Command::SignContract(SignContract { subject, signed_on: day(2) })
}

fn invoice(n: u128, contract: u128, billing: Billing) -> Command {
    Command::IssueInvoice(IssueInvoice {
        invoice: InvoiceId::from_uuid(Uuid::from_u128(n)),
        contract: contract_id(contract),
        number: String::new(),
        issued_on: day(3),
        due_on: day(3),
        billing,
        tax: None,
    })
}

fn line(contract: u128, key: &str, minor: i128) -> (ObligationId, Money) {
    (obligation_id(contract_id(contract), key), usd(minor))
}

/// Signs the contract 1 under these terms, on the second of January 2026.
fn signed(wire: &pb::ContractTerms) -> Loaded {
    let contract = contract_id(1);
    let mut fields = Fields::new();
    let terms = parse_terms(&mut fields, "terms", contract, Some(wire), Limits::NONE);
    let terms = terms.unwrap_or_else(|| panic!("{:?}", fields.finish())).unwrap();
    let subject = Signed::Terms { contract, terms: Box::new(terms) };
    let mut loaded = Loaded::default();
    let sign = Command::SignContract(SignContract { subject, signed_on: day(2) });
    run(&mut loaded, &sign).unwrap();
    loaded
}

/// The contract 1 as it stands.
fn stored(loaded: &Loaded) -> Contract {
    loaded.contracts.get(tenant(), contract_id(1)).unwrap().clone()
}

fn amend(contract: u128, amendment: &pb::Amendment) -> Command {
    let mut fields = Fields::new();
    let limits = Limits { obligations: 4, ..Limits::NONE };
    let asked = parse_amendment(&mut fields, "amendment", Some(amendment), limits);
    assert_eq!(fields.finish(), Ok(()));
    Command::AmendContract(AmendContract {
        contract: contract_id(contract),
        amendment: asked.unwrap(),
        etag: String::new(),
        limits,
        proposed: false,
    })
}

/// A change of one price, from a day on.
fn reprice(on: u32, key: &str, price: &str) -> pb::Amendment {
    let change = pb::ObligationChange {
        key: key.to_owned(),
        price: wire_usd(price),
        ..pb::ObligationChange::default()
    };
    pb::Amendment {
        effective_on: Some(day(on).into()),
        changes: vec![change],
        ..pb::Amendment::default()
    }
}

fn terminate(contract: u128, on: u32) -> Command {
    Command::TerminateContract(TerminateContract {
        contract: contract_id(contract),
        termination: Termination {
            effective_on: day(on),
            refund: Refund::All,
            penalty: Some(usd(500)),
            forfeit_earned: false,
            wind_down_to: Some(day(31)),
            reason: "moved away".to_owned(),
        },
        etag: String::new(),
    })
}

fn credit(n: u128, contract: u128, billing: Billing, concession: Option<Concession>) -> Command {
    Command::IssueCreditNote(IssueCreditNote {
        credit_note: CreditNoteId::from_uuid(Uuid::from_u128(n)),
        contract: contract_id(contract),
        number: "K-1".to_owned(),
        issued_on: day(4),
        billing,
        tax: Some(usd(19)),
        concession,
    })
}

fn pay(n: u128, contract: u128, amount: Money) -> Command {
    Command::RecordPayment(RecordPayment {
        payment: Payment {
            id: PaymentId::from_uuid(Uuid::from_u128(n)),
            contract: contract_id(contract),
            paid_on: day(5),
            amount,
            reference: "bank".to_owned(),
        },
    })
}

/// Decides and applies; answers the reason of a refusal.
fn run(loaded: &mut Loaded, command: &Command) -> Result<usize, ErrorReason> {
    match ContractDomain::decide(tenant(), command, loaded) {
        Ok(Decision::Already(_)) => Ok(0),
        Ok(Decision::Write(change)) => {
            let events = change.events.len();
            ContractDomain::apply(loaded, tenant(), change.effect, &[]);
            Ok(events)
        }
        Err(refusal) => Err(refusal.reason()),
    }
}

fn billed(loaded: &Loaded, contract: u128) -> Vec<i128> {
    loaded.contracts.get(tenant(), contract_id(contract)).unwrap().billed.clone()
}

/// A draft is signed once; a stale etag, an unknown id and a second signature are refused and change
/// nothing.
#[test]
fn a_draft_is_signed_once() {
    let mut loaded = Loaded::default();
    assert_eq!(run(&mut loaded, &sign_draft(1, "")), Err(ErrorReason::NotFound));
    assert_eq!(run(&mut loaded, &draft(1)), Ok(1));
    let spread = || Billing::Spread(usd(100));
    assert_eq!(run(&mut loaded, &invoice(1, 1, spread())), Err(ErrorReason::NotSigned));
    assert_eq!(run(&mut loaded, &sign_draft(1, "v2")), Err(ErrorReason::EtagMismatch));
    assert_eq!(run(&mut loaded, &sign_draft(1, "v1")), Ok(1));
    let signed = loaded.contracts.get(tenant(), contract_id(1)).unwrap().clone();
    assert_eq!((signed.version, signed.signed_on), (2, Some(day(2))));
    assert_eq!(run(&mut loaded, &sign_draft(1, "v2")), Err(ErrorReason::AlreadySigned));
    assert_eq!(loaded.contracts.get(tenant(), contract_id(1)), Some(&signed));
}

/// Invoices are spread by T - B, never bill more than the contract or the obligation that a line
/// names, and a refused one bills nothing.
#[test]
fn invoices_stop_at_the_ceiling() {
    let mut loaded = Loaded::default();
    run(&mut loaded, &sign_terms(1)).unwrap();
    let exceeds = Err(ErrorReason::InvoiceExceedsCeiling);
    let table: [(Billing, Result<usize, ErrorReason>, [i128; 2]); 7] = [
        (Billing::Spread(usd(1_501)), exceeds, [0, 0]),
        (Billing::Spread(usd(301)), Ok(1), [201, 100]),
        (Billing::Lines(vec![line(1, "b", 401)]), exceeds, [201, 100]),
        (Billing::Lines(vec![line(1, "b", 400)]), Ok(1), [201, 500]),
        (
            Billing::Lines(vec![line(1, "a", 1), line(1, "c", 1)]),
            Err(ErrorReason::InvalidFields),
            [201, 500],
        ),
        (Billing::Spread(usd(799)), Ok(1), [1_000, 500]),
        (Billing::Spread(usd(1)), exceeds, [1_000, 500]),
    ];
    for (number, (billing, expected, after)) in (1_u128..).zip(table) {
        assert_eq!(run(&mut loaded, &invoice(number, 1, billing)), expected, "{number}");
        assert_eq!(billed(&loaded, 1), after, "{number}");
    }
}

/// What exceeds is said: the obligation where it is that, with ceiling and billed.
#[test]
fn the_refusal_names_ceiling_and_billed() {
    let mut loaded = Loaded::default();
    run(&mut loaded, &sign_terms(1)).unwrap();
    run(&mut loaded, &invoice(1, 1, Billing::Lines(vec![line(1, "b", 200)]))).unwrap();
    let refusal = |billing| {
        let command = invoice(2, 1, billing);
        ContractDomain::decide(tenant(), &command, &loaded).unwrap_err().metadata()
    };
    let whole = refusal(Billing::Spread(usd(1_301)));
    assert!(whole.contains(&("ceiling", "15.00".to_owned())), "{whole:?}");
    assert!(whole.contains(&("billed", "2.00".to_owned())), "{whole:?}");
    assert!(!whole.iter().any(|(name, _)| *name == "obligation_id"));
    let part = refusal(Billing::Lines(vec![line(1, "b", 301)]));
    assert!(part.contains(&("ceiling", "5.00".to_owned())), "{part:?}");
    assert!(part.contains(&("obligation_id", line(1, "b", 0).0.to_string())), "{part:?}");
}

/// A tenant is made once; other content under the same external id is refused with the fields that
/// differ; suspending counts each time.
#[test]
fn a_tenant_is_made_once() {
    let account = AccountId::from_uuid(Uuid::from_u128(3));
    let create = |name: &str, currency: &str| {
        let mut fields = Fields::new();
        let tenant = Tenant {
            id: tenant_id(account, "books"),
            account,
            external_id: "books".to_owned(),
            display_name: name.to_owned(),
            functional_currency: Currency::parse(currency).unwrap(),
            policy: parse_policy(&mut fields, "policy", None).unwrap(),
            version: 1,
        };
        Command::CreateTenant(CreateTenant { tenant, on: day(1) })
    };
    let id = tenant_id(account, "books");
    let mut loaded = Loaded::default();
    let decide = |command: &Command, loaded: &Loaded| ContractDomain::decide(id, command, loaded);
    let Ok(Decision::Write(change)) = decide(&create("Acme", "USD"), &loaded) else { panic!() };
    assert_eq!(ContractDomain::suspension(&change.effect), None);
    ContractDomain::apply(&mut loaded, id, change.effect, &[]);
    assert!(matches!(decide(&create("Acme", "USD"), &loaded), Ok(Decision::Already(1))));
    let refusal = decide(&create("Acme Inc.", "EUR"), &loaded).unwrap_err();
    assert_eq!(refusal.reason(), ErrorReason::AlreadyExists);
    let fields = ("fields", "display_name,functional_currency_code".to_owned());
    assert!(refusal.metadata().contains(&fields));

    for version in [2, 3] {
        let suspend = SetTenantSuspended { tenant: id, suspended: true, on: day(1) };
        let suspend = Command::SetTenantSuspended(suspend);
        let Ok(Decision::Write(change)) = decide(&suspend, &loaded) else { panic!() };
        assert_eq!(change.events[0].aggregate_version, version);
        assert_eq!(ContractDomain::suspension(&change.effect), Some(true));
        ContractDomain::apply(&mut loaded, id, change.effect, &[]);
    }
}

/// Commands over three contracts, some of which cannot be.
fn any_command() -> impl Strategy<Value = (u8, u128, i128)> {
    (0_u8..9, 1_u128..4, 1_i128..900)
}

fn command_of(place: usize, (kind, contract, amount): (u8, u128, i128)) -> Command {
    let number = u128::try_from(place).unwrap() + 100;
    match kind {
        // Ids are generated, so a draft or a signature of terms never meets its own id again.
        0 => draft(contract),
        1 => sign_terms(number),
        2 => sign_draft(contract, ""),
        3 => invoice(number, contract, Billing::Spread(usd(amount))),
        4 => credit(number, contract, Billing::Spread(usd(amount)), None),
        5 => pay(number, contract, usd(amount - 450)),
        6 if amount > 850 => terminate(contract, 20),
        6 | 7 => amend(contract, &reprice(10, "a", &format!("{}.00", 10 + amount))),
        _ => invoice(number, contract, Billing::Lines(vec![line(contract, "a", amount)])),
    }
}

proptest! {
    /// Many commands in one batch give what they give one by one, each in a batch of its own: the
    /// same outcomes and the same state. And whatever happens, nothing is billed beyond its price.
    #[test]
    fn a_batch_is_one_by_one(commands in prop::collection::vec(any_command(), 1..40)) {
        let mut drafted = BTreeSet::new();
        let commands: Vec<Command> = commands
            .into_iter()
            .enumerate()
            .filter(|(_, (kind, contract, _))| *kind != 0 || drafted.insert(*contract))
            .map(|(place, command)| command_of(place, command))
            .collect();
        let mut batch = Loaded::default();
        let together: Vec<_> = commands.iter().map(|c| run(&mut batch, c)).collect();
        let mut stored = Loaded::default();
        let mut alone = Vec::new();
        for command in &commands {
            alone.push(run(&mut stored, command));
            // What the next batch loads: the same contracts, now as stored ones.
            stored = Loaded { contracts: stored.contracts.reloaded(), ..Loaded::default() };
        }
        prop_assert_eq!(together, alone);
        prop_assert_eq!(batch.contracts.all(), stored.contracts.all());
        for contract in batch.contracts.all() {
            for unbilled in contract.unbilled() {
                prop_assert!(unbilled >= 0);
            }
            prop_assert!(contract.signed_on.is_some() || contract.billed_total() == 0);
            prop_assert!(contract.paid >= 0 && contract.billed.iter().all(|billed| *billed >= 0));
            // What is stored is read again: prices raised by amendments included.
            let wire = terms_to_proto(&contract.terms);
            let mut fields = Fields::new();
            let read = read_terms(&mut fields, "terms", contract.id, &wire, Limits::NONE);
            prop_assert_eq!(terms_to_proto(&read.unwrap()), wire);
        }
    }
}
