//! Whose word is taken for who a server is.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

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

    /// What a client of TLS 1.2 and 1.3 goes by that believes them. `protocols` are those it offers (RFC 7301).
    pub fn client(&self, protocols: &[&[u8]]) -> Option<ClientConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().ok()?;
        let builder = builder.with_root_certificates(self.roots());
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Some(config)
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
