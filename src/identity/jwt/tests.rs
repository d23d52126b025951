use http::HeaderValue;
use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const ES256: &str = include_str!("../../../tests/keys/es256.pem");
const ES256_OTHER: &str = include_str!("../../../tests/keys/es256_other.pem");
const ES256_PUBLIC: &str = include_str!("../../../tests/keys/es256_public.pem");
const ES384_PUBLIC: &str = include_str!("../../../tests/keys/es384_public.pem");
const RS256: &str = include_str!("../../../tests/keys/rs256.pem");
const RS256_PUBLIC: &str = include_str!("../../../tests/keys/rs256_public.pem");
const EDDSA: &str = include_str!("../../../tests/keys/eddsa.pem");
const EDDSA_PUBLIC: &str = include_str!("../../../tests/keys/eddsa_public.pem");

fn public(pem: &str) -> Key {
    Key::Public(pem.to_owned())
}

fn secret(text: &str) -> Key {
    Key::Secret(text.as_bytes().to_vec())
}

fn by(algorithms: &[Algorithm]) -> Expected {
    Expected { algorithms: algorithms.to_vec(), ..Expected::default() }
}

fn es256() -> Verifier {
    Verifier::new(&public(ES256_PUBLIC), by(&[Algorithm::ES256])).unwrap()
}

fn ec(pem: &str) -> EncodingKey {
    EncodingKey::from_ec_pem(pem.as_bytes()).unwrap()
}

/// Claims that are good for a minute.
fn good() -> Value {
    json!({ "sub": "alice", "exp": NOW.as_secs() + 60 })
}

fn signed(claims: &Value) -> String {
    encode(&Header::new(Algorithm::ES256), claims, &ec(ES256)).unwrap()
}

