//! The id types.

use std::{borrow::Cow, fmt, hash::Hash, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

use crate::parse::{IdError, parse};

/// What all id types have in common, so that callers can parse and render them generically.
pub trait TypedId:
    Copy + Ord + Hash + fmt::Debug + fmt::Display + FromStr<Err = IdError> + Send + Sync + 'static
{
    /// What the text of such an id begins with, such as `ctr_`.
    const PREFIX: &'static str;

    /// The id with these bits; their version is not checked.
    fn from_uuid(uuid: Uuid) -> Self;

    /// The bits.
    fn uuid(self) -> Uuid;
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What the text of such an id begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id with these bits; their version is not checked.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bits.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl TypedId for $name {
            const PREFIX: &'static str = $prefix;

            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text, $prefix).map(Self)
            }
        }
    )+};
}

typed_ids! {
    /// An account: the vendor that owns tenants.
    AccountId = "acc_";
    /// A tenant: one set of books.
    TenantId = "ten_";
    /// An adjustment of revenue.
    AdjustmentId = "adj_";
    /// A legal contract.
    ContractId = "ctr_";
    /// What ASC 606 treats as one contract (606-10-25-9, 25-12).
    AccountingContractId = "act_";
    /// A performance obligation.
    ObligationId = "obl_";
    /// An invoice.
    InvoiceId = "inv_";
    /// A credit note.
    CreditNoteId = "crn_";
    /// Cash received or given back.
    PaymentId = "pay_";
    /// An entry of a log.
    EventId = "evt_";
    /// A recognition run.
    RunId = "run_";
    /// An export of the journal.
    JournalBatchId = "jrn_";
    /// A run under another policy, beside the books.
    WhatIfId = "wif_";
}
