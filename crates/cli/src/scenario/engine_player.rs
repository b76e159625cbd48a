//! The pure fold as a player: no stack, the same rules, the same figures.

mod billing;
mod changes;
mod combine;
mod journal;
mod periods;
mod policy;
mod progress;
mod refusal;
mod tally;
mod terms;

use std::collections::BTreeMap;

use backlog_ids::{ContractId, ObligationId, derive};
use backlog_money::Currency;
use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{
    self as engine, Balances, ContractState, Effects, Fact, Filter, Ledger, Periods, Policies,
    Rates, Role, RollForward, fold, policies_due,
};
use chrono::NaiveDate;

use crate::failure::Failure;

use super::{
    model::{Scenario, Step, Terms, Verb, View},
    player::{Amounts, Player, Posted},
};
use changes::obligation_id;
use policy::Shown;
use refusal::{not_found, refusal};
use tally::Tally;
use terms::signed;

/// Plays one scenario in memory.
#[derive(Debug)]
pub(crate) struct EnginePlayer {
    currency: Currency,
    policies: Policies,
    /// What the latest policy shows in reports.
    shown: Shown,
    periods: Periods,
    functional: Currency,
    rates: Rates,
    /// Last days of the closes that hold, in order.
    closes: Vec<NaiveDate>,
    contracts: BTreeMap<String, Known>,
    /// Signed contracts as accounted for; of those that are one, the one that the others joined.
    states: BTreeMap<String, ContractState>,
    /// Contracts that joined another, and which.
    joined: BTreeMap<String, String>,
    /// What each fact did, with the day of its step.
    effects: Vec<(NaiveDate, Effects)>,
    first_day: Option<NaiveDate>,
}

/// A contract of the scenario.
#[derive(Debug)]
struct Known {
    /// What the parties agreed on.
    terms: Terms,
    /// As billed; none before it is signed.
    signed: Option<Tally>,
    /// How its changes were accounted for, each with the day of its step.
    treatments: Vec<(NaiveDate, engine::Treatment)>,
    /// What was folded, in which periods: for explanations.
    facts: Vec<(Fact, Periods)>,
    /// The contracts that joined it, each after how many of its facts.
    joining: Vec<(usize, Vec<String>)>,
}

/// A signed contract.
#[derive(Debug, Clone, Copy)]
struct Signed<'a> {
    /// Its id.
    contract: ContractId,
    /// As accounted for, with those that are one with it.
    state: &'a ContractState,
    /// As billed.
    tally: &'a Tally,
}

