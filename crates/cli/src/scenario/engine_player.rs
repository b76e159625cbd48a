//! The pure fold as a player: no stack, the same rules, the same figures.

use std::collections::BTreeMap;

use backlog_ids::{ContractId, InvoiceId, ObligationId, derive};
use backlog_money::Currency;
use backlog_proto::common::v1::ErrorReason;
use backlog_recognition_engine::{
    Balances, ContractState, Effects, EngineError, Fact, Filter, InvoiceFact, InvoiceLine, Ledger,
    Method, Policy, RollForward, SignedContract, SignedObligation, Term, TermError, check_ceiling,
    fold, invoice_spread, validate,
};
use chrono::NaiveDate;

use crate::failure::{Exit, Failure};

use super::{
    model::{Invoice, Scenario, Step, Terms, Verb, View},
    player::{Amounts, Player, Posted},
};

/// Plays one scenario in memory.
#[derive(Debug)]
pub(crate) struct EnginePlayer {
    currency: Currency,
    policy: Policy,
    contracts: BTreeMap<String, Known>,
    /// What each fact did, with the day of its step.
    effects: Vec<(NaiveDate, Effects)>,
    first_day: Option<NaiveDate>,
}

#[derive(Debug)]
struct Known {
    terms: Terms,
    state: Option<ContractState>,
}

impl EnginePlayer {
    /// An empty tenant for this scenario.
    #[must_use]
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            currency: scenario.currency,
            policy: scenario.policy,
            contracts: BTreeMap::new(),
            effects: Vec::new(),
            first_day: None,
        }
    }

    fn sign(&mut self, on: NaiveDate, terms: &Terms, signed_on: NaiveDate) -> Result<(), Failure> {
        let contract = signed(terms, signed_on, self.currency)?;
        let fact = Fact::Signed { contract, policy: self.policy };
        let (state, effects) = fold(None, &fact).map_err(refusal)?;
        let known = Known { terms: terms.clone(), state: Some(state) };
        self.contracts.insert(terms.contract.clone(), known);
        self.effects.push((on, effects));
        self.first_day = Some(self.first_day.map_or(signed_on, |first| first.min(signed_on)));
        Ok(())
    }

    fn sign_draft(
        &mut self,
        on: NaiveDate,
        contract: &str,
        signed_on: NaiveDate,
    ) -> Result<(), Failure> {
        let known = self.contracts.get(contract).ok_or_else(|| not_found(contract))?;
        if known.state.is_some() {
            return Err(Failure::refused(
                ErrorReason::AlreadySigned,
                format!("contract {contract} is signed already"),
            ));
        }
        let terms = known.terms.clone();
        self.sign(on, &terms, signed_on)
    }

    fn invoice(&mut self, on: NaiveDate, invoice: &Invoice) -> Result<(), Failure> {
        let state = self.signed_state(&invoice.contract)?;
        if invoice.amount.minor() <= 0 || invoice.tax.is_some_and(|tax| tax.minor() < 0) {
            let message = "the amount must be above zero, the tax not negative";
            return Err(Failure::refused(ErrorReason::InvalidFields, message));
        }
        let due_on = invoice.due_on.unwrap_or(on);
        if due_on < on {
            let message = "payment cannot be due before the day of issue";
            return Err(Failure::refused(ErrorReason::InvalidFields, message));
        }
        let lines = lines(state, invoice)?;
        let number = self.effects.len().to_string();
        let fact = Fact::Invoiced(InvoiceFact {
            invoice: InvoiceId::from_uuid(derive(state.contract.uuid(), &number)),
            contract: state.contract,
            issued_on: on,
            due_on,
            lines,
            tax: invoice.tax.map_or(0, backlog_money::Money::minor),
        });
        self.fold(on, &invoice.contract, &fact)
    }

    fn recognize(
        &mut self,
        on: NaiveDate,
        through: NaiveDate,
        contract: Option<&str>,
    ) -> Result<(), Failure> {
        let scope: Vec<String> = match contract {
            Some(contract) => {
                self.signed_state(contract)?;
                vec![contract.to_owned()]
            }
            None => {
                let signed = self.contracts.iter().filter(|(_, known)| known.state.is_some());
                signed.map(|(handle, _)| handle.clone()).collect()
            }
        };
        scope.iter().try_for_each(|handle| self.fold(on, handle, &Fact::Run { through }))
    }

    fn fold(&mut self, on: NaiveDate, handle: &str, fact: &Fact) -> Result<(), Failure> {
        let known = self.contracts.get_mut(handle).ok_or_else(|| not_found(handle))?;
        let (state, effects) = fold(known.state.clone(), fact).map_err(refusal)?;
        known.state = Some(state);
        self.effects.push((on, effects));
        Ok(())
    }

    fn signed_state(&self, handle: &str) -> Result<&ContractState, Failure> {
        let known = self.contracts.get(handle).ok_or_else(|| not_found(handle))?;
        known.state.as_ref().ok_or_else(|| {
            Failure::refused(ErrorReason::NotSigned, format!("contract {handle} is not signed"))
        })
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
            let known = self.contracts.get(contract).ok_or_else(|| not_found(contract))?;
            let obligations = known.state.iter().flat_map(|state| &state.obligations);
            let mut ids = obligations.filter(|o| Some(&o.key) == view.obligation.as_ref());
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
        let states = self.contracts.values().filter_map(|known| known.state.as_ref());
        states.flat_map(|state| &state.obligations).map(|o| (o.id, o.key.clone())).collect()
    }
}

