//! The journal: trial balances, and exports that can be repeated and never post twice.

use std::collections::BTreeMap;

use backlog_proto::common::v1::{Log, Money};
use backlog_proto::contract::v1::{ContractSigned, InvoiceIssued};
use backlog_proto::recognition::v1::journal_service_client::JournalServiceClient;
use backlog_proto::recognition::v1::{
    AccountAssignment, AccountMapping, AccountRole, ExchangeRate, ExportJournalRequest,
    ExportJournalResponse, GetTrialBalanceRequest, JournalForm, JournalLine,
    ListJournalExportsRequest, RateKind, ReadJournalRequest, SetAccountMappingRequest,
    SetExchangeRateRequest, TrialBalanceLine,
};
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::calls::reason;
use crate::owner::{contract_signed, day, invoice_issued};
use crate::stack::{Replica, Stack, at, contract, even_months, tenant};

const CONTROLLER: [&str; 1] = ["controller"];

/// A controller of the first tenant at a replica.
struct Desk<'a> {
    replica: &'a Replica,
}

impl Desk<'_> {
    fn client(&self) -> JournalServiceClient<Channel> {
        JournalServiceClient::new(self.replica.channel())
    }

    fn call<T>(&self, message: T) -> tonic::Request<T> {
        self.replica.call(Some(tenant(1)), &CONTROLLER, message)
    }

    async fn try_export(
        &self,
        request_id: &str,
        seen: u64,
    ) -> Result<ExportJournalResponse, Status> {
        let request = ExportJournalRequest {
            request_id: request_id.to_owned(),
            period: "2026-01".to_owned(),
            min_positions: at(Log::Contract, seen),
        };
        let answer = self.client().export_journal(self.call(request)).await;
        answer.map(tonic::Response::into_inner)
    }

    /// The id of an export of January.
    async fn export(&self, request_id: &str, seen: u64) -> String {
        self.try_export(request_id, seen).await.unwrap().batch.unwrap().batch_id
    }

    async fn read(&self, batch: &str, form: JournalForm) -> Vec<JournalLine> {
        let request = ReadJournalRequest { batch_id: batch.to_owned(), form: form.into() };
        let answer = self.client().read_journal(self.call(request)).await;
        let mut stream = answer.unwrap().into_inner();
        let mut lines = Vec::new();
        while let Some(part) = stream.message().await.unwrap() {
            lines.extend(part.lines);
        }
        lines
    }

    /// Amounts of an export by role, in the contracts' and in the functional currency; balanced.
    async fn amounts(&self, batch: &str) -> Vec<(AccountRole, String, String)> {
        let summary = self.read(batch, JournalForm::Summary).await;
        let sums = |lines: &[JournalLine]| {
            let mut sums: BTreeMap<(i32, String), (i64, i64)> = BTreeMap::new();
            for line in lines {
                let currency = line.amount.clone().unwrap().currency_code;
                let sum = sums.entry((line.role, currency)).or_default();
                sum.0 += minor(line.amount.as_ref());
                sum.1 += minor(line.functional_amount.as_ref());
            }
            sums.retain(|_, sum| *sum != (0, 0));
            sums
        };
        let detail = self.read(batch, JournalForm::Detail).await;
        assert_eq!(sums(&summary), sums(&detail), "both forms come to the same");
        for lines in [&summary, &detail] {
            let net: i64 = lines.iter().map(|line| minor(line.functional_amount.as_ref())).sum();
            assert_eq!(net, 0, "{lines:?}");
        }
        let of = |money: Option<Money>| money.unwrap().amount;
        let line = |line: JournalLine| {
            (line.role(), of(line.amount.clone()), of(line.functional_amount.clone()))
        };
        summary.into_iter().map(line).collect()
    }

    async fn trial_balance(
        &self,
        period: &str,
        functional: bool,
    ) -> Result<Vec<TrialBalanceLine>, Status> {
        let request = GetTrialBalanceRequest {
            period: period.to_owned(),
            functional,
            ..GetTrialBalanceRequest::default()
        };
        let answer = self.client().get_trial_balance(self.call(request)).await?;
        Ok(answer.into_inner().lines)
    }

    async fn rate(&self, request_id: &str, to: &str, on: &str, rate: &str) -> Result<(), Status> {
        let request = SetExchangeRateRequest {
            request_id: request_id.to_owned(),
            rate: Some(ExchangeRate {
                from_currency_code: "EUR".to_owned(),
                to_currency_code: to.to_owned(),
                kind: RateKind::Spot.into(),
                on: Some(day(on).into()),
                rate: rate.to_owned(),
            }),
            validate_only: false,
        };
        self.client().set_exchange_rate(self.call(request)).await.map(drop)
    }

    async fn map_revenue(&self, request_id: &str, code: &str) {
        let request = SetAccountMappingRequest {
            request_id: request_id.to_owned(),
            mapping: Some(AccountMapping {
                accounts: vec![AccountAssignment {
                    role: AccountRole::Revenue.into(),
                    account_code: code.to_owned(),
                }],
                unbilled_receivable: true,
                on: Some(day("2026-01-31").into()),
            }),
            validate_only: false,
        };
        self.client().set_account_mapping(self.call(request)).await.unwrap();
    }
}

