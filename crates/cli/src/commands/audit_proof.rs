//! `backlog audit proof`, `consistency` and `verify`: files that hold without the server.

use std::path::{Path, PathBuf};

use backlog_audit_log::bundle::{CONSISTENCY_FORMAT, LogConsistency, PROOF_FORMAT};
use backlog_audit_log::{CheckpointBody, ConsistencyBundle, ProofBundle, Verifier};
use backlog_ids::TenantId;
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::reporting::v1 as pb;
use clap::Args;

use crate::arguments::{self, log_name};
use crate::client::{Client, from_status};
use crate::failure::{Exit, Failure};
use crate::proof;
use crate::session::Session;

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

/// A proof of consistency to export.
#[derive(Debug, Args)]
pub(crate) struct Consistency {
    /// The earlier checkpoint, as `audit checkpoint` printed it.
    #[arg(long, value_name = "FILE")]
    since: PathBuf,
    /// File to write.
    #[arg(long, default_value = "consistency.json")]
    out: PathBuf,
}

impl Proof {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let after = session.min_positions(&[])?;
        let bundle = export(&client, self.log, self.seq, after).await?;
        let out = self.out.unwrap_or_else(|| {
            PathBuf::from(format!("proof-{}-{}.json", log_name(self.log), self.seq))
        });
        write(&out, bundle.to_json())?;
        let said = format!(
            "{}: entry {} of {} in log {}, {} hashes\n{}",
            out.display(),
            bundle.seq,
            bundle.tree_size,
            bundle.log,
            bundle.hashes.len(),
            how_to_check(&out),
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

impl Consistency {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let after = session.min_positions(&[])?;
        let bundle = export_consistency(&client, read(&self.since)?, after).await?;
        write(&self.out, bundle.to_json())?;
        let out = self.out.display().to_string();
        let logs = bundle.proofs.len();
        let said = format!("{out}: {logs} logs since then\n{}", how_to_check(&self.out));
        session.answer(&said, &serde_json::json!({ "file": out, "logs": logs }));
        Ok(Exit::Done)
    }
}

fn how_to_check(out: &Path) -> String {
    let out = out.display();
    format!(
        "check it anywhere: backlog audit verify {out} --key KEYFILE (the key: backlog audit key)"
    )
}

/// A signed checkpoint that covers at least `after`.
pub(crate) async fn checkpoint(
    client: &Client,
    after: Vec<LogPosition>,
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
    after: Vec<LogPosition>,
) -> Result<ProofBundle, Failure> {
    // A checkpoint must exist whose tree holds the entry.
    checkpoint(client, after).await?;
    let request = pb::GetInclusionProofRequest { log: log.into(), seq, tree_size: 0 };
    let answer = client.audit().get_inclusion_proof(request).await;
    let answer = answer.map_err(|status| from_status(&status))?.into_inner();
    let entry = answer.entry.ok_or_else(|| odd("no entry"))?;
    let checkpoint = answer.checkpoint.ok_or_else(|| odd("no checkpoint of that size"))?;
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

/// Everything that is needed to check, without the server, that the logs of an earlier checkpoint
/// were only appended to.
pub(crate) async fn export_consistency(
    client: &Client,
    first: String,
    after: Vec<LogPosition>,
) -> Result<ConsistencyBundle, Failure> {
    let earlier = body(&first)?;
    let second = checkpoint(client, after).await?.note;
    let later = body(&second)?;
    let mut proofs = Vec::new();
    for tree in earlier.trees() {
        let grown = later.tree(&tree.log).map(|tree| tree.size).unwrap_or_default();
        let hashes = if tree.size == 0 || tree.size == grown {
            Vec::new()
        } else {
            let log = arguments::log(&tree.log).map_err(|error| odd(&error))?;
            let request = pb::GetConsistencyProofRequest {
                log: log.into(),
                first_size: tree.size,
                second_size: grown,
            };
            let answer = client.audit().get_consistency_proof(request).await;
            let answer = answer.map_err(|status| from_status(&status))?.into_inner();
            answer.hashes.into_iter().map(hash).collect::<Result<_, _>>()?
        };
        proofs.push(LogConsistency { log: tree.log.clone(), hashes });
    }
    Ok(ConsistencyBundle { format: CONSISTENCY_FORMAT.to_owned(), first, second, proofs })
}

/// What a note says; whether it is signed is for the verifier to check.
fn body(note: &str) -> Result<CheckpointBody, Failure> {
    let text = note.split_once("\n\n").map_or(note, |(text, _)| text);
    CheckpointBody::parse(&format!("{text}\n"))
        .map_err(|error| Failure::usage(format!("not a checkpoint: {error}")))
}

fn hash(bytes: Vec<u8>) -> Result<backlog_audit_log::Hash, Failure> {
    bytes.try_into().map_err(|_| odd("a hash of another length"))
}

fn odd(what: &str) -> Failure {
    Failure::new(Exit::Unavailable, format!("the answer has {what}"))
}

fn write(path: &Path, text: Result<String, serde_json::Error>) -> Result<(), Failure> {
    let text = text.map_err(|error| Failure::usage(error.to_string()))?;
    std::fs::write(path, text)
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
}

/// Checks a file of either kind; nothing but the two files is needed.
pub(crate) fn verify(
    session: &Session,
    file: &Path,
    key: &Path,
    tenant: Option<TenantId>,
) -> Result<Exit, Failure> {
    let keys = Verifier::parse_file(&read(key)?)
        .map_err(|error| Failure::usage(format!("{}: {error}", key.display())))?;
    let text = read(file)?;
    let (human, json) = if proof::is_consistency(&text) {
        proof::verify_consistency(&text, &keys, tenant)?
    } else {
        let proved = proof::verify(&text, &keys, tenant)?;
        (proved.text(), proved.json())
    };
    session.answer(&human, &json);
    Ok(Exit::Done)
}
