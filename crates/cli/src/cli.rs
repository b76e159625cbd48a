//! The command line: what there is, and which file does it.

use clap::{CommandFactory, Parser, Subcommand};

use backlog_service_kit::{Clock, Ids};

use crate::commands::{
    account::{Account, Issuer},
    audit::Audit,
    combination::Combination,
    contract::Contract,
    dev::Dev,
    doctor::{self, Doctor},
    explain::Explain,
    invoice::Invoice,
    journal::Journal,
    payment::Payment,
    period::{Adjustment, Period},
    policy::Policy,
    progress::Progress,
    recognition::{Plan, Recognize},
    report::Report,
    scenario::Scenario,
    tenant::Tenant,
    token::Token,
    what_if::WhatIf,
};
use crate::demo::Demo;
use crate::failure::{Exit, Failure};
use crate::session::{Options, Output, Session};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the answer is no: a figure differs, something does not stand or is not ready
  2  the command, a file or the set-up of this machine is wrong; nothing was sent
  3  refused by a service; the reason, everything wrong and what to do are printed
  4  a service could not answer, or not in time; try again with the same --request-id
  5  a proof does not hold; the check that fails is named

First account, issuer, tenant and token on a local stack:
  backlog dev up --detach
  backlog account create \"Vendor\"
  backlog issuer bind --account acc_...
  backlog tenant create acme --name \"Acme\"
  export BACKLOG_TOKEN=$(backlog token --tenant ten_... --role controller)";

/// Revenue backlog: the value of signed contracts not yet recognized as revenue.
#[derive(Debug, Parser)]
#[command(name = "backlog", version, about, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The local stack: real Postgres, real NATS and the three services.
    #[command(subcommand)]
    Dev(Dev),
    /// Accounts: the vendors that own tenants.
    #[command(subcommand)]
    Account(Account),
    /// Issuers: whose tokens are an account's.
    #[command(subcommand)]
    Issuer(Issuer),
    /// Tenants: sets of books.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Signs a token with the local stack's development keys.
    Token(Token),
    /// Contracts: drafts, and firm commitments.
    #[command(subcommand)]
    Contract(Contract),
    /// Invoices and credit notes: from unbilled to billed, and back.
    #[command(subcommand)]
    Invoice(Invoice),
    /// Cash received, and given back.
    #[command(subcommand)]
    Payment(Payment),
    /// What was done, what is expected, and what a person adjusts.
    #[command(subcommand)]
    Progress(Progress),
    /// Adjustments that wait for a second person.
    #[command(subcommand)]
    Adjustment(Adjustment),
    /// Accounting periods: closing them, and opening the latest again.
    #[command(subcommand)]
    Period(Period),
    /// Contracts that are accounted for as one.
    #[command(subcommand)]
    Combination(Combination),
    /// Versions of the accounting policy, each from a day on.
    #[command(subcommand)]
    Policy(Policy),
    /// What the figures would be under another policy; nothing of the books changes.
    #[command(subcommand)]
    WhatIf(WhatIf),
    /// Posts the revenue earned through a day and not posted before.
    Recognize(Recognize),
    /// Why the figures of a contract are what they are, entry by entry.
    Explain(Explain),
    /// What is still planned.
    #[command(subcommand)]
    Plan(Plan),
    /// Balanced entries for the general ledger, accounts and exchange rates.
    #[command(subcommand)]
    Journal(Journal),
    /// Backlog and its roll-forward.
    #[command(subcommand)]
    Report(Report),
    /// The audit trail, checkpoints and proofs.
    #[command(subcommand)]
    Audit(Audit),
    /// Worked examples that run.
    #[command(subcommand)]
    Scenario(Scenario),
    /// How far each service is with each tenant, and what stands still.
    Doctor(Doctor),
    /// Whether each service lives and is ready.
    Health,
    /// Starts a private stack, plays a story, compares every figure, and removes everything.
    Demo(Demo),
}

