//! Who the servers run as: the caller, or an unprivileged account when the caller is root, because
//! Postgres refuses root and neither server needs it.

use crate::error::LocalStackError;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const PASSWD: &str = "/etc/passwd";
const NAMES: [&str; 2] = ["nobody", "daemon"];

/// A user and its primary group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// Makes `command` run as this account; the groups of the caller are dropped as well.
    pub(crate) fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives `path` to this account.
    pub(crate) fn own(self, path: &Path) -> Result<(), LocalStackError> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .map_err(LocalStackError::file("change the owner of", path))
    }
}

/// The user id of this process.
pub(crate) fn own_uid() -> Result<u32, LocalStackError> {
    let output =
        Command::new("id").arg("-u").output().map_err(LocalStackError::program("id -u"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| LocalStackError::Program {
        program: "id -u".to_owned(),
        output: format!("answered {text:?}"),
    })
}

/// The account for the servers: `None` means the caller's own.
pub(crate) fn for_servers(own_uid: u32) -> Result<Option<Account>, LocalStackError> {
    if own_uid != 0 {
        return Ok(None);
    }
    let path = Path::new(PASSWD);
    let passwd = std::fs::read_to_string(path).map_err(LocalStackError::file("read", path))?;
    NAMES
        .iter()
        .find_map(|name| find(&passwd, name))
        .map(Some)
        .ok_or(LocalStackError::NoUnprivilegedAccount)
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(Account { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::{Account, find};

    // The lookup reads uid and gid of exactly the named account, and never answers root.
    #[test]
    fn finds_the_named_account_only() {
        let passwd = "root:x:0:0::/root:/bin/sh\nnobody2:x:5:6::/:/bin/false\n\
                      nobody:x:65534:65533::/nonexistent:/bin/false\nzero:x:0:0::/:/bin/sh\n";
        assert_eq!(find(passwd, "nobody"), Some(Account { uid: 65534, gid: 65533 }));
        assert_eq!(find(passwd, "daemon"), None);
        assert_eq!(find(passwd, "zero"), None);
    }
}