impl Known {
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
                let known = Known { terms: terms.clone(), state: None };
                self.contracts.insert(terms.contract.clone(), known);
                Ok(())
            }
            Verb::Sign { terms, signed_on } => self.sign(on, terms, *signed_on),
            Verb::SignDraft { contract, signed_on } => self.sign_draft(on, contract, *signed_on),
            Verb::Invoice(invoice) => self.invoice(on, invoice),
            Verb::Recognize { through, contract } => {
                self.recognize(on, *through, contract.as_deref())
            }
        }
    }

    async fn step_done(&mut self, _step: &Step) -> Result<(), Failure> {
        Ok(())
    }

    async fn fingerprint(&mut self) -> Result<String, Failure> {
        Ok(format!("{:?} {:?}", self.contracts, self.effects.len()))
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

/// The terms as a signed contract that the fold takes.
fn signed(
    terms: &Terms,
    signed_on: NaiveDate,
    currency: Currency,
) -> Result<SignedContract, Failure> {
    let contract = contract_id(&terms.contract);
    let mut wrong = Vec::new();
    let mut term = |field: String, (from, to): (NaiveDate, NaiveDate)| {
        Term::new(from, to).map_err(|error: TermError| wrong.push((field, error.to_string()))).ok()
    };
    let whole = term("terms.term".to_owned(), terms.term);
    let mut obligations = Vec::with_capacity(terms.obligations.len());
    for (ordinal, obligation) in terms.obligations.iter().enumerate() {
        let own = obligation.term;
        let name = ordinal.to_string();
        obligations.push(SignedObligation {
            id: ObligationId::from_uuid(derive(contract.uuid(), &name)),
            key: obligation.id.clone(),
            price: obligation.price.map(backlog_money::Money::minor),
            ssp: obligation.ssp.map(backlog_money::Money::minor),
            term: own.and_then(|own| term(format!("terms.obligations[{ordinal}].term"), own)),
            method: Method::StraightLine { convention: obligation.convention },
        });
    }
    let price = terms.price.map(backlog_money::Money::minor);
    let Some(term) = whole.filter(|_| wrong.is_empty()) else { return Err(invalid(wrong)) };
    let signed = SignedContract { contract, signed_on, currency, term, price, obligations };
    let violations = validate(&signed);
    if violations.is_empty() {
        return Ok(signed);
    }
    Err(refusal(EngineError::InvalidContract(violations)))
}

fn lines(state: &ContractState, invoice: &Invoice) -> Result<Vec<InvoiceLine>, Failure> {
    let amount = invoice.amount.minor();
    let unbilled = state.unbilled().map_err(refusal)?;
    let ids = state.obligations.iter().map(|obligation| obligation.id);
    let Some(named) = &invoice.obligation else {
        let parts = invoice_spread(&unbilled, amount).map_err(refusal)?;
        let lines = ids.zip(parts).filter(|(_, amount)| *amount != 0);
        return Ok(lines.map(|(obligation, amount)| InvoiceLine { obligation, amount }).collect());
    };
    check_ceiling(&unbilled, amount).map_err(refusal)?;
    let found = state.obligations.iter().find(|obligation| obligation.key == *named);
    let obligation = found.ok_or_else(|| not_found(named))?.id;
    Ok(vec![InvoiceLine { obligation, amount }])
}

fn not_found(name: &str) -> Failure {
    Failure::refused(ErrorReason::NotFound, format!("there is no {name}"))
}

fn invalid(violations: Vec<(String, String)>) -> Failure {
    let violations_found = Failure::refused(ErrorReason::InvalidFields, "the terms are wrong");
    Failure { violations, ..violations_found }
}

/// What the services make of what the engine refuses.
fn refusal(error: EngineError) -> Failure {
    let message = error.to_string();
    let reason = match error {
        EngineError::InvalidContract(violations) => {
            let pairs = violations.iter().map(|violation| {
                let field = violation
                    .ordinal
                    .map_or("terms".to_owned(), |ordinal| format!("terms.obligations[{ordinal}]"));
                (field, violation.reason.to_string())
            });
            return invalid(pairs.collect());
        }
        EngineError::AlreadySigned(_) => ErrorReason::AlreadySigned,
        EngineError::NotSigned => ErrorReason::NotSigned,
        EngineError::UnknownObligation(_) => ErrorReason::NotFound,
        EngineError::NegativeInvoice => ErrorReason::InvalidFields,
        EngineError::InvoiceExceedsCeiling { .. } => ErrorReason::InvoiceExceedsCeiling,
        EngineError::OtherContract { .. } | EngineError::Overflow => {
            return Failure::new(Exit::Negative, message);
        }
    };
    Failure::refused(reason, message)
}