impl Cli {
    /// Does what was asked; answers are printed. Errors are for the caller to print.
    ///
    /// # Errors
    /// What went wrong, with its exit code.
    pub async fn run(self, clock: Clock, ids: Ids) -> Result<Exit, Failure> {
        let session = &Session::new(self.options, clock, ids);
        match self.command {
            Command::Dev(dev) => dev.run(session).await,
            Command::Account(account) => account.run(session).await,
            Command::Issuer(issuer) => issuer.run(session).await,
            Command::Tenant(tenant) => tenant.run(session).await,
            Command::Token(token) => token.run(session),
            Command::Contract(contract) => contract.run(session).await,
            Command::Invoice(invoice) => invoice.run(session).await,
            Command::Payment(payment) => payment.run(session).await,
            Command::Progress(progress) => progress.run(session).await,
            Command::Adjustment(adjustment) => adjustment.run(session).await,
            Command::Period(period) => period.run(session).await,
            Command::Combination(combination) => combination.run(session).await,
            Command::Policy(policy) => policy.run(session).await,
            Command::WhatIf(what_if) => what_if.run(session).await,
            Command::Recognize(recognize) => recognize.run(session).await,
            Command::Explain(explain) => explain.run(session).await,
            Command::Plan(plan) => plan.run(session).await,
            Command::Journal(journal) => journal.run(session).await,
            Command::Report(report) => report.run(session).await,
            Command::Audit(audit) => audit.run(session).await,
            Command::Scenario(scenario) => scenario.run(session).await,
            Command::Doctor(doctor) => doctor.run(session).await,
            Command::Health => doctor::health(session).await,
            Command::Demo(demo) => demo.run(session).await,
        }
    }

    /// How answers are written.
    #[must_use]
    pub fn output(&self) -> Output {
        self.options.output
    }

