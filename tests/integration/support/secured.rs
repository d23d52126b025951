//! TLS in front of an origin, with certificates of the test's own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerSessionMemoryCache;
use rustls::{HandshakeKind, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Origin;

/// Somebody who vouches for servers.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a server proves with who it is.
pub(crate) struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What others need to believe it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// For a server of this name or address.
    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        self.certificate_valid(name, 2020, 2040)
    }

    /// The same, valid from the beginning of one year to that of another.
    pub(crate) fn certificate_valid(&self, name: &str, from: i32, until: i32) -> Certificate {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Certificate::new(certificate.der(), &key)
    }
}

impl Certificate {
    /// One for which nobody but itself vouches.
    pub(crate) fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        Self::new(params.self_signed(&key).unwrap().der(), &key)
    }

    fn new(certificate: &CertificateDer<'static>, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Self { chain: vec![certificate.clone()], key }
    }
}

/// A handshake that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// The name that the client asked for.
    pub(crate) name: Option<String>,
    /// The protocol that was agreed on.
    pub(crate) protocol: Option<String>,
    pub(crate) resumed: bool,
}

/// A listener that speaks TLS, and passes what it hears to an origin. It ends with the test.
pub(crate) struct Secured {
    address: SocketAddr,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
}

/// How a [`Secured`] speaks.
pub(crate) struct Manners {
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    /// Whether a connection is ended with a word of TLS's own.
    pub(crate) takes_leave: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self { versions: rustls::ALL_VERSIONS, takes_leave: true }
    }
}

impl Secured {
    pub(crate) fn start(origin: &Origin, certificate: Certificate) -> Self {
        Self::start_with(origin, certificate, Manners::default())
    }

    pub(crate) fn start_with(origin: &Origin, certificate: Certificate, manners: Manners) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(manners.versions).unwrap();
        let builder = builder.with_no_client_auth();
        let mut config = builder.with_single_cert(certificate.chain, certificate.key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(64);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let handshakes = Arc::new(Mutex::new(Vec::new()));
        let (made, origin) = (Arc::clone(&handshakes), origin.authority());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, made, origin) =
                        (acceptor.clone(), Arc::clone(&made), origin.clone());
                    tokio::spawn(async move {
                        relay(stream, &acceptor, &made, &origin, manners.takes_leave).await;
                    });
                }
            });
        });
        Self { address, handshakes }
    }

    /// Its URL, the host being called so.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }

    /// Every handshake so far that came to its end.
    pub(crate) fn handshakes(&self) -> Vec<Handshake> {
        self.handshakes.lock().unwrap().clone()
    }
}

async fn relay(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    made: &Mutex<Vec<Handshake>>,
    origin: &str,
    takes_leave: bool,
) {
    let Ok(client) = acceptor.accept(stream).await else { return };
    let session = client.get_ref().1;
    made.lock().unwrap().push(Handshake {
        name: session.server_name().map(str::to_owned),
        protocol: session
            .alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
    });
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_origin, mut to_origin) = TcpStream::connect(origin).await.unwrap().into_split();
    let upwards = tokio::spawn(async move {
        let _ = copy(&mut from_client, &mut to_origin).await;
        let _ = to_origin.shutdown().await;
        from_client
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from_origin.read(&mut buffer).await {
        if to_client.write_all(&buffer[..count]).await.is_err() || to_client.flush().await.is_err()
        {
            break;
        }
    }
    if takes_leave {
        let _ = to_client.shutdown().await;
        let _ = upwards.await;
    } else {
        // Both halves go, and with them the socket: a FIN and nothing before it.
        upwards.abort();
        let _ = upwards.await;
    }
}
