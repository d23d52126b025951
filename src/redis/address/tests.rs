use super::*;

fn parsed(url: &str) -> Address {
    url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[test]
fn every_form_is_understood_and_shown_without_credentials() {
    for (url, shown) in [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://localhost", "redis://localhost:6379"),
        ("redis://localhost/", "redis://localhost:6379"),
        ("redis://[::1]:7000/255", "redis://[::1]:7000/255"),
        ("redis://[::1]", "redis://[::1]:6379"),
        ("rediss://ada:hunter2@redis.internal", "rediss://redis.internal:6379"),
        ("redis://:hunter2@localhost/3", "redis://localhost:6379/3"),
        ("redis-cluster://a,b:7001", "redis-cluster://a:6379,b:7001"),
        ("redis-cluster://a?node=b:7001&node=c", "redis-cluster://a:6379,b:7001,c:6379"),
        ("rediss-cluster://:hunter2@a", "rediss-cluster://a:6379"),
        (
            "redis-sentinel://:hunter2@a,b:1/2?sentinelServiceName=primary&sentinelPassword=hunter2",
            "redis-sentinel://a:26379,b:1/2",
        ),
        ("rediss-sentinel://a?sentinelServiceName=primary", "rediss-sentinel://a:26379"),
        ("unix:/run/redis.sock", "unix:/run/redis.sock"),
        ("unix:///run/redis.sock?db=2&user=ada&password=hunter2", "unix:/run/redis.sock?db=2"),
    ] {
        let address = parsed(url);
        assert_eq!(address.to_string(), shown, "{url}");
        assert_eq!(format!("{address:?}"), shown, "{url}");
        assert_eq!(address.is_tls(), url.starts_with("rediss"), "{url}");
    }
}

#[test]
fn credentials_are_percent_encoded() {
    for (url, user, password) in [
        ("redis://a", None, None),
        ("redis://:p@a", None, Some("p")),
        ("redis://ada:p@a", Some("ada"), Some("p")),
        ("redis://ada@a", Some("ada"), None),
        ("redis://ada:p%40%3a%2F%23%25%C3%A4@a", Some("ada"), Some("p@:/#%ä")),
        ("redis://ada:p:q@a", Some("ada"), Some("p:q")),
        ("redis://ada:p@q@a", Some("ada"), Some("p@q")),
        ("unix:/a?user=ada&password=p%26q", Some("ada"), Some("p&q")),
    ] {
        let address = parsed(url);
        assert_eq!(
            (address.user.as_deref(), address.password.as_deref()),
            (user, password),
            "{url}"
        );
    }
    let url =
        "redis-sentinel://u:p@a?sentinelServiceName=s%20t&sentinelUsername=v&sentinelPassword=w";
    let Place::Tcp { kind: Kind::Sentinel { service, user, password }, .. } = parsed(url).place
    else {
        panic!("no Sentinel");
    };
    assert_eq!((&*service, user.as_deref(), password.as_deref()), ("s t", Some("v"), Some("w")));
}

#[test]
fn what_is_none_is_refused_with_what_was_expected() {
    for (url, expected) in [
        ("", BadAddress::SCHEME),
        ("localhost:6379", BadAddress::SCHEME),
        ("http://localhost", BadAddress::SCHEME),
        ("redis-ring://localhost", BadAddress::SCHEME),
        ("redis:localhost", BadAddress::SCHEME),
        ("redis://", BadAddress::HOST),
        ("redis://:6379", BadAddress::HOST),
        ("redis://a b", BadAddress::HOST),
        ("redis://::1", BadAddress::HOST),
        ("redis://[::1", BadAddress::HOST),
        ("redis://[::1]7000", BadAddress::HOST),
        ("redis://[a]", BadAddress::HOST),
        ("redis-cluster://a,", BadAddress::HOST),
        ("redis://a:0", BadAddress::PORT),
        ("redis://a:65536", BadAddress::PORT),
        ("redis://a:redis", BadAddress::PORT),
        ("redis://a,b", BadAddress::ONE_HOST),
        ("redis://a/256", BadAddress::DATABASE),
        ("redis://a/-1", BadAddress::DATABASE),
        ("redis://a/cache", BadAddress::DATABASE),
        ("redis-cluster://a/1", BadAddress::NO_DATABASE),
        ("redis://:p%4@a", BadAddress::PERCENT),
        ("redis://:p%zz@a", BadAddress::PERCENT),
        ("redis://:p%+1@a", BadAddress::PERCENT),
        ("redis://:p%ff@a", BadAddress::PERCENT),
        ("redis://:p#q@a", BadAddress::FRAGMENT),
        ("redis-sentinel://a", BadAddress::SERVICE),
        ("redis://a?node=b", BadAddress::PARAMETER),
        ("redis://a?timeout=1", BadAddress::PARAMETER),
        ("redis://a?timeout", BadAddress::PARAMETER),
        ("unix:run/redis.sock", BadAddress::PATH),
        ("unix://host/redis.sock", BadAddress::PATH),
        ("unix:/redis.sock?db=x", BadAddress::DATABASE),
    ] {
        assert_eq!(url.parse::<Address>(), Err(expected), "{url}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_is_too_strange(url in "(rediss?(-cluster|-sentinel)?:|unix:)?[/@:,?=&%\\[\\]a-z0-9é]{0,40}") {
        if let Ok(address) = url.parse::<Address>() {
            proptest::prop_assert!(!address.to_string().is_empty());
        }
    }
}
