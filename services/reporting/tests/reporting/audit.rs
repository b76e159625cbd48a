//! The audit trail: pages, checkpoints, proofs that hold without the server, and damage that shows.

use backlog_audit_log::{
    Check, ConsistencyBundle, ProofBundle, Verified, VerifyError, bundle, checkpoint,
    verify_bundle, verify_consistency_bundle,
};
use backlog_event_log::log_token;
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::reporting::v1 as pb;
use backlog_proto::reporting::v1::audit_service_server::AuditService;
use backlog_recognition_engine::Convention;
use backlog_tenancy::Role;
use prost::Message;
use tonic::{Code, Status};

use crate::books::{Books, KEY_NAME, Names, Service, by, tenant, terms};

fn signed(number: u128) -> backlog_recognition_engine::SignedContract {
    terms(number, "2026-01-15", ("2026-01-15", "2026-12-31"), &[100_000])
}

async fn five_contracts(service: &Service) -> Books {
    let mut books = Books::open(tenant(1), Convention::ActualDays);
    for number in 1..=5 {
        books.sign(signed(number), Names { customer: "Acme", ..Names::default() });
    }
    books.run("2026-02-28", None);
    books.deliver(service).await;
    books
}

async fn proof(
    service: &Service,
    tenant: TenantId,
    log: Log,
    seq: u64,
    tree_size: u64,
) -> Result<pb::GetInclusionProofResponse, Status> {
    let request = pb::GetInclusionProofRequest { log: log.into(), seq, tree_size };
    let answer = service.audit.get_inclusion_proof(by(tenant, Role::Auditor, request)).await;
    answer.map(tonic::Response::into_inner)
}

/// What an auditor keeps of a proof, through its JSON form, and what it says offline.
fn verify(
    service: &Service,
    log: Log,
    proof: &pb::GetInclusionProofResponse,
) -> Result<Verified, VerifyError> {
    let entry = proof.entry.as_ref().unwrap();
    let kept = ProofBundle {
        format: bundle::PROOF_FORMAT.to_owned(),
        log: log_token(log).to_owned(),
        seq: entry.seq,
        entry: entry.entry.clone(),
        leaf_hash: entry.leaf_hash.clone().try_into().unwrap(),
        tree_size: proof.tree_size,
        hashes: proof.hashes.iter().map(|hash| hash.clone().try_into().unwrap()).collect(),
        checkpoint: proof.checkpoint.as_ref().unwrap().note.clone(),
    };
    let kept = ProofBundle::from_json(&kept.to_json().unwrap()).unwrap();
    verify_bundle(&kept, std::slice::from_ref(&service.verifier))
}

