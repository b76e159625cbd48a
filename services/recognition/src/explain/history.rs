//! A contract's facts, from the entries of both logs, and their explanations. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use backlog_ids::ContractId;
use backlog_proto::common::v1::Log;
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_proto::recognition::v1::{AccountingPosted, Movement};
use backlog_recognition_engine::{
    Calendar, ContractState, Explained, Explainer, Fact, Periods, Policies, Policy, PolicyVersion,
    policies_due,
};
use chrono::NaiveDate;
use prost::Message;

use crate::accounting::convert::{fact, movement, own_fact};
use crate::accounting::fact::ContractFact;
use crate::combination::convert::combination;
use crate::policy::convert::version;

/// An entry of this log that names a contract.
pub(crate) struct Posted {
    /// Its place.
    pub(crate) seq: u64,
    /// What it says.
    posted: AccountingPosted,
}

/// A fact with its explanation and its places in the logs.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The contract that it is of: of those accounted for as one, the one that the others joined.
    pub(crate) contract: ContractId,
    /// Where it is written.
    pub(crate) source: Position,
    /// Where it was accounted for.
    pub(crate) posted: u64,
    /// Why it did what it did.
    pub(crate) explained: Explained,
}

/// All facts of a contract, and of those that are accounted for as one with it, and what they leave.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) told: Vec<Told>,
    pub(crate) explainer: Explainer,
}

impl Posted {
    /// Reads entries of this log. Errors say what is wrong.
    pub(crate) fn all<'a>(
        entries: impl Iterator<Item = &'a LogEntry>,
    ) -> Result<Vec<Self>, String> {
        let read = |entry: &LogEntry| {
            let posted = AccountingPosted::decode(entry.payload.as_slice());
            let posted = posted.map_err(|error| format!("entry {}: {error}", entry.seq))?;
            Ok(Self { seq: entry.seq, posted })
        };
        entries.map(read).collect()
    }

    /// The entry of the contract log that it accounts for; none for runs and facts of this log's own.
    pub(crate) const fn contract_seq(&self) -> Option<u64> {
        match (&self.posted.run, &self.posted.own_fact) {
            (None, None) => Some(self.posted.covered_contract_seq),
            _ => None,
        }
    }

    /// Closes the period that it closes, and opens the one that it opens again; answers whether it did.
    fn of_period(&self, calendar: Calendar, closed: &mut BTreeSet<NaiveDate>) -> bool {
        let period = |period: &Option<pb::Period>| {
            calendar.period(period.as_ref().map_or("", |period| period.name.as_str()))
        };
        match &self.posted.own_fact {
            Some(Wire::PeriodClosed(of)) => {
                closed.extend(period(&of.period).map(|period| period.last));
            }
            Some(Wire::PeriodReopened(of)) => {
                // The first that was ever closed need not have another closed before it.
                period(&of.period).map(|period| closed.remove(&period.last));
            }
            _ => return false,
        }
        true
    }

    fn movements(&self, names: &[String]) -> impl Iterator<Item = &Movement> {
        self.posted.movements.iter().filter(move |moved| names.contains(&moved.contract_id))
    }
}

/// Folds the facts of contracts again and explains each: of `contract`, and of those that are accounted for
/// as one with it. `contract_log` has the entries that `posted` accounts for. Errors when what comes out is
/// not what was posted.
pub(crate) fn history(
    (contract, together): (ContractId, &[ContractId]),
    (policy, calendar): (Policy, Calendar),
    posted: &[Posted],
    contract_log: &HashMap<u64, LogEntry>,
) -> Result<History, String> {
    let names: Vec<String> = together.iter().map(ToString::to_string).collect();
    let mut folded = Folded::of(together, policy);
    let mut periods = Periods { calendar, closed_through: None };
    let mut closed = BTreeSet::new();
    let mut last_run = String::new();
    let mut stored = Vec::new();
    for entry in posted {
        stored.extend(entry.movements(&names).cloned());
        let run = entry.posted.run.as_ref().map_or("", |run| run.run_id.as_str());
        // A contract with many entries is posted by several chunks of one run.
        let again = !run.is_empty() && run == last_run;
        if entry.of_period(calendar, &mut closed) {
            periods.closed_through = closed.last().copied();
            continue;
        }
        if folded.policies.takes(entry)? {
            continue;
        }
        let taken = match &entry.posted.own_fact {
            Some(Wire::Combination(wire)) => folded.combine(entry.seq, wire, periods),
            _ => folded.facts(entry, again, contract_log).and_then(|facts| {
                run.clone_into(&mut last_run);
                facts.into_iter().try_for_each(|of| folded.take(entry.seq, of, periods))
            }),
        };
        taken.map_err(|error| format!("entry {}: {error}", entry.seq))?;
    }
    if folded.made != stored {
        let same = folded.made.iter().zip(&stored).take_while(|(one, two)| one == two).count();
        return Err(format!("movement {same} of {contract} is not what was posted"));
    }
    let explainer = folded.explainers.remove(&folded.accounted_as(contract)).unwrap_or_default();
    Ok(History { told: folded.told, explainer })
}

