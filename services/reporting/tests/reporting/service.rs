//! The whole service on a port: configuration, tokens, permissions, processing state, shutdown.

use std::collections::HashMap;

use backlog_event_log::{Applied, Inbound};
use backlog_ids::TenantId;
use backlog_proto::log::v1::GetProcessingRequest;
use backlog_proto::log::v1::processing_service_client::ProcessingServiceClient;
use backlog_proto::reporting::v1 as pb;
use backlog_proto::reporting::v1::audit_service_client::AuditServiceClient;
use backlog_proto::reporting::v1::backlog_service_client::BacklogServiceClient;
use backlog_recognition_engine::Convention;
use backlog_reporting::app::App;
use backlog_reporting::config::Config;
use backlog_service_kit::config::{Arguments, load};
use backlog_service_kit::{Clock, Ids};
use backlog_tenancy::{TokenSigner, UserToken};
use backlog_test_support::cluster::TestCluster;
use chrono::TimeDelta;
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_types::StatusExt;

use crate::books::{Books, at, day, tenant, test_database};

const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
[database]
runtime_url = "DATABASE"
[nats]
url = "NATS_URL"
user = "NATS_USER"
password = "NATS_PASSWORD"
[auth]
issuers_file = "FOLDER/issuers.toml"
service_key_file = "SERVICE_KEY"
[logs]
contract_url = "http://127.0.0.1:9"
recognition_url = "http://127.0.0.1:9"
[audit]
key_file = "CHECKPOINT_KEY"
key_name = "reporting.test"
"#;

const ISSUERS: &str = r#"
[[issuer]]
issuer = "test"
algorithm = "EdDSA"
jwks = "JWKS"
audience = "backlog"
account = "acc_0000000000000000000000000000004d"
"#;

/// The configuration of a replica, read as the program reads it.
fn config(folder: &TempDir, cluster: &TestCluster, runtime_url: &str) -> Config {
    let manifest = cluster.manifest();
    let path = |path: &std::path::Path| path.display().to_string();
    let issuers = ISSUERS.replace("JWKS", &path(&manifest.keys.user_issuer.jwks_path));
    std::fs::write(folder.path().join("issuers.toml"), issuers).unwrap();
    let text = [
        ("DATABASE", runtime_url.to_owned()),
        ("NATS_URL", manifest.nats_url.clone()),
        ("NATS_USER", manifest.nats.reporting.name.clone()),
        ("NATS_PASSWORD", manifest.nats.reporting.password.clone()),
        ("FOLDER", path(folder.path())),
        ("SERVICE_KEY", path(&manifest.keys.reporting.private_key_path)),
        ("CHECKPOINT_KEY", path(&manifest.keys.checkpoint.private_key_path)),
    ]
    .into_iter()
    .fold(CONFIG.to_owned(), |text, (name, value)| text.replace(name, &value));
    let file = folder.path().join("reporting.toml");
    std::fs::write(&file, text).unwrap();
    load(&Arguments { config: Some(file), rest: Vec::new() }, HashMap::new()).unwrap()
}

/// A request with a token of this role.
fn with_token<T>(cluster: &TestCluster, tenant: TenantId, role: &str, message: T) -> Request<T> {
    let key = &cluster.manifest().keys.user_issuer;
    let pem = std::fs::read(&key.private_key_path).unwrap();
    let token = TokenSigner::try_new(&key.key_id, &pem)
        .unwrap()
        .user_token(&UserToken {
            issuer: "test",
            subject: "ann",
            audience: "backlog",
            tenant: Some(tenant),
            roles: &[role],
            expires: Clock::System.now() + TimeDelta::minutes(5),
        })
        .unwrap();
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

// The service starts from a file, refuses who has no token or not the permission, says of a tenant that
// is on its way that it is, answers once its creation is applied, tells its state with the digest, and
// ends when told to.
#[tokio::test]
async fn serves_from_a_file_to_its_end() {
    let cluster = TestCluster::shared().await.unwrap();
    let database = test_database().await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder, cluster, &database.urls().reporting.runtime_url);
    let clock = Clock::System;
    let running = App::start(config, clock.clone(), Ids::random(clock)).await.unwrap();
    let url = format!("http://{}", running.address);
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
    let mut backlog = BacklogServiceClient::new(channel.clone());
    let mut audit = AuditServiceClient::new(channel.clone());
    let mut processing = ProcessingServiceClient::new(channel);
    let id = tenant(1);
    let report = |role: &str| with_token(cluster, id, role, at(day("2026-01-31")));

    let nobody = backlog.get_backlog(at(day("2026-01-31"))).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
    let early = backlog.get_backlog(report("analyst")).await.unwrap_err();
    assert_eq!(early.code(), Code::Unavailable);
    assert_eq!(early.get_error_details().error_info().unwrap().reason, "TENANT_NOT_READY");

    let mut books = Books::open(id, Convention::EvenMonths);
    let inbound = Inbound { tenant: id, entries: books.news(), trace: std::sync::Arc::default() };
    assert_eq!(running.writers().apply(inbound).await, Applied::All);
    let answer = backlog.get_backlog(report("analyst")).await.unwrap().into_inner();
    assert!(answer.rows.is_empty());
    assert_eq!(answer.watermark.unwrap().positions.len(), 2);

    let checkpoint = pb::GetCheckpointRequest::default();
    let request = with_token(cluster, id, "analyst", checkpoint.clone());
    assert_eq!(audit.get_checkpoint(request).await.unwrap_err().code(), Code::PermissionDenied);
    let request = with_token(cluster, id, "auditor", checkpoint);
    let signed = audit.get_checkpoint(request).await.unwrap().into_inner().checkpoint.unwrap();
    assert!(signed.note.starts_with(&format!("reporting.test/{id}\n1\n")), "{}", signed.note);

    let request = with_token(cluster, id, "auditor", GetProcessingRequest { with_digest: true });
    let state = processing.get_processing(request).await.unwrap().into_inner();
    assert_eq!(state.applied.iter().map(|p| (p.log, p.seq)).collect::<Vec<_>>(), [(1, 1), (2, 1)]);
    assert_eq!((state.stop, state.digest.len()), (None, 32));
    running.shutdown().await.unwrap();
    assert!(backlog.get_backlog(report("analyst")).await.is_err());
}
