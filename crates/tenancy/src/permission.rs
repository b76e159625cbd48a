//! Permissions are verbs, roles are sets of them. Nothing else grants anything.

use std::fmt;

/// One thing that a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// See contracts.
    ContractRead,
    /// Draft contracts.
    ContractCreate,
    /// Sign contracts: from then on they are in backlog.
    ContractSign,
    /// Change signed contracts as the parties approved it.
    ContractAmend,
    /// End signed contracts.
    ContractTerminate,
    /// Issue invoices.
    InvoiceIssue,
    /// Issue credit notes, concessions among them.
    CreditNoteIssue,
    /// Record cash received and given back.
    PaymentRecord,
    /// See invoices.
    InvoiceRead,
    /// Report progress of obligations.
    ProgressReport,
    /// Change estimates of variable amounts and costs.
    EstimateChange,
    /// Decide that contracts are accounted for as one.
    ContractCombine,
    /// Adjust revenue, for a reason.
    RevenueAdjust,
    /// Approve or reject adjustments that others put in.
    AdjustmentApprove,
    /// Post revenue.
    RecognitionRun,
    /// Close accounting periods.
    PeriodClose,
    /// Open the latest closed period again.
    PeriodReopen,
    /// See periods, their closes and what blocks one.
    PeriodRead,
    /// Set versions of the tenant's policy, and try others out.
    PolicyManage,
    /// See versions of the tenant's policy, and what others would do.
    PolicyRead,
    /// See what is planned to be recognized.
    PlanRead,
    /// See the journal: trial balances, exports, accounts.
    JournalRead,
    /// Export the journal.
    JournalExport,
    /// Assign accounts, state exchange rates.
    JournalConfigure,
    /// See reports.
    ReportRead,
    /// See the audit trail, checkpoints and proofs.
    AuditRead,
    /// Create accounts.
    AccountManage,
    /// List accounts.
    AccountRead,
    /// Create and suspend tenants.
    TenantManage,
    /// List tenants and their health.
    TenantRead,
    /// See how far a service is with the tenant's logs, and whether it stands.
    ProcessingRead,
    /// Let a tenant's processing go on after a stop.
    ProcessingResume,
    /// Read a tenant's event log: for services only, no role has it.
    LogRead,
}

impl Permission {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 33] = [
        Self::ContractRead,
        Self::ContractCreate,
        Self::ContractSign,
        Self::ContractAmend,
        Self::ContractTerminate,
        Self::InvoiceIssue,
        Self::CreditNoteIssue,
        Self::PaymentRecord,
        Self::InvoiceRead,
        Self::ProgressReport,
        Self::EstimateChange,
        Self::ContractCombine,
        Self::RevenueAdjust,
        Self::AdjustmentApprove,
        Self::RecognitionRun,
        Self::PeriodClose,
        Self::PeriodReopen,
        Self::PeriodRead,
        Self::PolicyManage,
        Self::PolicyRead,
        Self::PlanRead,
        Self::JournalRead,
        Self::JournalExport,
        Self::JournalConfigure,
        Self::ReportRead,
        Self::AuditRead,
        Self::AccountManage,
        Self::AccountRead,
        Self::TenantManage,
        Self::TenantRead,
        Self::ProcessingRead,
        Self::ProcessingResume,
        Self::LogRead,
    ];

    /// The name in errors and documents, such as `contract.sign`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContractRead => "contract.read",
            Self::ContractCreate => "contract.create",
            Self::ContractSign => "contract.sign",
            Self::ContractAmend => "contract.amend",
            Self::ContractTerminate => "contract.terminate",
            Self::InvoiceIssue => "invoice.issue",
            Self::CreditNoteIssue => "credit_note.issue",
            Self::PaymentRecord => "payment.record",
            Self::InvoiceRead => "invoice.read",
            Self::ProgressReport => "progress.report",
            Self::EstimateChange => "estimate.change",
            Self::ContractCombine => "contract.combine",
            Self::RevenueAdjust => "revenue.adjust",
            Self::AdjustmentApprove => "adjustment.approve",
            Self::RecognitionRun => "recognition.run",
            Self::PeriodClose => "period.close",
            Self::PeriodReopen => "period.reopen",
            Self::PeriodRead => "period.read",
            Self::PolicyManage => "policy.manage",
            Self::PolicyRead => "policy.read",
            Self::PlanRead => "plan.read",
            Self::JournalRead => "journal.read",
            Self::JournalExport => "journal.export",
            Self::JournalConfigure => "journal.configure",
            Self::ReportRead => "report.read",
            Self::AuditRead => "audit.read",
            Self::AccountManage => "account.manage",
            Self::AccountRead => "account.read",
            Self::TenantManage => "tenant.manage",
            Self::TenantRead => "tenant.read",
            Self::ProcessingRead => "processing.read",
            Self::ProcessingResume => "processing.resume",
            Self::LogRead => "log.read",
        }
    }

    /// Whether it changes a tenant's books: refused while the tenant is suspended.
    #[must_use]
    pub const fn writes_books(self) -> bool {
        match self {
            Self::ContractCreate
            | Self::ContractSign
            | Self::ContractAmend
            | Self::ContractTerminate
            | Self::InvoiceIssue
            | Self::CreditNoteIssue
            | Self::PaymentRecord
            | Self::ProgressReport
            | Self::EstimateChange
            | Self::ContractCombine
            | Self::RevenueAdjust
            | Self::RecognitionRun
            | Self::JournalExport
            | Self::JournalConfigure
            | Self::AdjustmentApprove
            | Self::PeriodClose
            | Self::PeriodReopen
            | Self::PolicyManage => true,
            Self::ContractRead
            | Self::InvoiceRead
            | Self::PlanRead
            | Self::JournalRead
            | Self::PeriodRead
            | Self::PolicyRead
            | Self::ReportRead
            | Self::AuditRead
            | Self::AccountManage
            | Self::AccountRead
            | Self::TenantManage
            | Self::TenantRead
            | Self::ProcessingRead
            | Self::ProcessingResume
            | Self::LogRead => false,
        }
    }

    const fn bit(self) -> u64 {
        1 << (self as u32)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// Nothing allowed.
    pub const NONE: Self = Self(0);

    /// The set of these.
    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut rest = permissions;
        while let [first, others @ ..] = rest {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// What either set has.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the permission is in the set.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Its members in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.has(*permission))
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::name)).finish()
    }
}