fn bearing(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

/// Whose the token is, or why nobody's.
fn verdict(verifier: &Verifier, fields: &HeaderMap, now: Timestamp) -> String {
    match verifier.verify(fields, now) {
        Token::Absent => "absent".to_owned(),
        Token::Refused(bad) => bad.as_str().to_owned(),
        Token::Verified(claims) => match claims.get("sub") {
            Some(Claim::Text(sub)) => sub.to_string(),
            other => format!("{other:?}"),
        },
    }
}

/// The same asked twice: what is remembered of the first time changes nothing.
fn twice(verifier: &Verifier, token: &str, now: Timestamp) -> String {
    let first = verdict(verifier, &bearing(token), now);
    assert_eq!(verdict(verifier, &bearing(token), now), first, "{token}");
    first
}

/// A token of these three parts, the first two of which are encoded.
fn assembled(header: &str, claims: &str, signature: &str) -> String {
    let engine = |text: &str| base64_url(text.as_bytes());
    format!("{}.{}.{signature}", engine(header), engine(claims))
}

fn base64_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(group >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

#[test]
fn a_token_signed_with_the_key_names_its_subject() {
    for (key, algorithm, signer) in [
        (public(ES256_PUBLIC), Algorithm::ES256, ec(ES256)),
        (
            public(RS256_PUBLIC),
            Algorithm::RS256,
            EncodingKey::from_rsa_pem(RS256.as_bytes()).unwrap(),
        ),
        (
            public(RS256_PUBLIC),
            Algorithm::PS512,
            EncodingKey::from_rsa_pem(RS256.as_bytes()).unwrap(),
        ),
        (
            public(EDDSA_PUBLIC),
            Algorithm::EdDSA,
            EncodingKey::from_ed_pem(EDDSA.as_bytes()).unwrap(),
        ),
        (secret("hush"), Algorithm::HS256, EncodingKey::from_secret(b"hush")),
        (secret("hush"), Algorithm::HS512, EncodingKey::from_secret(b"hush")),
    ] {
        let verifier = Verifier::new(&key, by(&[algorithm])).unwrap();
        let token = encode(&Header::new(algorithm), &good(), &signer).unwrap();
        assert_eq!(twice(&verifier, &token, NOW), "alice", "{algorithm:?}");
    }
}

#[test]
fn what_another_key_or_algorithm_signed_is_refused() {
    let verifier = es256();
    let hs = |secret: &[u8]| {
        encode(&Header::new(Algorithm::HS256), &good(), &EncodingKey::from_secret(secret)).unwrap()
    };
    let rs = EncodingKey::from_rsa_pem(RS256.as_bytes()).unwrap();
    let rs = encode(&Header::new(Algorithm::RS256), &good(), &rs).unwrap();
    let other = encode(&Header::new(Algorithm::ES256), &good(), &ec(ES256_OTHER)).unwrap();
    for (token, expected) in [
        (other, "token-signature"),
        (rs, "token-algorithm"),
        // The public key is known to everybody: as a secret it would be none.
        (hs(ES256_PUBLIC.as_bytes()), "token-algorithm"),
        (hs(b""), "token-algorithm"),
        (signed(&good()) + "A", "token-signature"),
    ] {
        assert_eq!(twice(&verifier, &token, NOW), expected, "{token}");
    }
    let shared = Verifier::new(&secret("hush"), by(&[Algorithm::HS256])).unwrap();
    let longer =
        encode(&Header::new(Algorithm::HS512), &good(), &EncodingKey::from_secret(b"hush"));
    assert_eq!(twice(&shared, &longer.unwrap(), NOW), "token-algorithm");
    assert_eq!(twice(&shared, &hs(b"hash"), NOW), "token-signature");
}

#[test]
fn a_signature_is_good_for_the_very_bytes_it_was_made_for() {
    let verifier = es256();
    let token = signed(&good());
    let parts: Vec<&str> = token.split('.').collect();
    let forged = base64_url(good().to_string().replace("alice", "bobby").as_bytes());
    for token in [
        format!("{}.{forged}.{}", parts[0], parts[2]),
        format!("{}.{}.{}", base64_url(br#"{"alg":"ES256"}"#), parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], base64_url(&[0; 64])),
        format!("{}.{}.", parts[0], parts[1]),
    ] {
        assert_eq!(twice(&verifier, &token, NOW), "token-signature", "{token}");
    }
}

#[test]
fn rfc_7519_s6_an_unsecured_token_is_none() {
    let verifier = es256();
    let signature = signed(&good()).rsplit('.').next().unwrap().to_owned();
    let claims = good().to_string();
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS256 ", "ES256\\u0000"] {
        for signature in ["", &signature] {
            let token = assembled(&format!(r#"{{"alg":"{algorithm}"}}"#), &claims, signature);
            assert_eq!(twice(&verifier, &token, NOW), "token-malformed", "{token}");
        }
    }
}

#[test]
fn what_is_no_token_is_refused_as_such() {
    let verifier = es256();
    let claims = good().to_string();
    let header = r#"{"alg":"ES256"}"#;
    for token in [
        "",
        ".",
        "..",
        "...",
        "opaque",
        "a.b.c",
        "a b.c.d",
        &assembled("", "", ""),
        &assembled(header, &claims, "!"),
        &assembled("{}", &claims, ""),
        &assembled("[]", &claims, ""),
        &assembled(r#"{"alg":"none","alg":"ES256"}"#, &claims, ""),
        &format!("{}.x", signed(&good())),
        &signed(&good()).replacen('.', "", 1),
        &"[".repeat(30_000),
        &assembled(&"[".repeat(10_000), &claims, ""),
    ] {
        assert_eq!(twice(&verifier, token, NOW), "token-malformed", "{token}");
    }
    for payload in [json!("alice"), json!(["alice"]), json!(null)] {
        assert_eq!(twice(&verifier, &signed(&payload), NOW), "token-malformed", "{payload}");
    }
}

#[test]
fn only_one_bearer_credential_counts() {
    let (verifier, token) = (es256(), signed(&good()));
    let lines = |lines: &[String]| -> HeaderMap {
        lines.iter().map(|line| (AUTHORIZATION, HeaderValue::try_from(line).unwrap())).collect()
    };
    for (fields, expected) in [
        (lines(&[]), "absent"),
        (lines(&["Basic YTpi".into()]), "absent"),
        (lines(&[format!("Token {token}")]), "absent"),
        (lines(std::slice::from_ref(&token)), "absent"),
        (lines(&[format!("bearer {token}")]), "alice"),
        (lines(&[format!("BEARER   {token}")]), "alice"),
        (lines(&["Bearer".into()]), "token-malformed"),
        (lines(&[format!("Bearer {token}, Bearer {token}")]), "token-malformed"),
        (lines(&[format!("Bearer {token}"), format!("Bearer {token}")]), "token-repeated"),
        (lines(&[format!("Bearer {token}"), "Basic YTpi".into()]), "token-repeated"),
    ] {
        assert_eq!(verdict(&verifier, &fields, NOW), expected, "{fields:?}");
    }
    let bytes = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
    let fields = HeaderMap::from_iter([(AUTHORIZATION, bytes)]);
    assert_eq!(verdict(&verifier, &fields, NOW), "token-malformed");
}

#[test]
fn rfc_7519_s4_1_4_a_token_counts_until_it_expires_and_not_before_it_is_valid() {
    let expected = Expected { leeway: Duration::from_secs(30), ..by(&[Algorithm::ES256]) };
    let verifier = Verifier::new(&public(ES256_PUBLIC), expected).unwrap();
    let at = NOW.as_secs();
    for (claims, expected) in [
        (json!({ "exp": at + 1 }), "alice"),
        (json!({ "exp": at - 29 }), "alice"),
        (json!({ "exp": at - 30 }), "token-expired"),
        (json!({ "exp": (at - 30) as f64 + 0.5 }), "alice"),
        (json!({ "exp": 0 }), "token-expired"),
        (json!({ "exp": u64::MAX }), "alice"),
        (json!({ "exp": 1e300 }), "alice"),
        (json!({}), "token-no-expiry"),
        (json!({ "exp": null }), "token-malformed"),
        (json!({ "exp": -1 }), "token-malformed"),
        (json!({ "exp": format!("{}", at + 60) }), "token-malformed"),
        (json!({ "exp": at + 60, "nbf": at + 30 }), "alice"),
        (json!({ "exp": at + 60, "nbf": at + 31 }), "token-not-yet-valid"),
        (json!({ "exp": at + 60, "nbf": "soon" }), "token-malformed"),
        (json!({ "exp": at + 60, "nbf": u64::MAX }), "token-not-yet-valid"),
    ] {
        let mut claims = claims;
        claims["sub"] = "alice".into();
        assert_eq!(twice(&verifier, &signed(&claims), NOW), expected, "{claims}");
    }
}

#[test]
fn the_time_counts_on_every_use() {
    let verifier = es256();
    let at = NOW.as_secs();
    let token = signed(&json!({ "sub": "alice", "nbf": at, "exp": at + 60 }));
    for (now, expected) in [
        (at, "alice"),
        (at + 59, "alice"),
        (at + 60, "token-expired"),
        (at - 1, "token-not-yet-valid"),
        (at, "alice"),
    ] {
        assert_eq!(
            verdict(&verifier, &bearing(&token), Timestamp::from_secs(now)),
            expected,
            "{now}"
        );
    }
}

#[test]
fn issuer_and_audience_count_where_they_are_given() {
    let any = by(&[Algorithm::ES256]);
    let ours = Expected {
        issuers: vec!["https://login.test".into()],
        audiences: vec!["shop".into(), "api".into()],
        ..any.clone()
    };
    for (claims, expected) in [
        (json!({ "iss": "https://login.test", "aud": "api" }), "alice"),
        (json!({ "iss": "https://login.test", "aud": ["x", "api"] }), "alice"),
        (json!({ "iss": "https://login.test/", "aud": "api" }), "token-issuer"),
        (json!({ "iss": ["https://login.test"], "aud": "api" }), "token-issuer"),
        (json!({ "aud": "api" }), "token-issuer"),
        (json!({ "iss": "https://login.test", "aud": "API" }), "token-audience"),
        (json!({ "iss": "https://login.test", "aud": [] }), "token-audience"),
        (json!({ "iss": "https://login.test", "aud": [["api"]] }), "token-audience"),
        (json!({ "iss": "https://login.test" }), "token-audience"),
    ] {
        let mut claims = claims;
        claims["sub"] = "alice".into();
        claims["exp"] = (NOW.as_secs() + 60).into();
        for (expectation, expected) in [(&ours, expected), (&any, "alice")] {
            let verifier = Verifier::new(&public(ES256_PUBLIC), expectation.clone()).unwrap();
            assert_eq!(twice(&verifier, &signed(&claims), NOW), expected, "{claims}");
        }
    }
}

#[test]
fn rfc_7515_s4_1_11_what_must_be_understood_and_is_not_makes_it_invalid() {
    let header = Header { crit: Some(vec!["b64".into()]), ..Header::new(Algorithm::ES256) };
    let token = encode(&header, &good(), &ec(ES256)).unwrap();
    assert_eq!(twice(&es256(), &token, NOW), "token-critical");
}

#[test]
fn rfc_7519_s4_a_claim_that_stands_twice_makes_it_malformed() {
    let expiry = NOW.as_secs() + 60;
    for claims in [
        format!(r#"{{"sub":"alice","exp":{expiry},"sub":"bob"}}"#),
        format!(r#"{{"sub":"alice","exp":{expiry},"s\u0075b":"bob"}}"#),
        format!(r#"{{"sub":"alice","exp":1,"exp":{expiry}}}"#),
    ] {
        let message = assembled(r#"{"alg":"ES256"}"#, &claims, "");
        let message = message.trim_end_matches('.');
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &ec(ES256), Algorithm::ES256).unwrap();
        let token = format!("{message}.{signature}");
        assert_eq!(twice(&es256(), &token, NOW), "token-malformed", "{claims}");
    }
}

#[test]
fn claims_are_texts_or_whole_numbers() {
    let claims = json!({
        "exp": NOW.as_secs() + 60, "text": "x", "number": 7, "negative": -7, "fraction": 7.5, "truth": true,
        "list": ["x"], "nothing": null, "https://example.com/plan": "gold",
    });
    let Token::Verified(claims) = es256().verify(&bearing(&signed(&claims)), NOW) else { panic!() };
    let text = |text: &str| Some(Claim::Text(text.into()));
    for (name, expected) in [
        ("text", text("x")),
        ("number", text("7")),
        ("negative", text("-7")),
        ("fraction", Some(Claim::Other)),
        ("truth", Some(Claim::Other)),
        ("list", Some(Claim::Other)),
        ("nothing", Some(Claim::Other)),
        ("https://example.com/plan", text("gold")),
        ("Text", None),
        ("absent", None),
    ] {
        assert_eq!(claims.get(name).cloned(), expected, "{name}");
    }
}

#[test]
fn a_key_that_could_verify_nothing_is_refused() {
    use Algorithm::{ES256 as Es256, ES384 as Es384, EdDSA as Ed, HS256 as Hs256, RS256 as Rs256};
    for (key, algorithms, expected) in [
        (public(ES256_PUBLIC), &[][..], BadKey::NoAlgorithm),
        (public(ES256_PUBLIC), &[Es256, Rs256], BadKey::Families),
        (public(RS256_PUBLIC), &[Rs256, Hs256], BadKey::Families),
        (secret("hush"), &[Es256], BadKey::NeedsPublicKey),
        (public(RS256_PUBLIC), &[Hs256], BadKey::NeedsSecret),
        (secret(""), &[Hs256], BadKey::Empty),
        (public(ES256), &[Es256], BadKey::Private),
        (public(RS256), &[Rs256], BadKey::Private),
        (public("hush"), &[Es256], BadKey::NotPem),
        (public(RS256_PUBLIC), &[Es256], BadKey::OtherFamily),
        (public(RS256_PUBLIC), &[Ed], BadKey::OtherFamily),
        (public(EDDSA_PUBLIC), &[Es256], BadKey::OtherFamily),
        (public(ES256_PUBLIC), &[Ed], BadKey::OtherFamily),
        (public(ES384_PUBLIC), &[Es256], BadKey::Curve),
        (public(ES256_PUBLIC), &[Es384], BadKey::Curve),
        (public(ES256_PUBLIC), &[Es256, Es384], BadKey::Curve),
        (
            public("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
            &[Es256],
            BadKey::OtherFamily,
        ),
    ] {
        assert_eq!(Verifier::new(&key, by(algorithms)).err(), Some(expected), "{algorithms:?}");
    }
    assert!(Verifier::new(&public(ES384_PUBLIC), by(&[Es384])).is_ok());
}

#[test]
fn neither_key_nor_token_is_shown() {
    let verifier = Verifier::new(&secret("hush"), by(&[Algorithm::HS256])).unwrap();
    let shown = format!("{verifier:?} {:?} {:?}", secret("hush"), public("hush"));
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn what_is_remembered_is_bounded() {
    let verifier = Verifier::new(&secret("hush"), by(&[Algorithm::HS256])).unwrap();
    let signer = EncodingKey::from_secret(b"hush");
    for number in 0..20_000 {
        let claims = json!({ "sub": format!("{number}"), "exp": NOW.as_secs() + 60 });
        let token = encode(&Header::new(Algorithm::HS256), &claims, &signer).unwrap();
        assert_eq!(verdict(&verifier, &bearing(&token), NOW), format!("{number}"));
    }
    assert!((1000..=8192).contains(&verifier.seen.count()), "{}", verifier.seen.count());
}

proptest! {
    #[test]
    fn no_credential_makes_anything_panic(value in "(Bearer )?[ -~]{0,80}", token in "[A-Za-z0-9_=-]{0,20}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,20}") {
        let verifier = es256();
        for fields in [HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(value).unwrap())]), bearing(&token)] {
            prop_assert!(!matches!(verifier.verify(&fields, NOW), Token::Verified(_)));
        }
    }

    #[test]
    fn a_token_with_one_byte_changed_is_nobodys(at in 0_usize..1000, to in "[A-Za-z0-9_.-]") {
        let verifier = es256();
        let token = signed(&good());
        let at = at % token.len();
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != token);
        prop_assert_ne!(verdict(&verifier, &bearing(&token), NOW), "absent");
        prop_assert!(!matches!(verifier.verify(&bearing(&changed), NOW), Token::Verified(_)), "{}", changed);
    }
}
