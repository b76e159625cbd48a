//! Tokens: one for each way in which a token can be wrong, and those that services sign.

use backlog_ids::{AccountId, TenantId};
use backlog_local_stack::AUDIENCE;
use backlog_service_kit::Clock;
use backlog_tenancy::TokenSigner;
use backlog_tests::people::issuer_of;
use backlog_tests::{Caller, Service, Stack};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The year 2100.
const FAR: i64 = 4_102_444_800;

fn signer(key: &backlog_local_stack::DevelopmentKey) -> TokenSigner {
    let pem = std::fs::read(&key.private_key_path).expect("a key");
    TokenSigner::try_new(key.key_id.clone(), &pem).expect("a key")
}

/// A token with which recognition reads a tenant's log at `target`.
pub(crate) fn of_service(stack: &Stack, tenant: TenantId, target: Service) -> Caller {
    let target = format!("{target:?}").to_lowercase();
    let now = Clock::System.now();
    let token = signer(&stack.keys.recognition).service_token("recognition", &target, tenant, now);
    Caller::with_token(token.expect("a token"))
}

/// What is wrong with each of them, and the token. All are of the tenant's own issuer and would give
/// every role of a tenant.
pub(crate) fn wrong(
    stack: &Stack,
    account: AccountId,
    tenant: TenantId,
) -> Vec<(&'static str, String)> {
    let claims = |name: &str, value: Value| {
        let mut claims = json!({
            "iss": issuer_of(account), "sub": "test", "aud": AUDIENCE, "exp": FAR,
            "tenant": tenant.to_string(), "roles": ["tenant_admin"],
        });
        let object = claims.as_object_mut().expect("an object");
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.to_owned(), value);
        }
        claims
    };
    let users = signer(&stack.keys.user_issuer);
    let signed = |name: &str, value: Value| users.sign(&claims(name, value)).expect("a token");
    let good = signed("sub", json!("test"));
    let (unsigned, signature) = good.rsplit_once('.').expect("a token");
    let forged = format!("{unsigned}.{}", signature.chars().rev().collect::<String>());
    let other = signer(&stack.keys.contract);
    let right_claims = claims("sub", json!("test"));
    vec![
        ("garbage", "x.y.z".to_owned()),
        ("one word", "x".to_owned()),
        ("100 KB", "x".repeat(100_000)),
        ("expired", signed("exp", json!(1_577_836_800))),
        ("never expires", signed("exp", Value::Null)),
        ("expiry as a text", signed("exp", json!(FAR.to_string()))),
        ("not valid yet", signed("nbf", json!(FAR))),
        ("wrong audience", signed("aud", json!("somebody"))),
        ("no audience", signed("aud", Value::Null)),
        ("no subject", signed("sub", Value::Null)),
        ("unknown issuer", signed("iss", json!("https://nobody.test"))),
        ("issuer of services", signed("iss", json!("backlog-services"))),
        ("malformed tenant", signed("tenant", json!("ten_x"))),
        ("two tenants", signed("tenant", json!([tenant.to_string(), "ten_x"]))),
        ("another key", other.sign(&right_claims).expect("a token")),
        ("forged signature", forged),
        ("no signature", format!("{unsigned}.")),
        ("alg none", handmade(&json!({"alg": "none"}), &right_claims, |_| String::new())),
        ("alg HS256", with_public_key_as_secret(stack, &right_claims)),
    ]
}

fn handmade(header: &Value, claims: &Value, sign: impl Fn(&str) -> String) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = sign(&text);
    format!("{text}.{signature}")
}

/// The confusion of algorithms: signed with what everybody knows.
fn with_public_key_as_secret(stack: &Stack, claims: &Value) -> String {
    let key = &stack.keys.user_issuer;
    let set = std::fs::read(&key.jwks_path).expect("a key set");
    let set: Value = serde_json::from_slice(&set).expect("a key set");
    let public = set.pointer("/keys/0/x").and_then(Value::as_str).expect("a public key");
    let secret = URL_SAFE_NO_PAD.decode(public).expect("a public key");
    handmade(&json!({"alg": "HS256", "kid": key.key_id}), claims, |text| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a secret");
        mac.update(text.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    })
}
