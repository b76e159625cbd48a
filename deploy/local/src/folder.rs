//! The private folder of a stack, and the promise that it goes away: at drop, when this process
//! ends in any other way, or at the next start on this machine.

use crate::account::{self, Account};
use crate::error::LocalStackError;
use crate::random;
use std::fs::{DirBuilder, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

const PREFIX: &str = "backlog-";
const OWNER_FILE: &str = "owner";
const REAP: &str = include_str!("reap.sh");

/// A folder that only this user and its servers can enter. Dropping it ends the servers whose
/// files are inside and removes it.
#[derive(Debug)]
pub struct PrivateFolder {
    path: PathBuf,
    account: Option<Account>,
    watchdog: Mutex<Option<Child>>,
}

impl PrivateFolder {
    /// A new folder with a short random name under the temp directory, after removing what dead
    /// processes left there.
    ///
    /// # Errors
    /// When the folder cannot be created, or root has no unprivileged account for the servers.
    pub fn create() -> Result<Self, LocalStackError> {
        let uid = account::own_uid()?;
        let base = base_folder(uid);
        sweep(&base, uid);
        Self::create_as(base.join(format!("{PREFIX}{}", random::hex::<4>()?)), uid)
    }

    /// A new folder at `path`, which must not exist yet.
    ///
    /// # Errors
    /// As [`PrivateFolder::create`].
    pub fn create_at(path: &Path) -> Result<Self, LocalStackError> {
        Self::create_as(path.to_owned(), account::own_uid()?)
    }

    fn create_as(path: PathBuf, uid: u32) -> Result<Self, LocalStackError> {
        let account = account::for_servers(uid)?;
        // Servers of another account must get through, without seeing what else is there.
        let mode = if account.is_some() { 0o711 } else { 0o700 };
        DirBuilder::new()
            .mode(mode)
            .create(&path)
            .map_err(LocalStackError::file("create", &path))?;
        let watchdog = Mutex::new(Some(start_reaper(&path, &["when-closed"])?));
        let folder = Self { path, account, watchdog };
        folder.set_mode(&folder.path, mode)?;
        folder.write(OWNER_FILE, &this_process())?;
        Ok(folder)
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The account of the servers; `None` means this process's own.
    pub(crate) fn account(&self) -> Option<Account> {
        self.account
    }

    /// Creates a folder inside, for this user only.
    pub(crate) fn own_folder(&self, name: &str) -> Result<PathBuf, LocalStackError> {
        let path = self.path.join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(LocalStackError::file("create", &path))?;
        Ok(path)
    }

    /// Creates a folder inside that belongs to the servers' account.
    pub(crate) fn server_folder(&self, name: &str) -> Result<PathBuf, LocalStackError> {
        let path = self.own_folder(name)?;
        self.give_to_servers(&path)?;
        Ok(path)
    }

    /// Lets the servers' account own `path`, when it is another one.
    pub(crate) fn give_to_servers(&self, path: &Path) -> Result<(), LocalStackError> {
        self.account.map_or(Ok(()), |account| account.own(path))
    }

    /// Writes a file inside that only this user can read; answers where it is.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, LocalStackError> {
        let path = self.path.join(name);
        write_secret(&path, text)?;
        Ok(path)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Result<(), LocalStackError> {
        std::fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(LocalStackError::file("change the mode of", path))
    }

    /// Lets folder and servers live on after this process, until they are taken down or, when given, until
    /// the process `while_pid` has ended.
    pub(crate) fn detach(&self, while_pid: Option<u32>) -> Result<(), LocalStackError> {
        self.write(OWNER_FILE, "detached\n")?;
        if let Some(pid) = while_pid {
            start_reaper(&self.path, &["while-process", &pid.to_string()])?;
        }
        if let Some(mut watchdog) = self.take_watchdog() {
            if let Some(mut input) = watchdog.stdin.take() {
                input.write_all(b"detach\n").map_err(LocalStackError::program("sh"))?;
            }
            watchdog.wait().map_err(LocalStackError::program("sh"))?;
        }
        Ok(())
    }

    fn take_watchdog(&self) -> Option<Child> {
        self.watchdog.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        if let Some(mut watchdog) = self.take_watchdog() {
            drop(watchdog.stdin.take());
            // Nothing can be done about a failure here; the next start sweeps what stayed.
            drop(watchdog.wait());
        }
    }
}

/// Ends the servers of the folder `path` and removes it.
pub(crate) fn remove(path: &Path) -> Result<(), LocalStackError> {
    start_reaper(path, &["now"])?.wait().map_err(LocalStackError::program("sh"))?;
    Ok(())
}

/// Whether a process with this id runs and has `path` on its command line.
pub(crate) fn is_running(pid: u32, path: &Path) -> bool {
    let path = format!("{}/", path.display());
    std::fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&path))
}

