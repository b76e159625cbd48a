//! `EventLogService`: the owner's side of reading a log.

use std::pin::Pin;

use backlog_db::{Database, DbError};
use backlog_ids::TenantId;
use backlog_proto::Fields;
use backlog_proto::common::v1::ErrorReason;
use backlog_proto::log::v1::event_log_service_server::EventLogService;
use backlog_proto::log::v1::{ReadRequest, ReadResponse};
use backlog_service_kit::{Fault, InvalidFields, Kind, context, to_status};
use backlog_tenancy::Permission;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::entry::{GENESIS, open};

/// Entries in one message of the stream.
const PAGE: u64 = 500;

/// Serves a service's own log.
#[derive(Debug, Clone)]
pub struct LogServer {
    database: Database,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
enum LogFault {
    #[error("after_hash is not that of entry {0}: the log's history is another one")]
    Diverged(u64),
    #[error("the database cannot answer now; try again")]
    Unavailable,
}

impl Fault for LogFault {
    fn kind(&self) -> Kind {
        match self {
            Self::Diverged(_) => Kind::FailedPrecondition,
            Self::Unavailable => Kind::Unavailable,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Diverged(_) => ErrorReason::LogDiverged,
            Self::Unavailable => ErrorReason::Unavailable,
        }
    }
}

impl From<DbError> for LogFault {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "reading the log failed");
        Self::Unavailable
    }
}

impl LogServer {
    /// Serves the log in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    async fn page(
        &self,
        tenant: TenantId,
        after: u64,
        limit: u64,
    ) -> Result<Vec<Vec<u8>>, DbError> {
        let rows = self
            .database
            .read(
                "select entry from read_log($1, $2, $3)",
                vec![
                    tenant.uuid().into(),
                    i64::try_from(after).unwrap_or(i64::MAX).into(),
                    i64::try_from(limit).unwrap_or(i64::MAX).into(),
                ],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get("", "entry")?)).collect()
    }

    /// Answers single entries, in one message.
    async fn only(
        &self,
        tenant: TenantId,
        seqs: Vec<u64>,
    ) -> Result<Response<<Self as EventLogService>::ReadStream>, Status> {
        if u64::try_from(seqs.len()).unwrap_or(PAGE) > PAGE {
            let mut fields = Fields::new();
            fields.violation("only_seqs", format!("must be {PAGE} at most"));
            fields.finish().map_err(|violations| to_status(&InvalidFields(violations)))?;
        }
        let seqs: Vec<i64> =
            seqs.into_iter().map(|seq| i64::try_from(seq).unwrap_or(i64::MAX)).collect();
        let sql = "select entry from read_entries($1, $2)";
        let found = self.database.read(sql, vec![tenant.uuid().into(), seqs.into()]).await;
        let entries = found
            .and_then(|rows| {
                rows.iter().map(|row| Ok(row.try_get("", "entry")?)).collect::<Result<_, DbError>>()
            })
            .map_err(|error| to_status(&LogFault::from(error)))?;
        let page = futures::stream::iter([Ok(ReadResponse { entries })]);
        Ok(Response::new(Box::pin(page)))
    }

    /// Checks that the reader's last entry, if it has one, is ours.
    async fn check_history(
        &self,
        tenant: TenantId,
        after_seq: u64,
        after_hash: &[u8],
    ) -> Result<(), LogFault> {
        if after_seq == 0 {
            return Ok(());
        }
        let ours = self.page(tenant, after_seq.saturating_sub(1), 1).await?;
        let same = ours.first().is_some_and(|bytes| {
            open(bytes).is_ok_and(|opened| {
                opened.entry.seq == after_seq && opened.hash.as_slice() == after_hash
            })
        });
        if same { Ok(()) } else { Err(LogFault::Diverged(after_seq)) }
    }
}

#[tonic::async_trait]
impl EventLogService for LogServer {
    type ReadStream =
        Pin<Box<dyn futures::Stream<Item = Result<ReadResponse, Status>> + Send + 'static>>;

    async fn read(
        &self,
        request: Request<ReadRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let scope =
            context(&request)?.tenant_scope(Permission::LogRead).map_err(|e| to_status(&e))?;
        let ReadRequest { after_seq, after_hash, limit, only_seqs } = request.into_inner();
        let known = after_seq != 0 || after_hash == GENESIS;
        if after_hash.len() != GENESIS.len() || !known {
            let mut fields = Fields::new();
            fields.violation("after_hash", "must be 32 bytes, zero for after_seq 0");
            fields.finish().map_err(|violations| to_status(&InvalidFields(violations)))?;
        }
        self.check_history(scope.tenant, after_seq, &after_hash)
            .await
            .map_err(|fault| to_status(&fault))?;
        if !only_seqs.is_empty() {
            return self.only(scope.tenant, only_seqs).await;
        }
        let limit = if limit == 0 { u64::MAX } else { limit };
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        let server = self.clone();
        tokio::spawn(async move {
            let mut after = after_seq;
            let mut left = limit;
            while left > 0 {
                let page = match server.page(scope.tenant, after, PAGE.min(left)).await {
                    Ok(page) => page,
                    Err(error) => {
                        let status = to_status(&LogFault::from(error));
                        drop(sender.send(Err(status)).await);
                        return;
                    }
                };
                let sent = u64::try_from(page.len()).unwrap_or(PAGE);
                if sent == 0 || sender.send(Ok(ReadResponse { entries: page })).await.is_err() {
                    return;
                }
                after = after.saturating_add(sent);
                left = left.saturating_sub(sent);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
