//! Checking proof files offline: signatures, trees, and that an entry says what is claimed.

use backlog_audit_log::bundle::CONSISTENCY_FORMAT;
use backlog_audit_log::{
    ConsistencyBundle, ProofBundle, Verified, Verifier, VerifyError, verify_bundle,
    verify_consistency_bundle,
};
use backlog_ids::TenantId;
use backlog_proto::log::v1::LogEntry;
use prost::Message;

use crate::arguments::log_name;
use crate::failure::{Exit, Failure};

/// What a proof shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proved {
    verified: Verified,
    entry: LogEntry,
}

/// Checks a bundle against the keys that are trusted.
///
/// # Errors
/// [`Exit::NotVerified`] with the name of the first check that fails.
pub(crate) fn verify(
    json: &str,
    trusted: &[Verifier],
    tenant: Option<TenantId>,
) -> Result<Proved, Failure> {
    let bundle = ProofBundle::from_json(json).map_err(library)?;
    let verified = verify_bundle(&bundle, trusted).map_err(library)?;
    let entry = LogEntry::decode(bundle.entry.as_slice())
        .map_err(|error| failed("entry", &format!("entry: the bytes are not an entry: {error}")))?;
    let signed_tenant = tenant_of(&verified.origin);
    let wanted = tenant.map_or_else(|| signed_tenant.to_owned(), |tenant| tenant.to_string());
    let claims = [
        ("tenant of the checkpoint", wanted.as_str(), signed_tenant),
        ("tenant", signed_tenant, entry.tenant_id.as_str()),
        ("log", verified.log.as_str(), log_name(entry.log())),
        ("seq", &verified.seq.to_string(), &entry.seq.to_string()),
    ];
    for (what, claimed, actual) in claims {
        if claimed != actual {
            let text = format!("entry: the {what} is {actual:?}, claimed is {claimed:?}");
            return Err(failed("entry", &text));
        }
    }
    Ok(Proved { verified, entry })
}

/// Whether a file claims to be a proof of consistency.
pub(crate) fn is_consistency(json: &str) -> bool {
    let file: Option<serde_json::Value> = serde_json::from_str(json).ok();
    file.and_then(|file| file.get("format").map(|format| format == CONSISTENCY_FORMAT))
        .unwrap_or_default()
}

/// Checks that the logs of an earlier checkpoint were only appended to; answers for people and as
/// JSON.
///
/// # Errors
/// [`Exit::NotVerified`] with the name of the first check that fails.
pub(crate) fn verify_consistency(
    json: &str,
    trusted: &[Verifier],
    tenant: Option<TenantId>,
) -> Result<(String, serde_json::Value), Failure> {
    let bundle = ConsistencyBundle::from_json(json).map_err(library)?;
    let verified = verify_consistency_bundle(&bundle, trusted).map_err(library)?;
    let signed_tenant = tenant_of(&verified.origin);
    if tenant.is_some_and(|tenant| tenant.to_string() != signed_tenant) {
        let text = format!("coverage: the checkpoints are of tenant {signed_tenant:?}");
        return Err(failed("coverage", &text));
    }
    let mut text =
        format!("verified: nothing changed but by appending\n  origin {}", verified.origin);
    let mut logs = serde_json::Map::new();
    for old in verified.first.trees() {
        let grown = verified.second.tree(&old.log).map(|tree| tree.size).unwrap_or_default();
        text = format!("{text}\n  log {}: {} to {grown} entries", old.log, old.size);
        let sizes = serde_json::json!({ "first_size": old.size, "second_size": grown });
        logs.insert(old.log.clone(), sizes);
    }
    let json = serde_json::json!({ "verified": true, "origin": verified.origin, "logs": logs });
    Ok((text, json))
}

/// The origin is the key's name, a slash, and the tenant.
fn tenant_of(origin: &str) -> &str {
    origin.rsplit('/').next().unwrap_or_default()
}

/// The library names the check that failed.
#[expect(clippy::needless_pass_by_value, reason = "used to map errors")]
fn library(error: VerifyError) -> Failure {
    let check = serde_json::to_value(error.check()).ok();
    let check = check.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    failed(check, &error.to_string())
}

fn failed(check: &str, message: &str) -> Failure {
    let mut failure = Failure::new(Exit::NotVerified, message);
    failure.metadata = vec![("check".to_owned(), check.to_owned())];
    failure.advise("do not rely on this entry; ask for the proof again, and who made this file")
}

impl Proved {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let (verified, entry) = (&self.verified, &self.entry);
        format!(
            "verified: entry {} of log {} is among the {} entries signed\n  \
             origin {}\n  signed by {}\n  type {}\n  aggregate {}\n  actor {}",
            verified.seq,
            verified.log,
            verified.tree.size,
            verified.origin,
            verified.signers.join(", "),
            entry.r#type,
            entry.aggregate_id,
            entry.actor,
        )
    }

    /// As JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        let (verified, entry) = (&self.verified, &self.entry);
        serde_json::json!({
            "verified": true,
            "origin": verified.origin,
            "tenant_id": entry.tenant_id,
            "log": verified.log,
            "seq": verified.seq,
            "tree_size": verified.tree.size,
            "signers": verified.signers,
            "type": entry.r#type,
            "aggregate_id": entry.aggregate_id,
            "actor": entry.actor,
        })
    }
}

#[cfg(test)]
mod tests {
    use backlog_audit_log::bundle::{CONSISTENCY_FORMAT, LogConsistency};
    use backlog_audit_log::{
        CheckpointBody, ConsistencyBundle, Node, ProofBundle, SigningKey, Tree, TreeHead, Verifier,
        bundle::PROOF_FORMAT, checkpoint, inclusion_nodes, leaf_hash,
    };
    use backlog_ids::TenantId;
    use backlog_proto::common::v1::Log;
    use backlog_proto::log::v1::LogEntry;
    use prost::Message;

