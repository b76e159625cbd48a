//! Requests and answers of audit calls, between the wire and the domain.

use backlog_proto::Fields;
use backlog_proto::common::v1::Log;
use backlog_proto::convert::{Position, timestamp};
use backlog_proto::reporting::v1 as pb;
use backlog_service_kit::InvalidFields;

use super::queries::{Checkpoint, Entry, LOGS};

/// Characters of an aggregate's id at most.
const AGGREGATE_MAX: usize = 100;

/// A page of entries that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntriesQuery {
    pub(crate) log: Log,
    pub(crate) page_size: usize,
    /// All entries when empty.
    pub(crate) aggregate: String,
    pub(crate) min_positions: Vec<Position>,
}

/// A proof of inclusion that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InclusionQuery {
    pub(crate) log: Log,
    pub(crate) seq: u64,
    /// None for that of the newest checkpoint.
    pub(crate) tree_size: Option<u64>,
}

/// A proof of consistency that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConsistencyQuery {
    pub(crate) log: Log,
    pub(crate) first_size: u64,
    /// None for that of the newest checkpoint.
    pub(crate) second_size: Option<u64>,
}

/// Parses a request, collecting everything that is wrong with it.
pub(crate) fn entries_query(
    request: &pb::ListEntriesRequest,
) -> Result<EntriesQuery, InvalidFields> {
    let mut fields = Fields::new();
    let log = log(request.log, &mut fields);
    let page_size = fields.page_size("page_size", request.page_size);
    let aggregate = fields.text("aggregate_id", &request.aggregate_id, 0, AGGREGATE_MAX);
    let min_positions = fields.positions("min_positions", &request.min_positions);
    fields.finish().map_err(InvalidFields)?;
    match (log, page_size, aggregate, min_positions) {
        (Some(log), Some(page_size), Some(aggregate), Some(min_positions)) => {
            Ok(EntriesQuery { log, page_size, aggregate, min_positions })
        }
        _ => Err(InvalidFields(Vec::new())),
    }
}

/// Parses a request, collecting everything that is wrong with it.
pub(crate) fn checkpoint_query(
    request: &pb::GetCheckpointRequest,
) -> Result<Vec<Position>, InvalidFields> {
    let mut fields = Fields::new();
    let positions = fields.positions("min_positions", &request.min_positions);
    fields.finish().map_err(InvalidFields)?;
    positions.ok_or_else(|| InvalidFields(Vec::new()))
}

/// Parses a request, collecting everything that is wrong with it.
pub(crate) fn inclusion_query(
    request: &pb::GetInclusionProofRequest,
) -> Result<InclusionQuery, InvalidFields> {
    let mut fields = Fields::new();
    let log = log(request.log, &mut fields);
    number("seq", request.seq, 1, &mut fields);
    if request.tree_size != 0 {
        number("tree_size", request.tree_size, request.seq, &mut fields);
    }
    fields.finish().map_err(InvalidFields)?;
    let log = log.ok_or_else(|| InvalidFields(Vec::new()))?;
    Ok(InclusionQuery { log, seq: request.seq, tree_size: given(request.tree_size) })
}

/// Parses a request, collecting everything that is wrong with it.
pub(crate) fn consistency_query(
    request: &pb::GetConsistencyProofRequest,
) -> Result<ConsistencyQuery, InvalidFields> {
    let mut fields = Fields::new();
    let log = log(request.log, &mut fields);
    number("first_size", request.first_size, 1, &mut fields);
    if request.second_size != 0 {
        number("second_size", request.second_size, request.first_size, &mut fields);
    }
    fields.finish().map_err(InvalidFields)?;
    let log = log.ok_or_else(|| InvalidFields(Vec::new()))?;
    let second_size = given(request.second_size);
    Ok(ConsistencyQuery { log, first_size: request.first_size, second_size })
}

fn given(size: u64) -> Option<u64> {
    Some(size).filter(|size| *size != 0)
}

fn log(value: i32, fields: &mut Fields) -> Option<Log> {
    let log = Log::try_from(value).ok().filter(|log| LOGS.contains(log));
    if log.is_none() {
        fields.violation("log", "must name a log");
    }
    log
}

fn number(field: &str, value: u64, least: u64, fields: &mut Fields) {
    if value < least || i64::try_from(value).is_err() {
        fields.violation(field, format!("must be {least} to {}", i64::MAX));
    }
}

/// Renders an entry.
pub(crate) fn entry(entry: &Entry) -> pb::AuditEntry {
    pb::AuditEntry {
        seq: entry.seq,
        r#type: entry.type_name.clone(),
        aggregate_id: entry.aggregate_id.clone(),
        effective_date: Some(entry.effective_date.into()),
        recorded_at: Some(timestamp(entry.recorded_at)),
        actor: entry.actor.clone(),
        entry: entry.bytes.clone(),
        leaf_hash: entry.leaf.to_vec(),
    }
}

/// Renders a checkpoint.
pub(crate) fn checkpoint(checkpoint: &Checkpoint) -> pb::Checkpoint {
    let trees = LOGS.iter().zip(checkpoint.sizes).zip(checkpoint.roots);
    pb::Checkpoint {
        note: checkpoint.note.clone(),
        trees: trees
            .map(|((log, size), root)| pb::TreeHead {
                log: (*log).into(),
                size,
                root_hash: root.to_vec(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that proofs are asked for of entries and trees that can exist: places from 1, trees that
    // hold the entry, a log that is named; and that 0 means the newest checkpoint.
    #[test]
    fn impossible_proofs_are_refused() {
        let inclusion = |log: i32, seq, tree_size| {
            let request = pb::GetInclusionProofRequest { log, seq, tree_size };
            inclusion_query(&request).map_err(|wrong| {
                wrong.0.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
            })
        };
        let good = InclusionQuery { log: Log::Contract, seq: 3, tree_size: None };
        assert_eq!(inclusion(1, 3, 0), Ok(good));
        assert_eq!(inclusion(1, 3, 3).unwrap().tree_size, Some(3));
        assert_eq!(inclusion(0, 0, 0), Err(vec!["log".to_owned(), "seq".to_owned()]));
        assert_eq!(inclusion(1, 3, 2), Err(vec!["tree_size".to_owned()]));
        assert_eq!(inclusion(9, 1, u64::MAX), Err(vec!["log".to_owned(), "tree_size".to_owned()]));
        let request = pb::GetConsistencyProofRequest { log: 2, first_size: 5, second_size: 4 };
        assert_eq!(consistency_query(&request).unwrap_err().0.len(), 1);
    }
}
