//! Free ports on the loopback address.

use crate::error::LocalStackError;
use crate::random;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, PoisonError};

// Below the range from which Linux takes the source ports of outgoing connections: while a server
// is down, a client's retry could otherwise take its port, or even connect to itself.
const LOW: u16 = 15_000;
const HIGH: u16 = 29_999;
const ATTEMPTS: u32 = 500;

// Claims of this process, held until it ends: a server that is being started, or started again, must
// not find that another stack took its port meanwhile.
static CLAIMS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 on which nothing listens now and which no other process of this program's
/// kind was given while that process lives. A foreign process may still take it before the caller
/// does; callers that can then try with another one.
pub(crate) fn free() -> Result<u16, LocalStackError> {
    for _ in 0..ATTEMPTS {
        let port = LOW + u16::from_be_bytes(random::bytes()?) % (HIGH - LOW + 1);
        if claim(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(LocalStackError::NoFreePort { low: LOW, high: HIGH })
}

/// Claims a port for the life of this process, by a name that only one socket of the machine can
/// have; answers whether nobody had it.
fn claim(port: u16) -> bool {
    let name = SocketAddr::from_abstract_name(format!("backlog-port-{port}"));
    let Ok(claim) = name.and_then(|name| UnixListener::bind_addr(&name)) else { return false };
    CLAIMS.lock().unwrap_or_else(PoisonError::into_inner).push(claim);
    true
}

#[cfg(test)]
mod tests {
    use super::{claim, free};

    /// A port that was given is not given again although nothing listens on it yet.
    #[test]
    fn a_port_is_given_once() {
        let port = free().unwrap();
        assert!(!claim(port), "claimed twice");
        let others: Vec<u16> = (0..50).map(|_| free().unwrap()).collect();
        assert!(!others.contains(&port));
        let distinct: std::collections::BTreeSet<_> = others.iter().collect();
        assert_eq!(distinct.len(), others.len());
    }
}
