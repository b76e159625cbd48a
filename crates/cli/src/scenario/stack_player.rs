//! A running stack as a player, through its public API alone: one new tenant for one scenario.

mod billing;
mod changes;
mod combine;
mod explained;
mod journal;
mod periods;
mod policy;
mod progress;
mod tables;

use std::collections::BTreeMap;

use backlog_ids::{ContractId, ObligationId, derive};
use backlog_money::Currency;
use backlog_proto::common::v1::{DateRange, Log, LogPosition};
use backlog_proto::contract::v1 as contract;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_proto::log::v1::GetProcessingRequest;
use backlog_proto::recognition::v1 as recognition;
use backlog_proto::reporting::v1 as reporting;
use backlog_recognition_engine::{Balances, Calendar, Cause, Role, RollForward};
use chrono::NaiveDate;

use crate::client::{
    Client, Service, balances, date, from_status, later, positions_text, to_money,
};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::terms;

use super::{
    model::{Action, Scenario, Step, Terms, Verb, View},
    player::{Amounts, Player, Posted},
};

/// Plays one scenario on a tenant of its own.
#[derive(Debug)]
pub(crate) struct StackPlayer {
    pub(super) client: Client,
    pub(super) session: Session,
    currency: Currency,
    calendar: Calendar,
    pub(super) contracts: BTreeMap<String, Known>,
    /// Everything written so far.
    pub(super) positions: Vec<LogPosition>,
    /// What was known at the end of the steps of each day, where the scenario asks for it.
    history: Vec<(NaiveDate, Vec<LogPosition>)>,
    keeps_history: bool,
    first_day: Option<NaiveDate>,
    /// No fact so far takes effect later than this.
    pub(super) last_day: Option<NaiveDate>,
}

/// A contract of the scenario.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) terms: Terms,
    /// Ids of its obligations, by handle.
    pub(super) obligations: BTreeMap<String, String>,
    /// Its variable amounts, by handle: the estimate and the part in T, in minor units.
    pub(super) variables: BTreeMap<String, (i128, i128)>,
    pub(super) signed: bool,
}

impl StackPlayer {
    /// Plays on the tenant of the client's token, whose creation is at `created`.
    pub(crate) fn new(
        session: &Session,
        client: Client,
        scenario: &Scenario,
        created: Option<LogPosition>,
    ) -> Self {
        let looks_back = |step: &Step| matches!(&step.action, Action::Expect(expect) if expect.view.known_at.is_some());
        Self {
            client,
            session: session.clone(),
            currency: scenario.currency,
            calendar: scenario.calendar,
            contracts: BTreeMap::new(),
            positions: created.into_iter().collect(),
            history: Vec::new(),
            keeps_history: scenario.steps.iter().any(looks_back),
            first_day: None,
            last_day: None,
        }
    }

    /// A contract, or all, at the end of a day, as now known.
    pub(crate) fn view(&self, contract: Option<&str>, as_of: NaiveDate) -> View {
        View {
            contract: contract.map(str::to_owned),
            obligation: None,
            dimensions: BTreeMap::new(),
            currency: self.currency,
            as_of,
            known_at: None,
        }
    }

    /// Everything written so far.
    pub(crate) fn positions(&self) -> &[LogPosition] {
        &self.positions
    }

    pub(super) fn wrote(&mut self, position: Option<LogPosition>, effective: NaiveDate) {
        self.positions = later(std::mem::take(&mut self.positions), position.as_slice());
        self.last_day = self.last_day.max(Some(effective));
    }

    fn remember(&mut self, terms: &Terms, contract: Option<&contract::Contract>, signed: bool) {
        let Some(contract) = contract else { return };
        let keys = terms.obligations.iter().map(|obligation| obligation.id.clone());
        let known = Known {
            id: contract.contract_id.clone(),
            terms: terms.clone(),
            obligations: keys.zip(contract.obligation_ids.iter().cloned()).collect(),
            variables: terms
                .variables
                .iter()
                .map(|v| (v.id.clone(), (v.amount.minor(), v.counted().minor())))
                .collect(),
            signed,
        };
        self.contracts.insert(terms.contract.clone(), known);
    }

    /// The id of a contract; of one that the scenario does not have, one that nobody has.
    pub(crate) fn contract_id(&self, handle: &str) -> String {
        self.contracts.get(handle).map_or_else(
            || ContractId::from_uuid(derive(uuid::Uuid::NAMESPACE_OID, handle)).to_string(),
            |known| known.id.clone(),
        )
    }

    /// The id of an obligation; of one that the contract does not have, one that nobody has.
    fn obligation_id(&self, contract: &str, obligation: &str) -> String {
        let known = self.contracts.get(contract);
        let id = known.and_then(|known| known.obligations.get(obligation)).cloned();
        let derived = || ObligationId::from_uuid(derive(uuid::Uuid::NAMESPACE_OID, obligation));
        id.unwrap_or_else(|| derived().to_string())
    }

