//! `forebay purge` in a fleet.

use super::replicas::{Fleet, PROMPT};
use crate::support::{Forebay, run};

/// `forebay purge` by a replica: whether it succeeded, and what it said.
fn command(replica: &Forebay, arguments: &[&str]) -> (bool, String) {
    let admin = format!("http://{}", replica.admin_address());
    let token = [("FOREBAY_ADMIN__TOKEN", "right-token-0123456789")];
    let output = run(&[&["purge", "--admin", &admin], arguments].concat(), &token);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn it_waits_until_all_have_applied_it_and_says_so_when_they_have_not() {
    let fleet = Fleet::start(2, PROMPT);
    fleet.store(&["/things/1"]);
    let version = fleet.change();
    let (done, said) = command(&fleet.replicas[0], &["--tag", "red", "--wait", "20s"]);
    assert!(done && said.contains("matched=1"), "{said}");
    fleet.serves(version, &["/things/1"]);

    fleet.ways[1].hold();
    let (done, said) = command(&fleet.replicas[0], &["--tag", "red", "--wait", "100ms"]);
    assert!(!done && said.contains("not applied by every replica within 100ms"), "{said}");
    let (done, said) = command(&fleet.replicas[0], &["--tag", "red", "--wait", "0s"]);
    assert!(done, "{said}");

    fleet.ways[0].hold();
    let (done, said) = command(&fleet.replicas[0], &["--tag", "red"]);
    assert!(!done && said.contains("503 not-logged: purged here"), "{said}");
    let (done, said) = command(&fleet.replicas[0], &["--tag", "red", "--dry-run"]);
    assert!(done, "{said}");
}
