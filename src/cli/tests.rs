use clap::CommandFactory;

use super::*;

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn bad_usage_is_told_from_good() {
    for (line, is_good) in [
        ("forebay", true),
        ("forebay --config a.toml", true),
        (
            "forebay --upstream http://127.0.0.1:3000 --default-ttl 10s --listen 127.0.0.1:8080",
            true,
        ),
        ("forebay check --config a.toml", true),
        ("forebay purge --all", true),
        ("forebay explain GET /a", true),
        ("forebay explain --config a.toml GET http://h/a -H a:b -H c:d", true),
        ("forebay explain GET", false),
        ("forebay reload", true),
        ("forebay reload --admin unix:/run/forebay.sock", true),
        ("forebay reload now", false),
        ("forebay --upstream http://127.0.0.1:3000 --config a.toml", false),
        ("forebay --default-ttl 10s", false),
        ("forebay --listen 127.0.0.1:8080", false),
        ("forebay --config a.toml check", false),
        ("forebay purge", false),
        ("forebay serve", false),
        ("forebay --unknown", false),
    ] {
        let parsed = Cli::try_parse_from(line.split(' '));
        assert_eq!(parsed.is_ok(), is_good, "{line}");
        if let Err(error) = parsed {
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
