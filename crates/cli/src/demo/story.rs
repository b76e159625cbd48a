//! The story: two contracts over a year, a draft, the roll-forward, the audit trail, and another
//! tenant who sees none of it.

use backlog_money::Currency;
use backlog_proto::common::v1::{DateRange, Log};
use backlog_proto::reporting::v1 as reporting;
use backlog_recognition_engine::{Calendar, Convention, Policy};
use chrono::NaiveDate;

use crate::books::{Account, Books};
use crate::client::{date, from_status, later, months, to_money};
use crate::commands::audit::entries_text;
use crate::commands::audit_proof::{checkpoint, export, export_consistency};
use crate::commands::report::{backlog_text, cause_name, roll_forward_text};
use crate::failure::{Exit, Failure};
use crate::progress::Steps;
use crate::proof;
use crate::scenario::{Invoice, Player, Scenario, StackPlayer, Verb, View, parse};
use crate::session::Session;
use crate::stack::Local;

use super::figures::{COLUMNS, Figures, amounts, dollars, month_ends};
use super::isolation;

/// The story's contracts, as a scenario file: the same reader, the same terms.
const CONTRACTS: &str = include_str!("contracts.yaml");

/// The year that the story plays in.
fn year() -> Result<(NaiveDate, NaiveDate), Failure> {
    let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day);
    day(1, 1).zip(day(12, 31)).ok_or_else(|| Failure::usage("2026 is not a year"))
}

/// A line of the table that grows month by month.
fn month_line(month: &str, contract: &str, amounts: &[String; 5], verdict: &str) -> String {
    let cells: String = amounts.iter().map(|amount| format!(" {amount:>16}")).collect();
    format!("  {month:<8}{contract:<8}{cells}  {verdict}").trim_end().to_owned()
}

/// What the story works with.
pub(super) struct Stage<'a> {
    pub(super) books: Books,
    pub(super) player: StackPlayer,
    pub(super) steps: &'a Steps,
    pub(super) figures: &'a mut Figures,
}

/// Plays the whole story.
pub(super) async fn play(
    session: &Session,
    local: &Local,
    steps: &Steps,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let usd = Currency::parse("USD").map_err(|error| Failure::usage(error.to_string()))?;
    let policy = Policy { convention: Convention::EvenMonths, ..Policy::default() };
    steps.say("one account, two tenants");
    let account = Account::create(session, local, "Northwind Billing", "demo-account").await?;
    let books =
        account.tenant("acme-books", "Acme's books", usd, (&policy, Calendar::default())).await?;
    let other = account
        .tenant("globex-books", "Globex's books", usd, (&policy, Calendar::default()))
        .await?;
    figures.tell(
        steps,
        &format!(
            "One account, {}, with two tenants: {} and {}.\n",
            account.id, books.tenant, other.tenant
        ),
    );
    let scenario = parse(CONTRACTS).map_err(|problems| {
        Failure::usage(format!("the demo's contracts are wrong: {problems:?}"))
    })?;
    let player =
        StackPlayer::new(account.session(), books.client.clone(), &scenario, books.created);
    let mut stage = Stage { books, player, steps, figures };
    stage.sign(&scenario).await?;
    let after = stage.player.positions().to_vec();
    let in_january = checkpoint(&stage.books.client, after).await?.note;
    stage.year().await?;
    stage.mid_year_totals().await?;
    stage.roll_forward().await?;
    stage.draft_stays_out().await?;
    stage.audit(local).await?;
    stage.consistency(local, in_january).await?;
    isolation::check(&mut stage, &other).await
}

