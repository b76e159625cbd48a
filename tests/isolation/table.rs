//! Every RPC of the system: where it is served, what it needs, and what it answers to strangers.

use backlog_tenancy::Permission;
use backlog_tests::Service;

use crate::samples::{self, Subject};

/// Which tokens reach an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Those that name a tenant.
    Tenant,
    /// Those that name none.
    Account,
    /// Those that services sign for each other.
    Services,
}

/// What a caller who may call it gets for the ids of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// NOT_FOUND, as for ids that do not exist.
    NotFound,
    /// The answer for ids that do not exist, byte for byte: they only narrow a list.
    Nothing,
    /// It takes no ids: its answer is about the caller alone.
    Own,
    /// Only operators may call it, and everything is theirs.
    Operators,
}

/// One RPC at one service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) rpc: &'static str,
    pub(crate) at: Service,
    pub(crate) permission: Permission,
    pub(crate) level: Level,
    pub(crate) foreign: Foreign,
    /// Valid requests about a subject; together they set every field.
    pub(crate) samples: fn(&Subject) -> Vec<Vec<u8>>,
}

impl Row {
    /// The first sample.
    pub(crate) fn request(&self, subject: &Subject) -> Vec<u8> {
        (self.samples)(subject).into_iter().next().expect("a sample")
    }

    /// `service Service/Method`, without the package.
    pub(crate) fn name(&self) -> String {
        let service = format!("{:?}", self.at).to_lowercase();
        let method = self.rpc.rsplit('.').next().unwrap_or_default();
        format!("{service} {method}")
    }
}

/// All of them, in the order of the golden file.
pub(crate) fn table() -> Vec<Row> {
    [
        platform(),
        contracts(),
        recognition(),
        periods(),
        policies(),
        what_ifs(),
        combinations(),
        journal(),
        reporting(),
        processing(),
        logs(),
    ]
    .concat()
}

const fn row(
    rpc: &'static str,
    at: Service,
    permission: Permission,
    foreign: Foreign,
    samples: fn(&Subject) -> Vec<Vec<u8>>,
) -> Row {
    Row { rpc, at, permission, level: Level::Tenant, foreign, samples }
}

fn platform() -> Vec<Row> {
    use Foreign::{NotFound, Operators, Own};
    use Permission::{AccountManage, AccountRead, TenantManage, TenantRead};
    let account = |rpc, permission, foreign, samples| Row {
        level: Level::Account,
        ..row(rpc, Service::Contract, permission, foreign, samples)
    };
    vec![
        account(
            "backlog.contract.v1.PlatformService/CreateAccount",
            AccountManage,
            Operators,
            samples::create_account,
        ),
        account(
            "backlog.contract.v1.PlatformService/ListAccounts",
            AccountRead,
            Own,
            samples::list_accounts,
        ),
        account(
            "backlog.contract.v1.PlatformService/CreateTenant",
            TenantManage,
            NotFound,
            samples::create_tenant,
        ),
        account(
            "backlog.contract.v1.PlatformService/ListTenants",
            TenantRead,
            Own,
            samples::list_tenants,
        ),
        account(
            "backlog.contract.v1.PlatformService/SetTenantSuspended",
            TenantManage,
            NotFound,
            samples::set_tenant_suspended,
        ),
        account(
            "backlog.contract.v1.PlatformService/GetPlatformHealth",
            TenantRead,
            Own,
            samples::get_platform_health,
        ),
    ]
}

fn contracts() -> Vec<Row> {
    use Foreign::{NotFound, Nothing, Own};
    use Permission::{
        ContractAmend, ContractCreate, ContractRead, ContractSign, ContractTerminate,
        CreditNoteIssue, InvoiceIssue, InvoiceRead, PaymentRecord,
    };
    let at = Service::Contract;
    vec![
        row(
            "backlog.contract.v1.ContractService/CreateContract",
            at,
            ContractCreate,
            Own,
            samples::create_contract,
        ),
        row(
            "backlog.contract.v1.ContractService/GetContract",
            at,
            ContractRead,
            NotFound,
            samples::get_contract,
        ),
        row(
            "backlog.contract.v1.ContractService/ListContracts",
            at,
            ContractRead,
            Nothing,
            samples::list_contracts,
        ),
        row(
            "backlog.contract.v1.ContractService/SignContract",
            at,
            ContractSign,
            NotFound,
            samples::sign_contract,
        ),
        row(
            "backlog.contract.v1.ContractService/AmendContract",
            at,
            ContractAmend,
            NotFound,
            samples::amend_contract,
        ),
        row(
            "backlog.contract.v1.ContractService/TerminateContract",
            at,
            ContractTerminate,
            NotFound,
            samples::terminate_contract,
        ),
        row(
            "backlog.contract.v1.InvoiceService/IssueInvoice",
            at,
            InvoiceIssue,
            NotFound,
            samples::issue_invoice,
        ),
        row(
            "backlog.contract.v1.InvoiceService/ListInvoices",
            at,
            InvoiceRead,
            Nothing,
            samples::list_invoices,
        ),
        row(
            "backlog.contract.v1.InvoiceService/IssueCreditNote",
            at,
            CreditNoteIssue,
            NotFound,
            samples::issue_credit_note,
        ),
        row(
            "backlog.contract.v1.InvoiceService/RecordPayment",
            at,
            PaymentRecord,
            NotFound,
            samples::record_payment,
        ),
    ]
}

