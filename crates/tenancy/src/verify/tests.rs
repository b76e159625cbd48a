//! What must not verify, what must, and how often keys are asked for.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use backlog_ids::{AccountId, TenantId};
use uuid::Uuid;

use super::{Verified, Verifier, VerifierConfig, verify_self_test};
use crate::error::TokenError;
use crate::issuers::Binding;
use crate::permission::{Permission, Role, permissions};
use crate::signer::{SERVICE_ISSUER, TokenSigner};

const EC: &[u8] = include_bytes!("keys/ec.pem");
const RSA: &[u8] = include_bytes!("keys/rsa.pem");

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    now().checked_add_signed(TimeDelta::seconds(seconds)).unwrap()
}

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(2))
}

/// An Ed25519 key made of one repeated byte.
pub(crate) fn signer(key_id: &str, seed: u8) -> TokenSigner {
    let header = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
    let der = STANDARD.encode([header.as_slice(), &[seed; 32]].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    TokenSigner::try_new(key_id, pem.as_bytes()).unwrap()
}

fn write_keys(path: &Path, keys: &[Value]) {
    fs::write(path, json!({ "keys": keys }).to_string()).unwrap();
}

/// A folder with four issuers: `vendor` (account), `ops`, `ec`, `rsa` and services.
struct Rig {
    folder: tempfile::TempDir,
    verifier: Verifier,
}

async fn rig() -> Rig {
    rig_with("vendor.json").await
}

async fn rig_with(vendor_jwks: &str) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let account = account();
    let issuer = |name: &str, algorithm: &str, jwks: &str, rest: &str| {
        format!("[[issuer]]\nissuer={name:?}\nalgorithm={algorithm:?}\njwks={jwks:?}\n{rest}\n")
    };
    let bound = format!("audience=\"backlog\"\naccount=\"{account}\"");
    let text = [
        issuer("vendor", "EdDSA", vendor_jwks, &bound),
        issuer("ops", "EdDSA", "ops.json", "audience=\"backlog\""),
        issuer("ec", "ES256", "ec.json", &bound),
        issuer("rsa", "RS256", "rsa.json", &bound),
        issuer(SERVICE_ISSUER, "EdDSA", "services.json", "kind=\"services\""),
    ];
    fs::write(path("issuers.toml"), text.concat()).unwrap();
    write_keys(&path("vendor.json"), &[signer("v1", 1).public_jwk().unwrap()]);
    write_keys(&path("ops.json"), &[signer("o1", 2).public_jwk().unwrap()]);
    let services = [signer("recognition", 3), signer("reporting/2", 4)];
    write_keys(&path("services.json"), &services.map(|key| key.public_jwk().unwrap()));
    for (name, key, algorithm) in [
        ("ec", EncodingKey::from_ec_pem(EC).unwrap(), Algorithm::ES256),
        ("rsa", EncodingKey::from_rsa_pem(RSA).unwrap(), Algorithm::RS256),
    ] {
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some("k".to_owned());
        write_keys(&path(&format!("{name}.json")), &[serde_json::to_value(jwk).unwrap()]);
    }
    let config = VerifierConfig::new("contract", path("issuers.toml"));
    let verifier = Verifier::start(config, now()).await.unwrap();
    Rig { folder, verifier }
}

impl Rig {
    async fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenError> {
        self.verifier.verify(token, now()).await
    }
}

/// Claims that verify, changed as a test wants.
fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = json!({
        "iss": "vendor", "sub": "ann", "aud": "backlog", "exp": now().timestamp() + 60,
        "tenant": tenant().to_string(), "roles": ["controller"],
    });
    change(&mut claims);
    claims
}

fn vendor_token(change: impl FnOnce(&mut Value)) -> String {
    signer("v1", 1).sign(&claims(change)).unwrap()
}

