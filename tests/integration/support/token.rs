//! Bearer tokens, good and forged.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const KEY: &str = include_str!("../../keys/es256.pem");
const OTHER_KEY: &str = include_str!("../../keys/es256_other.pem");
const RSA_KEY: &str = include_str!("../../keys/rs256.pem");
const PUBLIC_KEY: &str = include_str!("../../keys/es256_public.pem");

/// `[jwt]` for tokens of [`bearer`].
pub(crate) fn jwt() -> String {
    format!("[jwt]\nkey_file = \"{}/tests/keys/es256_public.pem\"\n", env!("CARGO_MANIFEST_DIR"))
}

/// A credential of this subject that is good for an hour.
pub(crate) fn bearer(sub: &str) -> String {
    bearing(&json!({ "sub": sub, "exp": in_seconds(3600) }))
}

/// A credential with these claims.
pub(crate) fn bearing(claims: &Value) -> String {
    signed(claims, Algorithm::ES256, &EncodingKey::from_ec_pem(KEY.as_bytes()).unwrap())
}

/// Credentials that claim to be this subject's and are not, each with the word for what is wrong.
pub(crate) fn forged(sub: &str) -> Vec<(String, &'static str)> {
    let claims = json!({ "sub": sub, "exp": in_seconds(3600) });
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        bearing(&claims)
    };
    let good = bearing(&claims);
    let parts: Vec<&str> = good["Bearer ".len()..].split('.').collect();
    let mallory = bearer("mallory");
    let theirs: Vec<&str> = mallory["Bearer ".len()..].split('.').collect();
    let unsecured = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"; // {"alg":"none","typ":"JWT"}
    let other_key = EncodingKey::from_ec_pem(OTHER_KEY.as_bytes()).unwrap();
    let rsa_key = EncodingKey::from_rsa_pem(RSA_KEY.as_bytes()).unwrap();
    let public_key = EncodingKey::from_secret(PUBLIC_KEY.as_bytes());
    vec![
        (format!("Bearer {unsecured}.{}.", parts[1]), "token-malformed"),
        (format!("Bearer {unsecured}.{}.{}", parts[1], parts[2]), "token-malformed"),
        (format!("Bearer {}.{}.", parts[0], parts[1]), "token-signature"),
        // Another's signature under this one's claims.
        (format!("Bearer {}.{}.{}", theirs[0], parts[1], theirs[2]), "token-signature"),
        (signed(&claims, Algorithm::ES256, &other_key), "token-signature"),
        (signed(&claims, Algorithm::RS256, &rsa_key), "token-algorithm"),
        (signed(&claims, Algorithm::HS256, &public_key), "token-algorithm"),
        (with("exp", in_seconds(-3600).into()), "token-expired"),
        (with("nbf", in_seconds(3600).into()), "token-not-yet-valid"),
        (bearing(&json!({ "sub": sub })), "token-no-expiry"),
        (format!("{good}, {good}"), "token-malformed"),
        (format!("Bearer {sub}"), "token-malformed"),
    ]
}

/// The time so many seconds from now, since the epoch.
pub(crate) fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + seconds
}

fn signed(claims: &Value, algorithm: Algorithm, key: &EncodingKey) -> String {
    format!("Bearer {}", encode(&Header::new(algorithm), claims, key).unwrap())
}
