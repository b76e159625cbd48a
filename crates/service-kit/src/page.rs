//! Page tokens: opaque, signed, and good for one caller, one RPC and one filter only.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;

use backlog_proto::common::v1::ErrorReason;

use crate::error::{Fault, Kind};

/// Bytes of the signature that a token carries: 128 bits cannot be guessed.
const TAG_BYTES: usize = 16;
/// Longer tokens are refused unread.
const TOKEN_CHARS_MAX: usize = 2_000;

/// The token was not issued for this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the page token is not one for this call; start from the first page")]
pub struct PageTokenInvalid;

impl Fault for PageTokenInvalid {
    fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }

    fn reason(&self) -> ErrorReason {
        ErrorReason::PageTokenInvalid
    }
}

/// What a page token is bound to.
#[derive(Debug, Clone, Copy)]
pub struct PageScope<'a> {
    /// The tenant, or the account for calls about accounts; nil for operators.
    pub owner: Uuid,
    /// The full name of the RPC.
    pub rpc: &'a str,
    /// Everything that decides which items are listed and in what order, serialized; not the
    /// page size, which may change from page to page.
    pub filter: &'a [u8],
}

/// Issues and opens page tokens. All replicas of a service need the same key.
#[derive(Clone)]
pub struct PageTokens {
    mac: Hmac<Sha256>,
}

impl PageTokens {
    /// Derives the key from a secret that all replicas have, such as the service's signing key.
    #[must_use]
    pub fn derived_from(secret: &[u8]) -> Self {
        let mut derive = keyed(b"backlog page tokens 1");
        derive.update(secret);
        Self { mac: keyed(&derive.finalize().into_bytes()) }
    }

    /// A token that leads on from `cursor`, such as the last item's sort key and id.
    #[must_use]
    pub fn issue(&self, scope: &PageScope<'_>, cursor: &[u8]) -> String {
        let tag = self.sign(scope, cursor).finalize().into_bytes();
        let mut bytes = tag.get(..TAG_BYTES).unwrap_or_default().to_vec();
        bytes.extend_from_slice(cursor);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor in a token; `None` for the empty token of a first page. Errs when the token is
    /// forged, or was issued for another owner, RPC or filter.
    pub fn open(
        &self,
        scope: &PageScope<'_>,
        token: &str,
    ) -> Result<Option<Vec<u8>>, PageTokenInvalid> {
        if token.is_empty() {
            return Ok(None);
        }
        if token.len() > TOKEN_CHARS_MAX {
            return Err(PageTokenInvalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PageTokenInvalid)?;
        let (tag, cursor) = bytes.split_at_checked(TAG_BYTES).ok_or(PageTokenInvalid)?;
        let signed = self.sign(scope, cursor);
        signed.verify_truncated_left(tag).map_err(|_| PageTokenInvalid)?;
        Ok(Some(cursor.to_vec()))
    }

    /// Lengths go in before what varies in length, so that no two scopes sign the same bytes.
    fn sign(&self, scope: &PageScope<'_>, cursor: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(scope.owner.as_bytes());
        for part in [scope.rpc.as_bytes(), scope.filter, cursor] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

/// HMAC takes keys of any length, so the error of the general interface cannot occur; an
/// all-zero key would then make tokens that no other process opens.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{PageScope, PageTokenInvalid, PageTokens};

    const SCOPE: PageScope<'_> =
        PageScope { owner: Uuid::from_u128(1), rpc: "ContractService/List", filter: b"signed" };

    /// A token opens where it was issued, in every replica; the first page needs none.
    #[test]
    fn opens_where_it_was_issued() {
        let token = PageTokens::derived_from(b"secret").issue(&SCOPE, b"cursor");
        let replica = PageTokens::derived_from(b"secret");
        assert_eq!(replica.open(&SCOPE, &token), Ok(Some(b"cursor".to_vec())));
        assert_eq!(replica.open(&SCOPE, ""), Ok(None));
        let empty = replica.issue(&SCOPE, b"");
        assert_eq!(replica.open(&SCOPE, &empty), Ok(Some(Vec::new())));
    }

    /// Another owner, RPC, filter or key, and every altered byte: refused.
    #[test]
    fn opens_nowhere_else() {
        let tokens = PageTokens::derived_from(b"secret");
        let token = tokens.issue(&SCOPE, b"cursor");
        let elsewhere = [
            PageScope { owner: Uuid::from_u128(2), ..SCOPE },
            PageScope { rpc: "ContractService/Lis", filter: b"tsigned", ..SCOPE },
            PageScope { rpc: "InvoiceService/List", ..SCOPE },
            PageScope { filter: b"", ..SCOPE },
        ];
        for scope in elsewhere {
            assert_eq!(tokens.open(&scope, &token), Err(PageTokenInvalid), "{scope:?}");
        }
        let other_key = PageTokens::derived_from(b"other");
        assert_eq!(other_key.open(&SCOPE, &token), Err(PageTokenInvalid));
        for index in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(tokens.open(&SCOPE, &altered), Err(PageTokenInvalid), "{index}");
        }
        for forged in ["x", "====", "ä", &token[1..], &"A".repeat(2_001)] {
            assert_eq!(tokens.open(&SCOPE, forged), Err(PageTokenInvalid), "{forged}");
        }
    }
}
