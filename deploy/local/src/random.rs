//! Randomness from the operating system: passwords, names, port choices and key seeds.

use crate::error::LocalStackError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], LocalStackError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; N];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(LocalStackError::file("read", source))?;
    Ok(bytes)
}

/// `2 * N` random lower-case hexadecimal digits: safe in URLs, SQL and configuration files.
pub(crate) fn hex<const N: usize>() -> Result<String, LocalStackError> {
    Ok(bytes::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}
