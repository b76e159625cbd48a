//! The commands, one file a family.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod audit_proof;
pub(crate) mod combination;
pub(crate) mod contract;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod invoice;
pub(crate) mod journal;
pub(crate) mod known;
pub(crate) mod payment;
pub(crate) mod period;
pub(crate) mod policy;
pub(crate) mod progress;
pub(crate) mod recognition;
pub(crate) mod report;
pub(crate) mod scenario;
pub(crate) mod tenant;
pub(crate) mod terms_file;
pub(crate) mod token;
pub(crate) mod what_if;