fn minor(money: Option<&Money>) -> i64 {
    money.unwrap().amount.replace('.', "").parse().unwrap()
}

fn same(amounts: &[(AccountRole, &str)]) -> Vec<(AccountRole, String, String)> {
    let text = |amount: &&str| (*amount).to_owned();
    amounts.iter().map(|(role, amount)| (*role, text(amount), text(amount))).collect()
}

// Shows that an export is the same each time it is read, whatever comes after, that the next export of
// the period has only what is new, that one with nothing new is empty, that a repeated call exports
// nothing more, and that accounts are those in force when it was made.
#[tokio::test]
async fn exports_are_repeatable_and_never_overlap() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let desk = Desk { replica: &replica };
    let acme = contract(1);
    stack.owner.create_tenant(tenant(1), even_months()).await;
    stack.owner.sign(tenant(1), acme, &["1200.00"], "2026-12-31").await;
    let seen = stack.owner.invoice(tenant(1), acme, "2026-01-01", "100.00").await;
    replica.run(tenant(1), "january", "2026-01-31", seen).await;
    desk.map_revenue("first", "4000").await;
    let first = desk.export("export-1", seen).await;
    let expected = same(&[(AccountRole::Receivable, "100.00"), (AccountRole::Revenue, "-100.00")]);
    assert_eq!(desk.amounts(&first).await, expected);
    let before = desk.read(&first, JournalForm::Detail).await;
    assert!(before.iter().any(|line| line.account_code == "4000"));

    // Late, for January, and something of February, which is no matter of January.
    stack.owner.invoice(tenant(1), acme, "2026-01-15", "250.00").await;
    let seen = stack.owner.invoice(tenant(1), acme, "2026-02-01", "70.00").await;
    desk.map_revenue("second", "4100").await;
    assert_eq!(desk.export("export-1", seen).await, first, "the call is repeated");
    let second = desk.export("export-2", seen).await;
    let expected =
        [(AccountRole::Receivable, "250.00"), (AccountRole::ContractLiability, "-250.00")];
    assert_eq!(desk.amounts(&second).await, same(&expected));
    assert_eq!(desk.read(&first, JournalForm::Detail).await, before, "the first stays as it was");
    let third = desk.export("export-3", seen).await;
    assert_eq!(desk.amounts(&third).await, Vec::new());

    let request = ListJournalExportsRequest { page_size: 2, ..Default::default() };
    let listed = desk.client().list_journal_exports(desk.call(request)).await.unwrap().into_inner();
    let ids: Vec<_> = listed.batches.iter().map(|batch| batch.batch_id.clone()).collect();
    assert_eq!(ids, [first, second]);
    assert_eq!(listed.batches[1].after_seq, listed.batches[0].through_seq, "no gap, no overlap");
    assert!(!listed.next_page_token.is_empty());
    stack.verify(&replica, tenant(1)).await;
}

// Shows that a trial balance opens with what was posted before, keeps both sides, sums to zero, shows
// the contract asset as the tenant wants it, and refuses what is no period.
#[tokio::test]
async fn trial_balances_balance() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let desk = Desk { replica: &replica };
    let acme = contract(1);
    stack.owner.create_tenant(tenant(1), even_months()).await;
    let seen = stack.owner.sign(tenant(1), acme, &["1200.00"], "2026-12-31").await;
    replica.run(tenant(1), "january", "2026-01-31", seen).await;
    desk.map_revenue("mapping", "4000").await;
    let seen = stack.owner.invoice(tenant(1), acme, "2026-02-10", "40.00").await;
    replica.run(tenant(1), "february", "2026-02-28", seen).await;
    let lines = desk.trial_balance("2026-02", true).await.unwrap();
    let figures = |line: &TrialBalanceLine| {
        [&line.opening, &line.debit, &line.credit, &line.closing].map(|money| minor(money.as_ref()))
    };
    let found: Vec<_> = lines.iter().map(|line| (line.role(), figures(line))).collect();
    assert_eq!(
        found,
        [
            (AccountRole::Receivable, [0, 4_000, 0, 4_000]),
            (AccountRole::UnbilledReceivable, [10_000, 10_000, 4_000, 16_000]),
            (AccountRole::Revenue, [-10_000, 0, 10_000, -20_000]),
        ]
    );
    let closing: i64 = found.iter().map(|(_, figures)| figures[3]).sum();
    assert_eq!(closing, 0);
    for wrong in ["2026-13", "2026-P01", ""] {
        let refused = desk.trial_balance(wrong, false).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::InvalidArgument, "INVALID_FIELDS")
        );
    }
}