impl EnginePlayer {
    /// An empty tenant for this scenario.
    #[must_use]
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            currency: scenario.currency,
            policies: Policies { first: scenario.policy, later: Vec::new() },
            shown: Shown::default(),
            periods: Periods { calendar: scenario.calendar, closed_through: None },
            functional: scenario.functional_currency,
            rates: Rates::default(),
            closes: Vec::new(),
            contracts: BTreeMap::new(),
            states: BTreeMap::new(),
            joined: BTreeMap::new(),
            effects: Vec::new(),
            first_day: None,
        }
    }

    fn recognize(
        &mut self,
        on: NaiveDate,
        through: NaiveDate,
        contract: Option<&str>,
    ) -> Result<(), Failure> {
        if self.periods.is_closed(through) {
            let message = format!("{through} lies in a closed period");
            return Err(Failure::refused(ErrorReason::PeriodClosed, message));
        }
        let scope: Vec<String> = match contract {
            Some(contract) => {
                self.signed(contract)?;
                vec![contract.to_owned()]
            }
            None => self.states.keys().cloned().collect(),
        };
        scope.iter().try_for_each(|handle| self.fold(on, handle, &Fact::Run { through }))
    }

    /// Takes a fact in, after the policies that come to govern the contract before it.
    fn fold(&mut self, on: NaiveDate, handle: &str, fact: &Fact) -> Result<(), Failure> {
        let handle = self.accounted_as(handle).to_owned();
        let known = self.contracts.get_mut(&handle).ok_or_else(|| not_found(&handle))?;
        let mut state = self.states.get(&handle).cloned();
        let due = state.as_ref().map(|state| policies_due(state, fact, &self.policies));
        let facts = due.unwrap_or_default().into_iter().map(Fact::PolicyChanged);
        let mut done = Vec::new();
        for fact in facts.chain([fact.clone()]) {
            let (after, effects) = fold(state, &fact, self.periods).map_err(refusal)?;
            state = Some(after);
            done.push((fact, effects));
        }
        // A run that has nothing to post is written nowhere.
        if matches!(fact, Fact::Run { .. }) && done.iter().all(|(_, effects)| effects.is_empty()) {
            return Ok(());
        }
        self.states.extend(state.map(|after| (handle, after)));
        for (fact, effects) in done {
            known.facts.push((fact, self.periods));
            known.treatments.extend(effects.workings.iter().filter_map(|working| match working {
                engine::Working::Treated { used, .. } => Some((on, *used)),
                _ => None,
            }));
            self.effects.push((on, effects));
        }
        Ok(())
    }

    fn known(&self, handle: &str) -> Result<&Known, Failure> {
        self.contracts.get(handle).ok_or_else(|| not_found(handle))
    }

    /// The contract that another one joined, or itself.
    fn accounted_as<'a>(&'a self, handle: &'a str) -> &'a str {
        self.joined.get(handle).map_or(handle, String::as_str)
    }

    /// A signed contract, as the contract service knows it.
    fn signed(&self, handle: &str) -> Result<Signed<'_>, Failure> {
        let tally = self.known(handle)?.signed.as_ref();
        let state = self.states.get(self.accounted_as(handle));
        let contract = contract_id(handle);
        let signed = state.zip(tally).map(|(state, tally)| Signed { contract, state, tally });
        signed.ok_or_else(|| {
            Failure::refused(ErrorReason::NotSigned, format!("contract {handle} is not signed"))
        })
    }

    /// A signed contract that has not ended.
    fn open(&self, handle: &str) -> Result<Signed<'_>, Failure> {
        let signed = self.signed(handle)?;
        if signed.tally.terminated {
            let message = format!("contract {handle} is terminated");
            return Err(Failure::refused(ErrorReason::Terminated, message));
        }
        Ok(signed)
    }

    /// A contract as the recognition service knows it, which sees no drafts.
    fn accounted(&self, handle: &str) -> Result<&ContractState, Failure> {
        self.known(handle)?;
        self.states.get(self.accounted_as(handle)).ok_or_else(|| not_found(handle))
    }

    /// The id of an obligation of a contract by its handle.
    fn obligation(&self, contract: &str, key: &str) -> Result<ObligationId, Failure> {
        obligation_id((self.accounted(contract)?, contract_id(contract)), key)
    }

    /// Keeps what became of a contract as billed.
    fn keep(&mut self, handle: &str, change: impl FnOnce(&mut Tally)) {
        let known = self.contracts.get_mut(handle);
        if let Some(tally) = known.and_then(|known| known.signed.as_mut()) {
            change(tally);
        }
    }

    /// Everything known at the end of the steps of the view's day of knowledge.
    fn ledger(&self, view: &View) -> Ledger {
        let mut ledger = Ledger::default();
        for (on, effects) in &self.effects {
            if view.known_at.is_none_or(|known_at| *on <= known_at) {
                ledger.apply(effects);
            }
        }
        ledger
    }

    fn filter(&self, view: &View) -> Result<Filter, Failure> {
        let mut filter = Filter::all(view.currency);
        if let Some(contract) = &view.contract {
            self.known(contract)?;
            let state = self.states.get(self.accounted_as(contract));
            let obligations = state.into_iter().flat_map(|state| &state.obligations);
            let mut ids = obligations.filter(|o| {
                o.contract == contract_id(contract) && Some(&o.key) == view.obligation.as_ref()
            });
            filter.obligation = ids.next().map(|obligation| obligation.id);
        }
        if view.contract.is_some() || !view.dimensions.is_empty() {
            let chosen = self.contracts.iter().filter(|(handle, known)| {
                view.contract.as_ref().is_none_or(|contract| contract == *handle)
                    && view.dimensions.iter().all(|(name, value)| known.has(name, value))
            });
            filter.contracts = Some(chosen.map(|(handle, _)| contract_id(handle)).collect());
        }
        Ok(filter)
    }

    /// Handles of the obligations.
    fn keys(&self) -> BTreeMap<ObligationId, String> {
        let obligations = self.states.values().flat_map(|state| &state.obligations);
        obligations.map(|o| (o.id, o.key.clone())).collect()
    }
}

impl Known {
    fn new(terms: &Terms, signed: Option<Tally>) -> Self {
        Self {
            terms: terms.clone(),
            signed,
            treatments: Vec::new(),
            facts: Vec::new(),
            joining: Vec::new(),
        }
    }

    fn has(&self, name: &str, value: &str) -> bool {
        let stated = self.terms.dimensions.get(name).map(String::as_str);
        let customer = (name == "customer").then_some(self.terms.customer.as_str());
        stated.or(customer) == Some(value)
    }
}

impl Player for EnginePlayer {
    async fn act(&mut self, on: NaiveDate, verb: &Verb) -> Result<(), Failure> {
        match verb {
            Verb::Draft(terms) => {
                signed(terms, on, self.currency)?;
                self.contracts.insert(terms.contract.clone(), Known::new(terms, None));
                Ok(())
            }
            Verb::Sign { terms, signed_on } => self.sign(on, terms, *signed_on),
            Verb::SignDraft { contract, signed_on } => self.sign_draft(on, contract, *signed_on),
            Verb::Amend(amendment) => self.amend(on, amendment),
            Verb::Terminate(termination) => self.terminate(on, termination),
            Verb::Invoice(invoice) => self.invoice(on, invoice),
            Verb::CreditNote(note) => self.credit_note(on, note),
            Verb::Pay(cash) => self.pay(on, cash),
            Verb::Refund(cash) => self.refund(on, cash),
            Verb::Progress(progress) => self.progress(on, progress),
            Verb::Reestimate(reestimate) => self.reestimate(on, reestimate),
            Verb::Adjust(adjustment) => self.adjust(on, adjustment),
            Verb::Hold(hold) => self.hold(on, hold),
            Verb::Reassess(assessment) => self.reassess(on, assessment),
            Verb::FxRate(rate) => self.fx_rate(on, *rate),
            Verb::Policy(step) => self.set_policy(step),
            Verb::Combine(combination) => self.combine(on, combination),
            Verb::Recognize { through, contract } => {
                self.recognize(on, *through, contract.as_deref())
            }
            Verb::ClosePeriod(period) => self.close_period(period),
            Verb::ReopenPeriod(period) => self.reopen_period(period),
        }
    }

