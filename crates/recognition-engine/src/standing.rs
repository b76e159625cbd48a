//! Whether what was signed is a contract (606-10-25-1 to 25-8). While it is none, nothing of it is in T,
//! in backlog or in revenue: what is received is a liability, what is billed no right to payment. All else
//! is kept as if it were one, so that it is booked as it then stands on the day on which it becomes one.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::{
    effects::{Cause, Effects},
    error::EngineError,
    facts::{AssessmentFact, Clause, Fact, SignedContract},
    method::Method,
    named::named_enum,
    periods::Periods,
    settle::Settlement,
    state::{ContractState, ObligationState},
};

named_enum! {
    /// What makes an agreement a contract (606-10-25-1).
    pub enum Criterion {
        /// The parties approved it and are committed to perform (a).
        Approval = "approval",
        /// Each party's rights can be identified (b).
        Rights = "rights",
        /// The payment terms can be identified (c).
        PaymentTerms = "payment_terms",
        /// It has commercial substance (d).
        CommercialSubstance = "commercial_substance",
        /// Collection of substantially all of the consideration is probable (e).
        Collection = "collection",
    }
}

/// The name of the reason that either party may still leave.
pub const EITHER_MAY_LEAVE: &str = "either_may_leave";

/// Whether what was signed is a contract.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It is, from signature on.
    #[default]
    Contract,
    /// It is none yet.
    NotYet(NotYet),
    /// It became one on that day (606-10-25-6).
    Since(NaiveDate),
}

/// Why an agreement is no contract yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotYet {
    /// The criteria that it does not meet. With none of them it is no contract because each party may
    /// still end it, wholly unperformed, without compensation (606-10-25-4).
    pub unmet: Vec<Criterion>,
    /// Whether something was done or received under it.
    pub performed: bool,
    /// The day as of which that is known: signature, or the last change or assessment.
    pub known_on: NaiveDate,
}

impl NotYet {
    /// Why, by name: the criteria that are not met, or that either party may leave.
    #[must_use]
    pub fn reasons(&self) -> Vec<&'static str> {
        if self.unmet.is_empty() {
            return vec![EITHER_MAY_LEAVE];
        }
        self.unmet.iter().map(|criterion| criterion.name()).collect()
    }

    /// As [`ContractState::arises_by_time`], by the contract's clauses and obligations.
    #[must_use]
    pub fn arises_by_time(
        &self,
        clauses: &[Clause],
        obligations: &[ObligationState],
    ) -> Option<NaiveDate> {
        if !self.unmet.is_empty() {
            return None;
        }
        let promised = obligations.iter().filter(|o| o.renewal.is_none());
        let begins = promised.map(|o| Begins {
            by_time: matches!(o.method, Method::StraightLine { .. }),
            on: o.term.from(),
        });
        let begins: Vec<Begins> = begins.collect();
        match open_through(clauses, &begins, self.known_on) {
            Some(through) => through.succ_opt(),
            None => Some(self.known_on),
        }
    }
}

impl Standing {
    /// As signed: criteria that are not met, or rights of both to leave before anything is done.
    pub(crate) fn at_signature(contract: &SignedContract) -> Self {
        let begins = contract.obligations.iter().filter(|o| o.renewal.is_none());
        let begins = begins.map(|o| Begins {
            by_time: matches!(o.method, Method::StraightLine { .. }),
            on: o.term.unwrap_or(contract.term).from(),
        });
        let begins: Vec<Begins> = begins.collect();
        let day = contract.signed_on;
        let open = open_through(&contract.clauses, &begins, day).is_some();
        if contract.unmet.is_empty() && !open {
            return Self::Contract;
        }
        Self::NotYet(NotYet { unmet: contract.unmet.clone(), performed: false, known_on: day })
    }

    /// Why it is no contract yet; none where it is one.
    #[must_use]
    pub const fn not_yet(&self) -> Option<&NotYet> {
        match self {
            Self::NotYet(why) => Some(why),
            Self::Contract | Self::Since(_) => None,
        }
    }
}

/// When an obligation begins to be performed.
struct Begins {
    by_time: bool,
    on: NaiveDate,
}

/// The last day through which each party may still leave before anything is done, where it may on `day`:
/// under a clause of both without compensation, gone before the first day of service. What is delivered
/// binds nobody before it is delivered, where no notice has to be waited for; after notice, its term does.
fn open_through(clauses: &[Clause], begins: &[Begins], day: NaiveDate) -> Option<NaiveDate> {
    let open = |clause: &&Clause| clause.mutual && clause.penalty == 0;
    let mut through = None;
    let mut next = Some(day);
    // Clauses that follow on each other are one right.
    while let Some(day) = next {
        let until = clauses.iter().filter(open).filter_map(|clause| {
            let waits = clause.notice_days > 0;
            let first = begins.iter().filter(|o| o.by_time || waits).map(|o| o.on).min();
            let notice = Days::new(u64::from(clause.notice_days).saturating_add(1));
            let by_service = match first {
                Some(first) => first.checked_sub_days(notice)?,
                None => NaiveDate::MAX,
            };
            let last = clause.to.map_or(by_service, |to| to.min(by_service));
            (clause.from.is_none_or(|from| from <= day) && day <= last).then_some(last)
        });
        let Some(last) = until.max() else { break };
        through = Some(last);
        next = last.succ_opt();
    }
    through
}

