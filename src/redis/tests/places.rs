//! Wherever Redis is: over TLS, behind a socket, in a numbered database.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;
use crate::redis::testing::unused_address;
use crate::trust::Authorities;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server that speaks TLS at the port that is answered.
fn secured(authority: &Authority, directory: &Path) -> (Server, u16) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let write = |name: &str, text: String| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, certificate) =
        (write("key.pem", key.serialize_pem()), write("cert.pem", certificate.pem()));
    let port = unused_address().port();
    let server = Server::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-auth-clients",
        "no",
        "--tls-key-file",
        &key,
        "--tls-cert-file",
        &certificate,
        "--tls-ca-cert-file",
        &certificate,
    ]);
    (server, port)
}

fn believing(authority: &Authority) -> Around {
    let authorities = Authorities::from_pem(authority.pem().as_bytes()).unwrap();
    Around { authorities: Some(authorities), ..Around::default() }
}

#[tokio::test]
async fn over_tls_with_whom_the_authority_vouches_for() {
    let (ours, other) = (authority(), authority());
    let files = Server::start();
    let (_server, port) = secured(&ours, files.directory());
    let url = format!("rediss://127.0.0.1:{port}");
    until_up(&link_within(url.clone(), PATIENCE, believing(&ours))).await;

    let stranger = link_within(url.clone(), FOR_EVER, believing(&other));
    let plain = link(format!("redis://127.0.0.1:{port}"), FOR_EVER);
    for link in [stranger, plain] {
        until(async || link.ask(Operation::Probe, get("a")).await.is_err()).await;
        assert!(!link.is_up());
    }
    let settings = Settings { url, prefix: String::new(), timeout: PATIENCE, connections: 1 };
    let error = Link::start(settings).unwrap_err();
    assert!(error.contains("redis.ca"), "{error}");
}

#[tokio::test]
async fn behind_a_unix_socket_and_in_a_numbered_database() {
    let server = Server::start();
    let socket = server.directory().join("redis.sock");
    let behind = Server::start_with(&["--unixsocket", socket.to_str().unwrap()]);
    for url in
        [format!("redis://{}/3", behind.address()), format!("unix:{}?db=3", socket.display())]
    {
        let link = link(url, PATIENCE);
        until_up(&link).await;
        link.ask(Operation::Write, set("a", "three")).await.unwrap();
        assert_eq!(behind.ask(&["EXISTS", "a"]), "0");
        assert!(behind.ask(&["INFO", "keyspace"]).contains("db3:keys=1"));
    }
}

#[tokio::test]
async fn as_a_user_whose_password_has_everything_in_it() {
    let server = Server::start();
    server.ask(&["ACL", "SETUSER", "ada", "on", ">p@:/%?", "~test:*", "+@all"]);
    server.ask(&["CONFIG", "SET", "requirepass", "other"]);
    let url = format!("redis://ada:p%40:%2F%25%3F@{}", server.address());
    let link = link(url, PATIENCE);
    let on = |key: Bytes| Command::new("GET", key);
    until(async || link.ask(Operation::Read, on(link.key("a", ""))).await == Ok(Reply::Nil)).await;
    assert_eq!(link.ask(Operation::Read, get("elsewhere")).await, Err(Trouble::Denied));
    let shown = format!("{link:?} {}", link.address());
    assert!(!shown.contains("p@") && !shown.contains("p%"), "{shown}");
}
