//! TLS towards servers: who is believed to be who. The one user of rustls.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::Failure;

/// A connection that speaks TLS.
pub(super) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// Reads that may lead to nothing but TLS's own messages before a connection is given up.
const READS: usize = 16;

/// The certificates of those who vouch for servers.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities(Arc<[CertificateDer<'static>]>);

/// Why there is nobody to vouch for servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAuthorities {
    /// The text is not PEM.
    NotPem,
    /// There is no certificate.
    None,
    /// The certificate at this place, counted from 1, cannot be understood.
    Malformed(usize),
}

impl Authorities {
    /// Those whose certificates stand in a text in PEM.
    ///
    /// # Errors
    /// Where there is none, or one of them cannot be understood.
    pub fn from_pem(text: &[u8]) -> Result<Self, BadAuthorities> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        let certificates = certificates.map_err(|_| BadAuthorities::NotPem)?;
        let malformed = certificates.iter().position(|certificate| !is_understood(certificate));
        if let Some(index) = malformed {
            return Err(BadAuthorities::Malformed(index + 1));
        }
        Self::some(certificates)
    }

    /// Those that this machine trusts. Reads the system's files: milliseconds, not for the way of a request.
    ///
    /// # Errors
    /// [`BadAuthorities::None`].
    pub fn of_system() -> Result<Self, BadAuthorities> {
        let mut certificates = rustls_native_certs::load_native_certs().certs;
        // A system's store holds curiosities; those that nobody can use are no reason to trust nobody.
        certificates.retain(is_understood);
        Self::some(certificates)
    }

    fn some(mut certificates: Vec<CertificateDer<'static>>) -> Result<Self, BadAuthorities> {
        // In one order, so that the same ones are equal when they are read again.
        certificates.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
        certificates.dedup();
        let is_empty = certificates.is_empty();
        if is_empty { Err(BadAuthorities::None) } else { Ok(Self(certificates.into())) }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.0.iter().cloned());
        roots
    }
}

fn is_understood(certificate: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(certificate.clone()).is_ok()
}

/// True for a host that a certificate can name: a DNS name or an address.
pub fn can_be_certified(host: &str) -> bool {
    ServerName::try_from(host).is_ok()
}

/// Makes connections speak TLS. Clones share the sessions that can be resumed.
#[derive(Clone)]
pub(super) struct Tls(Option<TlsConnector>);

impl Tls {
    /// TLS 1.2 or 1.3 with servers that `authorities` vouch for; with none where there are no authorities.
    pub(super) fn new(authorities: Option<&Authorities>) -> Self {
        Self(authorities.and_then(|authorities| {
            let provider = Arc::new(aws_lc_rs::default_provider());
            let builder = ClientConfig::builder_with_provider(provider);
            let builder = builder.with_safe_default_protocol_versions().ok()?;
            let builder = builder.with_root_certificates(authorities.roots());
            let mut config = builder.with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(TlsConnector::from(Arc::new(config)))
        }))
    }

    /// The connection, once the server at its end has proved to be `host`. Nothing of a request is sent before.
    pub(super) async fn connect(&self, host: &str, tcp: TcpStream) -> Result<TlsStream, Failure> {
        let Some(connector) = &self.0 else { return Err(TlsFault::Untrusted.into()) };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsFault::WrongName)?;
        connector.connect(name, tcp).await.map_err(|error| TlsFault::of(&error).into())
    }
}

/// Why no TLS connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The server's certificate has expired, or is not valid yet.
    OutOfDate,
    /// The server's certificate is another's.
    WrongName,
    /// Nobody who is believed vouches for the server's certificate.
    Untrusted,
    /// Anything else: no TLS is spoken there, there is no common version, the connection was lost.
    Handshake,
}

impl TlsFault {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfDate => "upstream-tls-out-of-date",
            Self::WrongName => "upstream-tls-wrong-name",
            Self::Untrusted => "upstream-tls-untrusted",
            Self::Handshake => "upstream-tls",
        }
    }

    fn of(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        let Some(rustls::Error::InvalidCertificate(cause)) = cause else { return Self::Handshake };
        match cause {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::OutOfDate,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            _ => Self::Untrusted,
        }
    }
}

impl From<TlsFault> for Failure {
    fn from(fault: TlsFault) -> Self {
        Self::Tls(fault)
    }
}

/// True when the server has neither ended the session nor said anything. What belongs to TLS itself may come at any time,
/// a ticket or new keys, and is taken in here. Reads from the socket itself: the reactor may not have heard of it yet.
pub(super) fn is_quiet(stream: &mut TlsStream) -> bool {
    let (tcp, session) = stream.get_mut();
    let socket = SockRef::from(&*tcp);
    let mut socket: &Socket = &socket;
    for _ in 0..READS {
        match session.process_new_packets() {
            Ok(state) if state.plaintext_bytes_to_read() == 0 => {}
            _ => return false,
        }
        match session.read_tls(&mut socket) {
            // The end, of the session or of the connection.
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    false
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

impl fmt::Display for BadAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => f.write_str("not PEM"),
            Self::None => f.write_str("no certificate"),
            Self::Malformed(place) => write!(f, "certificate {place} cannot be understood"),
        }
    }
}

impl Error for BadAuthorities {}

#[cfg(test)]
mod tests;
