//! What callers are told when a call cannot be answered, and that nothing happened then.

use std::time::Duration;

use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::google::r#type::Date;
use backlog_proto::log::v1::ReadRequest;
use backlog_proto::log::v1::event_log_service_client::EventLogServiceClient;
use backlog_proto::recognition::v1::{GetPlanRequest, RunRecognitionRequest};
use backlog_recognition::config::RunsConfig;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::owner::{contract_drafted, day, suspension_changed};
use crate::stack::{Stack, at, contract, even_months, run_request, tenant};

pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

// Shows that every wrong field is named at once, in both RPCs, and that the log stays as it was.
#[tokio::test]
async fn all_violations_at_once() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    stack.owner.create_tenant(tenant, even_months()).await;
    replica.run(tenant, "first", "2026-01-31", 1).await;
    let before = stack.recognition_entries(&replica, tenant).await.len();
    let wrong = RunRecognitionRequest {
        request_id: String::new(),
        through: Some(Date { year: 2026, month: 2, day: 30 }),
        contract_id: "acme".to_owned(),
        min_positions: vec![
            LogPosition { log: 0, seq: 1 },
            LogPosition { log: Log::Reporting.into(), seq: 1 },
        ],
    };
    let status = replica.try_run(tenant, wrong).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "INVALID_FIELDS")
    );
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let named: Vec<&str> = violations.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(named, ["request_id", "through", "contract_id", "min_positions[0]"]);

    let wrong = GetPlanRequest {
        contract_id: contract(1).to_string().to_uppercase(),
        min_positions: at(Log::Reporting, 1),
    };
    let wrong = replica.call(Some(tenant), &["analyst"], wrong);
    let status = replica.client().get_plan(wrong).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let named: Vec<&str> = violations.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(named, ["contract_id", "min_positions[0]"]);
    assert_eq!(stack.recognition_entries(&replica, tenant).await.len(), before);
}

// Shows that a contract of another tenant, an unknown one and a draft answer alike, in both RPCs.
#[tokio::test]
async fn other_tenants_contracts_do_not_exist() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let (own, other) = (tenant(1), tenant(2));
    for tenant in [own, other] {
        stack.owner.create_tenant(tenant, even_months()).await;
    }
    stack.owner.sign(other, contract(1), &["1200.00"], "2026-12-31").await;
    replica.run(other, "r", "2026-01-31", 2).await;
    stack.owner.write(own, contract_drafted(contract(2))).await;
    let mut statuses = Vec::new();
    for id in [contract(1), contract(2), contract(3)] {
        statuses.push(replica.try_plan(own, id, at(Log::Contract, 2)).await.unwrap_err());
        let run = RunRecognitionRequest {
            contract_id: id.to_string(),
            ..run_request("r", "2026-01-31", 2)
        };
        statuses.push(replica.try_run(own, run).await.unwrap_err());
    }
    for status in &statuses {
        assert_eq!((status.code(), reason(status).as_str()), (Code::NotFound, "NOT_FOUND"));
    }
    assert_eq!(stack.recognition_entries(&replica, own).await.len(), 2, "nothing was posted");
    assert!(replica.try_plan(other, contract(1), Vec::new()).await.is_ok());
}

// Shows who is let in: a role without the permission, a token without a tenant, a tenant that has not
// arrived yet, a user at the log, and a suspended tenant are each refused as documented.
#[tokio::test]
async fn the_door() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant_1 = tenant(1);
    stack.owner.create_tenant(tenant_1, even_months()).await;
    replica.run(tenant_1, "r", "2026-01-31", 1).await;
    let run = |tenant, roles: &[&str]| {
        let request = replica.call(tenant, roles, run_request("s", "2026-02-28", 1));
        let mut client = replica.client();
        async move { client.run_recognition(request).await.unwrap_err() }
    };
    for (tenant, roles, code, why) in [
        (Some(tenant_1), vec!["auditor"], Code::PermissionDenied, "PERMISSION_DENIED"),
        (None, vec!["revenue_accountant"], Code::PermissionDenied, "PERMISSION_DENIED"),
        (Some(tenant(9)), vec!["revenue_accountant"], Code::Unavailable, "TENANT_NOT_READY"),
    ] {
        let status = run(tenant, &roles).await;
        assert_eq!((status.code(), reason(&status).as_str()), (code, why));
    }
    let not_ready = run(Some(tenant(9)), &["revenue_accountant"]).await;
    assert!(not_ready.get_details_retry_info().is_some(), "says when to try again");
    let anonymous = Request::new(run_request("s", "2026-02-28", 1));
    let status = replica.client().run_recognition(anonymous).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);

    let read =
        ReadRequest { after_seq: 0, after_hash: vec![0; 32], limit: 0, only_seqs: Vec::new() };
    let read = replica.call(Some(tenant_1), &["tenant_admin"], read);
    let url = format!("http://{}", replica.running.address);
    let mut log = EventLogServiceClient::connect(url).await.unwrap();
    assert_eq!(log.read(read).await.unwrap_err().code(), Code::PermissionDenied);

    let seen = stack.owner.write(tenant_1, suspension_changed(tenant_1, true)).await;
    let plan = replica.try_plan(tenant_1, contract(1), at(Log::Contract, seen)).await;
    assert_eq!(plan.unwrap_err().code(), Code::NotFound, "reads go on");
    let status = run(Some(tenant_1), &["revenue_accountant"]).await;
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "TENANT_SUSPENDED")
    );
    let seen = stack.owner.write(tenant_1, suspension_changed(tenant_1, false)).await;
    replica.run(tenant_1, "s", "2026-02-28", seen).await;
    stack.verify(&replica, tenant_1).await;
}

// Shows that a call waits for the positions it asks for no longer than the caller does, and then tells
// how far it got.
#[tokio::test]
async fn behind_tells_how_far() {
    let stack = Stack::start().await;
    let replica = stack.replica().await;
    let tenant = tenant(1);
    stack.owner.create_tenant(tenant, even_months()).await;
    replica.run(tenant, "r", "2026-01-31", 1).await;
    let mut request =
        replica.call(Some(tenant), &["revenue_accountant"], run_request("s", "2026-02-28", 99));
    request.set_timeout(Duration::from_millis(500));
    let status = replica.client().run_recognition(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "BEHIND"));
    let metadata = status.get_details_error_info().unwrap().metadata;
    assert_eq!((metadata["reached"].as_str(), metadata["wanted"].as_str()), ("1", "99"));
    assert!(status.get_details_retry_info().is_some());
    assert_eq!(stack.recognition_entries(&replica, tenant).await.len(), 2, "nothing was posted");
    let told = replica.run(tenant, "t", "2025-12-31", 1).await.watermark.unwrap();
    assert_eq!(told.recognized_through, Some(day("2026-01-31").into()));
}

// Shows that runs under way are limited: beyond the limit a call is told to come back, and nothing is
// posted for it.
#[tokio::test]
async fn runs_under_way_are_limited() {
    let stack = Stack::start().await;
    let replica =
        stack.replica_with(RunsConfig { concurrent_max: 0, ..RunsConfig::default() }).await;
    let tenant = tenant(1);
    stack.owner.create_tenant(tenant, even_months()).await;
    let request = run_request("r", "2026-01-31", 1);
    let status = replica.try_run(tenant, request).await.unwrap_err();
    let told = (status.code(), reason(&status));
    assert_eq!(told, (Code::ResourceExhausted, "LIMIT_EXCEEDED".to_owned()));
    let metadata = status.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["limit"], "runs.concurrent_max");
    assert_eq!(stack.recognition_entries(&replica, tenant).await.len(), 1);
}
