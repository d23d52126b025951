use super::*;

const PROXY: &str = "10.0.0.1:4711";

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn trusting(networks: &[&str], field: &'static str) -> TrustedProxies {
    TrustedProxies {
        networks: networks.iter().map(|text| Networks::named(text).unwrap()).collect(),
        field: HeaderName::from_static(field),
    }
}

fn peer(address: &str) -> Peer {
    Peer::tcp(address.parse().unwrap(), Scheme::Http)
}

fn address(of: &str, lines: &[(&'static str, &str)]) -> String {
    let proxies = trusting(&["10.0.0.0/8", "fd00::/8"], "x-forwarded-for");
    proxies.client(&peer(of), &fields(lines)).address.to_string()
}

#[test]
fn h06_only_a_trusted_peer_is_believed() {
    let spoofed = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")];
    let proxies = trusting(&["10.0.0.0/8"], "x-forwarded-for");
    let itself = proxies.client(&peer("192.0.2.1:4711"), &fields(&spoofed));
    assert_eq!((itself.address.to_string().as_str(), itself.scheme), ("192.0.2.1", Scheme::Http));
    assert!(!itself.by_proxy);
    let client = proxies.client(&peer(PROXY), &fields(&spoofed));
    assert_eq!((client.address.to_string().as_str(), client.scheme), ("1.2.3.4", Scheme::Https));
    assert!(client.by_proxy);
    let nobody = TrustedProxies::default().client(&peer(PROXY), &fields(&spoofed));
    assert_eq!(nobody.address.to_string(), "10.0.0.1");
}

#[test]
fn h06_the_field_is_walked_from_right_to_left() {
    for (value, expected) in [
        ("1.2.3.4", "1.2.3.4"),
        ("9.9.9.9, 1.2.3.4", "1.2.3.4"),
        ("9.9.9.9, 1.2.3.4, 10.0.0.2, 10.0.0.3", "1.2.3.4"),
        ("9.9.9.9,1.2.3.4,\t10.0.0.2", "1.2.3.4"),
        // Proxies all the way: the farthest of them asks.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("1.2.3.4:5678", "1.2.3.4"),
        ("[2001:db8::1]:5678, 10.0.0.2", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("1.2.3.4, fd00::5", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("1.2.3.4, ::ffff:10.0.0.2", "1.2.3.4"),
    ] {
        assert_eq!(address(PROXY, &[("x-forwarded-for", value)]), expected, "{value}");
    }
}

#[test]
fn h06_what_cannot_be_read_ends_the_walk() {
    for (value, expected) in [
        ("", "10.0.0.1"),
        (", ,", "10.0.0.1"),
        ("1.2.3.4,", "10.0.0.1"),
        ("1.2.3.4, , 10.0.0.2", "10.0.0.2"),
        ("unknown", "10.0.0.1"),
        ("1.2.3.4, _hidden, 10.0.0.2", "10.0.0.2"),
        ("1.2.3.4, garbage", "10.0.0.1"),
        ("1.2.3", "10.0.0.1"),
        ("1.2.3.4:", "10.0.0.1"),
        ("1.2.3.4:99999", "10.0.0.1"),
        ("01.2.3.4", "10.0.0.1"),
        ("fe80::1%eth0", "10.0.0.1"),
        ("[fe80::1%1]:80", "10.0.0.1"),
        ("for=1.2.3.4", "10.0.0.1"),
        ("\"1.2.3.4\"", "10.0.0.1"),
        ("1.2.3.4 5.6.7.8", "10.0.0.1"),
    ] {
        assert_eq!(address(PROXY, &[("x-forwarded-for", value)]), expected, "{value}");
    }
    let long = "1.2.3.4, ".repeat(10 * 1024 / 9);
    assert_eq!(address(PROXY, &[("x-forwarded-for", &format!("{long}5.6.7.8"))]), "5.6.7.8");
    assert_eq!(address(PROXY, &[("x-forwarded-for", &"9".repeat(10 * 1024))]), "10.0.0.1");
}

#[test]
fn h06_several_lines_are_one_list() {
    let lines = |first, second| [("x-forwarded-for", first), ("x-forwarded-for", second)];
    assert_eq!(address(PROXY, &lines("9.9.9.9", "1.2.3.4")), "1.2.3.4");
    assert_eq!(address(PROXY, &lines("1.2.3.4", "10.0.0.2")), "1.2.3.4");
    assert_eq!(address(PROXY, &lines("1.2.3.4", "garbage, 10.0.0.2")), "10.0.0.2");
}

#[test]
fn h06_no_other_field_is_read() {
    let others =
        [("x-real-ip", "1.2.3.4"), ("forwarded", "for=1.2.3.4"), ("cf-connecting-ip", "1.2.3.4")];
    assert_eq!(address(PROXY, &others), "10.0.0.1");
    let proxies = trusting(&["10.0.0.0/8"], "x-real-ip");
    let both = fields(&[("x-real-ip", "5.6.7.8"), ("x-forwarded-for", "1.2.3.4")]);
    assert_eq!(proxies.client(&peer(PROXY), &both).address.to_string(), "5.6.7.8");
}

#[test]
fn h08_a_mapped_peer_is_the_address_that_was_mapped() {
    assert_eq!(address("[::ffff:10.0.0.1]:1", &[("x-forwarded-for", "1.2.3.4")]), "1.2.3.4");
    assert_eq!(address("[::ffff:192.0.2.1]:1", &[("x-forwarded-for", "1.2.3.4")]), "192.0.2.1");
}

#[test]
fn the_scheme_is_what_one_word_of_a_trusted_proxy_says() {
    let proxies = trusting(&["10.0.0.0/8"], "x-forwarded-for");
    let scheme =
        |lines: &[(&'static str, &str)]| proxies.client(&peer(PROXY), &fields(lines)).scheme;
    for (value, expected) in [
        ("https", Scheme::Https),
        (" HTTPS ", Scheme::Https),
        ("http", Scheme::Http),
        ("wss", Scheme::Http),
        ("", Scheme::Http),
        ("https, http", Scheme::Http),
        ("https,https", Scheme::Http),
    ] {
        assert_eq!(scheme(&[("x-forwarded-proto", value)]), expected, "{value}");
    }
    let twice = [("x-forwarded-proto", "https"), ("x-forwarded-proto", "https")];
    assert_eq!(scheme(&twice), Scheme::Http);
}

#[test]
fn claims_are_taken_from_everybody_but_trusted_proxies() {
    let proxies = trusting(&["10.0.0.0/8"], "x-forwarded-for");
    let claims = [HeaderName::from_static("x-user")];
    for (of, left) in [(PROXY, 1), ("192.0.2.1:1", 0)] {
        let mut sent = fields(&[("x-user", "alice"), ("x-forwarded-for", "10.0.0.9")]);
        let client = proxies.client(&peer(of), &sent);
        strip_claims(&mut sent, &claims, &client);
        assert_eq!(sent.get_all("x-user").iter().count(), left, "{of}");
    }
}