/// A good token yields its tenant, subject and permissions, and none of a role of another level.
#[tokio::test]
async fn a_good_token_verifies() {
    let rig = rig().await;
    let token =
        vendor_token(|c| c["roles"] = json!(["auditor", "operator", "somebody", "Auditor"]));
    let verified = rig.verify(&token).await.unwrap();
    assert_eq!(verified.binding, Binding::Account(account()));
    assert_eq!((verified.tenant, verified.actor.as_ref()), (Some(tenant()), "ann"));
    assert_eq!(verified.permissions, permissions(Role::Auditor));
    let several = vendor_token(|c| c["aud"] = json!(["other", "backlog"]));
    assert!(rig.verify(&several).await.is_ok());
}

/// Roles count only in tokens of their level: an account's issuer cannot make an operator, and
/// a token with a tenant cannot administer accounts, nor one without a tenant see books.
#[tokio::test]
async fn roles_stay_in_their_level() {
    let rig = rig().await;
    let all = Role::ALL.map(Role::name);
    let account_token = vendor_token(|c| {
        c["roles"] = json!(all);
        c["tenant"] = Value::Null;
    });
    let verified = rig.verify(&account_token).await.unwrap();
    assert_eq!(verified.permissions, permissions(Role::AccountAdmin));
    let tenant_token = vendor_token(|c| c["roles"] = json!(all));
    let verified = rig.verify(&tenant_token).await.unwrap();
    assert_eq!(verified.permissions, permissions(Role::TenantAdmin));
    let operator = claims(|c| {
        c["iss"] = json!("ops");
        c["roles"] = json!(all);
        c["tenant"] = Value::Null;
    });
    let verified = rig.verify(&signer("o1", 2).sign(&operator).unwrap()).await.unwrap();
    assert_eq!(verified.binding, Binding::Operator);
    assert_eq!(verified.permissions, permissions(Role::Operator));
}

/// Claims that are missing, of another type, or for somebody else are refused, each on its own.
#[tokio::test]
async fn wrong_claims_are_refused() {
    let rig = rig().await;
    let seconds = now().timestamp();
    let malformed: [(&str, Value); 14] = [
        ("exp", json!((seconds + 60).to_string())),
        ("exp", json!(60.5)),
        ("exp", Value::Null),
        ("nbf", json!("0")),
        ("nbf", json!([0])),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!("a\nb")),
        ("sub", json!("x".repeat(201))),
        ("aud", Value::Null),
        ("tenant", json!("")),
        ("tenant", json!([tenant().to_string(), tenant().to_string()])),
        ("tenant", json!("acc_0192f3a1c8e67d4fb0a1b2c3d4e5f607")),
        ("roles", json!("controller")),
    ];
    for (name, value) in malformed {
        let token = vendor_token(|c| c[name] = value.clone());
        let error = rig.verify(&token).await.unwrap_err();
        assert!(matches!(error, TokenError::Malformed(_)), "{name} {value}: {error}");
    }
    for name in ["exp", "iss", "aud", "sub"] {
        let token = vendor_token(|c| drop(c.as_object_mut().unwrap().remove(name)));
        let error = rig.verify(&token).await.unwrap_err();
        assert!(matches!(error, TokenError::Malformed(_)), "{name}: {error}");
    }
    let refused = |change: fn(&mut Value)| vendor_token(change);
    let other_audience = refused(|c| c["aud"] = json!(["Backlog", "contract"]));
    assert_eq!(rig.verify(&other_audience).await.unwrap_err(), TokenError::WrongAudience);
    let other_issuer = refused(|c| c["iss"] = json!("nobody"));
    assert_eq!(rig.verify(&other_issuer).await.unwrap_err(), TokenError::UnknownIssuer);
    let neighbor = refused(|c| c["iss"] = json!("ops"));
    assert_eq!(rig.verify(&neighbor).await.unwrap_err(), TokenError::UnknownKey);
}