    /// The help of all commands, for documentation and tests.
    #[must_use]
    pub fn definition() -> clap::Command {
        Self::command()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Cli;

    const CONTRACT: &str = "ctr_0192f3a1c8e67d4fb0a1b2c3d4e5f607";
    const TENANT: &str = "ten_0192f3a1c8e67d4fb0a1b2c3d4e5f607";

    /// The definition is sound, and every command that the documentation names parses.
    #[test]
    fn documented_commands_parse() {
        Cli::definition().debug_assert();
        let (contract, tenant) = (CONTRACT, TENANT);
        let account = "acc_0192f3a1c8e67d4fb0a1b2c3d4e5f607";
        let good = [
            "dev up --detach".to_owned(),
            "dev status --output json".to_owned(),
            "account create Vendor".to_owned(),
            format!("issuer bind --account {account}"),
            "tenant create acme --name Acme --currency EUR --convention even_months".to_owned(),
            format!("tenant suspend {tenant}"),
            format!("token --tenant {tenant} --role controller --role auditor --ttl 60"),
            "token --operator".to_owned(),
            "contract sign --customer A --from 2026-01-01 --to 2026-12-31 --price 1.00".to_owned(),
            "contract sign --file terms.yaml --signed-on 2026-01-01".to_owned(),
            format!("contract sign {contract} --etag x"),
            "contract create --file terms.yaml --validate-only".to_owned(),
            "contract list --state draft".to_owned(),
            format!("invoice issue {contract} --amount 100.00 --due-on 2026-01-31"),
            format!("invoice issue {contract} --line sub=1.00 --line other=2.00"),
            format!("contract amend {contract} --price service=1800.00 --effective-on 2026-07-01"),
            format!("contract amend {contract} --file change.yaml --etag v1"),
            format!("contract terminate {contract} --refund all --penalty 10.00 --reason moved"),
            format!("invoice credit {contract} --amount 10.00 --concession transferred"),
            format!("payment record {contract} --amount 100.00 --given-back --reference r"),
            format!("progress report {contract} build --percent 25 --on 2026-01-31"),
            format!("progress report {contract} build --cost 10.00 --uninstalled 5.00"),
            format!("progress report {contract} calls --usage -3"),
            format!("progress report {contract} goods --delivered all --gate acceptance"),
            format!(
                "progress estimate {contract} --variable bonus --amount -5.00 --included -6.00"
            ),
            format!("progress estimate {contract} --obligation b --estimate-at-completion 9.00"),
            format!("progress adjust {contract} build --amount -1.00 --reason late"),
            format!("progress assess {contract} --unmet collection --unmet rights --reason r"),
            format!("progress assess {contract} --reason paid --on 2026-01-31"),
            "recognize --through 2026-01-31 --after contract=5".to_owned(),
            format!("plan get {contract}"),
            "journal trial-balance --period 2026-01 --functional".to_owned(),
            "journal export --period 2026-01 --detail --out january.csv".to_owned(),
            "journal export --batch jrn_0192f3a1c8e67d4fb0a1b2c3d4e5f607".to_owned(),
            "journal exports --period 2026-01".to_owned(),
            "journal mapping revenue=4000 cash=1000 --unbilled-receivable".to_owned(),
            "journal mapping".to_owned(),
            "journal rate --from EUR --to USD --rate 1.08 --kind closing --on 2026-01-31"
                .to_owned(),
            "tenant create acme --calendar weeks/4-4-5/last-saturday/january".to_owned(),
            "tenant create acme --adjustments-need-approval".to_owned(),
            "period close 2026-01 --after contract=5".to_owned(),
            "period reopen 2026-01 --reason error".to_owned(),
            "period list 2026".to_owned(),
            "period get 2026-P01".to_owned(),
            "period checklist 2026-01".to_owned(),
            "policy set --convention even_months --effective 2026-07-01 --reason year".to_owned(),
            "policy set --standard ifrs_15 --expedient one_year --expedient royalty \
             --effective 2026-07-01 --reason group"
                .to_owned(),
            "policy list".to_owned(),
            "policy show --on 2026-07-01".to_owned(),
            "what-if start --label days --convention actual_days --wait".to_owned(),
            "what-if start --label due --receivable-on due --from 2026-07-01 --after contract=5"
                .to_owned(),
            "what-if show wif_0192f3a1c8e67d4fb0a1b2c3d4e5f607".to_owned(),
            "what-if list".to_owned(),
            "what-if delete wif_0192f3a1c8e67d4fb0a1b2c3d4e5f607".to_owned(),
            "adjustment list".to_owned(),
            "adjustment approve adj_0192f3a1c8e67d4fb0a1b2c3d4e5f607".to_owned(),
            "adjustment reject adj_0192f3a1c8e67d4fb0a1b2c3d4e5f607 --reason wrong".to_owned(),
            format!("explain {contract} --obligation seats --period 2026-03"),
            format!("contract preview {contract} --file change.yaml --run-through 2026-12-31"),
            "contract preview --file terms.yaml --on 2026-01-01".to_owned(),
            format!("contract preview {contract} --on 2026-01-01"),
            format!("contract preview {contract} --terminate --refund all --penalty 5.00"),
            "report backlog --as-of 2026-01-31 --group-by customer --filter region=emea".to_owned(),
            "report backlog --known-at contract=12,recognition=15".to_owned(),
            "report rollforward --from 2026-01-01 --to 2026-12-31".to_owned(),
            "audit list --log recognition".to_owned(),
            "audit proof --seq 2 --out p.json".to_owned(),
            "audit consistency --since january.note".to_owned(),
            "audit verify p.json --key k.txt".to_owned(),
            "scenario run a.yaml b --engine --output json".to_owned(),
            "doctor --digest".to_owned(),
            "health".to_owned(),
            "demo".to_owned(),
        ];
        for line in good {
            let words = ["backlog"].into_iter().chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    /// What says too little, or two things at once, does not parse.
    #[test]
    fn half_commands_are_refused() {
        let (contract, tenant) = (CONTRACT, TENANT);
        let bad = [
            "token".to_owned(),
            format!("token --tenant {tenant}"),
            format!("token --tenant {tenant} --role operator"),
            "token --operator --account-admin".to_owned(),
            "contract sign --customer A".to_owned(),
            format!("contract sign {contract} --file t.yaml"),
            "recognize".to_owned(),
            "journal export".to_owned(),
            "journal mapping till=1".to_owned(),
            "journal rate --from EUR --to USD --rate 1 --kind daily".to_owned(),
            "recognize --through 2026-02-30".to_owned(),
            format!("invoice issue {contract}"),
            format!("invoice issue {contract} --amount 1.00 --line a=1.00"),
            format!("contract amend {contract}"),
            "contract preview".to_owned(),
            "contract preview --terminate".to_owned(),
            format!("contract preview {contract} --terminate --file change.yaml"),
            format!("progress report {contract} build"),
            format!("progress report {contract} build --percent 1 --units 2"),
            format!("progress report {contract} build --percent 1 --uninstalled 5.00"),
            format!("progress report {contract} build --hours 1 --gate acceptance"),
            format!("progress estimate {contract} --variable bonus"),
            format!("progress estimate {contract} --obligation b --amount 1.00"),
            format!("progress adjust {contract} build --amount 1.00"),
            format!("progress assess {contract} --unmet collection"),
            format!("progress assess {contract} --unmet luck --reason r"),
            format!("payment record {contract}"),
            "period reopen 2026-01".to_owned(),
            "policy set --convention even_months --reason year".to_owned(),
            "policy set --effective 2026-07-01 --convention weekly --reason year".to_owned(),
            "what-if start --convention actual_days".to_owned(),
            "what-if show 5".to_owned(),
            "adjustment approve 5".to_owned(),
            "report backlog --known-at contract".to_owned(),
            "tenant create a --currency usd".to_owned(),
        ];
        for line in bad {
            let words = ["backlog"].into_iter().chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
