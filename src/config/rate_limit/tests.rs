use super::super::{Environment, load};
use super::*;
use crate::limit::window::Window;

fn rate_limit(text: &str) -> Option<RateLimitSettings> {
    let text = format!("[upstream]\nservers = [\"http://app:3000\"]\n{text}");
    let loaded = load(&text, "config.toml", &Environment::default());
    loaded.unwrap_or_else(|errors| panic!("{errors}")).settings.rate_limit
}

const TIERS: &str = r#"
    tiers.anonymous = ["30/h"]
    tiers.enterprise = { requests = ["20/s", "50/h burst 10"], forwarded = ["500/h"] }
    tiers.free = []
"#;

#[test]
fn what_is_declared_is_what_holds() {
    let text = format!("[rate_limit]\ntier = \"trusted_header:x-plan\"\nipv6_prefix = 56\n{TIERS}");
    let RateLimitSettings { limits, clients } = rate_limit(&text).unwrap();
    let written = |windows: &[Window]| {
        windows.iter().map(|window| window.rate().to_string()).collect::<Vec<_>>()
    };
    let tiers: Vec<_> = limits
        .tiers
        .iter()
        .map(|tier| (&*tier.name, written(&tier.requests), written(&tier.forwarded)))
        .collect();
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let expected = [
        ("anonymous", strings(&["30/h"]), vec![]),
        ("enterprise", strings(&["20/s", "50/h burst 10"]), strings(&["500/h"])),
        ("free", vec![], vec![]),
    ];
    assert_eq!(tiers, expected);
    assert_eq!(limits.tiers[limits.default_tier].name, "anonymous");
    assert_eq!(limits.tier, "trusted_header:x-plan".parse().ok());
    assert_eq!((limits.ipv6_prefix, limits.deny_unknown), (56, false));
    assert!(limits.sources.is_empty() && clients.is_empty());
}

#[test]
fn nobody_is_limited_without_a_word() {
    assert_eq!(rate_limit(""), None);
    assert_eq!(rate_limit(&format!("[rate_limit]\nenabled = false\n{TIERS}")), None);
}

#[test]
fn clients_may_stand_in_a_file_of_their_own() {
    let file = std::env::temp_dir().join(format!("forebay-clients-{}", std::process::id()));
    fs::write(&file, "\"key-7f3a\" = \"enterprise\"\nkey-92bc = \"free\"\n").unwrap();
    let client = "client = [\"header:x-api-key\", \"cookie:key\", \"ip\"]";
    let in_file =
        rate_limit(&format!("[rate_limit]\n{client}\nclients_file = {file:?}\n{TIERS}")).unwrap();
    fs::remove_file(file).unwrap();
    let clients = "clients = { \"key-7f3a\" = \"enterprise\", key-92bc = \"free\" }";
    let listed = rate_limit(&format!("[rate_limit]\n{client}\n{clients}\n{TIERS}")).unwrap();
    assert_eq!(in_file, listed);
    let listed: Vec<_> = listed
        .clients
        .iter()
        .map(|(key, tier)| (key.expose(), &*in_file.limits.tiers[*tier].name))
        .collect();
    assert_eq!(listed, [("key-7f3a", "enterprise"), ("key-92bc", "free")]);
    assert!(!format!("{in_file:?}").contains("7f3a"));
}

#[test]
fn what_is_wrong_with_a_file_of_clients_is_told_where_it_stands_there_and_no_key_is_named() {
    let file = std::env::temp_dir().join(format!("forebay-bad-clients-{}", std::process::id()));
    let named = file.display();
    for (content, expected) in [
        (
            "# nobody\nkey-7f3a = \"enterprise\"\n\"key-92bc\" = \"entreprise\"\nkey-1d2e = [\"free\"]\n",
            format!(
                "{named}:3:14: rate_limit.clients_file: expected the name of a tier, not \"entreprise\"; did you mean \"enterprise\"?\n\
                 {named}:4:12: rate_limit.clients_file: expected the name of a tier, not a list"
            ),
        ),
        (
            "key-7f3a = \"free\"\nkey-7f3a = \"free\"\nkey-92bc\n",
            format!(
                "{named}:2:1: rate_limit.clients_file: duplicate key\n\
                 {named}:3:9: rate_limit.clients_file: key with no value, expected `=`"
            ),
        ),
    ] {
        fs::write(&file, content).unwrap();
        let text = format!(
            "[upstream]\nservers = [\"http://app:3000\"]\n\
             [rate_limit]\nclient = [\"header:x-api-key\"]\nclients_file = {file:?}\n{TIERS}"
        );
        let errors = load(&text, "config.toml", &Environment::default()).unwrap_err();
        assert_eq!(errors.to_string(), expected);
    }
    fs::remove_file(file).unwrap();
}
