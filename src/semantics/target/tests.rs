use http::HeaderValue;
use proptest::prelude::*;

use super::BadTarget::*;
use super::*;

fn hosts(values: &[&str]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for value in values {
        fields.append(HOST, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    fields
}

/// The target of a request on a plain connection; `None` where the request line does not parse at all.
fn target(line: &str, host: &[&str]) -> Option<Result<(String, String, Form), BadTarget>> {
    let (method, uri) = line.split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let uri = Uri::try_from(uri.as_bytes()).ok()?;
    let target = effective_target("http", Version::HTTP_11, &method, &uri, &hosts(host));
    Some(target.map(|target| (target.authority, target.path_and_query.to_string(), target.form)))
}

#[test]
fn s3_3_the_target_is_put_together_from_host_and_request_line() {
    for (line, host, authority, path_and_query, form) in [
        ("GET /", "a", "a", "/", Form::Origin),
        ("GET /where?q=now", "A:80", "a", "/where?q=now", Form::Origin),
        ("GET //b/c", "a", "a", "//b/c", Form::Origin),
        ("GET /a/../b;c=%2f%2E?x=%41&&", "a", "a", "/a/../b;c=%2f%2E?x=%41&&", Form::Origin),
        ("GET /?", "a", "a", "/?", Form::Origin),
        ("POST /x?u=http://b/", "a:8080", "a:8080", "/x?u=http://b/", Form::Origin),
        ("OPTIONS *", "a", "a", "*", Form::Asterisk),
        ("OPTIONS /x", "a", "a", "/x", Form::Origin),
        // A22: the request-target's authority, not the Host's.
        ("GET http://evil/", "good", "evil", "/", Form::Absolute),
        ("GET HTTP://B:80/x?y", "a", "b", "/x?y", Form::Absolute),
        ("GET http://b", "a", "b", "/", Form::Absolute),
        ("GET http://b?q", "a", "b", "/?q", Form::Absolute),
        // A26
        ("GET /a%0d%0ab", "a", "a", "/a%0d%0ab", Form::Origin),
        ("GET /a#frag", "a", "a", "/a", Form::Origin),
        ("GET /?x=\\", "a", "a", "/?x=\\", Form::Origin),
    ] {
        let expected = (authority.to_owned(), path_and_query.to_owned(), form);
        assert_eq!(target(line, &[host]), Some(Ok(expected)), "{line}");
    }
}

#[test]
fn s3_2_host_is_there_once_and_valid() {
    // A19
    assert_eq!(target("GET /", &[]), Some(Err(HostMissing)));
    assert_eq!(target("GET http://b/", &[]), Some(Err(HostMissing)));
    assert_eq!(target("GET /", &["a", "a"]), Some(Err(HostRepeated)));
    assert_eq!(target("GET http://b/", &["a", "b"]), Some(Err(HostRepeated)));
    // A21
    for host in ["", "user@a", "a/b", "a b", "a:65536", "a:80:80", "..", "[::1].", "a, b", "é"] {
        assert_eq!(target("GET /", &[host]), Some(Err(HostInvalid)), "{host:?}");
        assert_eq!(target("GET http://b/", &[host]), Some(Err(HostInvalid)), "{host:?}");
    }
}

#[test]
fn s3_3_older_versions_need_a_host_unless_the_target_has_one() {
    let [relative, absolute] = ["/x", "http://b/x"].map(|uri| uri.parse::<Uri>().unwrap());
    let of = |version, uri| {
        let target = effective_target("http", version, &Method::GET, uri, &HeaderMap::new());
        target.map(|target| target.authority)
    };
    for version in [Version::HTTP_10, Version::HTTP_2] {
        assert_eq!(of(version, &relative), Err(HostMissing), "{version:?}");
        assert_eq!(of(version, &absolute), Ok("b".to_owned()), "{version:?}");
    }
}

#[test]
fn s3_2_2_the_scheme_is_the_connections() {
    // A23
    assert_eq!(target("GET ftp://a/", &["a"]), Some(Err(SchemeUnknown)));
    assert_eq!(target("GET https://a/", &["a"]), Some(Err(SchemeMismatch)));
    let uri = "https://a:443/".parse::<Uri>().unwrap();
    let target =
        effective_target("https", Version::HTTP_11, &Method::GET, &uri, &hosts(&["a"])).unwrap();
    assert_eq!(target.authority, "a");
    let uri = "http://a/".parse::<Uri>().unwrap();
    let target = effective_target("https", Version::HTTP_11, &Method::GET, &uri, &hosts(&["a"]));
    assert_eq!(target, Err(SchemeMismatch));
    assert_eq!(
        (SchemeMismatch.status(), SchemeUnknown.status()),
        (StatusCode::MISDIRECTED_REQUEST, StatusCode::BAD_REQUEST)
    );
}

#[test]
fn s4_2_4_user_information_is_an_error() {
    for line in ["GET http://user@b/", "GET http://user:pass@b/x", "GET http://b:99999/"] {
        let target = target(line, &["a"]);
        assert!(matches!(target, None | Some(Err(AuthorityInvalid))), "{line}: {target:?}");
    }
}

#[test]
fn a24_other_forms_are_refused() {
    assert_eq!(target("GET foo", &["a"]), Some(Err(FormInvalid)));
    assert_eq!(target("GET foo:80", &["a"]), Some(Err(FormInvalid)));
    assert_eq!(target("GET *", &["a"]), Some(Err(FormInvalid)));
    for line in ["OPTIONS */x", "OPTIONS http://b*", "GET /a b", "GET /a\tb", "GET http://", "GET "]
    {
        let target = target(line, &["a"]);
        assert!(matches!(target, None | Some(Err(_))), "{line}: {target:?}");
    }
}

#[test]
fn a25_no_tunnels() {
    assert_eq!(target("CONNECT a:443", &["a"]), Some(Err(Connect)));
    assert_eq!(Connect.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn a26_raw_octets_and_nul_are_refused() {
    for line in ["GET /%00", "GET /x?%00", "GET /a\\b", "GET /..\\x?y", "GET /é", "GET /?é"] {
        assert_eq!(target(line, &["a"]), Some(Err(PathInvalid)), "{line}");
    }
    for line in ["GET /\0", "GET /\x7f", "GET /\x0b", "GET /?\x01"] {
        assert!(matches!(target(line, &["a"]), None | Some(Err(PathInvalid))), "{line:?}");
    }
}

proptest! {
    #[test]
    fn what_passes_is_visible_and_has_a_path(octets in prop::collection::vec(any::<u8>(), 1..40), slash in any::<bool>()) {
        let octets = if slash { [b"/", &octets[..]].concat() } else { octets };
        let Ok(uri) = Uri::try_from(&octets[..]) else { return Ok(()) };
        if let Ok(target) =
            effective_target("http", Version::HTTP_11, &Method::GET, &uri, &hosts(&["a"]))
        {
            prop_assert!(target.path_and_query.as_str().starts_with('/'));
            prop_assert!(target.path_and_query.as_str().bytes().all(|octet| octet.is_ascii_graphic()));
        }
    }
}
