//! Partitions: a fixed number of shares of the tenants, for subjects, consumers and writers.

use backlog_ids::TenantId;
use sha2::{Digest, Sha256};

/// How many there are. Part of the wire: subjects carry the number.
pub const PARTITIONS: u8 = 64;

/// The partition of a tenant, 0 to 63: the low bits of the SHA-256 of its id.
#[must_use]
pub fn partition(tenant: TenantId) -> u8 {
    let digest = Sha256::digest(tenant.uuid().as_bytes());
    digest[0] % PARTITIONS
}
