//! Free ports on the loopback address.

use crate::error::LocalStackError;
use crate::random;
use std::net::{Ipv4Addr, TcpListener};

// Below the range from which Linux takes the source ports of outgoing connections: while a server
// is down, a client's retry could otherwise take its port, or even connect to itself.
const LOW: u16 = 15_000;
const HIGH: u16 = 29_999;
const ATTEMPTS: u32 = 500;

/// A port of 127.0.0.1 on which nothing listens now. Another process may still take it before the
/// caller does; callers then try with another one.
pub(crate) fn free() -> Result<u16, LocalStackError> {
    for _ in 0..ATTEMPTS {
        let port = LOW + u16::from_be_bytes(random::bytes()?) % (HIGH - LOW + 1);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(LocalStackError::NoFreePort { low: LOW, high: HIGH })
}