// Shows that a contract in another currency needs a rate before anything is exported, that it is then
// carried at the rate of its day, and that a rate corrected later shows as a delta of its own.
#[tokio::test]
async fn other_currencies_need_rates() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let desk = Desk { replica: &replica };
    stack.owner.create_tenant(tenant(1), even_months()).await;
    let euro = |money: &mut Option<Money>| {
        if let Some(money) = money {
            "EUR".clone_into(&mut money.currency_code);
        }
    };
    let mut event = contract_signed(contract(1), &["1200.00"], "2026-01-01", "2026-12-31");
    let mut signed = ContractSigned::decode(event.payload.as_slice()).unwrap();
    let terms = signed.contract.as_mut().unwrap().terms.as_mut().unwrap();
    "EUR".clone_into(&mut terms.currency_code);
    terms.obligations.iter_mut().for_each(|obligation| euro(&mut obligation.price));
    euro(&mut signed.contract.as_mut().unwrap().billed);
    event.payload = signed.encode_to_vec();
    stack.owner.write(tenant(1), event).await;
    let mut event = invoice_issued(contract(1), "2026-01-10", "600.00");
    let mut issued = InvoiceIssued::decode(event.payload.as_slice()).unwrap();
    let invoice = issued.invoice.as_mut().unwrap();
    euro(&mut invoice.amount);
    invoice.lines.iter_mut().for_each(|line| euro(&mut line.amount));
    event.payload = issued.encode_to_vec();
    let seen = stack.owner.write(tenant(1), event).await;
    replica.run(tenant(1), "january", "2026-01-31", seen).await;
    let before = stack.recognition_entries(&replica, tenant(1)).await.len();
    let refused = desk.try_export("export", seen).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "RATE_MISSING")
    );
    let refused = desk.rate("wrong", "GBP", "2026-01-01", "0.80").await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_FIELDS");
    assert_eq!(stack.recognition_entries(&replica, tenant(1)).await.len(), before);

    desk.rate("rate-1", "USD", "2026-01-01", "1.10").await.unwrap();
    let amounts = |all: &[(AccountRole, &str, &str)]| {
        let own = |(role, amount, worth): &(AccountRole, &str, &str)| {
            (*role, (*amount).to_owned(), (*worth).to_owned())
        };
        all.iter().map(own).collect::<Vec<_>>()
    };
    let first = desk.export("export-1", seen).await;
    let expected = [
        (AccountRole::Receivable, "600.00", "660.00"),
        (AccountRole::ContractLiability, "-500.00", "-550.00"),
        (AccountRole::Revenue, "-100.00", "-110.00"),
    ];
    assert_eq!(desk.amounts(&first).await, amounts(&expected));
    desk.rate("rate-2", "USD", "2026-01-01", "1.20").await.unwrap();
    let second = desk.export("export-2", seen).await;
    let expected = [
        (AccountRole::Receivable, "0.00", "60.00"),
        (AccountRole::ContractLiability, "0.00", "-50.00"),
        (AccountRole::Revenue, "0.00", "-10.00"),
    ];
    assert_eq!(desk.amounts(&second).await, amounts(&expected));
    assert_eq!(desk.amounts(&first).await.len(), 3, "the first stays as it was");
    let lines = desk.trial_balance("2026-01", true).await.unwrap();
    let closing: Vec<_> = lines.iter().map(|line| minor(line.closing.as_ref())).collect();
    assert_eq!(closing, [72_000, -60_000, -12_000]);
    let own = desk.trial_balance("2026-01", false).await.unwrap();
    assert!(own.iter().all(|line| line.closing.clone().unwrap().currency_code == "EUR"));
    stack.verify(&replica, tenant(1)).await;
}