    async fn draft(&mut self, on: NaiveDate, terms: &Terms) -> Result<(), Failure> {
        let request = contract::CreateContractRequest {
            request_id: self.session.request_id(None),
            terms: Some(terms::terms(terms, self.currency, "")),
            validate_only: false,
            entered_on: date(on),
        };
        let answer = self.client.contracts().create_contract(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.remember(terms, answer.contract.as_ref(), false);
        self.wrote(answer.position, on);
        Ok(())
    }

    async fn sign(&mut self, subject: Subject, signed_on: NaiveDate) -> Result<SignedNow, Failure> {
        let request = contract::SignContractRequest {
            request_id: self.session.request_id(None),
            subject: Some(subject),
            signed_on: date(signed_on),
            etag: String::new(),
            validate_only: false,
        };
        let answer = self.client.contracts().sign_contract(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, signed_on);
        self.first_day = Some(self.first_day.map_or(signed_on, |first| first.min(signed_on)));
        Ok(SignedNow(answer.contract))
    }

    async fn recognize(
        &mut self,
        through: NaiveDate,
        contract: Option<&str>,
    ) -> Result<(), Failure> {
        let request = recognition::RunRecognitionRequest {
            request_id: self.session.request_id(None),
            through: date(through),
            contract_id: contract.map(|handle| self.contract_id(handle)).unwrap_or_default(),
            min_positions: self.positions.clone(),
        };
        let answer = self.client.recognition().run_recognition(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, through);
        Ok(())
    }

    pub(super) fn filter(&self, view: &View) -> reporting::ReportFilter {
        let contract = view.contract.as_ref();
        let known = contract.and_then(|handle| self.contracts.get(handle));
        let obligation = view.obligation.as_ref();
        let id = obligation.and_then(|key| known.and_then(|known| known.obligations.get(key)));
        reporting::ReportFilter {
            contract_id: contract.map(|handle| self.contract_id(handle)).unwrap_or_default(),
            obligation_id: id.cloned().unwrap_or_default(),
            dimensions: view.dimensions.clone().into_iter().collect(),
            currency_code: view.currency.code().to_owned(),
        }
    }

    /// What was known at the end of the steps of the view's day of knowledge; all when it has none.
    pub(super) fn known_at(&self, view: &View) -> Vec<LogPosition> {
        let Some(day) = view.known_at else { return Vec::new() };
        let known = self.history.iter().rev().find(|(on, _)| *on <= day);
        let nothing = || {
            let logs = [Log::Contract, Log::Recognition];
            logs.map(|log| LogPosition { log: log.into(), seq: 0 }).to_vec()
        };
        known.map_or_else(nothing, |(_, positions)| positions.clone())
    }

    /// Backlog of a view, by group.
    pub(crate) async fn get_backlog(
        &self,
        view: &View,
        group_by: &[&str],
    ) -> Result<reporting::GetBacklogResponse, Failure> {
        let request = reporting::GetBacklogRequest {
            as_of: date(view.as_of),
            known_at: self.known_at(view),
            filter: Some(self.filter(view)),
            group_by: group_by.iter().map(|name| (*name).to_owned()).collect(),
            min_positions: self.positions.clone(),
        };
        let answer = self.client.backlog().get_backlog(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| from_status(&status))
    }
}

struct SignedNow(Option<contract::Contract>);

impl Player for StackPlayer {
    async fn act(&mut self, on: NaiveDate, verb: &Verb) -> Result<(), Failure> {
        match verb {
            Verb::Draft(terms) => self.draft(on, terms).await,
            Verb::Sign { terms, signed_on } => {
                let wire = terms::terms(terms, self.currency, "");
                let SignedNow(contract) = self.sign(Subject::Terms(wire), *signed_on).await?;
                self.remember(terms, contract.as_ref(), true);
                Ok(())
            }
            Verb::SignDraft { contract, signed_on } => {
                let subject = Subject::ContractId(self.contract_id(contract));
                self.sign(subject, *signed_on).await?;
                if let Some(known) = self.contracts.get_mut(contract) {
                    known.signed = true;
                }
                Ok(())
            }
            Verb::Amend(amendment) => self.amend(on, amendment).await,
            Verb::Terminate(termination) => self.terminate(on, termination).await,
            Verb::Invoice(invoice) => self.invoice(on, invoice).await,
            Verb::CreditNote(note) => self.credit_note(on, note).await,
            Verb::Pay(cash) => self.cash_moved(on, cash, false).await,
            Verb::Refund(cash) => self.cash_moved(on, cash, true).await,
            Verb::Progress(progress) => self.progress(on, progress).await,
            Verb::Reestimate(reestimate) => self.reestimate(on, reestimate).await,
            Verb::Adjust(adjustment) => self.adjust(on, adjustment).await,
            Verb::Hold(hold) => self.hold(on, hold).await,
            Verb::Reassess(assessment) => self.reassess(on, assessment).await,
            Verb::FxRate(rate) => self.fx_rate(on, *rate).await,
            Verb::Policy(step) => self.set_policy(on, step).await,
            Verb::Combine(of) => self.combine(on, of).await,
            Verb::Recognize { through, contract } => {
                self.recognize(*through, contract.as_deref()).await
            }
            Verb::ClosePeriod(period) => self.close_period(on, period).await,
            Verb::ReopenPeriod(period) => self.reopen_period(on, period).await,
        }
    }