/// A named set of permissions, as found in the `roles` claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Service to service: contracts and invoices in, reports out.
    BillingSystem,
    /// Schedules and recognition runs.
    RevenueAccountant,
    /// The accountant's work, and signing, invoicing and the audit trail.
    Controller,
    /// Reads reports.
    Analyst,
    /// Reads everything of the tenant, the audit trail included; changes nothing.
    Auditor,
    /// Everything within one tenant.
    TenantAdmin,
    /// Creates and suspends the account's tenants; sees no business data.
    AccountAdmin,
    /// Runs the installation: accounts and their tenants; sees no business data.
    Operator,
}

/// What kind of issuer and token may carry a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// A token of an account's issuer that names a tenant.
    Tenant,
    /// A token of an account's issuer that names none.
    Account,
    /// A token of an operator's issuer.
    Operator,
}

impl Role {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::BillingSystem,
        Self::RevenueAccountant,
        Self::Controller,
        Self::Analyst,
        Self::Auditor,
        Self::TenantAdmin,
        Self::AccountAdmin,
        Self::Operator,
    ];

    /// The name in the `roles` claim, such as `billing_system`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BillingSystem => "billing_system",
            Self::RevenueAccountant => "revenue_accountant",
            Self::Controller => "controller",
            Self::Analyst => "analyst",
            Self::Auditor => "auditor",
            Self::TenantAdmin => "tenant_admin",
            Self::AccountAdmin => "account_admin",
            Self::Operator => "operator",
        }
    }

    /// The role of this name. Names of other systems' roles are `None`: an identity provider may
    /// put them into the same claim.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Which tokens may carry it; in others it grants nothing.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::BillingSystem
            | Self::RevenueAccountant
            | Self::Controller
            | Self::Analyst
            | Self::Auditor
            | Self::TenantAdmin => Level::Tenant,
            Self::AccountAdmin => Level::Account,
            Self::Operator => Level::Operator,
        }
    }
}

const BILLING: PermissionSet = PermissionSet::of(&[
    Permission::ContractRead,
    Permission::ContractCreate,
    Permission::ContractSign,
    Permission::ContractAmend,
    Permission::ContractTerminate,
    Permission::InvoiceIssue,
    Permission::CreditNoteIssue,
    Permission::PaymentRecord,
    Permission::InvoiceRead,
    Permission::ProgressReport,
    Permission::PlanRead,
    Permission::ReportRead,
    Permission::ProcessingRead,
]);
const ACCOUNTANT: PermissionSet = PermissionSet::of(&[
    Permission::ContractRead,
    Permission::InvoiceRead,
    Permission::ProgressReport,
    Permission::EstimateChange,
    Permission::ContractCombine,
    Permission::RevenueAdjust,
    Permission::RecognitionRun,
    Permission::PeriodRead,
    Permission::PolicyRead,
    Permission::PlanRead,
    Permission::JournalRead,
    Permission::JournalExport,
    Permission::ReportRead,
    Permission::ProcessingRead,
]);
const AUDIT: PermissionSet = PermissionSet::of(&[Permission::AuditRead]);
const CONTROLLER: PermissionSet = ACCOUNTANT.union(AUDIT).union(PermissionSet::of(&[
    Permission::JournalConfigure,
    Permission::ContractCreate,
    Permission::ContractSign,
    Permission::ContractAmend,
    Permission::ContractTerminate,
    Permission::InvoiceIssue,
    Permission::CreditNoteIssue,
    Permission::PaymentRecord,
    Permission::AdjustmentApprove,
    Permission::PeriodClose,
    Permission::PeriodReopen,
    Permission::PolicyManage,
]));
const ANALYST: PermissionSet = PermissionSet::of(&[
    Permission::ContractRead,
    Permission::ReportRead,
    Permission::PlanRead,
    Permission::ProcessingRead,
]);
const AUDITOR: PermissionSet = ANALYST.union(AUDIT).union(PermissionSet::of(&[
    Permission::InvoiceRead,
    Permission::JournalRead,
    Permission::PeriodRead,
    Permission::PolicyRead,
]));
const ACCOUNT_ADMIN: PermissionSet =
    PermissionSet::of(&[Permission::TenantManage, Permission::TenantRead, Permission::AccountRead]);

