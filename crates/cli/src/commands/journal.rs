//! `backlog journal`: balanced entries for the general ledger.

mod csv;

use std::path::PathBuf;

use backlog_ids::{ContractId, JournalBatchId};
use backlog_money::{Currency, Quantity};
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{RateKind, Role};
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::known::written;
use crate::arguments::{self, Positions};
use crate::client::{date, from_status, money, money_json, watermark_json, watermark_text};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::table;

/// The journal: trial balances, exports, accounts and rates.
#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Shows the balance of each account over a period.
    TrialBalance(TrialBalance),
    /// Exports what was posted in a period since its last export, as CSV.
    Export(Export),
    /// Lists exports.
    Exports {
        /// Only this period, such as 2026-01.
        #[arg(long, default_value = "")]
        period: String,
    },
    /// Shows or sets which account each role is posted to.
    Mapping(Mapping),
    /// States an exchange rate into the functional currency.
    Rate(Rate),
}

/// A trial balance.
#[derive(Debug, Args)]
pub(crate) struct TrialBalance {
    /// The period, such as 2026-01.
    #[arg(long)]
    period: String,
    /// In the tenant's functional currency.
    #[arg(long)]
    functional: bool,
    /// Only this contract, as ctr_...
    #[arg(long)]
    contract: Option<ContractId>,
    /// What the answer must include besides what was written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
}

/// An export: a new one of a period, or one made before, which is the same each time.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The period, such as 2026-01.
    #[arg(long, required_unless_present = "batch", conflicts_with = "batch")]
    period: Option<String>,
    /// An export made before, as jrn_...
    #[arg(long)]
    batch: Option<JournalBatchId>,
    /// A line per contract and day, instead of one per account.
    #[arg(long)]
    detail: bool,
    /// The file to write; standard output when absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// What the export must include besides what was written from here, as contract=5.
    #[arg(long, conflicts_with = "batch")]
    after: Option<Positions>,
    /// Idempotency key; a new one when absent.
    #[arg(long, conflicts_with = "batch")]
    request_id: Option<String>,
}

/// Accounts by role.
#[derive(Debug, Args)]
pub(crate) struct Mapping {
    /// Sets all accounts, as revenue=4000; shows them when there is none.
    #[arg(value_parser = assignment, value_name = "ROLE=ACCOUNT")]
    accounts: Vec<(Role, String)>,
    /// Shows what was earned beyond what was billed as unbilled receivable.
    #[arg(long, requires = "accounts")]
    unbilled_receivable: bool,
    /// Day of the decision; today when absent.
    #[arg(long, value_parser = arguments::day, requires = "accounts")]
    on: Option<NaiveDate>,
    /// Idempotency key; a new one when absent.
    #[arg(long, requires = "accounts")]
    request_id: Option<String>,
}

/// A rate.
#[derive(Debug, Args)]
pub(crate) struct Rate {
    /// Currency of the amounts to be translated.
    #[arg(long, value_parser = arguments::currency)]
    from: Currency,
    /// The functional currency.
    #[arg(long, value_parser = arguments::currency)]
    to: Currency,
    /// Units of the one for one of the other.
    #[arg(long, value_parser = arguments::quantity)]
    rate: Quantity,
    /// spot, average or closing.
    #[arg(long, default_value = "spot", value_parser = kind)]
    kind: RateKind,
    /// Its day; today when absent.
    #[arg(long, value_parser = arguments::day)]
    on: Option<NaiveDate>,
    /// Idempotency key; a new one when absent.
    #[arg(long)]
    request_id: Option<String>,
}

fn kind(text: &str) -> Result<RateKind, String> {
    RateKind::parse(text).ok_or_else(|| "is one of spot, average, closing".to_owned())
}

fn assignment(text: &str) -> Result<(Role, String), String> {
    let names = || Role::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
    let (role, code) = text.split_once('=').ok_or("is written as revenue=4000")?;
    let role = Role::parse(role).ok_or_else(|| format!("the roles are {}", names()))?;
    Ok((role, code.to_owned()))
}

