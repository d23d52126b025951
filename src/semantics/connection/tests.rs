use super::*;

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(*name, HeaderValue::from_static(value));
    }
    fields
}

fn left(lines: &[(&'static str, &'static str)]) -> Vec<String> {
    let mut fields = fields(lines);
    strip_hop_by_hop(&mut fields);
    let mut names: Vec<String> = fields.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

#[test]
fn s7_6_1_fields_that_connection_names_are_removed() {
    for (lines, expected) in [
        (&[("connection", "X-Foo"), ("x-foo", "1"), ("x-bar", "2")][..], &["x-bar"][..]),
        (&[("connection", "close, x-foo"), ("x-foo", "1"), ("x-foo", "2"), ("a", "")], &["a"]),
        (&[("connection", "close"), ("connection", "X-FOO"), ("x-foo", "1")], &[]),
        (&[("connection", "not a token,, x-foo"), ("x-foo", "1"), ("a", "")], &["a"]),
        (&[("x-foo", "1")], &["x-foo"]),
    ] {
        assert_eq!(left(lines), expected, "{lines:?}");
    }
}

#[test]
fn s7_6_1_known_fields_are_removed_whether_named_or_not() {
    let names = left(&[
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("trailer", "x-sum"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authorization", "Basic QQ=="),
        ("proxy-authentication-info", "x"),
        ("authorization", "Basic QQ=="),
        ("via", "1.1 a"),
    ]);
    assert_eq!(names, ["authorization", "via"]);
}

#[test]
fn s7_6_1_cache_control_is_never_a_connection_option() {
    let lines =
        [("connection", "cache-control, host"), ("cache-control", "no-store"), ("host", "a")];
    assert_eq!(left(&lines), ["cache-control", "host"]);
}

#[test]
fn s9_3_persistence() {
    for (version, connection, closes) in [
        (Version::HTTP_11, &[][..], false),
        (Version::HTTP_11, &["close"], true),
        (Version::HTTP_11, &["Close"], true),
        (Version::HTTP_11, &["keep-alive"], false),
        (Version::HTTP_11, &["close", "keep-alive"], true),
        (Version::HTTP_11, &["keep-alive, close"], true),
        (Version::HTTP_11, &["x-close"], false),
        (Version::HTTP_10, &[], true),
        (Version::HTTP_10, &["Keep-Alive"], false),
        (Version::HTTP_10, &["keep-alive", "close"], true),
        (Version::HTTP_09, &[], true),
        (Version::HTTP_2, &[], false),
    ] {
        let mut fields = HeaderMap::new();
        for line in connection {
            fields.append(CONNECTION, HeaderValue::from_static(line));
        }
        assert_eq!(wants_close(version, &fields), closes, "{version:?} {connection:?}");
    }
}

#[test]
fn s7_8_an_upgrade_needs_its_connection_option() {
    let websocket = [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")];
    assert_eq!(upgrade(Version::HTTP_11, &fields(&websocket)).unwrap(), "websocket");
    // "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request."
    assert_eq!(upgrade(Version::HTTP_10, &fields(&websocket)), None);
    for lines in [
        &[("upgrade", "websocket")][..],
        &[("connection", "close"), ("upgrade", "websocket")],
        &[("connection", "upgrade")],
        &[("connection", "upgrade"), ("upgrade", "")],
        &[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "foo")],
    ] {
        assert_eq!(upgrade(Version::HTTP_11, &fields(lines)), None, "{lines:?}");
    }
}

#[test]
fn a34_no_tunnel_for_what_carries_requests() {
    for protocol in ["h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0, HTTP/1.1", "h2"] {
        let lines = [("connection", "upgrade, http2-settings"), ("upgrade", protocol)];
        assert_eq!(upgrade(Version::HTTP_11, &fields(&lines)), None, "{protocol}");
    }
}
