//! Pools, tenant transactions, reads and migrations: the only place that may begin a transaction.
