//! Which contracts could be one, by the rule of 606-10-25-9: the same customer, at or near the same time.
//! Pure.

use backlog_ids::ContractId;
use backlog_money::Currency;
use chrono::NaiveDate;

/// A signed contract, as far as the rule looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) customer: String,
    pub(super) contract: ContractId,
    pub(super) signed_on: NaiveDate,
    pub(super) currency: Currency,
    /// The contract that it joined, or that others joined: itself then.
    pub(super) combined_into: Option<ContractId>,
}

/// Groups of contracts of one customer and currency, in the order of their signatures, each signed within
/// `days` of the one before; those that are one already, or alone, are no proposal. `candidates` come by
/// customer.
pub(super) fn proposals(mut candidates: Vec<Candidate>, days: i64) -> Vec<Vec<Candidate>> {
    candidates.sort_by(|one, other| {
        let key = |of: &Candidate| (of.currency, of.signed_on, of.contract);
        one.customer.cmp(&other.customer).then_with(|| key(one).cmp(&key(other)))
    });
    let near = |one: &Candidate, next: &Candidate| {
        let same = (&one.customer, one.currency) == (&next.customer, next.currency);
        same && next.signed_on.signed_duration_since(one.signed_on).num_days() <= days
    };
    let mut groups: Vec<Vec<Candidate>> = Vec::new();
    for candidate in candidates {
        let open =
            groups.last_mut().filter(|group| group.last().is_some_and(|of| near(of, &candidate)));
        match open {
            Some(group) => group.push(candidate),
            None => groups.push(vec![candidate]),
        }
    }
    groups.retain(|group| {
        let one = |of: &Candidate| of.combined_into.unwrap_or(of.contract);
        group.first().is_some_and(|first| group.iter().any(|of| one(of) != one(first)))
    });
    groups
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn candidate(id: u128, customer: &str, on: &str, into: Option<u128>) -> Candidate {
        let contract = |id| ContractId::from_uuid(Uuid::from_u128(id));
        Candidate {
            customer: customer.to_owned(),
            contract: contract(id),
            signed_on: on.parse().unwrap(),
            currency: Currency::parse("USD").unwrap(),
            combined_into: into.map(contract),
        }
    }

    // Shows what is proposed: contracts of one customer and currency, each within the days of the one
    // before; not what is too far away, of others, in another currency, or one already.
    #[test]
    fn near_contracts_of_a_customer_are_proposed() {
        let euros = Currency::parse("EUR").unwrap();
        let all = vec![
            candidate(1, "acme", "2026-01-01", None),
            candidate(2, "acme", "2026-01-31", None),
            candidate(3, "acme", "2026-03-02", None),
            candidate(4, "acme", "2026-04-02", None),
            candidate(5, "bolt", "2026-04-02", None),
            Candidate { currency: euros, ..candidate(6, "acme", "2026-01-02", None) },
            candidate(7, "coil", "2026-01-01", Some(7)),
            candidate(8, "coil", "2026-01-01", Some(7)),
            candidate(9, "dyad", "2026-01-01", Some(9)),
            candidate(10, "dyad", "2026-01-01", Some(9)),
            candidate(11, "dyad", "2026-01-02", None),
        ];
        let ids = |days| -> Vec<Vec<u128>> {
            let found = proposals(all.clone(), days);
            let ids = |group: &Vec<Candidate>| {
                group.iter().map(|of| of.contract.uuid().as_u128()).collect()
            };
            found.iter().map(ids).collect()
        };
        assert_eq!(ids(30), [vec![1, 2, 3], vec![9, 10, 11]]);
        assert_eq!(ids(31), [vec![1, 2, 3, 4], vec![9, 10, 11]]);
        assert_eq!(ids(0), Vec::<Vec<u128>>::new());
    }
}