/// A role on the wire.
pub(crate) fn role_wire(role: Role) -> pb::AccountRole {
    let name = format!("ACCOUNT_ROLE_{}", role.name().to_uppercase());
    pb::AccountRole::from_str_name(&name).unwrap_or_default()
}

/// The name of a role of an answer.
pub(crate) fn role_name(role: pb::AccountRole) -> String {
    role.as_str_name().trim_start_matches("ACCOUNT_ROLE_").to_lowercase()
}

/// A rate on the wire.
pub(crate) fn rate_wire(
    (from, to): (Currency, Currency),
    kind: RateKind,
    on: NaiveDate,
    rate: Quantity,
) -> pb::ExchangeRate {
    let kind = match kind {
        RateKind::Spot => pb::RateKind::Spot,
        RateKind::Average => pb::RateKind::Average,
        RateKind::Closing => pb::RateKind::Closing,
    };
    pb::ExchangeRate {
        from_currency_code: from.code().to_owned(),
        to_currency_code: to.code().to_owned(),
        kind: kind.into(),
        on: date(on),
        rate: rate.to_string(),
    }
}

impl Journal {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::TrialBalance(trial) => trial.run(session).await,
            Self::Export(export) => export.run(session).await,
            Self::Exports { period } => exports(session, period).await,
            Self::Mapping(mapping) => mapping.run(session).await,
            Self::Rate(rate) => rate.run(session).await,
        }
    }
}

impl TrialBalance {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let request = pb::GetTrialBalanceRequest {
            period: self.period,
            functional: self.functional,
            contract_id: self.contract.map(|contract| contract.to_string()).unwrap_or_default(),
            min_positions: session.min_positions(&self.after.unwrap_or_default().0)?,
        };
        let answer = session.client()?.journal().get_trial_balance(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let rows = answer.lines.iter().map(|line| {
            [
                line.account_code.clone(),
                role_name(line.role()),
                money(line.opening.as_ref()),
                money(line.debit.as_ref()),
                money(line.credit.as_ref()),
                money(line.closing.as_ref()),
            ]
        });
        let header = ["account", "role", "opening", "debit", "credit", "closing"];
        let table = table::render(&header, rows, &[2, 3, 4, 5]);
        let lines: Vec<Value> = answer
            .lines
            .iter()
            .map(|line| {
                json!({
                    "account": line.account_code,
                    "role": role_name(line.role()),
                    "opening": money_json(line.opening.as_ref()),
                    "debit": money_json(line.debit.as_ref()),
                    "credit": money_json(line.credit.as_ref()),
                    "closing": money_json(line.closing.as_ref()),
                })
            })
            .collect();
        let text = format!("{table}{}", watermark_text(answer.watermark.as_ref()));
        let watermark = watermark_json(answer.watermark.as_ref());
        session.answer(&text, &json!({ "lines": lines, "watermark": watermark }));
        Ok(Exit::Done)
    }
}

impl Export {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let mut client = session.client()?.journal();
        let batch_id = match self.batch {
            Some(batch) => batch.to_string(),
            None => {
                let request = pb::ExportJournalRequest {
                    request_id: session.request_id(self.request_id.as_deref()),
                    period: self.period.unwrap_or_default(),
                    min_positions: session.min_positions(&self.after.unwrap_or_default().0)?,
                };
                let answer = client.export_journal(request).await;
                let answer = answer.map_err(|status| from_status(&status))?.into_inner();
                session.book()?.note(answer.position.as_ref());
                answer.batch.unwrap_or_default().batch_id
            }
        };
        let form = if self.detail { pb::JournalForm::Detail } else { pb::JournalForm::Summary };
        let request = pb::ReadJournalRequest { batch_id: batch_id.clone(), form: form.into() };
        let answer = client.read_journal(request).await;
        let mut stream = answer.map_err(|status| from_status(&status))?.into_inner();
        let mut lines = Vec::new();
        while let Some(part) = stream.message().await.map_err(|status| from_status(&status))? {
            lines.extend(part.lines);
        }
        let text = csv::render(&batch_id, &lines);
        let json: Vec<Value> = lines.iter().map(csv::json).collect();
        let json = json!({ "batch_id": batch_id, "lines": json });
        match self.out {
            None => session.answer(text.trim_end(), &json),
            Some(out) => {
                let file = out.display().to_string();
                std::fs::write(&out, text)
                    .map_err(|error| Failure::usage(format!("cannot write {file}: {error}")))?;
                let said = format!("{batch_id}: {} lines in {file}", lines.len());
                session.answer(&said, &json!({ "batch_id": batch_id, "file": file }));
            }
        }
        Ok(Exit::Done)
    }
}