impl Stage<'_> {
    fn tell(&self, text: &str) {
        self.figures.tell(self.steps, text);
    }

    /// Signs the two contracts, enters the draft, and invoices the second contract up front.
    async fn sign(&mut self, scenario: &Scenario) -> Result<(), Failure> {
        self.steps.say("signing");
        for step in &scenario.steps {
            if let crate::scenario::Action::Do(verb) = &step.action {
                self.player.act(step.on, verb).await?;
            }
        }
        let (first, _) = year()?;
        self.invoice("article", first).await?;
        let balances = self.player.balances(&self.view(Some("article"), first)).await?;
        let expected = ["0.00", "1200.00", "100.00", "100.00", "0.00"];
        for ((name, expected), actual) in COLUMNS.iter().zip(expected).zip(amounts(&balances)) {
            self.figures.check("day one", name, expected, &actual);
        }
        self.tell(&format!(
            "Signed: $1,200.00 for 2026, invoiced 100.00 each month. On the day of the first invoice \
             backlog is still {}, and {} is deferred: service moves backlog, not cash.\n\
             A second contract over the same sum is billed up front. A third is a draft.\n",
            dollars(balances.backlog),
            dollars(balances.deferred_revenue),
        ));
        Ok(())
    }

    async fn invoice(&mut self, contract: &str, on: NaiveDate) -> Result<(), Failure> {
        let usd = Currency::parse("USD").map_err(|error| Failure::usage(error.to_string()))?;
        let invoice = Invoice {
            contract: contract.to_owned(),
            amount: backlog_money::Money::from_minor(10_000, usd),
            obligation: None,
            tax: None,
            due_on: None,
            number: String::new(),
        };
        self.player.act(on, &Verb::Invoice(invoice)).await
    }

    /// Invoices and recognizes month by month, and compares both contracts at each month's end.
    async fn year(&mut self) -> Result<(), Failure> {
        let (from, to) = year()?;
        let expected = month_ends();
        self.tell("Month by month: the same backlog, and deferred revenue as different as can be.");
        self.tell(&month_line("month", "contract", &COLUMNS.map(str::to_owned), ""));
        for (first, last) in months(from, to) {
            let month = first.format("%Y-%m").to_string();
            self.steps.say(&format!("recognizing {month}"));
            if first != from {
                self.invoice("article", first).await?;
            }
            self.player.act(last, &Verb::Recognize { through: last, contract: None }).await?;
            for row in expected.iter().filter(|row| row.month == month) {
                let view = self.view(Some(row.contract), last);
                let actual = amounts(&self.player.balances(&view).await?);
                let mut holds = true;
                for ((name, expected), actual) in COLUMNS.iter().zip(row.amounts).zip(&actual) {
                    let what = format!("{} {month} {name}", row.contract);
                    holds = self.figures.check("month ends", &what, expected, actual) && holds;
                }
                let verdict = if holds { "ok" } else { "DIFFERS" };
                self.tell(&month_line(&month, row.contract, &actual, verdict));
            }
        }
        self.tell("");
        Ok(())
    }

    /// In the middle of the year: backlog and deferred revenue of the whole tenant differ.
    async fn mid_year_totals(&mut self) -> Result<(), Failure> {
        let june = NaiveDate::from_ymd_opt(2026, 6, 30).unwrap_or_default();
        let view = self.view(None, june);
        let answer = self.player.get_backlog(&view, &["customer"]).await?;
        let balances = self.player.balances(&view).await?;
        let expected = ["1200.00", "1200.00", "1800.00", "600.00", "0.00"];
        for ((name, expected), actual) in COLUMNS.iter().zip(expected).zip(amounts(&balances)) {
            self.figures.check("end of June", name, expected, &actual);
        }
        self.figures.check("end of June", "customers", "2", &answer.rows.len().to_string());
        let text = backlog_text(&answer, &["customer".to_owned()]);
        self.tell(&format!("At the end of June, asked in December:\n{text}\n"));
        Ok(())
    }

    /// The year from opening to closing, each change with its cause.
    async fn roll_forward(&mut self) -> Result<(), Failure> {
        self.steps.say("rolling forward");
        let (from, to) = year()?;
        let request = reporting::GetRollForwardRequest {
            period: Some(DateRange { from: date(from), to: date(to) }),
            known_at: Vec::new(),
            filter: None,
            min_positions: self.player.positions().to_vec(),
        };
        let answer = self.books.client.backlog().get_roll_forward(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.figures.check(
            "roll-forward",
            "currencies",
            "1",
            &answer.roll_forwards.len().to_string(),
        );
        let roll_forward = answer.roll_forwards.first().cloned().unwrap_or_default();
        let amount =
            |money: &Option<_>| to_money(money.as_ref()).map(backlog_money::Money::amount_string);
        let mut lines = vec![("opening", amount(&roll_forward.opening)?)];
        for change in &roll_forward.changes {
            lines.push((cause_name(change.cause()), amount(&change.amount)?));
        }
        lines.push(("closing", amount(&roll_forward.closing)?));
        lines.push(("unexplained", amount(&roll_forward.unexplained)?));
        let expected = [
            ("opening", "0.00"),
            ("booking", "2400.00"),
            ("recognition", "-2400.00"),
            ("closing", "0.00"),
            ("unexplained", "0.00"),
        ];
        self.figures.check("roll-forward", "lines", "5", &lines.len().to_string());
        for (name, expected) in expected {
            let line = lines.iter().find(|(line, _)| *line == name);
            let actual = line.map_or("missing", |(_, amount)| amount.as_str());
            self.figures.check("roll-forward", name, expected, actual);
        }
        self.tell(&format!("The year's roll-forward:\n{}\n", roll_forward_text(&answer)));
        Ok(())
    }

    /// The draft of 9,999.00 is stored, and in no figure.
    async fn draft_stays_out(&mut self) -> Result<(), Failure> {
        let (_, to) = year()?;
        let draft = self.player.balances(&self.view(Some("draft"), to)).await?;
        let all = self.player.balances(&self.view(None, to)).await?;
        self.figures.check("draft", "its TCV", "0.00", &dollars(draft.tcv));
        self.figures.check("draft", "its backlog", "0.00", &dollars(draft.backlog));
        self.figures.check("draft", "TCV of all contracts", "2400.00", &dollars(all.tcv));
        let request = backlog_proto::contract::v1::ListContractsRequest {
            page_size: 0,
            page_token: String::new(),
            state: backlog_proto::contract::v1::ContractState::Draft.into(),
            customer: String::new(),
        };
        let answer = self.books.client.contracts().list_contracts(request).await;
        let drafts = answer.map_err(|status| from_status(&status))?.into_inner().contracts.len();
        self.figures.check("draft", "drafts stored", "1", &drafts.to_string());
        self.tell("The draft over 9,999.00 is stored and in no figure.\n");
        Ok(())
    }

    /// The trail, and a proof that holds without the server and breaks when one byte changes.
    async fn audit(&mut self, local: &Local) -> Result<(), Failure> {
        self.steps.say("proving");
        let request = reporting::ListEntriesRequest {
            log: Log::Contract.into(),
            page_size: 0,
            page_token: String::new(),
            aggregate_id: String::new(),
            min_positions: self.player.positions().to_vec(),
        };
        let answer = self.books.client.audit().list_entries(request).await;
        let entries = answer.map_err(|status| from_status(&status))?.into_inner().entries;
        // The tenant, two signatures, a draft, 12 and 1 invoices.
        self.figures.check("audit", "entries", "17", &entries.len().to_string());
        let signed = entries.iter().find(|entry| entry.r#type.ends_with(".ContractSigned"));
        let seq = signed.map(|entry| entry.seq).unwrap_or_default();
        self.figures.check("audit", "place of the first signature", "2", &seq.to_string());
        let after = later(Vec::new(), self.player.positions());
        let bundle = export(&self.books.client, Log::Contract, seq, after).await?;
        let text = bundle.to_json().map_err(|error| Failure::usage(error.to_string()))?;
        let keys = [local.verifier()?];
        let proved = proof::verify(&text, &keys, Some(self.books.tenant));
        let verdict = |proved: &Result<proof::Proved, Failure>| match proved {
            Ok(_) => "verified".to_owned(),
            Err(Failure { exit: Exit::NotVerified, metadata, .. }) => {
                metadata.first().map(|(_, check)| check.clone()).unwrap_or_default()
            }
            Err(failure) => failure.to_string(),
        };
        self.figures.check("audit", "proof", "verified", &verdict(&proved));
        let mut altered = bundle;
        if let Some(byte) = altered.entry.last_mut() {
            *byte ^= 1;
        }
        let altered = altered.to_json().map_err(|error| Failure::usage(error.to_string()))?;
        let refused = proof::verify(&altered, &keys, Some(self.books.tenant));
        self.figures.check("audit", "altered proof", "leaf_hash", &verdict(&refused));
        let table = entries_text(entries.get(..5).unwrap_or(&entries));
        let proved = proved.map(|proved| proved.text()).unwrap_or_default();
        self.tell(&format!(
            "The audit trail, 5 of {} entries:\n{table}\nThe first signature, checked without the \
             server:\n{proved}\nWith one bit changed: refused, {}.\n",
            entries.len(),
            verdict(&refused),
        ));
        Ok(())
    }

    /// An auditor kept January's checkpoint: the logs of December only appended to it.
    async fn consistency(&mut self, local: &Local, in_january: String) -> Result<(), Failure> {
        let after = self.player.positions().to_vec();
        let bundle = export_consistency(&self.books.client, in_january, after).await?;
        let text = bundle.to_json().map_err(|error| Failure::usage(error.to_string()))?;
        let verified =
            proof::verify_consistency(&text, &[local.verifier()?], Some(self.books.tenant));
        let actual = if verified.is_ok() { "verified" } else { "not verified" };
        self.figures.check("audit", "consistency with January", "verified", actual);
        let said = verified.map_or_else(|failure| failure.to_string(), |(text, _)| text);
        self.tell(&format!("December's logs against the checkpoint kept in January:\n{said}\n"));
        Ok(())
    }

    /// A view in dollars.
    pub(super) fn view(&self, contract: Option<&str>, as_of: NaiveDate) -> View {
        self.player.view(contract, as_of)
    }
}
