//! The keys of one issuer: cached, fetched again for unknown key ids, last good set kept.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use tokio::sync::Mutex;

use crate::source::{Attempts, Source};

/// A set older than this is read again beside the requests, so that withdrawn keys disappear.
const AGE_MAX: Duration = Duration::from_secs(60);

/// The verification keys of one issuer.
pub(crate) struct KeySet {
    source: Source,
    algorithm: Algorithm,
    floor: Duration,
    http: reqwest::Client,
    keys: RwLock<Arc<HashMap<String, DecodingKey>>>,
    attempts: Mutex<Attempts>,
}

impl KeySet {
    /// An empty set: the first key asked for fills it.
    pub(crate) fn new(
        source: Source,
        algorithm: Algorithm,
        floor: Duration,
        http: reqwest::Client,
    ) -> Self {
        let keys = RwLock::default();
        Self { source, algorithm, floor, http, keys, attempts: Mutex::default() }
    }

    /// The key of this id. An unknown id makes the set be read again, at most once per floor for
    /// all callers together: those who come meanwhile wait for that one read.
    pub(crate) async fn key(self: &Arc<Self>, id: &str, now: DateTime<Utc>) -> Option<DecodingKey> {
        if let Some(key) = self.known(id) {
            self.refresh_if_old(now);
            return Some(key);
        }
        let mut attempts = self.attempts.lock().await;
        if self.known(id).is_none() && attempts.begin(&self.source, self.floor, now).await {
            self.read().await;
        }
        drop(attempts);
        self.known(id)
    }

    fn known(&self, id: &str) -> Option<DecodingKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Beside the request: a key server that hangs must not delay tokens whose key is known.
    fn refresh_if_old(self: &Arc<Self>, now: DateTime<Utc>) {
        let old = self.attempts.try_lock().is_ok_and(|last| last.older_than(AGE_MAX, now));
        if !old {
            return;
        }
        let keys = Arc::clone(self);
        tokio::spawn(async move {
            let mut attempts = keys.attempts.lock().await;
            if attempts.begin(&keys.source, AGE_MAX.max(keys.floor), now).await {
                keys.read().await;
            }
        });
    }

    /// Replaces the set; keeps the last good one on failure.
    async fn read(&self) {
        let parsed = match self.source.read(&self.http).await {
            Ok(bytes) => serde_json::from_slice::<JwkSet>(&bytes).map_err(|e| e.to_string()),
            Err(error) => Err(format!("{error}: {}", chain(&error))),
        };
        match parsed {
            Ok(set) => {
                let keys = Arc::new(usable(&set, self.algorithm));
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
            }
            Err(error) => {
                tracing::warn!(source = ?self.source, error, "key set not read; keeping the last");
            }
        }
    }
}

/// The causes of an error, outermost left out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.join(": ")
}

/// The keys that fit the issuer's one algorithm; what else is in the set is left alone.
fn usable(set: &JwkSet, algorithm: Algorithm) -> HashMap<String, DecodingKey> {
    let mut keys = HashMap::new();
    for jwk in &set.keys {
        let Some(id) = jwk.common.key_id.clone().filter(|_| fits(jwk, algorithm)) else {
            continue;
        };
        if let Ok(key) = DecodingKey::from_jwk(jwk) {
            keys.entry(id).or_insert(key);
        }
    }
    keys
}

fn fits(jwk: &Jwk, algorithm: Algorithm) -> bool {
    let to_sign = jwk.common.public_key_use.as_ref();
    let to_sign = to_sign.is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let stated = jwk.common.key_algorithm;
    let stated = stated.is_none_or(|stated| Algorithm::try_from(stated).ok() == Some(algorithm));
    let kind = if let AlgorithmParameters::EllipticCurve(params) = &jwk.algorithm {
        algorithm == Algorithm::ES256 && params.curve == EllipticCurve::P256
    } else if let AlgorithmParameters::OctetKeyPair(params) = &jwk.algorithm {
        algorithm == Algorithm::EdDSA && params.curve == EllipticCurve::Ed25519
    } else {
        // Symmetric keys above all are no keys here.
        algorithm == Algorithm::RS256 && matches!(jwk.algorithm, AlgorithmParameters::RSA(_))
    };
    to_sign && stated && kind
}