/// What is folded so far.
struct Folded<'a> {
    together: &'a [ContractId],
    policies: Governing,
    explainers: BTreeMap<ContractId, Explainer>,
    joined: BTreeMap<ContractId, ContractId>,
    /// What the last run was taken in for.
    ran: BTreeSet<ContractId>,
    told: Vec<Told>,
    made: Vec<Movement>,
}

/// A fact of a contract, and where it is written.
type Written = (ContractId, Position, Fact);

impl<'a> Folded<'a> {
    fn of(together: &'a [ContractId], policy: Policy) -> Self {
        let policies = Policies { first: policy, later: Vec::new() };
        Self {
            together,
            policies: Governing { policies, places: Vec::new() },
            explainers: BTreeMap::new(),
            joined: BTreeMap::new(),
            ran: BTreeSet::new(),
            told: Vec::new(),
            made: Vec::new(),
        }
    }

    fn accounted_as(&self, contract: ContractId) -> ContractId {
        self.joined.get(&contract).copied().unwrap_or(contract)
    }

    /// Explains a fact, after the policies that govern its contract before it.
    fn take(
        &mut self,
        posted: u64,
        (contract, source, fact): Written,
        periods: Periods,
    ) -> Result<(), String> {
        let contract = self.accounted_as(contract);
        let explainer = self.explainers.entry(contract).or_default();
        for (source, fact) in self.policies.before(explainer, source, fact) {
            let taken = explainer.take(&fact, periods);
            let (explained, effects) = taken.map_err(|error| error.to_string())?;
            self.made.extend(effects.movements.iter().map(movement));
            self.told.push(Told { contract, source, posted, explained });
        }
        Ok(())
    }

    /// Lets contracts be one, after the policies that govern each.
    fn combine(
        &mut self,
        posted: u64,
        wire: &pb::Combination,
        periods: Periods,
    ) -> Result<(), String> {
        let read = combination(wire, &mut Fields::new()).ok_or("a combination is not readable")?;
        let all: Vec<ContractId> =
            read.contracts.iter().map(|contract| self.accounted_as(*contract)).collect();
        let Some((first, others)) = all.split_first() else { return Ok(()) };
        if !self.explainers.contains_key(first) {
            return Ok(());
        }
        let source = Position { log: Log::Recognition, seq: posted };
        for contract in &all {
            let explainer = self.explainers.get(contract);
            let state = explainer.and_then(Explainer::state).ok_or("a contract is not signed")?;
            for (source, version) in self.policies.due(state, read.on) {
                self.take(posted, (*contract, source, Fact::PolicyChanged(version)), periods)?;
            }
        }
        let joining: Vec<Explainer> =
            others.iter().filter_map(|contract| self.explainers.remove(contract)).collect();
        let explainer = self.explainers.entry(*first).or_default();
        let taken = explainer.combine(&joining, read.on, periods);
        let (explained, effects) = taken.map_err(|error| error.to_string())?;
        self.joined.extend(others.iter().map(|contract| (*contract, *first)));
        self.made.extend(effects.movements.iter().map(movement));
        self.told.push(Told { contract: *first, source, posted, explained });
        Ok(())
    }

