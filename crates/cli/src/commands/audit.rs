//! `backlog audit`: the trail, checkpoints, and proofs that hold without the server.

use std::path::PathBuf;

use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::reporting::v1 as pb;
use clap::{Args, Subcommand};

use crate::arguments::{self, Positions, log_name};
use crate::client::{day, from_status, watermark_json, watermark_text};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::table;

use super::audit_proof::{Consistency, Proof, checkpoint, verify};

/// The audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Lists the entries of a log.
    List(List),
    /// Writes a file that proves that an entry is in its log.
    Proof(Proof),
    /// Writes a file that proves that nothing changed since an earlier checkpoint but by appending.
    Consistency(Consistency),
    /// Shows a signed checkpoint of all logs of the tenant.
    Checkpoint {
        /// What it must cover besides what was written from here, as contract=5.
        #[arg(long)]
        after: Option<Positions>,
    },
    /// Shows the key with which the local stack's checkpoints are checked.
    Key,
    /// Checks a proof without network; names the check that fails.
    Verify {
        /// The file that `audit proof` or `audit consistency` wrote.
        file: PathBuf,
        /// File of verifier keys, one a line.
        #[arg(long)]
        key: PathBuf,
        /// The tenant that it must be about.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
}

/// Entries to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The log: contract, recognition or reporting.
    #[arg(long, default_value = "contract", value_parser = arguments::log)]
    log: Log,
    /// Only entries of this aggregate, such as ctr_...
    #[arg(long, default_value = "")]
    aggregate: String,
    /// Entries at most.
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
    /// What the answer must include besides what was written from here, as contract=5.
    #[arg(long)]
    after: Option<Positions>,
}

impl Audit {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Proof(proof) => proof.run(session).await,
            Self::Consistency(consistency) => consistency.run(session).await,
            Self::Checkpoint { after } => {
                let after = session.min_positions(&after.unwrap_or_default().0)?;
                let checkpoint = checkpoint(&session.client()?, after).await?;
                let trees: Vec<_> = checkpoint
                    .trees
                    .iter()
                    .map(|tree| serde_json::json!({ "log": log_name(tree.log()), "size": tree.size }))
                    .collect();
                let json = serde_json::json!({ "note": checkpoint.note, "trees": trees });
                session.answer(&checkpoint.note, &json);
                Ok(Exit::Done)
            }
            Self::Key => {
                let key = session.need_local()?.verifier()?.to_string();
                session.answer(&key, &serde_json::json!({ "verifier": key }));
                Ok(Exit::Done)
            }
            Self::Verify { file, key, tenant } => verify(session, &file, &key, tenant),
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let min_positions = session.min_positions(&self.after.unwrap_or_default().0)?;
        let client = session.client()?;
        let (mut entries, mut watermark) = (Vec::new(), None);
        let mut page_token = String::new();
        while entries.len() < self.limit {
            let left = self.limit.saturating_sub(entries.len());
            let request = pb::ListEntriesRequest {
                log: self.log.into(),
                page_size: i32::try_from(left).unwrap_or(i32::MAX),
                page_token,
                aggregate_id: self.aggregate.clone(),
                min_positions: min_positions.clone(),
            };
            let answer = client.audit().list_entries(request).await;
            let answer = answer.map_err(|status| from_status(&status))?.into_inner();
            entries.extend(answer.entries);
            watermark = answer.watermark;
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let mut text = entries_text(&entries);
        if !page_token.is_empty() {
            text.push_str("there are more: give a higher --limit\n");
        }
        let listed: Vec<_> = entries.iter().map(entry_json).collect();
        let json = serde_json::json!({
            "entries": listed,
            "more": !page_token.is_empty(),
            "watermark": watermark_json(watermark.as_ref()),
        });
        session.answer(&format!("{text}{}", watermark_text(watermark.as_ref())), &json);
        Ok(Exit::Done)
    }
}

/// Entries for people.
pub(crate) fn entries_text(entries: &[pb::AuditEntry]) -> String {
    let rows = entries.iter().map(|entry| {
        [
            entry.seq.to_string(),
            entry.r#type.rsplit('.').next().unwrap_or_default().to_owned(),
            entry.aggregate_id.clone(),
            day(entry.effective_date.as_ref()).map(|day| day.to_string()).unwrap_or_default(),
            recorded_at(entry),
            entry.actor.clone(),
            hex(&entry.leaf_hash).get(..16).unwrap_or_default().to_owned(),
        ]
    });
    let header = ["seq", "type", "aggregate", "effective", "recorded at", "actor", "leaf hash"];
    table::render(&header, rows, &[0])
}

fn entry_json(entry: &pb::AuditEntry) -> serde_json::Value {
    serde_json::json!({
        "seq": entry.seq,
        "type": entry.r#type,
        "aggregate_id": entry.aggregate_id,
        "effective_date": day(entry.effective_date.as_ref()).map(|day| day.to_string()),
        "recorded_at": recorded_at(entry),
        "actor": entry.actor,
        "leaf_hash": hex(&entry.leaf_hash),
    })
}

fn recorded_at(entry: &pb::AuditEntry) -> String {
    let time = entry.recorded_at.as_ref().and_then(|at| backlog_proto::convert::time(at).ok());
    time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