/// Time decides: expired and future tokens are refused, also when they were believed before.
#[tokio::test]
async fn time_is_checked_each_time() {
    let rig = rig().await;
    let token = vendor_token(|c| c["nbf"] = json!(now().timestamp()));
    let at = |seconds| rig.verifier.verify(&token, after(seconds));
    assert!(at(0).await.is_ok());
    assert!(at(64).await.is_ok(), "within the leeway");
    assert_eq!(at(65).await.unwrap_err(), TokenError::Expired);
    assert_eq!(at(-6).await.unwrap_err(), TokenError::NotYetValid);
    let past = vendor_token(|c| c["exp"] = json!(now().timestamp() - 5));
    assert_eq!(rig.verify(&past).await.unwrap_err(), TokenError::Expired);
    let future = vendor_token(|c| c["nbf"] = json!(i64::MAX));
    assert_eq!(rig.verify(&future).await.unwrap_err(), TokenError::NotYetValid);
}

/// `alg: none`, HMAC with the public key as the secret, a neighbor's algorithm, a broken or
/// borrowed signature: none of them passes.
#[tokio::test]
async fn forgeries_are_refused() {
    let rig = rig().await;
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let body = encode(claims(|_| ()));
    let none = format!("{}.{body}.", encode(json!({"alg": "none", "typ": "JWT", "kid": "v1"})));
    assert!(matches!(rig.verify(&none).await.unwrap_err(), TokenError::Malformed(_)));

    let public = signer("v1", 1).public_jwk().unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(public["x"].as_str().unwrap()).unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("v1".to_owned());
    let secret = EncodingKey::from_secret(&bytes);
    let hmac = jsonwebtoken::encode(&header, &claims(|_| ()), &secret).unwrap();
    assert_eq!(rig.verify(&hmac).await.unwrap_err(), TokenError::WrongAlgorithm);

    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("v1".to_owned());
    let ec = EncodingKey::from_ec_pem(EC).unwrap();
    let neighbor = jsonwebtoken::encode(&header, &claims(|_| ()), &ec).unwrap();
    assert_eq!(rig.verify(&neighbor).await.unwrap_err(), TokenError::WrongAlgorithm);

    let other_key = signer("v1", 9).sign(&claims(|_| ())).unwrap();
    assert_eq!(rig.verify(&other_key).await.unwrap_err(), TokenError::BadSignature);
    let good = vendor_token(|_| ());
    let (_, signature) = good.rsplit_once('.').unwrap();
    let more = encode(claims(|c| c["roles"] = json!(["tenant_admin"])));
    let (head, _) = good.split_once('.').unwrap();
    let borrowed = format!("{head}.{more}.{signature}");
    assert_eq!(rig.verify(&borrowed).await.unwrap_err(), TokenError::BadSignature);

    for odd in ["", "a", "a.b", "a.b.c", "....", &"x".repeat(8_192), &format!("{good}.x")] {
        assert!(matches!(rig.verify(odd).await.unwrap_err(), TokenError::Malformed(_)), "{odd}");
    }
    let long = rig.verify(&"x".repeat(8_193)).await.unwrap_err();
    assert!(matches!(long, TokenError::TooLong(_)));
}

/// The other two algorithms verify with their own issuers.
#[tokio::test]
async fn all_three_algorithms_work() {
    let rig = rig().await;
    for (issuer, algorithm, key) in [
        ("ec", Algorithm::ES256, EncodingKey::from_ec_pem(EC).unwrap()),
        ("rsa", Algorithm::RS256, EncodingKey::from_rsa_pem(RSA).unwrap()),
    ] {
        let mut header = Header::new(algorithm);
        header.kid = Some("k".to_owned());
        let mine = claims(|c| c["iss"] = json!(issuer));
        let token = jsonwebtoken::encode(&header, &mine, &key).unwrap();
        rig.verify(&token).await.unwrap();
        header.kid = None;
        let anonymous = jsonwebtoken::encode(&header, &mine, &key).unwrap();
        assert_eq!(rig.verify(&anonymous).await.unwrap_err(), TokenError::UnknownKey);
    }
}