    /// The facts of an entry that are of these contracts; of a run one for each that it posts for, once
    /// however many entries it has.
    fn facts(
        &mut self,
        entry: &Posted,
        again: bool,
        contract_log: &HashMap<u64, LogEntry>,
    ) -> Result<Vec<Written>, String> {
        let Some(run) = &entry.posted.run else {
            let fact = fact_of(entry, &self.policies.policies, contract_log)?;
            return Ok(fact.filter(|(of, _, _)| self.together.contains(of)).into_iter().collect());
        };
        let through = run.through.as_ref().and_then(|through| through.try_into().ok());
        let through = through.ok_or("no day")?;
        if !again {
            self.ran.clear();
        }
        let posted = entry.posted.movements.iter().map(|moved| &moved.contract_id);
        let named: BTreeSet<&String> =
            posted.chain(entry.posted.plan_changes.iter().map(|of| &of.contract_id)).collect();
        let own = self.together.iter().filter(|of| named.contains(&of.to_string()));
        let own: BTreeSet<ContractId> = own.map(|of| self.accounted_as(*of)).collect();
        let source = Position { log: Log::Recognition, seq: entry.seq };
        let new = own.into_iter().filter(|of| self.ran.insert(*of));
        Ok(new.map(|of| (of, source, Fact::Run { through })).collect())
    }
}

/// Versions of the policy as they are set along the log.
struct Governing {
    policies: Policies,
    /// Where each after the first is written.
    places: Vec<u64>,
}

impl Governing {
    /// Takes an entry in if it sets a version.
    fn takes(&mut self, entry: &Posted) -> Result<bool, String> {
        let Some(Wire::PolicySet(wire)) = &entry.posted.own_fact else { return Ok(false) };
        let set = version(wire, &mut Fields::new());
        let set = set.ok_or_else(|| format!("entry {}: a policy is not readable", entry.seq))?;
        self.policies.later.push(set.measures);
        self.places.push(entry.seq);
        Ok(true)
    }

    /// What comes before a fact of the contract, each where it is written, and the fact.
    fn before(&self, explainer: &Explainer, source: Position, fact: Fact) -> Vec<(Position, Fact)> {
        let due = explainer.state().map(|state| policies_due(state, &fact, &self.policies));
        let due = due.unwrap_or_default().into_iter();
        let due = due.map(|set| (self.written(&set), Fact::PolicyChanged(set)));
        due.chain([(source, fact)]).collect()
    }

    /// Versions that govern a contract by a day and that it does not know yet, each where it is written.
    fn due(&self, state: &ContractState, by: NaiveDate) -> Vec<(Position, PolicyVersion)> {
        let newer = self.policies.newer(state.governing().version, by);
        newer.map(|set| (self.written(set), *set)).collect()
    }

    fn written(&self, set: &PolicyVersion) -> Position {
        let known = self.policies.later.iter().position(|known| known == set);
        let seq = known.and_then(|place| self.places.get(place)).copied().unwrap_or_default();
        Position { log: Log::Recognition, seq }
    }
}

/// The fact that an entry accounts for, runs aside; none when it is of no contract.
fn fact_of(
    entry: &Posted,
    policies: &Policies,
    contract_log: &HashMap<u64, LogEntry>,
) -> Result<Option<Written>, String> {
    let own = Position { log: Log::Recognition, seq: entry.seq };
    if let Some(wire) = &entry.posted.own_fact {
        // What is of no contract, or waits for a second person, moves nothing.
        let approved = match wire {
            Wire::AdjustmentApproved(of) => of.adjustment.clone().map(Wire::Adjustment),
            _ => None,
        };
        let read = own_fact(approved.as_ref().unwrap_or(wire), &mut Fields::new());
        return Ok(read.map(|read| (read.contract, own, read.fact)));
    }
    let seq = entry.posted.covered_contract_seq;
    let source = Position { log: Log::Contract, seq };
    let written = contract_log.get(&seq).ok_or_else(|| format!("no contract entry {seq}"))?;
    Ok(match fact(written).map_err(|error| error.to_string())? {
        ContractFact::Signed { contract, .. } => {
            let policy = policies.on(contract.signed_on);
            Some((contract.contract, source, Fact::Signed { contract, policy }))
        }
        ContractFact::Changed { contract, fact, .. } => Some((contract, source, fact)),
        _ => None,
    })
}
