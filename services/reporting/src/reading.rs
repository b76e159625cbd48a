//! What all reports share: what a reader may know, what it must wait for, what an answer includes.

use std::time::Duration;

use backlog_db::{DbError, QueryResult, Value};
use backlog_event_log::{Behind, Positions};
use backlog_ids::{ContractId, ObligationId, TenantId};
use backlog_money::Currency;
use backlog_proto::common::v1::{ErrorReason, Log, LogPosition, Watermark};
use backlog_proto::convert::Position;
use backlog_proto::reporting::v1 as pb;
use backlog_proto::{FieldViolation, Fields};
use backlog_service_kit::{Fault, InvalidFields, Kind};
use chrono::NaiveDate;
use thiserror::Error;
use tokio::time::Instant;

/// Dimensions in one filter at most.
const FILTERS_MAX: usize = 20;
/// Characters of a dimension's name at most.
const NAME_MAX: usize = 40;
/// Characters of a dimension's value at most.
const VALUE_MAX: usize = 200;

/// Why a report has no answer.
#[derive(Debug, Error)]
pub enum ReadFault {
    /// The request is wrong; all that is.
    #[error(transparent)]
    Invalid(#[from] InvalidFields),
    /// The positions asked for were not reached in time.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// More rows than an answer may have.
    #[error("the answer has more than {0} rows; narrow the filter or group by less")]
    TooManyRows(usize),
    /// The database cannot be asked.
    #[error("the database cannot answer now; try again")]
    Unavailable(#[from] DbError),
    /// Sums that no amount can hold, or rows that are not as they must be.
    #[error("the report cannot be computed: {0}")]
    Internal(String),
}

impl Fault for ReadFault {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::InvalidArgument,
            Self::Behind(_) | Self::Unavailable(_) => Kind::Unavailable,
            Self::TooManyRows(_) => Kind::ResourceExhausted,
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Invalid(_) => ErrorReason::InvalidFields,
            Self::Behind(_) => ErrorReason::Behind,
            Self::TooManyRows(_) => ErrorReason::LimitExceeded,
            Self::Unavailable(_) => ErrorReason::Unavailable,
            Self::Internal(_) => ErrorReason::Internal,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Behind(behind) => behind_metadata(behind),
            Self::TooManyRows(most) => {
                vec![("limit", "reports.rows_max".to_owned()), ("rows_max", most.to_string())]
            }
            Self::Invalid(_) | Self::Unavailable(_) | Self::Internal(_) => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Invalid(invalid) => invalid.violations(),
            Self::Behind(_) | Self::TooManyRows(_) | Self::Unavailable(_) | Self::Internal(_) => {
                &[]
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Behind(_) | Self::Unavailable(_) => Some(Duration::from_millis(200)),
            Self::Invalid(_) | Self::TooManyRows(_) | Self::Internal(_) => None,
        }
    }
}

/// What a program may want to know of a wait that ended early.
pub(crate) fn behind_metadata(behind: &Behind) -> Vec<(&'static str, String)> {
    vec![
        ("log", behind.log.to_owned()),
        ("reached", behind.reached.to_string()),
        ("wanted", behind.wanted.to_string()),
    ]
}

/// Waits until everything asked for is applied here.
///
/// # Errors
/// When the deadline comes first, or the database cannot be asked.
pub(crate) async fn wait(
    positions: &Positions,
    tenant: TenantId,
    wanted: &[Position],
    deadline: Instant,
) -> Result<(), ReadFault> {
    positions.wait_for(tenant, wanted, deadline).await??;
    Ok(())
}

/// Which facts a report is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only what was recorded up to these positions; all that is applied when there are none.
    pub known_at: Vec<Position>,
    /// Only this contract.
    pub contract: Option<ContractId>,
    /// Only this obligation.
    pub obligation: Option<ObligationId>,
    /// Only contracts with these values; `customer` and `product_line` count as dimensions.
    pub dimensions: Vec<(String, String)>,
    /// Only this currency.
    pub currency: Option<Currency>,
}

