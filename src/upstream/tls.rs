//! TLS towards servers.

use std::io;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::pki_types::ServerName;
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::Failure;
use crate::trust::Authorities;

/// A connection that speaks TLS.
pub(super) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// Reads that may lead to nothing but TLS's own messages before a connection is given up.
const READS: usize = 16;

/// Makes connections speak TLS. Clones share the sessions that can be resumed.
#[derive(Clone)]
pub(super) struct Tls(Option<TlsConnector>);

impl Tls {
    /// TLS 1.2 or 1.3 with servers that `authorities` vouch for; with none where there are no authorities.
    pub(super) fn new(authorities: Option<&Authorities>) -> Self {
        let config = authorities.and_then(|authorities| authorities.client(&[b"http/1.1"]));
        Self(config.map(|config| TlsConnector::from(Arc::new(config))))
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

#[cfg(test)]
mod tests;
