//! A contract's facts, from the entries of both logs, and their explanations. Pure.

use std::collections::{BTreeSet, HashMap};

use backlog_ids::ContractId;
use backlog_proto::common::v1::Log;
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_proto::recognition::v1::{AccountingPosted, Movement};
use backlog_recognition_engine::{
    Calendar, Explained, Explainer, Fact, Periods, Policies, Policy, policies_due,
};
use chrono::NaiveDate;
use prost::Message;

use crate::accounting::convert::{fact, movement, own_fact};
use crate::accounting::fact::ContractFact;
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
    /// Where it is written.
    pub(crate) source: Position,
    /// Where it was accounted for.
    pub(crate) posted: u64,
    /// Why it did what it did.
    pub(crate) explained: Explained,
}

/// All facts of a contract, and the contract as they leave it.
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

    fn movements(&self, contract: &str) -> impl Iterator<Item = &Movement> {
        self.posted.movements.iter().filter(move |moved| moved.contract_id == contract)
    }
}

/// Folds a contract's facts again and explains each. `contract_log` has the entries that `posted`
/// accounts for. Errors when what comes out is not what was posted.
pub(crate) fn history(
    contract: ContractId,
    (policy, calendar): (Policy, Calendar),
    posted: &[Posted],
    contract_log: &HashMap<u64, LogEntry>,
) -> Result<History, String> {
    let name = contract.to_string();
    let mut history = History::default();
    let mut periods = Periods { calendar, closed_through: None };
    let mut closed = BTreeSet::new();
    let mut policies = Governing::default();
    let mut last_run = String::new();
    let (mut made, mut stored) = (Vec::new(), Vec::new());
    for entry in posted {
        stored.extend(entry.movements(&name).cloned());
        let run = entry.posted.run.as_ref().map_or("", |run| run.run_id.as_str());
        // A contract with many entries is posted by several chunks of one run.
        if !run.is_empty() && run == last_run {
            continue;
        }
        if entry.of_period(calendar, &mut closed) {
            periods.closed_through = closed.last().copied();
            continue;
        }
        if policies.takes(entry)? {
            continue;
        }
        let Some((source, fact)) = fact_of(entry, contract, policy, contract_log)? else {
            continue;
        };
        run.clone_into(&mut last_run);
        for (source, fact) in policies.before(&history.explainer, source, fact) {
            let taken = history.explainer.take(&fact, periods);
            let (explained, effects) =
                taken.map_err(|error| format!("entry {}: {error}", entry.seq))?;
            made.extend(effects.movements.iter().map(movement));
            history.told.push(Told { source, posted: entry.seq, explained });
        }
    }
    if made == stored {
        return Ok(history);
    }
    let same = made.iter().zip(&stored).take_while(|(one, two)| one == two).count();
    Err(format!("movement {same} of {name} is not what was posted"))
}

/// Versions of the policy as they are set along the log.
#[derive(Default)]
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
        let place = |set| {
            let known = self.policies.later.iter().position(|known| *known == set);
            known.and_then(|place| self.places.get(place)).copied().unwrap_or_default()
        };
        let due = due.unwrap_or_default().into_iter().map(|set| {
            let source = Position { log: Log::Recognition, seq: place(set) };
            (source, Fact::PolicyChanged(set))
        });
        due.chain([(source, fact)]).collect()
    }
}

/// The fact of a contract that an entry accounts for; none when it is another contract's.
fn fact_of(
    entry: &Posted,
    contract: ContractId,
    policy: Policy,
    contract_log: &HashMap<u64, LogEntry>,
) -> Result<Option<(Position, Fact)>, String> {
    let own = Position { log: Log::Recognition, seq: entry.seq };
    if let Some(run) = &entry.posted.run {
        let name = contract.to_string();
        let planned = entry.posted.plan_changes.iter().any(|change| change.contract_id == name);
        if !planned && entry.movements(&name).next().is_none() {
            return Ok(None);
        }
        let through = run.through.as_ref().and_then(|through| through.try_into().ok());
        let through = through.ok_or_else(|| format!("entry {}: no day", entry.seq))?;
        return Ok(Some((own, Fact::Run { through })));
    }
    if let Some(wire) = &entry.posted.own_fact {
        // What is of no contract, or waits for a second person, moves nothing.
        let approved = match wire {
            Wire::AdjustmentApproved(of) => of.adjustment.clone().map(Wire::Adjustment),
            _ => None,
        };
        let read = own_fact(approved.as_ref().unwrap_or(wire), &mut Fields::new());
        let read = read.filter(|read| read.contract == contract);
        return Ok(read.map(|read| (own, read.fact)));
    }
    let seq = entry.posted.covered_contract_seq;
    let source = Position { log: Log::Contract, seq };
    let written = contract_log.get(&seq).ok_or_else(|| format!("no contract entry {seq}"))?;
    Ok(match fact(written).map_err(|error| error.to_string())? {
        ContractFact::Signed { contract: signed, .. } if signed.contract == contract => {
            Some((source, Fact::Signed { contract: signed, policy }))
        }
        ContractFact::Changed { contract: of, fact, .. } if of == contract => Some((source, fact)),
        _ => None,
    })
}
