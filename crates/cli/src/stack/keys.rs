//! Development keys: a key for each account's issuer, and tokens signed with them.

use std::io::Read;
use std::path::{Path, PathBuf};

use backlog_ids::{AccountId, TenantId};
use backlog_local_stack::{AUDIENCE, DevelopmentKey, OPERATOR_ISSUER};
use backlog_tenancy::{
    IssuerAlgorithm, IssuerEntry, IssuerKind, IssuersFile, TokenSigner, UserToken,
};
use chrono::{DateTime, Utc};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding};

use crate::failure::Failure;

use super::local::write_private;

/// Whom a token is for.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// Whoever runs the installation.
    Operator,
    /// Whoever manages the tenants of an account.
    AccountAdmin(AccountId),
    /// Somebody within a tenant, with these roles.
    Tenant(AccountId, TenantId, Vec<String>),
}

/// The name that an account's local issuer has.
pub(crate) fn issuer_name(account: AccountId) -> String {
    format!("https://{account}.local")
}

/// Gives `account` an issuer with a key of its own: writes the key and adds the entry, unless it is
/// there already. Answers the issuer's name.
pub(crate) fn bind(
    account: AccountId,
    keys: &Path,
    issuers: &Path,
    name: Option<&str>,
) -> Result<String, Failure> {
    let mut file = IssuersFile::read(issuers).map_err(|error| Failure::usage(error.to_string()))?;
    let wanted = account.to_string();
    let bound = |entry: &&IssuerEntry| entry.account.as_deref() == Some(wanted.as_str());
    if let Some(entry) = file.issuers.iter().find(bound) {
        return Ok(entry.issuer.clone());
    }
    let jwks = generate(account, keys)?;
    let issuer = name.map_or_else(|| issuer_name(account), str::to_owned);
    file.issuers.push(IssuerEntry {
        issuer: issuer.clone(),
        algorithm: IssuerAlgorithm::EdDSA,
        jwks: jwks.display().to_string(),
        audience: Some(AUDIENCE.to_owned()),
        account: Some(wanted),
        kind: IssuerKind::Users,
    });
    file.write(issuers).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(issuer)
}

/// A token of the local stack.
pub(crate) fn token(
    subject: &Subject,
    name: &str,
    expires: DateTime<Utc>,
    operator: &DevelopmentKey,
    keys: &Path,
    issuers: &Path,
) -> Result<String, Failure> {
    let (issuer, signer, tenant, roles) = match subject {
        Subject::Operator => {
            let signer = signer(&operator.key_id, &operator.private_key_path)?;
            (OPERATOR_ISSUER.to_owned(), signer, None, vec!["operator"])
        }
        Subject::AccountAdmin(account) => {
            let (issuer, signer) = of_account(*account, keys, issuers)?;
            (issuer, signer, None, vec!["account_admin"])
        }
        Subject::Tenant(account, tenant, roles) => {
            let (issuer, signer) = of_account(*account, keys, issuers)?;
            (issuer, signer, Some(*tenant), roles.iter().map(String::as_str).collect())
        }
    };
    let token = UserToken {
        issuer: &issuer,
        subject: name,
        audience: AUDIENCE,
        tenant,
        roles: &roles,
        expires,
    };
    signer.user_token(&token).map_err(|error| Failure::usage(error.to_string()))
}

fn of_account(
    account: AccountId,
    keys: &Path,
    issuers: &Path,
) -> Result<(String, TokenSigner), Failure> {
    let file = IssuersFile::read(issuers).map_err(|error| Failure::usage(error.to_string()))?;
    let text = account.to_string();
    let entry = file.issuers.iter().find(|entry| entry.account.as_deref() == Some(&text));
    let Some(entry) = entry else {
        let message = format!("account {account} has no issuer on this stack");
        let advice = format!("bind one first: backlog issuer bind --account {account}");
        return Err(Failure::usage(message).advise(advice));
    };
    let signer = signer(&text, &pem_path(account, keys))?;
    Ok((entry.issuer.clone(), signer))
}

fn signer(key_id: &str, pem: &Path) -> Result<TokenSigner, Failure> {
    let text = std::fs::read(pem)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", pem.display())))?;
    TokenSigner::try_new(key_id, &text).map_err(|error| Failure::usage(error.to_string()))
}

fn pem_path(account: AccountId, keys: &Path) -> PathBuf {
    keys.join(format!("{account}.pem"))
}

/// A new key of the account; answers where its public half is.
fn generate(account: AccountId, keys: &Path) -> Result<PathBuf, Failure> {
    let mut seed = [0_u8; 32];
    let random =
        std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut seed));
    random.map_err(|error| Failure::usage(format!("cannot read /dev/urandom: {error}")))?;
    let key = SigningKey::from_bytes(&seed);
    let wrong =
        |error: &dyn std::fmt::Display| Failure::usage(format!("cannot make a key: {error}"));
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| wrong(&error))?;
    let signer = TokenSigner::try_new(account.to_string(), pem.as_bytes());
    let jwk = signer.and_then(|signer| signer.public_jwk()).map_err(|error| wrong(&error))?;
    write_private(&pem_path(account, keys), &pem)?;
    let jwks = keys.join(format!("{account}.jwks.json"));
    write_private(&jwks, &format!("{:#}\n", serde_json::json!({ "keys": [jwk] })))?;
    Ok(jwks)
}
