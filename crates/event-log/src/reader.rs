//! Reading a log from its owner over gRPC: gap filling, catch-up, rebuilds.

use backlog_audit_log::Hash;
use backlog_ids::TenantId;
use backlog_proto::common::v1::{ErrorReason, Log};
use backlog_proto::log::v1::ReadRequest;
use backlog_proto::log::v1::event_log_service_client::EventLogServiceClient;
use backlog_service_kit::error::reason_name;
use backlog_service_kit::sources::Clock;
use backlog_tenancy::TokenSigner;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt;

use crate::broker::log_token;
use crate::entry::{GENESIS, Opened, open};

/// The owner of one log, as its readers see it.
#[derive(Clone)]
pub struct Reader {
    log: Log,
    channel: Channel,
    signer: TokenSigner,
    caller: &'static str,
    clock: Clock,
}

/// Why reading failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The owner's history is not ours.
    #[error("the owner's log does not continue the history known here")]
    Diverged,
    /// The owner does not answer now.
    #[error("the owner of the log does not answer: {0}")]
    Unavailable(String),
    /// The address or the token is unusable.
    #[error("the log cannot be read: {0}")]
    Setup(String),
}

impl Reader {
    /// Prepares the connection of `caller`, a service's name, to the owner at `url`; it is made when
    /// needed.
    ///
    /// # Errors
    /// When the URL cannot be understood.
    pub fn new(
        log: Log,
        url: &str,
        signer: TokenSigner,
        caller: &'static str,
        clock: Clock,
    ) -> Result<Self, ReadError> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| ReadError::Setup(error.to_string()))?
            .connect_timeout(std::time::Duration::from_secs(5))
            .timeout(std::time::Duration::from_secs(30));
        Ok(Self { log, channel: endpoint.connect_lazy(), signer, caller, clock })
    }

    /// The log that this reads.
    #[must_use]
    pub fn log(&self) -> Log {
        self.log
    }

    /// Entries after a known place, `limit` at most; all of them, up to the log's end.
    ///
    /// # Errors
    /// When the owner does not answer, or has another history.
    pub async fn read(
        &self,
        tenant: TenantId,
        after_seq: u64,
        after_hash: Hash,
        limit: u64,
    ) -> Result<Vec<Opened>, ReadError> {
        self.read_some(tenant, after_seq, after_hash, (limit, usize::MAX)).await
    }

    /// Entries after a known place: `limit` at most, and no more pages once they have so many bytes.
    ///
    /// # Errors
    /// When the owner does not answer, or has another history.
    pub async fn read_some(
        &self,
        tenant: TenantId,
        after_seq: u64,
        after_hash: Hash,
        (limit, bytes): (u64, usize),
    ) -> Result<Vec<Opened>, ReadError> {
        let after_hash = after_hash.to_vec();
        let request = ReadRequest { after_seq, after_hash, limit, only_seqs: Vec::new() };
        self.ask(tenant, request, bytes).await
    }

    /// These entries, in order, 500 at most; those that do not exist are left out.
    ///
    /// # Errors
    /// When the owner does not answer.
    pub async fn entries(&self, tenant: TenantId, seqs: &[u64]) -> Result<Vec<Opened>, ReadError> {
        let only_seqs = seqs.to_vec();
        let after_hash = GENESIS.to_vec();
        let request = ReadRequest { only_seqs, after_hash, ..ReadRequest::default() };
        self.ask(tenant, request, usize::MAX).await
    }

    async fn ask(
        &self,
        tenant: TenantId,
        request: ReadRequest,
        bytes: usize,
    ) -> Result<Vec<Opened>, ReadError> {
        let token = self
            .signer
            .service_token(self.caller, log_token(self.log), tenant, self.clock.now())
            .map_err(|error| ReadError::Setup(error.to_string()))?;
        let bearer = MetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|error| ReadError::Setup(error.to_string()))?;
        let mut request = tonic::Request::new(request);
        request.metadata_mut().insert("authorization", bearer);
        let mut client = EventLogServiceClient::new(self.channel.clone())
            .max_decoding_message_size(64 * 1024 * 1024);
        let mut stream = client.read(request).await.map_err(sort)?.into_inner();
        let (mut entries, mut read) = (Vec::new(), 0_usize);
        while read < bytes
            && let Some(page) = stream.message().await.map_err(sort)?
        {
            for entry in &page.entries {
                read = read.saturating_add(entry.len());
                let opened = open(entry).map_err(|e| ReadError::Setup(e.to_string()))?;
                entries.push(opened);
            }
        }
        Ok(entries)
    }
}

fn sort(status: tonic::Status) -> ReadError {
    let reason = status.get_details_error_info().map(|info| info.reason);
    if reason.as_deref() == Some(reason_name(ErrorReason::LogDiverged)) {
        return ReadError::Diverged;
    }
    ReadError::Unavailable(status.to_string())
}
