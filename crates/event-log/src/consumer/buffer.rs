//! Entries that arrived before they may be applied. A cache: what it lacks is read from the owner.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use backlog_ids::TenantId;

use crate::entry::Opened;

/// Entries held at most, over all tenants; beyond, all are let go and read again when needed.
const HELD_MAX: usize = 20_000;

#[derive(Default)]
pub(super) struct Buffer {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    count: usize,
    by_tenant: HashMap<TenantId, BTreeMap<u64, Opened>>,
}

impl Buffer {
    pub(super) fn put(&self, tenant: TenantId, entries: Vec<Opened>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.count.saturating_add(entries.len()) > HELD_MAX {
            *held = Held::default();
        }
        for entry in entries {
            let fresh =
                held.by_tenant.entry(tenant).or_default().insert(entry.entry.seq, entry).is_none();
            held.count = held.count.saturating_add(usize::from(fresh));
        }
    }

    /// Takes the entries `after + 1 ..= through` when all are there, and lets go of earlier ones.
    pub(super) fn take(&self, tenant: TenantId, after: u64, through: u64) -> Option<Vec<Opened>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = held.by_tenant.get_mut(&tenant)?;
        let wanted = through.checked_sub(after)?;
        let found = entries.range(after.checked_add(1)?..=through).count();
        if u64::try_from(found) != Ok(wanted) {
            return None;
        }
        let later = entries.split_off(&through.checked_add(1)?);
        let earlier = std::mem::replace(entries, later);
        let empty = entries.is_empty();
        if empty {
            held.by_tenant.remove(&tenant);
        }
        held.count = held.count.saturating_sub(earlier.len());
        Some(earlier.into_values().filter(|entry| entry.entry.seq > after).collect())
    }
}

#[cfg(test)]
mod tests {
    use backlog_proto::log::v1::LogEntry;
    use uuid::Uuid;

    use super::*;

    fn entry(seq: u64) -> Opened {
        Opened { entry: LogEntry { seq, ..LogEntry::default() }, hash: [0; 32], bytes: [].into() }
    }

    // Shows that a run of entries is given out only whole, in order, and once; what lies before it is
    // let go, what lies after it stays.
    #[test]
    fn a_run_is_given_out_whole_or_not_at_all() {
        let tenant = TenantId::from_uuid(Uuid::from_u128(1));
        let buffer = Buffer::default();
        buffer.put(tenant, vec![entry(4), entry(2), entry(3), entry(6)]);
        assert!(buffer.take(tenant, 3, 6).is_none(), "5 is missing");
        let seqs: Vec<u64> =
            buffer.take(tenant, 2, 4).unwrap().iter().map(|opened| opened.entry.seq).collect();
        assert_eq!(seqs, [3, 4]);
        assert!(buffer.take(tenant, 2, 4).is_none(), "taken already");
        buffer.put(tenant, vec![entry(5)]);
        assert_eq!(buffer.take(tenant, 4, 6).unwrap().len(), 2);
    }
}
