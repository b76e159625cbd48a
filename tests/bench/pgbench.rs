//! Runs pgbench, which belongs to every Postgres installation.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use backlog_local_stack::PostgresBinaries;

/// The program.
#[derive(Debug)]
pub(crate) struct Pgbench {
    program: PathBuf,
    threads: usize,
}

/// What pgbench reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// Transactions that were committed.
    pub(crate) transactions: u64,
    /// Transactions a second, without the time for connecting.
    pub(crate) rate: f64,
}

impl Pgbench {
    /// Finds the program beside the Postgres that the local stack uses.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let program = PostgresBinaries::find()?.postgres.with_file_name("pgbench");
        anyhow::ensure!(program.is_file(), "there is no {}", program.display());
        Ok(Self { program, threads: std::thread::available_parallelism()?.get() })
    }

    /// Runs scripts, chosen evenly, with prepared statements.
    ///
    /// # Errors
    /// When pgbench fails, or any transaction does.
    pub(crate) fn run(
        &self,
        url: &str,
        scripts: &[PathBuf],
        clients: usize,
        seconds: u64,
    ) -> anyhow::Result<Report> {
        let mut command = Command::new(&self.program);
        command.args([
            "-n",
            "-M",
            "prepared",
            "-T",
            &seconds.to_string(),
            "-c",
            &clients.to_string(),
        ]);
        command.args(["-j", &clients.min(self.threads).to_string()]);
        for script in scripts {
            command.arg("-f").arg(script);
        }
        command.arg(url).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
        let output = command.output().with_context(|| self.program.display().to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "pgbench failed: {errors}");
        Report::parse(&text).with_context(|| format!("pgbench wrote: {text}{errors}"))
    }
}

impl Report {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let after = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let failed = after("number of failed transactions: ").context("no failed transactions")?;
        anyhow::ensure!(failed.starts_with("0 "), "failed transactions: {failed}");
        let transactions =
            after("number of transactions actually processed: ").context("no transactions")?;
        let rate = after("tps = ").and_then(|rest| rest.split(' ').next()).context("no tps")?;
        Ok(Self { transactions: transactions.trim().parse()?, rate: rate.parse()? })
    }
}

/// Writes a script.
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that counts and rates are read from the report, and failures are noticed.
    #[test]
    fn reports_are_read() {
        let text = "number of transactions actually processed: 4711\n\
                    number of failed transactions: 0 (0.000%)\nlatency average = 1.2 ms\n\
                    tps = 942.5 (without initial connection time)\n";
        let report = Report::parse(text).unwrap();
        assert_eq!((report.transactions, report.rate), (4711, 942.5));
        assert!(Report::parse(&text.replace(": 0 (", ": 3 (")).is_err());
        assert!(Report::parse("").is_err());
    }
}