/// A service's token is good for `log.read` at its target, for a short time, under its own key;
/// a user's issuer never yields that permission.
#[tokio::test]
async fn service_tokens_read_logs_only() {
    let rig = rig().await;
    let own = signer("recognition", 3);
    let token = own.service_token("recognition", "contract", tenant(), now()).unwrap();
    let verified = rig.verify(&token).await.unwrap();
    assert_eq!(verified.binding, Binding::Services);
    let all: Vec<_> = verified.permissions.iter().collect();
    assert_eq!((all, verified.tenant), (vec![Permission::LogRead], Some(tenant())));
    let rotated = signer("reporting/2", 4);
    let token = rotated.service_token("reporting", "contract", tenant(), now()).unwrap();
    assert!(rig.verify(&token).await.is_ok());

    let elsewhere = own.service_token("recognition", "reporting", tenant(), now()).unwrap();
    assert_eq!(rig.verify(&elsewhere).await.unwrap_err(), TokenError::WrongAudience);
    let expired = own.service_token("recognition", "contract", tenant(), after(-120)).unwrap();
    assert_eq!(rig.verify(&expired).await.unwrap_err(), TokenError::Expired);
    let refused = [
        own.service_token("reporting", "contract", tenant(), now()),
        own.service_token("reco", "contract", tenant(), now()),
        own.service_token("recognition", "contract", tenant(), after(3_600)),
        own.sign(&claims(|c| {
            c["iss"] = json!(SERVICE_ISSUER);
            c["sub"] = json!("recognition");
            c["aud"] = json!("contract");
            c["roles"] = json!(["tenant_admin"]);
        })),
    ];
    for token in refused {
        let error = rig.verify(&token.unwrap()).await.unwrap_err();
        assert!(matches!(error, TokenError::NotAServiceToken(_)), "{error}");
    }
    let sneaky = vendor_token(|c| c["permission"] = json!("log.read"));
    let verified = rig.verify(&sneaky).await.unwrap();
    assert!(!verified.permissions.has(Permission::LogRead));
}

/// Old and new keys both work in the overlap of a rotation; a withdrawn key stops working.
#[tokio::test]
async fn keys_rotate() {
    let rig = rig().await;
    let file = rig.folder.path().join("vendor.json");
    let (old, new) = (signer("v1", 1), signer("v2", 5));
    let sign = |key: &TokenSigner, sub: &str| key.sign(&claims(|c| c["sub"] = json!(sub))).unwrap();
    assert!(rig.verify(&sign(&old, "a")).await.is_ok());
    assert_eq!(rig.verify(&sign(&new, "b")).await.unwrap_err(), TokenError::UnknownKey);
    write_keys(&file, &[old.public_jwk().unwrap(), new.public_jwk().unwrap()]);
    assert!(rig.verify(&sign(&new, "c")).await.is_ok(), "a changed file is read at once");
    assert!(rig.verify(&sign(&old, "d")).await.is_ok());

    fs::write(&file, "not json").unwrap();
    let third = signer("v3", 6);
    assert_eq!(rig.verify(&sign(&third, "e")).await.unwrap_err(), TokenError::UnknownKey);
    assert!(rig.verify(&sign(&old, "f")).await.is_ok(), "the last good set is kept");

    write_keys(&file, &[third.public_jwk().unwrap()]);
    assert!(rig.verify(&sign(&third, "g")).await.is_ok());
    assert_eq!(rig.verify(&sign(&old, "h")).await.unwrap_err(), TokenError::UnknownKey);
    let believed = sign(&third, "g");
    let other = signer("v4", 7).public_jwk().unwrap();
    write_keys(&file, &[new.public_jwk().unwrap(), other]);
    assert!(rig.verify(&sign(&new, "i")).await.is_ok());
    assert!(rig.verify(&believed).await.is_ok(), "believed for a while");
    let later = claims(|c| c["exp"] = json!(now().timestamp() + 1_000));
    let later = third.sign(&later).unwrap();
    let gone = rig.verifier.verify(&later, after(301)).await.unwrap_err();
    assert_eq!(gone, TokenError::UnknownKey);
}

