use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn options(line: &str) -> Result<Options, clap::Error> {
    Line::try_parse_from(line.split(' ')).map(|line| line.options)
}

#[test]
fn exactly_one_way_to_select_is_needed() {
    for line in [
        "purge",
        "purge --soft",
        "purge --all --url /a",
        "purge --url a",
        "purge --tag",
        "purge --admin https://h --all",
        "purge --admin 127.0.0.1:8090 --all",
        "purge --all --wait 1",
        "purge --all --wait soon",
    ] {
        let error = options(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn the_order_is_what_the_admin_listener_reads() {
    let order = options("purge --tag user:1 user:2 --tag user:3 --soft --wait 1s").unwrap().order();
    let order: serde_json::Value = serde_json::from_str(&order).unwrap();
    let expected = serde_json::json!({
        "url": [], "prefix": [], "tag": ["user:1", "user:2", "user:3"], "route": [],
        "all": false, "soft": true, "dry_run": false,
    });
    assert_eq!(order, expected);
    let order = options("purge --url http://h/a?b --dry-run").unwrap().order();
    let order: serde_json::Value = serde_json::from_str(&order).unwrap();
    assert_eq!(
        (&order["url"], &order["dry_run"]),
        (&serde_json::json!(["http://h/a?b"]), &true.into())
    );
}

#[test]
fn the_other_replicas_are_waited_for_a_second_unless_said_otherwise() {
    for (line, expected) in [
        ("purge --all", Duration::from_secs(1)),
        ("purge --all --wait 250ms", Duration::from_millis(250)),
        ("purge --all --wait 1m30s", Duration::from_secs(90)),
        ("purge --all --wait 0s", Duration::ZERO),
    ] {
        assert_eq!(options(line).unwrap().wait, expected, "{line}");
    }
}