/// What a role may do.
#[must_use]
pub const fn permissions(role: Role) -> PermissionSet {
    match role {
        Role::BillingSystem => BILLING,
        Role::RevenueAccountant => ACCOUNTANT,
        Role::Controller => CONTROLLER,
        Role::Analyst => ANALYST,
        Role::Auditor => AUDITOR,
        Role::TenantAdmin => {
            BILLING.union(CONTROLLER).union(PermissionSet::of(&[Permission::ProcessingResume]))
        }
        Role::AccountAdmin => ACCOUNT_ADMIN,
        Role::Operator => ACCOUNT_ADMIN.union(PermissionSet::of(&[Permission::AccountManage])),
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Permission, PermissionSet, Role, permissions};

    /// The whole matrix, so that a change of any cell is a change of this table.
    #[test]
    fn role_matrix() {
        let read = "contract.read";
        let progress = "processing.read";
        let accountant = [
            read,
            "invoice.read",
            "progress.report",
            "estimate.change",
            "contract.combine",
            "revenue.adjust",
            "recognition.run",
            "period.read",
            "policy.read",
            "plan.read",
            "journal.read",
            "journal.export",
            "report.read",
            progress,
        ];
        let expected: [(&str, Vec<&str>); 8] = [
            (
                "billing_system",
                vec![
                    read,
                    "contract.create",
                    "contract.sign",
                    "contract.amend",
                    "contract.terminate",
                    "invoice.issue",
                    "credit_note.issue",
                    "payment.record",
                    "invoice.read",
                    "progress.report",
                    "plan.read",
                    "report.read",
                    progress,
                ],
            ),
            ("revenue_accountant", accountant.to_vec()),
            (
                "controller",
                [
                    accountant.as_slice(),
                    &[
                        "audit.read",
                        "journal.configure",
                        "contract.create",
                        "contract.sign",
                        "contract.amend",
                        "contract.terminate",
                        "invoice.issue",
                        "credit_note.issue",
                        "payment.record",
                        "adjustment.approve",
                        "period.close",
                        "period.reopen",
                        "policy.manage",
                    ],
                ]
                .concat(),
            ),
            ("analyst", vec![read, "report.read", "plan.read", progress]),
            (
                "auditor",
                vec![
                    read,
                    "invoice.read",
                    "period.read",
                    "policy.read",
                    "plan.read",
                    "journal.read",
                    "report.read",
                    "audit.read",
                    progress,
                ],
            ),
            (
                "tenant_admin",
                vec![
                    read,
                    "contract.create",
                    "contract.sign",
                    "contract.amend",
                    "contract.terminate",
                    "invoice.issue",
                    "credit_note.issue",
                    "payment.record",
                    "invoice.read",
                    "progress.report",
                    "estimate.change",
                    "contract.combine",
                    "revenue.adjust",
                    "adjustment.approve",
                    "recognition.run",
                    "period.close",
                    "period.reopen",
                    "period.read",
                    "policy.manage",
                    "policy.read",
                    "plan.read",
                    "journal.read",
                    "journal.export",
                    "journal.configure",
                    "report.read",
                    "audit.read",
                    progress,
                    "processing.resume",
                ],
            ),
            ("account_admin", vec!["tenant.manage", "tenant.read", "account.read"]),
            ("operator", vec!["account.manage", "tenant.manage", "tenant.read", "account.read"]),
        ];
        for (name, verbs) in expected {
            let role = Role::parse(name).unwrap();
            for permission in Permission::ALL {
                let should = verbs.contains(&permission.name());
                assert_eq!(permissions(role).has(permission), should, "{name} {permission}");
            }
        }
    }

    /// No role of a person may read logs, no tenant role reaches accounts and the reverse.
    #[test]
    fn levels_do_not_mix() {
        let account = PermissionSet::of(&[
            Permission::AccountManage,
            Permission::AccountRead,
            Permission::TenantManage,
            Permission::TenantRead,
        ]);
        for role in Role::ALL {
            let set = permissions(role);
            assert!(!set.has(Permission::LogRead), "{role:?}");
            for permission in set.iter() {
                let of_account = account.has(permission);
                assert_eq!(of_account, role.level() != Level::Tenant, "{role:?} {permission}");
            }
        }
    }

    /// Auditors and analysts change nothing; unknown names are no role.
    #[test]
    fn readers_do_not_write() {
        for role in [Role::Auditor, Role::Analyst] {
            assert!(!permissions(role).iter().any(Permission::writes_books), "{role:?}");
        }
        assert_eq!(Role::parse("Operator"), None);
        assert_eq!(Role::parse(""), None);
        assert_eq!(format!("{:?}", PermissionSet::of(&[Permission::LogRead])), r#"{"log.read"}"#);
    }
}