impl Scope {
    /// Reads what is to be known and the filter.
    pub(crate) fn parse(
        known_at: &[LogPosition],
        filter: Option<&pb::ReportFilter>,
        fields: &mut Fields,
    ) -> Option<Self> {
        let known_at = fields.positions("known_at", known_at);
        let Some(filter) = filter else {
            return Some(Self { known_at: known_at?, ..Self::default() });
        };
        let contract = fields.optional_id("filter.contract_id", &filter.contract_id);
        let obligation = fields.optional_id("filter.obligation_id", &filter.obligation_id);
        if filter.dimensions.len() > FILTERS_MAX {
            let most = format!("must name at most {FILTERS_MAX} dimensions");
            fields.violation("filter.dimensions", most);
        }
        let mut dimensions: Vec<(String, String)> =
            filter.dimensions.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        dimensions.sort();
        for (name, value) in &dimensions {
            dimension_name("filter.dimensions", name, fields);
            fields.text(&format!("filter.dimensions[{name}]"), value, 0, VALUE_MAX);
        }
        let code = filter.currency_code.as_str();
        let currency =
            if code.is_empty() { None } else { fields.currency("filter.currency_code", code) };
        Some(Self { known_at: known_at?, contract, obligation, dimensions, currency })
    }

    /// What was known of a log, as an argument: NULL where nothing is said about it.
    pub(crate) fn known(&self, log: Log) -> Value {
        let seq = self.known_at.iter().find(|position| position.log == log).map(|p| p.seq);
        seq.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX)).into()
    }

    /// Contract, obligation, currency, names and values of dimensions, as arguments.
    pub(crate) fn filter_arguments(&self) -> Vec<Value> {
        let (names, values): (Vec<String>, Vec<String>) = self.dimensions.iter().cloned().unzip();
        vec![
            self.contract.map(ContractId::uuid).into(),
            self.obligation.map(ObligationId::uuid).into(),
            self.currency.map_or("", Currency::code).into(),
            names.into(),
            values.into(),
        ]
    }
}

/// Records when a name can be none of a dimension.
pub(crate) fn dimension_name(field: &str, name: &str, fields: &mut Fields) {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(legal) {
        fields.violation(field, "must be names of 1 to 40 characters of a-z, 0-9 and _");
    }
}

/// What an answer includes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Included {
    /// Entries of the contract log.
    pub contract_seq: u64,
    /// Entries of the recognition log.
    pub recognition_seq: u64,
    /// Last day through which revenue is posted for every obligation.
    pub recognized_through: Option<NaiveDate>,
}

impl From<Included> for Watermark {
    fn from(included: Included) -> Self {
        let position = |log, seq| Position { log, seq }.into();
        Self {
            positions: vec![
                position(Log::Contract, included.contract_seq),
                position(Log::Recognition, included.recognition_seq),
            ],
            recognized_through: included.recognized_through.map(Into::into),
        }
    }
}

/// The watermark row of a report: both positions in `amounts`, the day in `from_date`.
pub(crate) fn included(row: &QueryResult) -> Result<Included, ReadFault> {
    let places = amounts(row)?;
    let seq = |place: usize| {
        let seq = places.get(place).and_then(|seq| u64::try_from(*seq).ok());
        seq.ok_or_else(|| ReadFault::Internal("a watermark is malformed".to_owned()))
    };
    let recognized_through = row.try_get("", "from_date").map_err(DbError::from)?;
    Ok(Included { contract_seq: seq(0)?, recognition_seq: seq(1)?, recognized_through })
}

/// The sums of a row, which travel as texts because they may pass 2^63.
pub(crate) fn amounts(row: &QueryResult) -> Result<Vec<i128>, ReadFault> {
    let texts: Vec<String> = row.try_get("", "amounts").map_err(DbError::from)?;
    let amounts = texts.iter().map(|text| text.parse().ok()).collect::<Option<_>>();
    amounts.ok_or_else(|| ReadFault::Internal("a sum is not a whole number".to_owned()))
}

/// A currency as a column holds it.
pub(crate) fn currency(row: &QueryResult) -> Result<Currency, ReadFault> {
    let code: String = row.try_get("", "currency").map_err(DbError::from)?;
    Currency::parse(&code).map_err(|error| ReadFault::Internal(error.to_string()))
}