async fn exports(session: &Session, period: String) -> Result<Exit, Failure> {
    let mut client = session.client()?.journal();
    let mut batches = Vec::new();
    let mut page_token = String::new();
    loop {
        let period = period.clone();
        let request = pb::ListJournalExportsRequest { period, page_size: 0, page_token };
        let answer = client.list_journal_exports(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        batches.extend(answer.batches);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let rows = batches.iter().map(|batch| {
        let (after, through) = (batch.after_seq.to_string(), batch.through_seq.to_string());
        [batch.batch_id.clone(), batch.period.clone(), after, through]
    });
    let text = table::render(&["batch", "period", "after", "through"], rows, &[2, 3]);
    let json: Vec<Value> = batches
        .iter()
        .map(|batch| {
            json!({
                "batch_id": batch.batch_id,
                "period": batch.period,
                "after_seq": batch.after_seq,
                "through_seq": batch.through_seq,
            })
        })
        .collect();
    session.answer(&text, &json!({ "batches": json }));
    Ok(Exit::Done)
}

impl Mapping {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        if self.accounts.is_empty() {
            return show(session).await;
        }
        let accounts = self.accounts.into_iter().map(|(role, account_code)| {
            pb::AccountAssignment { role: role_wire(role).into(), account_code }
        });
        let request = pb::SetAccountMappingRequest {
            request_id: session.request_id(self.request_id.as_deref()),
            mapping: Some(pb::AccountMapping {
                accounts: accounts.collect(),
                unbilled_receivable: self.unbilled_receivable,
                on: date(self.on.unwrap_or_else(|| session.today())),
            }),
            validate_only: false,
        };
        let answer = session.client()?.journal().set_account_mapping(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        written(session, answer.position.as_ref(), "accounts are set", json!({}))
    }
}

async fn show(session: &Session) -> Result<Exit, Failure> {
    let request = pb::GetAccountMappingRequest { min_positions: session.min_positions(&[])? };
    let answer = session.client()?.journal().get_account_mapping(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    let mapping = answer.mapping.unwrap_or_default();
    let rows = mapping.accounts.iter().map(|of| [role_name(of.role()), of.account_code.clone()]);
    let text = table::render(&["role", "account"], rows, &[]);
    let accounts: serde_json::Map<String, Value> = mapping
        .accounts
        .iter()
        .map(|of| (role_name(of.role()), Value::from(of.account_code.clone())))
        .collect();
    let unbilled = mapping.unbilled_receivable;
    session.answer(&text, &json!({ "accounts": accounts, "unbilled_receivable": unbilled }));
    Ok(Exit::Done)
}

impl Rate {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let on = self.on.unwrap_or_else(|| session.today());
        let request = pb::SetExchangeRateRequest {
            request_id: session.request_id(self.request_id.as_deref()),
            rate: Some(rate_wire((self.from, self.to), self.kind, on, self.rate)),
            validate_only: false,
        };
        let answer = session.client()?.journal().set_exchange_rate(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let said = format!("1 {} is {} {} on {on}", self.from, self.rate, self.to);
        written(session, answer.position.as_ref(), &said, json!({}))
    }
}
