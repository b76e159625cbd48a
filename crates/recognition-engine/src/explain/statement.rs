//! What an explanation says: plain values, which `render` puts into words.

use std::collections::VecDeque;

use backlog_ids::{AccountingContractId, ContractId, ObligationId};
use backlog_money::Quantity;
use chrono::NaiveDate;

use super::{formula::Formula, label::Label, rule::Rule};
use crate::{
    amend::Treatment,
    book::accounting_contract_of,
    effects::{Cause, Effects, Measure, Movement},
    error::EngineError,
    facts::Fact,
    legal::AccountingContract,
    math::sub,
    named::named_enum,
    periods::Periods,
    state::ContractState,
    term::Term,
};

named_enum! {
    /// What kind of thing happened.
    pub enum FactKind {
        /// The contract was signed.
        Signed = "signed",
        /// An invoice was issued.
        Invoiced = "invoiced",
        /// An invoice was credited.
        Credited = "credited",
        /// Cash was received or given back.
        Paid = "paid",
        /// Progress was reported.
        Progressed = "progressed",
        /// An estimate changed.
        Reestimated = "reestimated",
        /// The contract was changed.
        Amended = "amended",
        /// The contract was terminated.
        Terminated = "terminated",
        /// Whether it is a contract was assessed anew.
        Reassessed = "reassessed",
        /// A person adjusted revenue.
        Adjusted = "adjusted",
        /// Revenue is withheld.
        Held = "held",
        /// What was withheld may be posted.
        Released = "released",
        /// Other contracts are accounted for as one with it.
        Combined = "combined",
        /// Another version of the policy governs.
        PolicyChanged = "policy_changed",
        /// Revenue was posted.
        Run = "run",
    }
}

impl FactKind {
    pub(super) const fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Signed { .. } => Self::Signed,
            Fact::Invoiced(_) => Self::Invoiced,
            Fact::Credited(_) => Self::Credited,
            Fact::Paid(_) => Self::Paid,
            Fact::Progressed(_) => Self::Progressed,
            Fact::Reestimated(_) => Self::Reestimated,
            Fact::Amended(_) => Self::Amended,
            Fact::Terminated(_) => Self::Terminated,
            Fact::Reassessed(_) => Self::Reassessed,
            Fact::Adjusted(_) => Self::Adjusted,
            Fact::Held(_) => Self::Held,
            Fact::Released(_) => Self::Released,
            Fact::Combined(_) => Self::Combined,
            Fact::PolicyChanged(_) => Self::PolicyChanged,
            Fact::Run { .. } => Self::Run,
        }
    }
}

/// A fact, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What kind of thing happened.
    pub kind: FactKind,
    /// The day on which it takes effect.
    pub on: NaiveDate,
    /// What it says.
    pub told: Vec<Told>,
    /// How a change was accounted for; none for other facts.
    pub treatment: Option<Treated>,
    /// Figures on the way, in the order in which they are used.
    pub steps: Vec<Step>,
    /// The movements, in the order made.
    pub lines: Vec<Line>,
    /// Version of the rules.
    pub rule_version: u32,
    /// Version of the policy.
    pub policy_version: u32,
}

/// How a change was accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treated {
    /// What the standard proposes.
    pub proposed: Treatment,
    /// What was used.
    pub used: Treatment,
}

/// Something that an explanation builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it is.
    pub label: Label,
    /// Handle of the obligation or variable amount; none where it is the contract's.
    pub of: Option<String>,
    /// Its value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An amount, in minor units.
    Amount(i128),
    /// A quantity.
    Quantity(Quantity),
    /// A day.
    Day(NaiveDate),
    /// A term.
    Term(Term),
    /// A name: of a method, a milestone, a kind.
    Name(String),
    /// Nothing more to say.
    Yes,
}

/// A figure on the way to a movement, or what the next run has to post. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is.
    pub label: Label,
    /// Handle of the obligation or variable amount.
    pub of: Option<String>,
    /// By which rule.
    pub rule: Rule,
    /// How it was computed.
    pub formula: Formula,
    /// What it comes to.
    pub amount: i128,
}

/// A movement, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The movement.
    pub movement: Movement,
    /// Handle of its obligation; none for measures of the whole contract.
    pub obligation: Option<String>,
    /// Place of its accounting contract among the contract's: 0 is the contract as signed.
    pub part: usize,
    /// By which rule.
    pub rule: Rule,
    /// What it builds on.
    pub inputs: Vec<Told>,
    /// How it was computed; none when that is not known.
    pub formula: Option<Formula>,
    /// What of its amount the formula does not come to, in minor units: zero unless rules and
    /// explanation differ.
    pub unexplained: i128,
}

impl Told {
    pub(super) fn new(label: Label, value: Value) -> Self {
        Self { label, of: None, value }
    }

    pub(super) fn of(label: Label, of: &str, value: Value) -> Self {
        Self { label, of: Some(of.to_owned()), value }
    }
}

/// A movement that the explanation expects of a fact.
pub(super) struct Expected {
    contract: ContractId,
    obligation: Option<ObligationId>,
    accounting: AccountingContractId,
    cause: Cause,
    measure: Measure,
    on: NaiveDate,
    rule: Rule,
    inputs: Vec<Told>,
    formula: Formula,
}

