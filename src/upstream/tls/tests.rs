//! Against servers with certificates made here.

use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::body::Body;
use crate::clock::{Clock, Timestamp};
use crate::trust::{BadAuthorities, can_be_certified};
use crate::upstream::connection::{Answered, Connection};
use crate::upstream::hearing::Hearing;
use crate::upstream::sending::Request;
use crate::upstream::stream::Stream;

type Authority = CertifiedIssuer<'static, KeyPair>;
type ServerStream = tokio_rustls::server::TlsStream<TcpStream>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["app.test".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Both ends of a connection.
async fn connected() -> (TlsStream, ServerStream) {
    let authority = authority();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = Tls::new(Some(&Authorities::from_pem(authority.pem().as_bytes()).unwrap()));
    let acceptor = acceptor(&authority);
    let accepting = async { acceptor.accept(listener.accept().await.unwrap().0).await.unwrap() };
    let connecting = async {
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        tls.connect("app.test", tcp).await.unwrap()
    };
    tokio::join!(connecting, accepting)
}

/// Reads `GET / HTTP/1.1` to its end and answers it.
async fn answer(server: &mut ServerStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(server.read_u8().await.unwrap());
    }
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    server.flush().await.unwrap();
}

async fn exchange(connection: Connection, server: &mut ServerStream) -> Connection {
    let (fields, target) = (HeaderMap::new(), PathAndQuery::from_static("/"));
    let request = Request { method: Method::GET, target, fields, body: Body::Empty };
    let (hearing, clock) = (Hearing::default(), Clock::system());
    let asking = connection.exchange(request, &hearing, Duration::MAX, &clock);
    let (answered, ()) = tokio::join!(asking, answer(server));
    let Ok(Answered { head, connection, sending: None }) = answered else { panic!("no answer") };
    assert_eq!(head.status, 200);
    connection
}

/// Waits until bytes lie in the socket, of which the reactor is not told.
async fn until_something_lies_there(watched: &Socket) {
    let mut byte = [std::mem::MaybeUninit::uninit()];
    while watched.peek(&mut byte).is_err() {
        tokio::task::yield_now().await;
    }
}

/// A connection that has carried one exchange, the server's end of it, and another handle to its socket.
async fn idle() -> (Connection, ServerStream, Socket) {
    let (client, mut server) = connected().await;
    let watched = SockRef::from(client.get_ref().0).try_clone().unwrap();
    let connection = Connection::new(Stream::Tls(Box::new(client)), Timestamp::from_secs(1));
    let connection = exchange(connection, &mut server).await;
    (connection, server, watched)
}

#[tokio::test]
async fn what_tls_says_by_itself_does_not_cost_an_idle_connection() {
    let (mut connection, mut server, watched) = idle().await;
    server.get_mut().1.refresh_traffic_keys().unwrap();
    server.flush().await.unwrap();
    until_something_lies_there(&watched).await;
    assert!(connection.is_sound(false));
    let mut connection = exchange(connection, &mut server).await;
    assert!(connection.is_sound(false));
}

#[tokio::test]
async fn an_idle_connection_whose_server_took_leave_is_not_used() {
    let (mut connection, mut server, watched) = idle().await;
    server.get_mut().1.send_close_notify();
    server.flush().await.unwrap();
    until_something_lies_there(&watched).await;
    assert!(!connection.is_sound(false));
}

#[tokio::test]
async fn an_idle_connection_that_was_cut_is_not_used() {
    let (mut connection, server, watched) = idle().await;
    drop(server);
    until_something_lies_there(&watched).await;
    assert!(!connection.is_sound(false));
}

#[tokio::test]
async fn an_idle_connection_on_which_something_was_said_is_not_used() {
    let (mut connection, mut server, watched) = idle().await;
    server.get_mut().1.refresh_traffic_keys().unwrap();
    server.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
    server.flush().await.unwrap();
    until_something_lies_there(&watched).await;
    assert!(!connection.is_sound(false));
}

#[test]
fn authorities_are_certificates_in_pem() {
    let (one, two) = (authority().pem(), authority().pem());
    let read = |text: &str| Authorities::from_pem(text.as_bytes());
    let both = read(&format!("{one}{two}")).unwrap();
    assert_eq!(read(&format!("# two\n{two}\n# one, twice\n{one}{one}")), Ok(both.clone()));
    assert_ne!(read(&one), Ok(both));
    let key = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(read(&key), Err(BadAuthorities::None));
    assert_eq!(read(""), Err(BadAuthorities::None));
    let malformed = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(read(&format!("{one}{malformed}")), Err(BadAuthorities::Malformed(2)));
    assert_eq!(read(&one[..one.len() / 2]), Err(BadAuthorities::NotPem));
}

#[test]
fn hosts_that_no_certificate_names() {
    for (host, possible) in [
        ("app.internal", true),
        ("my_app", true),
        ("127.0.0.1", true),
        ("::1", true),
        ("-app", false),
        ("app.1", false),
    ] {
        assert_eq!(can_be_certified(host), possible, "{host}");
    }
}
