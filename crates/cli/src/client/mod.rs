//! The three services as clients: connections, tokens, and what their answers become.

mod explained;
mod positions;
mod settle;
mod status;
mod wire;

use std::{path::PathBuf, time::Duration};

use backlog_proto::contract::v1::{
    contract_service_client::ContractServiceClient, invoice_service_client::InvoiceServiceClient,
    platform_service_client::PlatformServiceClient,
};
use backlog_proto::log::v1::processing_service_client::ProcessingServiceClient;
use backlog_proto::recognition::v1::{
    combination_service_client::CombinationServiceClient,
    explain_service_client::ExplainServiceClient, journal_service_client::JournalServiceClient,
    period_service_client::PeriodServiceClient, policy_service_client::PolicyServiceClient,
    progress_service_client::ProgressServiceClient,
    recognition_service_client::RecognitionServiceClient, run_service_client::RunServiceClient,
    what_if_service_client::WhatIfServiceClient,
};
use backlog_proto::reporting::v1::{
    audit_service_client::AuditServiceClient, backlog_service_client::BacklogServiceClient,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use crate::failure::Failure;

pub(crate) use explained::explained;
pub(crate) use positions::{PositionBook, later};
pub(crate) use settle::{account_known, tenant_known};
pub(crate) use status::from_status;
pub(crate) use wire::{
    balances, date, day, money, money_json, months, position_json, positions_text, to_money,
    watermark_json, watermark_text,
};

/// Answers larger than this are refused.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Where the services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Address of the contract service.
    pub(crate) contract: String,
    /// Address of the recognition service.
    pub(crate) recognition: String,
    /// Address of the reporting service.
    pub(crate) reporting: String,
    /// Authority that signed the services' certificates, for `https://`.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A service, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    /// Commitments and billing facts.
    Contract,
    /// Accounting.
    Recognition,
    /// Reports and the audit trail.
    Reporting,
}

impl Service {
    /// All three, in the order of dependence.
    pub(crate) const ALL: [Self; 3] = [Self::Contract, Self::Recognition, Self::Reporting];

    /// The name, as of its schema, its log and its program.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Recognition => "recognition",
            Self::Reporting => "reporting",
        }
    }

    /// A gRPC service of it that is serving when the whole is ready.
    #[must_use]
    pub(crate) const fn health_name(self) -> &'static str {
        match self {
            Self::Contract => backlog_proto::contract::v1::contract_service_server::SERVICE_NAME,
            Self::Recognition => {
                backlog_proto::recognition::v1::recognition_service_server::SERVICE_NAME
            }
            Self::Reporting => backlog_proto::reporting::v1::backlog_service_server::SERVICE_NAME,
        }
    }
}

/// Connections to the services; made on first use.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    contract: Channel,
    recognition: Channel,
    reporting: Channel,
    timeout: Duration,
}

impl Connections {
    /// Prepares connections; nothing is sent yet.
    pub(crate) fn new(addresses: &Addresses, timeout: Duration) -> Result<Self, Failure> {
        let tls = match &addresses.ca_file {
            None => ClientTlsConfig::new(),
            Some(path) => {
                let pem = std::fs::read(path).map_err(|error| {
                    Failure::usage(format!("cannot read {}: {error}", path.display()))
                })?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
            }
        };
        let channel = |url: &str| {
            let wrong = |error: tonic::transport::Error| {
                Failure::usage(format!(
                    "{url} is not an address such as http://host:50051: {error}"
                ))
            };
            let mut endpoint = Endpoint::from_shared(url.to_owned()).map_err(wrong)?;
            if url.starts_with("https://") {
                endpoint = endpoint.tls_config(tls.clone()).map_err(wrong)?;
            }
            let endpoint = endpoint.connect_timeout(timeout).tcp_nodelay(true);
            Ok::<Channel, Failure>(endpoint.connect_lazy())
        };
        Ok(Self {
            contract: channel(&addresses.contract)?,
            recognition: channel(&addresses.recognition)?,
            reporting: channel(&addresses.reporting)?,
            timeout,
        })
    }

    /// The connection to one service, for health.
    pub(crate) fn channel(&self, service: Service) -> Channel {
        match service {
            Service::Contract => self.contract.clone(),
            Service::Recognition => self.recognition.clone(),
            Service::Reporting => self.reporting.clone(),
        }
    }

    /// How long a call may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Clients that call with this token.
    pub(crate) fn with_token(&self, token: &str) -> Result<Client, Failure> {
        let bearer: MetadataValue<Ascii> = format!("Bearer {}", token.trim())
            .parse()
            .map_err(|_| Failure::usage("the token has characters that a token cannot have"))?;
        let bearer = Bearer { token: bearer, timeout: self.timeout };
        Ok(Client { connections: self.clone(), bearer })
    }
}

/// Puts the token and the deadline on each call.
#[derive(Clone)]
pub(crate) struct Bearer {
    token: MetadataValue<Ascii>,
    timeout: Duration,
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer")
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.token.clone());
        request.set_timeout(self.timeout);
        Ok(request)
    }
}

type Authorized = InterceptedService<Channel, Bearer>;

/// Clients of all services with one token.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    connections: Connections,
    bearer: Bearer,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident at $channel:ident;)+) => {
        impl Client {
            $($(#[$doc])*
            pub(crate) fn $name(&self) -> $client<Authorized> {
                let channel = self.connections.$channel.clone();
                $client::with_interceptor(channel, self.bearer.clone())
                    .max_decoding_message_size(ANSWER_MAX_BYTES)
            })+
        }
    };
}

clients! {
    /// Accounts and tenants.
    platform: PlatformServiceClient at contract;
    /// Contracts.
    contracts: ContractServiceClient at contract;
    /// Invoices.
    invoices: InvoiceServiceClient at contract;
    /// Runs and plans.
    recognition: RecognitionServiceClient at recognition;
    /// Progress, estimates and adjustments.
    progress: ProgressServiceClient at recognition;
    /// The journal.
    journal: JournalServiceClient at recognition;
    /// Accounting periods.
    periods: PeriodServiceClient at recognition;
    /// Versions of the policy.
    policies: PolicyServiceClient at recognition;
    /// Runs under another policy.
    what_ifs: WhatIfServiceClient at recognition;
    /// Contracts that are accounted for as one.
    combinations: CombinationServiceClient at recognition;
    /// Runs that are followed.
    runs: RunServiceClient at recognition;
    /// Explanations and previews.
    explain: ExplainServiceClient at recognition;
    /// Backlog and its roll-forward.
    backlog: BacklogServiceClient at reporting;
    /// The audit trail.
    audit: AuditServiceClient at reporting;
}

impl Client {
    /// How far a service is.
    pub(crate) fn processing(&self, service: Service) -> ProcessingServiceClient<Authorized> {
        let channel = self.connections.channel(service);
        ProcessingServiceClient::with_interceptor(channel, self.bearer.clone())
    }
}