/// What a movement is of.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// The obligation at a place in the contract's state.
    Place(usize),
    /// What of an accounting contract, by its place, is of a legal contract, as a whole.
    Portion(usize, ContractId),
}

impl Of {
    /// A legal contract as a whole.
    pub(super) const fn whole(contract: ContractId) -> Self {
        Self::Portion(0, contract)
    }
}

/// What is being put together about one fact.
pub(super) struct Draft<'a> {
    /// The contract as it is after the fact.
    after: &'a ContractState,
    periods: Periods,
    pub(super) told: Vec<Told>,
    pub(super) treatment: Option<Treated>,
    pub(super) steps: Vec<Step>,
    expected: VecDeque<Expected>,
}

impl<'a> Draft<'a> {
    /// Begins with the contract after the fact, in these periods.
    pub(super) const fn of(after: &'a ContractState, periods: Periods) -> Self {
        Self {
            after,
            periods,
            told: Vec::new(),
            treatment: None,
            steps: Vec::new(),
            expected: VecDeque::new(),
        }
    }

    /// Notes what the fact says.
    pub(super) fn tell(&mut self, label: Label, value: Value) {
        self.told.push(Told::new(label, value));
    }

    /// Notes what the fact says of an obligation or variable amount.
    pub(super) fn tell_of(&mut self, of: &str, label: Label, value: Value) {
        self.told.push(Told::of(label, of, value));
    }

    /// Notes a figure on the way; answers what it comes to.
    pub(super) fn step(
        &mut self,
        (label, of): (Label, Option<&str>),
        rule: Rule,
        formula: Formula,
    ) -> Result<i128, EngineError> {
        let amount = formula.amount()?;
        self.steps.push(Step { label, of: of.map(str::to_owned), rule, formula, amount });
        Ok(amount)
    }

    /// Expects a movement.
    pub(super) fn expect(
        &mut self,
        of: Of,
        (cause, measure, on): (Cause, Measure, NaiveDate),
        rule: Rule,
        formula: Formula,
    ) {
        self.expect_with(of, (cause, measure, on), rule, (Vec::new(), formula));
    }

    /// Expects a movement on its day or the first open one, with what it builds on.
    pub(super) fn expect_with(
        &mut self,
        of: Of,
        (cause, measure, on): (Cause, Measure, NaiveDate),
        rule: Rule,
        (inputs, formula): (Vec<Told>, Formula),
    ) {
        let on = if measure.needs_contract() { self.after.not_before(on) } else { on };
        let on = self.periods.effective(on);
        let (obligation, part, contract) = match of {
            Of::Place(place) => {
                let known = self.after.obligations.get(place);
                let contract = known.map_or(self.after.contract, |known| known.contract);
                (known.map(|known| known.id), self.after.part_of(Some(place)), contract)
            }
            Of::Portion(part, contract) => (None, part, contract),
        };
        let known = self.after.accounting.get(part).map(AccountingContract::id);
        let accounting = known.unwrap_or_else(|| accounting_contract_of(contract, part));
        self.expected.push_back(Expected {
            contract,
            obligation,
            accounting,
            cause,
            measure,
            on,
            rule,
            inputs,
            formula,
        });
    }

    /// The lines of the movements that were made: each takes the first that was expected of its kind.
    /// What was not expected stays unexplained.
    pub(super) fn lines(&mut self, effects: &Effects) -> Result<Vec<Line>, EngineError> {
        let state = self.after;
        // Movements of zero are not made.
        let mut open = VecDeque::with_capacity(self.expected.len());
        for expected in self.expected.drain(..) {
            if expected.formula.amount()? != 0 {
                open.push_back(expected);
            }
        }
        let mut lines = Vec::with_capacity(effects.movements.len());
        for movement in &effects.movements {
            let of = movement.obligation.map(|id| (id, state.obligations.iter()));
            let obligation = of.and_then(|(id, mut all)| all.find(|o| o.id == id));
            let same = |expected: &Expected| {
                (expected.obligation, expected.accounting, expected.on)
                    == (movement.obligation, movement.accounting_contract, movement.effective_date)
                    && expected.contract == movement.contract
                    && (expected.cause, expected.measure) == (movement.cause, movement.measure)
            };
            let found = open.iter().position(same).and_then(|place| open.remove(place));
            let (rule, inputs, formula) = match found {
                Some(found) => (found.rule, found.inputs, Some(found.formula)),
                None => (Rule::NotExplained, Vec::new(), None),
            };
            let explained = formula.as_ref().map(Formula::amount).transpose()?.unwrap_or(0);
            lines.push(Line {
                movement: *movement,
                obligation: obligation.map(|o| o.key.clone()),
                part: state
                    .accounting
                    .iter()
                    .position(|part| part.id() == movement.accounting_contract)
                    .unwrap_or_default(),
                rule,
                inputs,
                formula,
                unexplained: sub(movement.amount.minor(), explained)?,
            });
        }
        Ok(lines)
    }
}
