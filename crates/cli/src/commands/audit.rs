//! `backlog audit`: the trail, checkpoints, and proofs that hold without the server.

use std::path::{Path, PathBuf};

use backlog_audit_log::{ProofBundle, Verifier, bundle::PROOF_FORMAT};
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::reporting::v1 as pb;
use clap::{Args, Subcommand};

use crate::arguments::{self, Positions, log_name};
use crate::client::{Client, day, from_status, watermark_json, watermark_text};
use crate::failure::{Exit, Failure};
use crate::proof;
use crate::session::Session;
use crate::table;

/// The audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Lists the entries of a log.
    List(List),
    /// Writes a file that proves that an entry is in its log.
    Proof(Proof),
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
        /// The file that `audit proof` wrote.
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

/// A proof to export.
#[derive(Debug, Args)]
pub(crate) struct Proof {
    /// The log: contract, recognition or reporting.
    #[arg(long, default_value = "contract", value_parser = arguments::log)]
    log: Log,
    /// The entry.
    #[arg(long)]
    seq: u64,
    /// File to write; proof-LOG-SEQ.json when absent.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Audit {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Proof(proof) => proof.run(session).await,
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

impl Proof {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let after = session.min_positions(&[])?;
        let bundle = export(&client, self.log, self.seq, after).await?;
        let out = self.out.unwrap_or_else(|| {
            PathBuf::from(format!("proof-{}-{}.json", log_name(self.log), self.seq))
        });
        let text = bundle.to_json().map_err(|error| Failure::usage(error.to_string()))?;
        std::fs::write(&out, text)
            .map_err(|error| Failure::usage(format!("cannot write {}: {error}", out.display())))?;
        let hashes = bundle.hashes.len();
        let said = format!(
            "{}: entry {} of {} in log {}, {hashes} hashes\ncheck it anywhere: \
             backlog audit verify {} --key KEYFILE (the key: backlog audit key)",
            out.display(),
            bundle.seq,
            bundle.tree_size,
            bundle.log,
            out.display(),
        );
        let json = serde_json::json!({
            "file": out.display().to_string(),
            "log": bundle.log,
            "seq": bundle.seq,
            "tree_size": bundle.tree_size,
        });
        session.answer(&said, &json);
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

/// A signed checkpoint that covers at least `after`.
pub(crate) async fn checkpoint(
    client: &Client,
    after: Vec<backlog_proto::common::v1::LogPosition>,
) -> Result<pb::Checkpoint, Failure> {
    let request = pb::GetCheckpointRequest { min_positions: after };
    let answer = client.audit().get_checkpoint(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    Ok(answer.checkpoint.unwrap_or_default())
}

/// Everything that is needed to check, without the server, that an entry is in its log.
pub(crate) async fn export(
    client: &Client,
    log: Log,
    seq: u64,
    after: Vec<backlog_proto::common::v1::LogPosition>,
) -> Result<ProofBundle, Failure> {
    // A checkpoint must exist whose tree holds the entry.
    checkpoint(client, after).await?;
    let request = pb::GetInclusionProofRequest { log: log.into(), seq, tree_size: 0 };
    let answer = client.audit().get_inclusion_proof(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    let odd = |what: &str| Failure::new(Exit::Unavailable, format!("the answer has {what}"));
    let entry = answer.entry.ok_or_else(|| odd("no entry"))?;
    let checkpoint = answer.checkpoint.ok_or_else(|| odd("no checkpoint of that size"))?;
    let hash = |bytes: Vec<u8>| bytes.try_into().map_err(|_| odd("a hash of another length"));
    Ok(ProofBundle {
        format: PROOF_FORMAT.to_owned(),
        log: log_name(log).to_owned(),
        seq,
        entry: entry.entry,
        leaf_hash: hash(entry.leaf_hash)?,
        tree_size: answer.tree_size,
        hashes: answer.hashes.into_iter().map(hash).collect::<Result<_, _>>()?,
        checkpoint: checkpoint.note,
    })
}

fn verify(
    session: &Session,
    file: &Path,
    key: &Path,
    tenant: Option<TenantId>,
) -> Result<Exit, Failure> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
    };
    let keys = Verifier::parse_file(&read(key)?)
        .map_err(|error| Failure::usage(format!("{}: {error}", key.display())))?;
    let proved = proof::verify(&read(file)?, &keys, tenant)?;
    session.answer(&proved.text(), &proved.json());
    Ok(Exit::Done)
}