fn recognition() -> Vec<Row> {
    use Permission::{
        AdjustmentApprove, EstimateChange, PeriodRead, PlanRead, ProgressReport, RecognitionRun,
        RevenueAdjust,
    };
    let at = Service::Recognition;
    vec![
        row(
            "backlog.recognition.v1.RecognitionService/RunRecognition",
            at,
            RecognitionRun,
            Foreign::NotFound,
            samples::run_recognition,
        ),
        row(
            "backlog.recognition.v1.RunService/StreamRun",
            at,
            RecognitionRun,
            Foreign::NotFound,
            samples::stream_run,
        ),
        row(
            "backlog.recognition.v1.RecognitionService/GetPlan",
            at,
            PlanRead,
            Foreign::NotFound,
            samples::get_plan,
        ),
        row(
            "backlog.recognition.v1.ExplainService/ExplainContract",
            at,
            Permission::ReportRead,
            Foreign::NotFound,
            samples::explain_contract,
        ),
        row(
            "backlog.recognition.v1.ExplainService/PreviewChange",
            at,
            PlanRead,
            Foreign::NotFound,
            samples::preview_change,
        ),
        row(
            "backlog.recognition.v1.ProgressService/ReportProgress",
            at,
            ProgressReport,
            Foreign::NotFound,
            samples::report_progress,
        ),
        row(
            "backlog.recognition.v1.ProgressService/ChangeEstimate",
            at,
            EstimateChange,
            Foreign::NotFound,
            samples::change_estimate,
        ),
        row(
            "backlog.recognition.v1.ProgressService/AdjustRevenue",
            at,
            RevenueAdjust,
            Foreign::NotFound,
            samples::adjust_revenue,
        ),
        row(
            "backlog.recognition.v1.ProgressService/HoldRevenue",
            at,
            RevenueAdjust,
            Foreign::NotFound,
            samples::hold_revenue,
        ),
        row(
            "backlog.recognition.v1.ProgressService/ReassessContract",
            at,
            EstimateChange,
            Foreign::NotFound,
            samples::reassess_contract,
        ),
        row(
            "backlog.recognition.v1.ProgressService/ApproveAdjustment",
            at,
            AdjustmentApprove,
            Foreign::NotFound,
            samples::approve_adjustment,
        ),
        row(
            "backlog.recognition.v1.ProgressService/RejectAdjustment",
            at,
            AdjustmentApprove,
            Foreign::NotFound,
            samples::reject_adjustment,
        ),
        row(
            "backlog.recognition.v1.ProgressService/ListProposedAdjustments",
            at,
            PeriodRead,
            Foreign::Nothing,
            samples::list_proposed_adjustments,
        ),
    ]
}

/// In this order: everybody's latest close is undone before another period is closed.
fn periods() -> Vec<Row> {
    use Permission::{PeriodClose, PeriodRead, PeriodReopen};
    let own = |rpc, permission, samples| {
        row(rpc, Service::Recognition, permission, Foreign::Own, samples)
    };
    vec![
        own(
            "backlog.recognition.v1.PeriodService/ReopenPeriod",
            PeriodReopen,
            samples::reopen_period,
        ),
        own("backlog.recognition.v1.PeriodService/ClosePeriod", PeriodClose, samples::close_period),
        own("backlog.recognition.v1.PeriodService/GetPeriod", PeriodRead, samples::get_period),
        own("backlog.recognition.v1.PeriodService/ListPeriods", PeriodRead, samples::list_periods),
        own(
            "backlog.recognition.v1.PeriodService/GetCloseChecklist",
            PeriodRead,
            samples::get_close_checklist,
        ),
    ]
}

fn policies() -> Vec<Row> {
    use Permission::{PolicyManage, PolicyRead};
    let own = |rpc, permission, samples| {
        row(rpc, Service::Recognition, permission, Foreign::Own, samples)
    };
    vec![
        own("backlog.recognition.v1.PolicyService/SetPolicy", PolicyManage, samples::set_policy),
        own("backlog.recognition.v1.PolicyService/GetPolicy", PolicyRead, samples::get_policy),
        own(
            "backlog.recognition.v1.PolicyService/ListPolicies",
            PolicyRead,
            samples::list_policies,
        ),
    ]
}