/// Writes `text` to a file that only its owner can read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), LocalStackError> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(LocalStackError::file("write", path))
}

fn start_reaper(path: &Path, arguments: &[&str]) -> Result<Child, LocalStackError> {
    Command::new("sh")
        .args(["-c", REAP, "sh"])
        .arg(path)
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C and a test runner's kill of the whole group must not reach it.
        .process_group(0)
        .spawn()
        .map_err(LocalStackError::program("sh"))
}

/// The temp directory, or `/tmp` when root's servers could not enter it.
fn base_folder(uid: u32) -> PathBuf {
    let temp = std::env::temp_dir();
    let open = temp.ancestors().all(|folder| {
        std::fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 != 0)
    });
    if uid != 0 || open { temp } else { PathBuf::from("/tmp") }
}

/// Removes folders of this user whose owner has ended. Failures are left for the next time.
fn sweep(base: &Path, uid: u32) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.metadata().is_ok_and(|data| data.is_dir() && data.uid() == uid);
        let Ok(owner) = std::fs::read_to_string(path.join(OWNER_FILE)) else { continue };
        if ours && is_stale(&owner) {
            drop(remove(&path));
        }
    }
}

/// The namespace, id and start of this process: together they never name another one.
fn this_process() -> String {
    let pid = std::process::id();
    format!("{} {pid} {}\n", namespace(), start_of(pid).unwrap_or_default())
}

fn is_stale(owner: &str) -> bool {
    let mut words = owner.split_whitespace();
    let (space, pid, start) = (words.next(), words.next(), words.next());
    let (Some(space), Some(Ok(pid)), Some(start)) = (space, pid.map(str::parse::<u32>), start)
    else {
        // Detached, or written on a system that does not tell: never swept.
        return false;
    };
    space == namespace() && start_of(pid).as_deref() != Some(start)
}

fn namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid")
        .map(|link| link.display().to_string())
        .unwrap_or_default()
}

/// When the process was started, in ticks since boot; `None` when it does not run.
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything; the start is the 20th field after it.
    let fields = stat.rsplit_once(')')?.1;
    let state = fields.split_whitespace().next()?;
    if state == "Z" {
        return None;
    }
    fields.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{OWNER_FILE, is_stale, namespace, sweep, this_process};

    // Only a folder whose owner provably ended may be swept.
    #[test]
    fn stale_means_that_the_owner_has_ended() {
        assert!(!is_stale(&this_process()), "this process runs");
        assert!(!is_stale("detached\n"));
        assert!(!is_stale(""));
        assert!(!is_stale("pid:[1] 4000000 77"), "a process of another container");
        assert!(is_stale(&format!("{} 4000000 77", namespace())), "no such process");
        let pid = std::process::id();
        assert!(is_stale(&format!("{} {pid} 1", namespace())), "the id was given again");
    }

    // The sweep removes what a dead owner left, and nothing that lives or is not ours.
    #[test]
    fn sweep_removes_what_dead_owners_left() {
        let base = tempfile::tempdir().unwrap();
        let gone = format!("{} 4000000 77\n", namespace());
        let folders = [
            ("backlog-stale", gone.as_str()),
            ("backlog-live", &this_process()),
            ("other-stale", gone.as_str()),
        ];
        for (name, owner) in folders {
            std::fs::create_dir(base.path().join(name)).unwrap();
            std::fs::write(base.path().join(name).join(OWNER_FILE), owner).unwrap();
        }
        sweep(base.path(), crate::account::own_uid().unwrap());
        assert!(!base.path().join("backlog-stale").exists());
        assert!(base.path().join("backlog-live").exists());
        assert!(base.path().join("other-stale").exists());
    }
}
