//! Checking a proof bundle offline: signature, tree, and that the entry says what is claimed.

use backlog_audit_log::{ProofBundle, Verified, Verifier, verify_bundle};
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
    let library = |error: backlog_audit_log::VerifyError| {
        let check = serde_json::to_value(error.check()).ok();
        let check = check.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        failed(check, &error.to_string())
    };
    let bundle = ProofBundle::from_json(json).map_err(library)?;
    let verified = verify_bundle(&bundle, trusted).map_err(library)?;
    let entry = LogEntry::decode(bundle.entry.as_slice())
        .map_err(|error| failed("entry", &format!("entry: the bytes are not an entry: {error}")))?;
    // The origin is the key's name, a slash, and the tenant.
    let signed_tenant = verified.origin.rsplit('/').next().unwrap_or_default();
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
    use backlog_audit_log::{
        CheckpointBody, Node, ProofBundle, SigningKey, Tree, TreeHead, Verifier,
        bundle::PROOF_FORMAT, checkpoint, inclusion_nodes, leaf_hash,
    };
    use backlog_ids::TenantId;
    use backlog_proto::common::v1::Log;
    use backlog_proto::log::v1::LogEntry;
    use prost::Message;

    use super::verify;
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