/// A withdrawn key stops working without any unknown key making anybody look: sets that have
/// grown old are read again beside the requests.
#[tokio::test]
async fn withdrawn_keys_disappear() {
    let rig = rig().await;
    assert!(rig.verify(&vendor_token(|_| ())).await.is_ok());
    let exp = now().timestamp() + 600;
    write_keys(&rig.folder.path().join("vendor.json"), &[]);
    for n in 0.. {
        // A new token each time, so that none is remembered.
        let token = vendor_token(|c| {
            c["sub"] = json!(format!("n{n}"));
            c["exp"] = json!(exp);
        });
        match rig.verifier.verify(&token, after(61)).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => {
                assert_eq!(error, TokenError::UnknownKey);
                break;
            }
        }
    }
}

/// An issuer added to the file works at once, without a restart; a broken file keeps the rest.
#[tokio::test]
async fn new_issuers_are_found() {
    let rig = rig().await;
    let file = rig.folder.path().join("issuers.toml");
    let token = vendor_token(|c| c["iss"] = json!("late"));
    assert_eq!(rig.verify(&token).await.unwrap_err(), TokenError::UnknownIssuer);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, "[[issuer]]\nissuer = 1").unwrap();
    assert_eq!(rig.verify(&token).await.unwrap_err(), TokenError::UnknownIssuer);
    assert!(rig.verify(&vendor_token(|_| ())).await.is_ok());
    let late = "[[issuer]]\nissuer=\"late\"\nalgorithm=\"EdDSA\"\njwks=\"vendor.json\"\n\
        audience=\"backlog\"\n";
    fs::write(&file, format!("{text}\n{late}")).unwrap();
    assert_eq!(rig.verify(&token).await.unwrap().binding, Binding::Operator);
}

/// A key server of one's own: counts requests and can be told to fail.
async fn key_server(keys: Value) -> (String, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let (asked, fail) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, failing) = (Arc::clone(&asked), Arc::clone(&fail));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let body = keys.to_string();
            let status = if failing.load(Ordering::SeqCst) { "500 No" } else { "200 OK" };
            let answer = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, asked, fail)
}

/// However many tokens with unknown key ids come, the key server is asked once per interval, and
/// a failing one does not take the known keys away.
#[tokio::test]
async fn an_unknown_key_flood_asks_once() {
    let keys = json!({"keys": [signer("v1", 1).public_jwk().unwrap()]});
    let (url, asked, fail) = key_server(keys).await;
    let rig = rig_with(&url).await;
    assert!(rig.verify(&vendor_token(|_| ())).await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let flood = |at: DateTime<Utc>| {
        let verifier = &rig.verifier;
        async move {
            for n in 0..200 {
                let token = signer(&format!("unknown-{n}"), 1).sign(&claims(|_| ())).unwrap();
                let error = verifier.verify(&token, at).await.unwrap_err();
                assert_eq!(error, TokenError::UnknownKey);
            }
        }
    };
    tokio::join!(flood(after(1)), flood(after(9)));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "within the floor");
    fail.store(true, Ordering::SeqCst);
    tokio::join!(flood(after(10)), flood(after(19)));
    assert_eq!(asked.load(Ordering::SeqCst), 2, "one more interval, one more request");
    let known = vendor_token(|c| c["sub"] = json!("new token, known key"));
    assert!(rig.verifier.verify(&known, after(20)).await.is_ok());
}

/// The startup check of the cryptography passes, twice too.
#[test]
fn self_test_passes() {
    assert_eq!(verify_self_test(), Ok(()));
    assert_eq!(verify_self_test(), Ok(()));
}
