//! One tenant with many obligations, and what is asked of the recognition service about it.

use std::time::{Duration, Instant};

use anyhow::Context;
use backlog_proto::common::v1::Money;
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::contract::v1::{Convention, ObligationTerms, SignContractRequest, StraightLine};
use backlog_proto::google::r#type::Date;
use backlog_proto::recognition::v1::recognition_service_client::RecognitionServiceClient;
use backlog_proto::recognition::v1::run_service_client::RunServiceClient;
use backlog_proto::recognition::v1::stream_run_response::News;
use backlog_proto::recognition::v1::{
    RunRecognitionRequest, RunRecognitionResponse, StreamRunRequest,
};

use crate::load::{price, sign};
use crate::system::{Service, System};
use crate::tenants::Tenant;

/// Obligations of each contract.
pub(crate) const PER_CONTRACT: u64 = 5;

/// A contract over the year 2026 with five obligations that time earns, each by another convention.
/// Their prices sum to that of a contract with one.
pub(crate) fn sign_five(number: u64) -> SignContractRequest {
    let mut request = sign(number);
    let Some(backlog_proto::contract::v1::sign_contract_request::Subject::Terms(terms)) =
        &mut request.subject
    else {
        return request;
    };
    let conventions = [
        Convention::ActualDays,
        Convention::EvenMonths,
        Convention::ProratedMonths,
        Convention::Thirty360,
        Convention::ActualDays,
    ];
    let mut left = price(number);
    terms.obligations.clear();
    for (place, convention) in (1..).zip(conventions) {
        let part = if place == PER_CONTRACT { left } else { price(number) / (place + 4) };
        left -= part;
        terms.obligations.push(ObligationTerms {
            key: format!("part-{place}"),
            price: Some(Money {
                currency_code: "USD".to_owned(),
                amount: format!("{}.{:02}", part / 100, part % 100),
            }),
            method: Some(Method::StraightLine(StraightLine { convention: convention.into() })),
            product_line: "platform".to_owned(),
            ..ObligationTerms::default()
        });
    }
    request
}

/// The last day of a month of 2026.
pub(crate) fn end_of(month: u32) -> Date {
    const DAYS: [i32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month).unwrap_or(1).clamp(1, 12) - 1;
    let day = DAYS.get(index).copied().unwrap_or(28);
    Date { year: 2026, month: i32::try_from(index + 1).unwrap_or(12), day }
}

/// Runs through the end of a month; answers what it posted and how long that took.
pub(crate) async fn recognize(
    system: &System,
    tenant: &Tenant,
    month: u32,
) -> anyhow::Result<(RunRecognitionResponse, Duration)> {
    let mut client = RecognitionServiceClient::new(system.channel(Service::Recognition).await?);
    let request = RunRecognitionRequest {
        request_id: format!("month-{month}"),
        through: Some(end_of(month)),
        ..RunRecognitionRequest::default()
    };
    let started = Instant::now();
    let answer = client.run_recognition(tenant.request(request)).await.context("the run")?;
    Ok((answer.into_inner(), started.elapsed()))
}

/// Follows a run through the end of a month until it has posted so many entries.
///
/// # Errors
/// Also when it ends before.
pub(crate) async fn recognize_until(
    system: &System,
    tenant: &Tenant,
    month: u32,
    entries: u64,
) -> anyhow::Result<u64> {
    let mut client = RunServiceClient::new(system.channel(Service::Recognition).await?);
    let request = StreamRunRequest {
        request_id: format!("month-{month}"),
        through: Some(end_of(month)),
        ..StreamRunRequest::default()
    };
    let mut stream = client.stream_run(tenant.request(request)).await?.into_inner();
    while let Some(told) = stream.message().await? {
        match told.news {
            Some(News::Progress(progress)) if progress.entries_posted >= entries => {
                return Ok(progress.entries_posted);
            }
            Some(News::Result(_)) => anyhow::bail!("the run ended before {entries} entries"),
            _ => {}
        }
    }
    anyhow::bail!("the run is not followed any more")
}

/// The digest of what recognition keeps of a tenant.
pub(crate) fn digest(system: &System, tenant: &Tenant) -> anyhow::Result<String> {
    system.sql(&format!(
        "set search_path = recognition; \
         select encode(digest, 'hex') from state_digest('{}');",
        tenant.id.uuid()
    ))
}

/// Waits until recognition has accounted for the whole contract log.
pub(crate) fn caught_up(system: &System) -> anyhow::Result<()> {
    system.sql(CAUGHT_UP).map(drop)
}

const CAUGHT_UP: &str = "
do $$
declare
  v_seen bigint := -1;
  v_now bigint;
  v_since timestamptz := clock_timestamp();
begin
  loop
    exit when not exists (
      select 1 from contract.log_head h
      left join recognition.applied_position a on a.tenant_id = h.tenant_id and a.log = 1
      where coalesce(a.seq, 0) < h.seq);
    select coalesce(sum(seq), 0) into v_now from recognition.applied_position;
    if v_now > v_seen then
      v_seen := v_now;
      v_since := clock_timestamp();
    elsif clock_timestamp() > v_since + interval '1 minute' then
      raise exception 'recognition stands still: %', (
        select coalesce(string_agg(format('%s %s', reason, detail), '; '), 'no reason')
        from recognition.processing_stop);
    end if;
    perform pg_sleep(0.2);
  end loop;
end $$;
";