// The trail lists every entry once, in order, page by page, with the bytes that the logs hold and
// columns that are copies of them; by aggregate only its own; tokens are good for one filter only.
#[tokio::test]
async fn entries_are_listed_in_pages() {
    let service = Service::start().await;
    let books = five_contracts(&service).await;
    let list = async |log: Log, aggregate_id: &str, page_token: &str| {
        let request = pb::ListEntriesRequest {
            log: log.into(),
            page_size: 4,
            page_token: page_token.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
            ..pb::ListEntriesRequest::default()
        };
        let answer = service.audit.list_entries(by(books.tenant, Role::Auditor, request)).await;
        answer.map(tonic::Response::into_inner)
    };
    for log in [Log::Contract, Log::Recognition] {
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let page = list(log, "", &token).await.unwrap();
            assert!(page.entries.len() <= 4);
            assert_eq!(page.watermark.unwrap().positions.len(), 2);
            listed.extend(page.entries);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let ours = books.entries.iter().filter(|(of, _)| *of == log).map(|(_, entry)| entry);
        let ours: Vec<_> = ours.collect();
        assert_eq!(listed.len(), ours.len());
        for (listed, ours) in listed.iter().zip(ours) {
            assert_eq!(listed.entry, ours.bytes.as_ref(), "stored bytes, byte for byte");
            assert_eq!(listed.leaf_hash, ours.hash);
            let said = LogEntry::decode(listed.entry.as_slice()).unwrap();
            assert_eq!((listed.seq, &listed.r#type), (said.seq, &said.r#type));
            assert_eq!(listed.aggregate_id, said.aggregate_id);
            assert_eq!(
                (listed.effective_date, listed.recorded_at),
                (said.effective_date, said.recorded_at)
            );
            assert_eq!(listed.actor, said.actor);
        }
    }
    let one = list(Log::Contract, &signed(3).contract.to_string(), "").await.unwrap();
    assert_eq!(one.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4]);
    assert!(list(Log::Reporting, "", "").await.unwrap().entries.is_empty());
    let token = list(Log::Contract, "", "").await.unwrap().next_page_token;
    for (log, aggregate, token) in [
        (Log::Recognition, "", token.as_str()),
        (Log::Contract, "ctr", &token),
        (Log::Contract, "", "AAAA"),
    ] {
        let refused = list(log, aggregate, token).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

// A checkpoint covers all three logs under the tenant's own origin, is the same until a log grows, and
// the next one extends it: provable offline, for both logs.
#[tokio::test]
async fn checkpoints_grow_with_the_logs() {
    let service = Service::start().await;
    let mut books = five_contracts(&service).await;
    let trusted = std::slice::from_ref(&service.verifier);
    let first = service.checkpoint(books.tenant).await.unwrap();
    service.clock.advance(chrono::TimeDelta::hours(1));
    assert_eq!(service.checkpoint(books.tenant).await.unwrap(), first, "nothing has grown");
    let body = checkpoint::open(&first.note, trusted).unwrap();
    assert_eq!(body.origin(), format!("{KEY_NAME}/{}", books.tenant));
    let sizes: Vec<(&str, u64)> =
        body.trees().iter().map(|tree| (tree.log.as_str(), tree.size)).collect();
    assert_eq!(sizes, [("contract", 6), ("recognition", 7), ("reporting", 0)]);
    for (shown, said) in first.trees.iter().zip(body.trees()) {
        assert_eq!((shown.size, shown.root_hash.as_slice()), (said.size, said.root.as_slice()));
    }

    books.sign(signed(6), Names::default());
    books.deliver(&service).await;
    let second = service.checkpoint(books.tenant).await.unwrap();
    assert_ne!(second, first);
    let mut proofs = Vec::new();
    for (log, first_size) in [(Log::Contract, 6), (Log::Recognition, 7)] {
        let request =
            pb::GetConsistencyProofRequest { log: log.into(), first_size, second_size: 0 };
        let request = by(books.tenant, Role::Auditor, request);
        let proof = service.audit.get_consistency_proof(request).await.unwrap().into_inner();
        let place = usize::try_from(i32::from(log)).unwrap() - 1;
        assert_eq!(proof.second_size, second.trees[place].size);
        assert_eq!(proof.first_root_hash, first.trees[place].root_hash);
        assert_eq!(proof.second_root_hash, second.trees[place].root_hash);
        proofs.push(bundle::LogConsistency {
            log: log_token(log).to_owned(),
            hashes: proof.hashes.iter().map(|hash| hash.clone().try_into().unwrap()).collect(),
        });
    }
    proofs.push(bundle::LogConsistency { log: "reporting".to_owned(), hashes: Vec::new() });
    let kept = ConsistencyBundle {
        format: bundle::CONSISTENCY_FORMAT.to_owned(),
        first: first.note,
        second: second.note,
        proofs,
    };
    verify_consistency_bundle(&kept, trusted).unwrap();
    let swapped =
        ConsistencyBundle { first: kept.second.clone(), second: kept.first.clone(), ..kept };
    assert!(verify_consistency_bundle(&swapped, trusted).is_err());
}

// Every entry of both logs is proved under the newest checkpoint, and under an older tree while one
// stands; a row altered by somebody with access to the database is not, and its neighbors still are.
#[tokio::test]
async fn entries_are_proved_offline() {
    let service = Service::start().await;
    let mut books = five_contracts(&service).await;
    let old = service.checkpoint(books.tenant).await.unwrap();
    books.sign(signed(6), Names::default());
    books.deliver(&service).await;
    service.checkpoint(books.tenant).await.unwrap();
    for (log, size) in [(Log::Contract, 7), (Log::Recognition, 8)] {
        for seq in 1..=size {
            let proof = proof(&service, books.tenant, log, seq, 0).await.unwrap();
            let verified = verify(&service, log, &proof).unwrap();
            assert_eq!((verified.seq, verified.tree.size), (seq, size));
        }
    }
    let older = proof(&service, books.tenant, Log::Contract, 2, 6).await.unwrap();
    assert_eq!(older.checkpoint.as_ref(), Some(&old));
    verify(&service, Log::Contract, &older).unwrap();
    let unsigned = proof(&service, books.tenant, Log::Contract, 2, 5).await.unwrap();
    assert_eq!(unsigned.checkpoint, None, "no checkpoint has that size");

    service
        .tamper(
            "update audit_entry set entry = set_byte(entry, 60, 1 + get_byte(entry, 60) % 255) \
                 where log = 1 and seq = 3;",
        )
        .await;
    let altered = proof(&service, books.tenant, Log::Contract, 3, 0).await.unwrap();
    let refused = verify(&service, Log::Contract, &altered).unwrap_err();
    assert_eq!(refused.check(), Check::LeafHash);
    let neighbor = proof(&service, books.tenant, Log::Contract, 4, 0).await.unwrap();
    verify(&service, Log::Contract, &neighbor).unwrap();
    // Its columns made to fit do not help: the signed tree holds the old leaf.
    service
        .tamper(
            "update audit_entry set leaf_hash = sha256('\\x00'::bytea || entry) \
                 where log = 1 and seq = 3;",
        )
        .await;
    let altered = proof(&service, books.tenant, Log::Contract, 3, 0).await.unwrap();
    let refused = verify(&service, Log::Contract, &altered).unwrap_err();
    assert_eq!(refused.check(), Check::Inclusion);
}

// A proof without a checkpoint makes one; entries and trees that do not exist are not found, other
// tenants' neither, and none of it by a role that may not see the trail.
#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let service = Service::start().await;
    let books = five_contracts(&service).await;
    let first = proof(&service, books.tenant, Log::Contract, 6, 0).await.unwrap();
    verify(&service, Log::Contract, &first).unwrap();
    for (seq, size) in [(7, 0), (7, 7), (1, 7), (u64::MAX >> 1, 0)] {
        let refused = proof(&service, books.tenant, Log::Contract, seq, size).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{seq} {size}");
    }
    let refused = proof(&service, books.tenant, Log::Reporting, 1, 0).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let foreign = proof(&service, tenant(2), Log::Contract, 1, 0).await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
    let request = pb::GetCheckpointRequest::default();
    let denied = service.audit.get_checkpoint(by(books.tenant, Role::Analyst, request)).await;
    assert_eq!(denied.unwrap_err().code(), Code::PermissionDenied);
}

// Who rewrites a tree in the database gets no checkpoint for it: the next one must extend the last, so
// the tenant stands, visibly, and stays without a new signature.
#[tokio::test]
async fn a_rewritten_tree_is_not_signed() {
    let service = Service::start().await;
    let mut books = five_contracts(&service).await;
    service.checkpoint(books.tenant).await.unwrap();
    books.sign(signed(6), Names::default());
    books.deliver(&service).await;
    service.tamper("update tree_node set hash = sha256(hash) where log = 2 and level = 2;").await;
    let refused = service.checkpoint(books.tenant).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let stop = service.stop(books.tenant).await.unwrap();
    assert!(stop.starts_with("LOG_DIVERGED the recognition log is not the one"), "{stop}");
    assert_eq!(service.tamper("select count(*) from checkpoint;").await, "1");
}