    async fn step_done(&mut self, step: &Step) -> Result<(), Failure> {
        if !self.keeps_history || !matches!(step.action, Action::Do(_)) {
            return Ok(());
        }
        // The watermark of any answer that includes what was written tells how far recognition is.
        let all = self.view(None, step.on);
        let watermark = self.get_backlog(&all, &[]).await?.watermark.unwrap_or_default();
        let logs = [Log::Contract, Log::Recognition];
        let known = watermark.positions.into_iter().filter(|p| logs.contains(&p.log())).collect();
        self.history.push((step.on, known));
        Ok(())
    }

    async fn fingerprint(&mut self) -> Result<String, Failure> {
        // What was written before must have arrived, or its effects would look new.
        let day = self.last_day.unwrap_or_else(|| self.session.today());
        self.get_backlog(&self.view(None, day), &[]).await?;
        let mut heads = Vec::new();
        for service in [Service::Contract, Service::Recognition] {
            let request = GetProcessingRequest { with_digest: false };
            let answer = self.client.processing(service).get_processing(request).await;
            heads.extend(answer.map_err(|status| from_status(&status))?.into_inner().head);
        }
        Ok(positions_text(&heads))
    }

    async fn balances(&mut self, view: &View) -> Result<Balances, Failure> {
        let answer = self.get_backlog(view, &[]).await?;
        match answer.rows.as_slice() {
            [] => Ok(Balances::default()),
            [row] => balances(&row.balances.clone().unwrap_or_default(), view.currency),
            [_, _, ..] => Err(odd("several rows for one currency")),
        }
    }

    async fn roll_forward(
        &mut self,
        view: &View,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<RollForward, Failure> {
        let request = reporting::GetRollForwardRequest {
            period: Some(DateRange { from: date(from), to: date(to) }),
            known_at: self.known_at(view),
            filter: Some(self.filter(view)),
            min_positions: self.positions.clone(),
        };
        let answer = self.client.backlog().get_roll_forward(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        match answer.roll_forwards.as_slice() {
            [] => {
                Ok(RollForward { opening: 0, changes: BTreeMap::new(), closing: 0, unexplained: 0 })
            }
            [roll_forward] => to_engine(roll_forward),
            [_, _, ..] => Err(odd("several roll-forwards for one currency")),
        }
    }

    fn first_day(&self) -> Option<NaiveDate> {
        self.first_day
    }

    async fn allocations(&mut self, view: &View) -> Result<Amounts<String>, Failure> {
        self.allocations_of(view).await
    }

    async fn schedule(&mut self, view: &View) -> Result<Amounts<NaiveDate>, Failure> {
        self.schedule_of(view).await
    }

    async fn by_month(&mut self, view: &View) -> Result<Amounts<NaiveDate>, Failure> {
        self.by_month_of(view).await
    }

    async fn journal(&mut self, view: &View) -> Result<Amounts<Role>, Failure> {
        self.journal_of(view).await
    }

    async fn treatment(&mut self, view: &View) -> Result<Option<String>, Failure> {
        self.treatment_of(view).await
    }

    async fn warnings(&mut self, view: &View) -> Result<Vec<String>, Failure> {
        self.warnings_of(view).await
    }

    async fn not_a_contract(&mut self, view: &View) -> Result<Vec<String>, Failure> {
        self.why_no_contract(view).await
    }

    async fn explain(&mut self, contract: &str) -> Result<Vec<String>, Failure> {
        self.explained_text(contract).await
    }

    async fn entries(&mut self, view: &View) -> Result<Vec<Posted>, Failure> {
        self.entries_of(view).await
    }
}

fn to_engine(roll_forward: &reporting::RollForward) -> Result<RollForward, Failure> {
    let minor = |money: &Option<_>| Ok::<i128, Failure>(to_money(money.as_ref())?.minor());
    let mut changes = BTreeMap::new();
    for change in &roll_forward.changes {
        let name = crate::commands::report::cause_name(change.cause());
        let cause =
            Cause::parse(name).ok_or_else(|| odd(&format!("the cause {}", change.cause)))?;
        if changes.insert(cause, minor(&change.amount)?).is_some() {
            return Err(odd(&format!("the cause {name} twice")));
        }
    }
    Ok(RollForward {
        opening: minor(&roll_forward.opening)?,
        changes,
        closing: minor(&roll_forward.closing)?,
        unexplained: minor(&roll_forward.unexplained)?,
    })
}

pub(super) fn odd(what: &str) -> Failure {
    Failure::new(Exit::Unavailable, format!("the answer has {what}"))
}