impl ContractState {
    /// The first day on which it is a contract although nothing happens: service begins, or the right to
    /// leave ends. None where it is one, or where time alone does not make it one.
    #[must_use]
    pub fn arises_by_time(&self) -> Option<NaiveDate> {
        let clauses = &self.legal.first().clauses;
        self.standing.not_yet()?.arises_by_time(clauses, &self.obligations)
    }

    /// The day on which it becomes a contract before a fact is taken in: by time, or because the fact is
    /// performance or payment, the first under it.
    fn arises_before(&self, fact: &Fact) -> Option<NaiveDate> {
        let why = self.standing.not_yet().filter(|why| why.unmet.is_empty())?;
        let on = fact.on();
        // What ends on the day on which service would begin is ended unperformed.
        let last = if matches!(fact, Fact::Terminated(_)) { on.pred_opt() } else { Some(on) };
        let by_time = self.arises_by_time().filter(|day| last.is_some_and(|last| *day <= last));
        let performed = performs(fact).then(|| on.max(self.first_signed_on()).max(why.known_on));
        by_time.into_iter().chain(performed).min()
    }

    /// The day on which it becomes a contract because of what a fact says of it, once that is taken in.
    fn arises_after(&self, fact: &Fact) -> Option<NaiveDate> {
        let why = self.standing.not_yet().filter(|why| why.unmet.is_empty())?;
        let decides = matches!(fact, Fact::Amended(_) | Fact::Reassessed(_));
        let bound = why.performed || self.arises_by_time().is_some_and(|day| day <= why.known_on);
        (decides && bound).then_some(why.known_on)
    }
}

/// Whether a fact is performance by either party (606-10-25-4).
fn performs(fact: &Fact) -> bool {
    match fact {
        Fact::Progressed(_) => true,
        Fact::Paid(payment) => payment.amount > 0,
        _ => false,
    }
}

/// Books what has become a contract by the time of a fact, if it has; the state is then that contract's.
pub(crate) fn before(
    state: ContractState,
    fact: &Fact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    match state.arises_before(fact) {
        Some(day) => arise(state, day, periods),
        None => Ok((state, Effects::default())),
    }
}

/// Notes what a fact means for an agreement that is no contract, and books it if that makes it one.
pub(crate) fn after(
    mut state: ContractState,
    fact: &Fact,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    if let Standing::NotYet(why) = &mut state.standing {
        why.performed |= performs(fact);
        if let Fact::Amended(_) | Fact::Reassessed(_) = fact {
            why.known_on = why.known_on.max(fact.on());
        }
    }
    match state.arises_after(fact) {
        Some(day) => arise(state, day, periods),
        None => Ok((state, Effects::default())),
    }
}

/// Takes in an assessment of what is no contract yet (606-10-25-6). What is one stays one: it is assessed
/// anew only where facts change significantly (25-5), which is a termination or an amendment here.
pub(crate) fn reassess(
    mut state: ContractState,
    fact: &AssessmentFact,
) -> Result<(ContractState, Effects), EngineError> {
    let Standing::NotYet(why) = &mut state.standing else { return Err(EngineError::IsContract) };
    if fact.on < why.known_on {
        let last = why.known_on;
        return Err(EngineError::ChangeBeforeLast { on: fact.on, last });
    }
    why.unmet.clone_from(&fact.unmet);
    Ok((state, Effects::default()))
}

/// Books an agreement as it stands on the day on which it becomes a contract (606-10-25-6). What was done
/// before is caught up by the next run, as of what is signed late.
fn arise(
    mut state: ContractState,
    day: NaiveDate,
    periods: Periods,
) -> Result<(ContractState, Effects), EngineError> {
    let prices: Vec<(i128, i128)> =
        state.obligations.iter().map(|o| (o.transaction_price, o.potential)).collect();
    state.begin_on(day, periods);
    let mut settlement = Settlement::arising(state, periods);
    for (place, (price, potential)) in prices.into_iter().enumerate() {
        settlement.price(place, price, Cause::Booking, day)?;
        settlement.potential(place, potential, Cause::Booking, day)?;
    }
    settlement.finish(day)
}

impl ContractState {
    /// A day, or the first one on which it is a contract: what comes late for a day without one takes
    /// effect on that.
    pub(crate) fn not_before(&self, on: NaiveDate) -> NaiveDate {
        match self.standing {
            Standing::Since(day) => on.max(day),
            Standing::Contract | Standing::NotYet(_) => on,
        }
    }

    /// Lets it be a contract from a day on, at no price yet.
    pub(crate) fn begin_on(&mut self, day: NaiveDate, periods: Periods) {
        self.standing = Standing::Since(day);
        // What is none yet was not combined.
        let legal = self.legal.first_mut();
        legal.signed_on = legal.signed_on.max(periods.effective(day));
        for obligation in &mut self.obligations {
            (obligation.transaction_price, obligation.potential) = (0, 0);
        }
    }
}