    use super::{is_consistency, verify, verify_consistency};
    use crate::failure::Exit;

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(uuid::Uuid::from_u128(number))
    }

    /// A bundle for the last of three entries, whose bytes name this tenant, log and seq.
    fn bundle(in_entry: TenantId, log: Log, seq: u64) -> (ProofBundle, Verifier) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let entry = |seq: u64| LogEntry {
            tenant_id: in_entry.to_string(),
            log: log.into(),
            seq,
            ..LogEntry::default()
        };
        let entries = [entry(1), entry(2), entry(seq)].map(|entry| entry.encode_to_vec());
        let mut tree = Tree::new();
        let nodes: Vec<Node> =
            entries.iter().flat_map(|entry| tree.append(leaf_hash(entry))).collect();
        let head = TreeHead { log: "contract".to_owned(), size: 3, root: tree.root() };
        let empty = |log: &str| TreeHead {
            log: log.to_owned(),
            size: 0,
            root: backlog_audit_log::EMPTY_ROOT,
        };
        let trees = vec![head, empty("recognition"), empty("reporting")];
        let body = CheckpointBody::new(&format!("test/{}", tenant(1)), trees, 0).unwrap();
        let plan = inclusion_nodes(2, 3).unwrap();
        let hashes = plan.hashes(&nodes).unwrap();
        let bundle = ProofBundle {
            format: PROOF_FORMAT.to_owned(),
            log: "contract".to_owned(),
            seq: 3,
            entry: entries[2].clone(),
            leaf_hash: leaf_hash(&entries[2]),
            tree_size: 3,
            hashes,
            checkpoint: checkpoint::sign(&body, "test", &key).unwrap(),
        };
        (bundle, Verifier::new("test", key.verifying_key()).unwrap())
    }

    /// A log that was rewritten is not consistent with what was signed before.
    #[test]
    fn consistency_is_checked() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let keys = [Verifier::new("test", key.verifying_key()).unwrap()];
        let note = |leaves: &[u8]| {
            let mut tree = Tree::new();
            leaves.iter().for_each(|leaf| drop(tree.append(leaf_hash(&[*leaf]))));
            let head = |log: &str, size, root| TreeHead { log: log.to_owned(), size, root };
            let size = u64::try_from(leaves.len()).unwrap();
            let trees = vec![
                head("contract", size, tree.root()),
                head("recognition", 0, backlog_audit_log::EMPTY_ROOT),
            ];
            let body = CheckpointBody::new(&format!("test/{}", tenant(1)), trees, 0).unwrap();
            checkpoint::sign(&body, "test", &key).unwrap()
        };
        // From one leaf to two, the proof is the hash of the second.
        let bundle = |second: &[u8]| {
            let proofs = [("contract", vec![leaf_hash(&[2])]), ("recognition", Vec::new())];
            let proofs = proofs.map(|(log, hashes)| LogConsistency { log: log.to_owned(), hashes });
            let bundle = ConsistencyBundle {
                format: CONSISTENCY_FORMAT.to_owned(),
                first: note(&[1]),
                second: note(second),
                proofs: proofs.to_vec(),
            };
            bundle.to_json().unwrap()
        };
        let good = bundle(&[1, 2]);
        assert!(is_consistency(&good));
        let (text, _) = verify_consistency(&good, &keys, Some(tenant(1))).unwrap();
        assert!(text.ends_with("log contract: 1 to 2 entries\n  log recognition: 0 to 0 entries"));
        let check = |json: &str, about| {
            let failure = verify_consistency(json, &keys, Some(about)).unwrap_err();
            assert_eq!(failure.exit, Exit::NotVerified);
            failure.metadata[0].1.clone()
        };
        assert_eq!(check(&good, tenant(2)), "coverage");
        assert_eq!(check(&bundle(&[9, 2]), tenant(1)), "consistency");
        assert_eq!(check("{}", tenant(1)), "format");
    }

    /// A proof holds only when the entry itself names the tenant, log and place that are claimed.
    #[test]
    fn the_entry_must_say_what_is_claimed() {
        let (good, key) = bundle(tenant(1), Log::Contract, 3);
        let keys = [key];
        let proved = verify(&good.to_json().unwrap(), &keys, Some(tenant(1))).unwrap();
        assert!(proved.text().starts_with("verified: entry 3 of log contract is among the 3"));
        let table = [
            (good.clone(), Some(tenant(2)), "entry", "the tenant of the checkpoint is"),
            (bundle(tenant(2), Log::Contract, 3).0, None, "entry", "the tenant is"),
            (bundle(tenant(1), Log::Recognition, 3).0, None, "entry", "the log is"),
            (bundle(tenant(1), Log::Contract, 4).0, None, "entry", "the seq is"),
            (ProofBundle { seq: 2, ..good.clone() }, None, "inclusion", "is not in the signed"),
            (ProofBundle { entry: vec![1], ..good.clone() }, None, "leaf_hash", "leaf hash"),
            (ProofBundle { format: "x".to_owned(), ..good }, None, "format", "format"),
        ];
        for (bundle, tenant, check, message) in table {
            let failure = verify(&bundle.to_json().unwrap(), &keys, tenant).unwrap_err();
            assert_eq!(failure.exit, Exit::NotVerified);
            assert_eq!(failure.metadata[0].1, check, "{failure}");
            assert!(failure.message.contains(message), "{failure}");
        }
        assert_eq!(verify("{", &keys, None).unwrap_err().metadata[0].1, "format");
    }
}