fn what_ifs() -> Vec<Row> {
    use Foreign::{NotFound, Own};
    use Permission::{PolicyManage, PolicyRead};
    let at = Service::Recognition;
    vec![
        row(
            "backlog.recognition.v1.WhatIfService/StartWhatIf",
            at,
            PolicyManage,
            Own,
            samples::start_what_if,
        ),
        row(
            "backlog.recognition.v1.WhatIfService/GetWhatIf",
            at,
            PolicyRead,
            NotFound,
            samples::get_what_if,
        ),
        row(
            "backlog.recognition.v1.WhatIfService/ListWhatIfs",
            at,
            PolicyRead,
            Own,
            samples::list_what_ifs,
        ),
        row(
            "backlog.recognition.v1.WhatIfService/DeleteWhatIf",
            at,
            PolicyManage,
            NotFound,
            samples::delete_what_if,
        ),
    ]
}

fn combinations() -> Vec<Row> {
    let at = Service::Recognition;
    vec![
        row(
            "backlog.recognition.v1.CombinationService/CombineContracts",
            at,
            Permission::ContractCombine,
            Foreign::NotFound,
            samples::combine_contracts,
        ),
        row(
            "backlog.recognition.v1.CombinationService/ListCombinationProposals",
            at,
            Permission::PlanRead,
            Foreign::Nothing,
            samples::list_combination_proposals,
        ),
    ]
}

fn journal() -> Vec<Row> {
    use Permission::{JournalConfigure, JournalExport, JournalRead};
    let at = Service::Recognition;
    vec![
        row(
            "backlog.recognition.v1.JournalService/SetAccountMapping",
            at,
            JournalConfigure,
            Foreign::Own,
            samples::set_account_mapping,
        ),
        row(
            "backlog.recognition.v1.JournalService/GetAccountMapping",
            at,
            JournalRead,
            Foreign::Own,
            samples::get_account_mapping,
        ),
        row(
            "backlog.recognition.v1.JournalService/SetExchangeRate",
            at,
            JournalConfigure,
            Foreign::Own,
            samples::set_exchange_rate,
        ),
        row(
            "backlog.recognition.v1.JournalService/GetTrialBalance",
            at,
            JournalRead,
            Foreign::NotFound,
            samples::get_trial_balance,
        ),
        row(
            "backlog.recognition.v1.JournalService/ExportJournal",
            at,
            JournalExport,
            Foreign::Own,
            samples::export_journal,
        ),
        row(
            "backlog.recognition.v1.JournalService/ReadJournal",
            at,
            JournalRead,
            Foreign::NotFound,
            samples::read_journal,
        ),
        row(
            "backlog.recognition.v1.JournalService/ListJournalExports",
            at,
            JournalRead,
            Foreign::Own,
            samples::list_journal_exports,
        ),
    ]
}

fn reporting() -> Vec<Row> {
    use Foreign::{Nothing, Own};
    use Permission::{AuditRead, ReportRead};
    let at = Service::Reporting;
    vec![
        row(
            "backlog.reporting.v1.BacklogService/GetBacklog",
            at,
            ReportRead,
            Nothing,
            samples::get_backlog,
        ),
        row(
            "backlog.reporting.v1.BacklogService/GetRollForward",
            at,
            ReportRead,
            Nothing,
            samples::get_roll_forward,
        ),
        row(
            "backlog.reporting.v1.AuditService/ListEntries",
            at,
            AuditRead,
            Nothing,
            samples::list_entries,
        ),
        row(
            "backlog.reporting.v1.AuditService/GetCheckpoint",
            at,
            AuditRead,
            Own,
            samples::get_checkpoint,
        ),
        row(
            "backlog.reporting.v1.AuditService/GetInclusionProof",
            at,
            AuditRead,
            Own,
            samples::get_inclusion_proof,
        ),
        row(
            "backlog.reporting.v1.AuditService/GetConsistencyProof",
            at,
            AuditRead,
            Own,
            samples::get_consistency_proof,
        ),
    ]
}

fn processing() -> Vec<Row> {
    let rows = Service::ALL.map(|at| {
        [
            row(
                "backlog.log.v1.ProcessingService/GetProcessing",
                at,
                Permission::ProcessingRead,
                Foreign::Own,
                samples::get_processing,
            ),
            row(
                "backlog.log.v1.ProcessingService/ResumeProcessing",
                at,
                Permission::ProcessingResume,
                Foreign::Own,
                samples::resume_processing,
            ),
        ]
    });
    rows.concat()
}

fn logs() -> Vec<Row> {
    let rows = [Service::Contract, Service::Recognition].map(|at| Row {
        level: Level::Services,
        ..row(
            "backlog.log.v1.EventLogService/Read",
            at,
            Permission::LogRead,
            Foreign::Own,
            samples::read_log,
        )
    });
    rows.to_vec()
}