    async fn step_done(&mut self, _step: &Step) -> Result<(), Failure> {
        Ok(())
    }

    async fn fingerprint(&mut self) -> Result<String, Failure> {
        let Self { contracts, states, effects, rates, periods, policies, .. } = &*self;
        Ok(format!("{contracts:?} {states:?} {} {rates:?} {periods:?} {policies:?}", effects.len()))
    }

    async fn balances(&mut self, view: &View) -> Result<Balances, Failure> {
        self.ledger(view).balances(view.as_of, &self.filter(view)?).map_err(refusal)
    }

    async fn roll_forward(
        &mut self,
        view: &View,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<RollForward, Failure> {
        self.ledger(view).roll_forward(from, to, &self.filter(view)?).map_err(refusal)
    }

    fn first_day(&self) -> Option<NaiveDate> {
        self.first_day
    }

    async fn allocations(&mut self, view: &View) -> Result<Amounts<String>, Failure> {
        let (ledger, filter) = (self.ledger(view), self.filter(view)?);
        let mut allocations = Amounts::new();
        for (id, key) in self.keys() {
            let chosen = filter.obligation.is_none_or(|obligation| obligation == id);
            let filter = Filter { obligation: Some(id), ..filter.clone() };
            if chosen {
                let price = ledger.balances(view.as_of, &filter).map_err(refusal)?;
                let sum: &mut i128 = allocations.entry(key).or_default();
                *sum = sum.saturating_add(price.transaction_price);
            }
        }
        Ok(allocations)
    }

    async fn schedule(&mut self, view: &View) -> Result<Amounts<NaiveDate>, Failure> {
        self.ledger(view).schedule(view.as_of, &self.filter(view)?).map_err(refusal)
    }

    async fn by_month(&mut self, view: &View) -> Result<Amounts<NaiveDate>, Failure> {
        self.ledger(view).by_month(view.as_of, &self.filter(view)?).map_err(refusal)
    }

    async fn journal(&mut self, view: &View) -> Result<Amounts<Role>, Failure> {
        self.journal_of(view)
    }

    async fn treatment(&mut self, view: &View) -> Result<Option<String>, Failure> {
        let Some(handle) = &view.contract else { return Ok(None) };
        let mut made = self.known(handle)?.treatments.iter().filter(|(on, _)| *on <= view.as_of);
        Ok(made.next_back().map(|(_, treatment)| treatment.name().to_owned()))
    }

    async fn warnings(&mut self, view: &View) -> Result<Vec<String>, Failure> {
        let Some(handle) = &view.contract else { return Ok(Vec::new()) };
        let warnings = engine::warnings(self.accounted(handle)?, view.as_of);
        Ok(warnings.iter().map(|warning| warning.reason.name().to_owned()).collect())
    }

    async fn not_a_contract(&mut self, view: &View) -> Result<Vec<String>, Failure> {
        let Some(handle) = &view.contract else { return Ok(Vec::new()) };
        let why = self.accounted(handle)?.standing.not_yet().map(engine::NotYet::reasons);
        Ok(why.unwrap_or_default().into_iter().map(str::to_owned).collect())
    }

    async fn explain(&mut self, contract: &str) -> Result<Vec<String>, Failure> {
        self.known(contract)?;
        let (_, explained) = self.explained(self.accounted_as(contract))?;
        let mut text = Vec::new();
        for explained in &explained {
            let rendered = engine::render(explained, self.currency).map_err(refusal)?;
            text.extend(rendered.text());
        }
        Ok(text)
    }

    async fn entries(&mut self, view: &View) -> Result<Vec<Posted>, Failure> {
        let keys = self.keys();
        let entries = self.ledger(view).entries(view.as_of, &self.filter(view)?);
        let posted = entries.map_err(refusal)?.into_iter().map(|entry| Posted {
            obligation: keys.get(&entry.obligation).cloned().unwrap_or_default(),
            service_period: entry.service_month,
            posting_period: entry.posting_period,
            amount: entry.amount,
        });
        Ok(posted.collect())
    }
}

/// Namespace of the ids of contracts: any fixed one will do, for handles are unique in a file.
fn contract_id(handle: &str) -> ContractId {
    ContractId::from_uuid(derive(uuid::Uuid::NAMESPACE_OID, handle))
}
